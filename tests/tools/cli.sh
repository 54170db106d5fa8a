#!/bin/sh
# cli.sh BUILD: test the whole program from outside.  Every function of
# tests/cli/*.sh whose name begins with "it_" is a test; it runs in a directory of
# its own, with the words of tests/cli/words below, and passes when it returns 0.
# A test that calls skip says why.
build=$1
TOP=$(pwd) || exit 1
CM=$TOP/$build/clampmeter
TOOLS=$TOP/$build/tests/cli
SHARED=$TOP/../shared
TINY=$TOP/tests/reference/tiny-llama.gguf
export CM TOOLS SHARED TINY TOP
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT
pass=0 fail=0 skip=0
# shellcheck source=tests/cli/words
. "$TOP/tests/cli/words"
for file in tests/cli/*.sh; do
	for t in $(sed -n 's/^\(it_[a-z0-9_]*\)() *[{(].*/\1/p' "$file"); do
		mkdir "$tmp/$t" || exit 1
		out=$(cd "$tmp/$t" && . "$TOP/$file" && "$t" 2>&1) && rc=0 || rc=$?
		case $rc in
		0) pass=$((pass + 1)) ;;
		77) skip=$((skip + 1)); printf 'skipped: %s: %s\n' "$t" "$out" ;;
		*) fail=$((fail + 1)); printf 'FAIL %s: %s (status %d)\n%s\n' "$file" "$t" "$rc" "$out" ;;
		esac
		rm -rf "${tmp:?}/$t"
	done
	printf 'ok   %s\n' "${file#tests/}"
done
printf '%d passed, %d failed, %d skipped\n' "$pass" "$fail" "$skip"
[ $fail -eq 0 ]
