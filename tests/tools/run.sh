#!/bin/sh
# Run test programs one after another: one line each, the whole output of a failure,
# the lines that say what was skipped, and a sum at the end.
fail=0 pass=0 skip=0
for t in "$@"; do
	out=$("$t" 2>&1) && rc=0 || rc=$?
	n=$(printf '%s\n' "$out" | grep -c '^\[       OK ')
	s=$(printf '%s\n' "$out" | grep -c '^\[  SKIPPED \] [a-z]')
	f=$(printf '%s\n' "$out" | grep '^\[  FAILED  \] [a-z]' | sort -u | wc -l)
	pass=$((pass + n)) skip=$((skip + s))
	if [ $rc -eq 0 ]; then
		printf 'ok   %s (%d)\n' "${t#build/*/tests/}" "$n"
		printf '%s\n' "$out" | grep '^skipped: ' || :
	else
		printf 'FAIL %s (status %d)\n%s\n' "${t#build/*/tests/}" "$rc" "$out"
		[ "$f" -gt 0 ] || f=1
		fail=$((fail + f))
	fi
done
printf '%d passed, %d failed, %d skipped\n' "$pass" "$fail" "$skip"
[ $fail -eq 0 ]
