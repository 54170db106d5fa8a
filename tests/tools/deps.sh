#!/bin/sh
# deps.sh [lint|fuzz]: install what the build and the tests need and this machine
# lacks, with apt where it is there; with an argument, what that target needs too.
# Says what it installs.  Debian 12 names.
missing= why=
need() {        # need PACKAGE WHAT-FOR TEST...
	pkg=$1 for=$2; shift 2
	"$@" >/dev/null 2>&1 || { missing="$missing $pkg"; why="$why
  $pkg: $for"; }
}
header() {
	printf '#include <stdio.h>\n#include <stddef.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" |
	    "${CC:-cc}" -E -x c -
}

need make "the build" command -v make
need gcc "the compiler" sh -c 'command -v "${CC:-cc}"'
need libc6-dev "the C library's headers" header math.h
need pkg-config "finding the libraries" command -v pkg-config
need libncurses-dev "the screen" pkg-config --exists ncursesw
need libreadline-dev "the command prompt" header readline/readline.h
need libpcre2-dev "pre-tokenizer patterns" pkg-config --exists libpcre2-8
need libutf8proc-dev "widths and classes of characters" pkg-config --exists libutf8proc
need libjansson-dev "JSON" pkg-config --exists jansson
need libcmocka-dev "the tests" header cmocka.h
case ${1-} in
lint) need cppcheck "make lint" command -v cppcheck ;;
fuzz)
	need clang "make fuzz" command -v clang
	need libclang-rt-dev "make fuzz" sh -c 'echo "int LLVMFuzzerTestOneInput(void) { return 0; }" | clang -fsanitize=fuzzer -x c -o /dev/null -'
	;;
esac
[ -z "$missing" ] && exit 0

printf 'missing:%s\n' "$why" >&2
if ! command -v apt-get >/dev/null 2>&1; then
	echo "clampmeter: there is no apt-get here; install these yourself (Debian's names) and run make again:$missing" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "clampmeter: neither root nor sudo; as root run: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing:$missing" >&2
# shellcheck disable=SC2086
{ $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >/dev/null || {
	echo "clampmeter: apt-get could not install:$missing" >&2
	exit 1
}
