#!/bin/sh
# What the house rules forbid, and what cppcheck finds.
bad=0
say() { [ -z "$2" ] || { printf '%s:\n%s\n' "$1" "$2"; bad=1; }; }
src=$(find "$@" -name '*.[ch]')
# shellcheck disable=SC2086
say "exit() outside app/main.c" "$(grep -nE '(^|[^_a-z])(exit|abort)\(' $src | grep -v '^app/main.c:')"
# shellcheck disable=SC2086
say "unbounded string functions" "$(grep -nE '\b(strcpy|strcat|sprintf|gets|alloca)\(' $src)"
# shellcheck disable=SC2086
say "curses outside views" "$(grep -lE '#include <(n?curses)' $src | grep -v '^views/')"
# shellcheck disable=SC2086
say "unfinished" "$(grep -nE '\b(TODO|FIXME|XXX|HACK)\b' $src)"
# uninitvar and invalidFunctionArg do not see what a called function writes; the
# compiler's own warning does, and it is an error in .ci/run.
if command -v cppcheck >/dev/null 2>&1; then
	cppcheck -q --std=c11 -j2 --enable=warning,performance,portability --inline-suppr \
	    --suppress=missingIncludeSystem --suppress=unknownMacro --suppress=uninitvar \
	    --suppress=invalidFunctionArg -D__x86_64__ --error-exitcode=1 -I. "$@" || bad=1
else
	echo "skipped: cppcheck is not installed"
fi
exit $bad
