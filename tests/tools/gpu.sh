#!/bin/sh
# gpu.sh PROGRAM TEST...: the tests on the CUDA backend, where there is a device.
bin=$1; shift
says=$("$bin" -V | sed -n 's/^cuda  *//p')
if [ "$says" != there ]; then
	echo "skipped: no GPU: $says"
	exit 0
fi
# The tests lie elsewhere than the program that has the object beside it.
CLAMPMETER_CUDA=${CLAMPMETER_CUDA:-$(dirname "$bin")/clampmeter-cuda.so} CLAMPMETER_BACKEND=cuda \
    exec "$(dirname "$0")/run.sh" "$@"
