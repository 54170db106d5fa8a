#!/bin/sh
# Run test programs one after another: one line each, the whole output of a failure,
# the lines that say what was skipped, and a sum at the end.
fail=0 pass=0 skip=0
for t in "$@"; do
	out=$("$t" 2>&1) && rc=0 || rc=$?
	n=$(printf '%s\n' "$out" | grep -c '^\[       OK ')
	s=$(printf '%s\n' "$out" | grep -ci '^\[  SKIPPED \] [a-z]')
	pass=$((pass + n)) skip=$((skip + s))
	if [ $rc -eq 0 ]; then
		printf 'ok   %s (%d)\n' "${t#build/*/tests/}" "$n"
		printf '%s\n' "$out" | grep -i '^skip' || :
	else
		printf 'FAIL %s (status %d)\n%s\n' "${t#build/*/tests/}" "$rc" "$out"
		fail=$((fail + 1))
	fi
done
printf '%d passed, %d failed, %d skipped\n' "$pass" "$fail" "$skip"
[ $fail -eq 0 ]
