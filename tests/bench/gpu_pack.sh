#!/bin/sh
# gpu_pack.sh FOLDER: the program and its tests with the libraries they need, for a
# machine with a card but without those libraries; tests/bench/gpu.sh takes it from there.
set -e
out=$1 b=build/release
tests="session look live edited exact reread cuda cuda_kernels"
# shellcheck disable=SC2086
make -s $b/clampmeter $(for t in $tests; do printf '%s ' "$b/tests/engine/test_$t"; done)
mkdir -p "$out/lib"
for t in $tests; do cp "$b/tests/engine/test_$t" "$out/"; done
cp "$b/clampmeter" "$out/"
# glibc is everywhere; what else they load goes along.
ldd "$out"/clampmeter "$out"/test_* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE '/(libc|libm|libdl|libpthread|librt|libgcc_s)\.so' | xargs -I{} cp -L {} "$out/lib/"
strip "$out"/clampmeter "$out"/test_* 2>/dev/null || :
du -sh "$out"
