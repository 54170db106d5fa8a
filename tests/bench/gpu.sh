#!/bin/bash
# gpu.sh [PACK]: everything there is to know on a machine with a card, in one go of less
# than eight minutes: build, tests, compute-sanitizer, and a table for RESULTS.md.
#
# PACK is the folder of gpu_pack.sh, where the machine has no libraries to build the
# program with; the kernels are always built there, with its own nvcc.
set -u
cd "$(dirname "$0")/../.." || exit 1
start=$SECONDS pack=${1:-} b=build/release scratch=$(mktemp -d "${GPU_SCRATCH:-/tmp}/clampmeter-gpu.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
say() { printf '\n== %s (%d s)\n' "$*" $((SECONDS - start)); }
nvidia-smi --query-gpu=name,driver_version,memory.total,memory.free --format=csv,noheader || exit 1

say build
make -s "$b/clampmeter-cuda.so" 2>&1 | tail -20
[ -f "$b/clampmeter-cuda.so" ] || { echo "the CUDA backend was not built"; exit 1; }
if [ -n "$pack" ]; then
	bin=$pack/clampmeter tests=$pack
	export LD_LIBRARY_PATH=$pack/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
else
	make -s -j"$(nproc)" "$b/clampmeter" $(printf "$b/tests/engine/test_%s " session look live edited exact reread) || exit 1
	bin=$b/clampmeter tests=$b/tests/engine
fi
export CLAMPMETER_CUDA=${CLAMPMETER_CUDA:-$PWD/$b/clampmeter-cuda.so}
"$bin" -V

say "the built-in model, twice on the device and once on the processor"
for w in cpu cuda again; do
	"$bin" run -p "12 + 30 =" -n 40 -s greedy --trace "$scratch/$w.jsonl" --backend ${w/again/cuda} > "$scratch/$w" || exit 1
done
cat "$scratch/cpu"; echo
cmp "$scratch/cpu" "$scratch/cuda" && cmp "$scratch/cuda" "$scratch/again" && echo "the same text three times"
# Figures of the two runs, but for the times they took.
cmp <(sed 's/"ms":[^,}]*//g' "$scratch/cuda.jsonl") <(sed 's/"ms":[^,}]*//g' "$scratch/again.jsonl") &&
    echo "every figure of the two runs is the same"

say "tests of the engine on the device"
tests/tools/gpu.sh "$bin" $(printf "$tests/test_%s " session look live edited exact reread)

say compute-sanitizer
for tool in memcheck racecheck synccheck initcheck; do
	CLAMPMETER_BACKEND=cuda timeout 60 compute-sanitizer --tool $tool --error-exitcode 9 "$tests/test_session" \
	    > "$scratch/$tool.log" 2>&1
	echo "$tool: status $? $(grep -h 'SUMMARY' "$scratch/$tool.log" | tail -1)"
	grep -h '=========' "$scratch/$tool.log" | grep -v 'SUMMARY\|COMPUTE-SANITIZER' | head -12
done

say benchmarks
rows=()
all="llama-3.1-8b:Q4_0 llama-3.1-8b:Q8_0 llama-3.1-8b:F16 tinyllama-1.1b:Q8_0"
for what in ${GPU_SHAPES-$all}; do
	set -- ${what/:/ }
	[ $((SECONDS - start)) -lt 400 ] || { echo "no time left for $what"; continue; }
	python3 tests/bench/gpu_model.py "$1" "$2" "$scratch/m.gguf" ${GPU_LAYERS:-} || continue
	timeout 100 "$bin" bench "$scratch/m.gguf" --backend cuda --prefill 4096 -c 6144 --decode 128 --rounds 3 --json \
	    > "$scratch/bench.json" || { echo "$what: bench failed"; continue; }
	cat "$scratch/bench.json"
	rows+=("$(python3 - "$1" "$2" "$scratch/bench.json" <<'PY'
import json, sys
shape, kind, path = sys.argv[1:]
r = json.load(open(path))
s, m = r['speed'], r['machine']
on, off, pre = (s[k]['median_per_s'] for k in ('decode_probes_on', 'decode_probes_off', 'prefill_probes_on'))
limit = m['memory_read'] * 1e9 / s['per_token_bytes']
print(f"| {shape} | {kind} | {limit:.0f} | {on:.0f} ({100 * on / limit:.0f}%) | {100 * (1 - on / off):.1f}% | "
      f"{s['decode_at_depth_1920_per_s']:.0f} | {pre:.0f} ({s.get('share_of_matrix_peak', float('nan')):.0f}%) | "
      f"{m['memory_read']:.0f} | {m.get('f16_products', float('nan')):.0f} |")
PY
)")
	rm -f "$scratch/m.gguf"
done
say "table for tests/bench/RESULTS.md, $(date -u +%F)"
echo "| shape | type | limit tok/s | decode tok/s (share) | cost of probes | at depth 1,920 | prefill of 4,096 tok/s (share of peak) | copy GB/s | f16 TFLOP/s |"
echo "|---|---|---|---|---|---|---|---|---|"
printf '%s\n' "${rows[@]-}"
say done
