#!/bin/sh
# Say what the build needs and is missing; install it where apt is there.
missing= why=
need() {        # need PACKAGE WHAT-FOR TEST...
	pkg=$1 for=$2; shift 2
	"$@" >/dev/null 2>&1 || { missing="$missing $pkg"; why="$why
  $pkg: $for"; }
}
header() { printf '#include <stdio.h>\n#include <stddef.h>\n#include <stdarg.h>\n#include <setjmp.h>\n#include <stdint.h>\n#include <%s>\n' "$1" | "${CC:-cc}" -E -x c - ; }
need build-essential "a C compiler" sh -c 'command -v "${CC:-cc}"'
need pkg-config "finding the libraries" command -v pkg-config
need libncurses-dev "the screen" pkg-config --exists ncursesw
need libpcre2-dev "pre-tokenizer patterns" pkg-config --exists libpcre2-8
need libjansson-dev "JSON" pkg-config --exists jansson
need libutf8proc-dev "widths and classes of characters" pkg-config --exists libutf8proc
need libreadline-dev "the command prompt" header readline/readline.h
need libcmocka-dev "the tests" header cmocka.h
need libopenblas0-pthread "large matrix products" sh -c 'ldconfig -p | grep -q libopenblas.so.0 || ls /usr/lib/*/libopenblas.so.0'
[ -z "$missing" ] && exit 0
printf 'missing:%s\n' "$why" >&2
if ! command -v apt-get >/dev/null 2>&1; then
	echo "clampmeter: apt-get is not here; install the packages above (Debian names) and run make again" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "clampmeter: not root and no sudo; as root run: apt-get install$missing" >&2
		exit 1
	}
	sudo=sudo
fi
echo "installing:$missing" >&2
# shellcheck disable=SC2086
{ $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing; } >/dev/null || {
	echo "clampmeter: apt-get could not install:$missing" >&2
	exit 1
}
