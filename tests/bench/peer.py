#!/usr/bin/env python3
"""Speed beside llama.cpp, in turns on the same machine: A B A B, medians and range.

    tests/bench/peer.py [--peer llama-bench] [--rounds 3] [-t THREADS] MODEL.gguf...

Both read 512 prompt tokens from an empty context, and both write 64 tokens behind
those 512 (llama-bench -d 512): equal depth, so attention costs both the same.  Ours
runs with all probes.  One model takes a minute or so; the 8B shape wants
--prefill 128 --decode 16.  For development only: nothing in the build or the tests
needs it.
"""
import argparse
import json
import os
import statistics
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def ours(a, model):
    out = subprocess.run([a.program, "bench", model, "--json", "--rounds", "1", "-t", str(a.threads), "-c",
                          str(a.prefill + a.decode), "--prefill", str(a.prefill), "--decode", str(a.decode)],
                         check=True, capture_output=True, text=True).stdout
    r = json.loads(out)
    s = r["speed"]
    return {"prefill": s["prefill_probes_on"]["median_per_s"], "decode": s["decode_probes_on"]["median_per_s"],
            "decode_off": s["decode_probes_off"]["median_per_s"],
            "prefill_off": s["prefill_probes_off"]["median_per_s"], "share": s["share_of_read_limit"],
            "read": r["machine"]["memory_read"], "peak": r["start_and_memory"]["peak_bytes"]}


def peer_once(a, model, *what):
    out = subprocess.run([a.peer, "-m", model, "-t", str(a.threads), "-r", "1", "-o", "json", *map(str, what)],
                         check=True, capture_output=True, text=True).stdout
    return json.loads(out)[0]["avg_ts"]


def peer(a, model):
    return {"prefill": peer_once(a, model, "-p", a.prefill, "-n", 0),
            "decode": peer_once(a, model, "-p", 0, "-n", a.decode, "-d", a.prefill)}


def middle(rows, key):
    v = [r[key] for r in rows]
    return statistics.median(v), min(v), max(v)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("models", nargs="+")
    p.add_argument("--peer", default="llama-bench")
    p.add_argument("--program", default=os.path.join(TOP, "build/release/clampmeter"))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--prefill", type=int, default=512)
    p.add_argument("--decode", type=int, default=64)
    p.add_argument("-t", "--threads", type=int, default=os.cpu_count())
    a = p.parse_args()
    print("| model | threads | decode, peer | decode, ours | ratio | prefill, peer | prefill, ours | ratio "
          "| of read limit | probes: decode, prefill |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for model in a.models:
        a_rows, b_rows = [], []
        for _ in range(a.rounds):
            a_rows.append(peer(a, model))
            b_rows.append(ours(a, model))
        cells = []
        for key in "decode", "prefill":
            x, xl, xh = middle(a_rows, key)
            y, yl, yh = middle(b_rows, key)
            cells.append(f"{x:.1f} ({xl:.1f}-{xh:.1f}) | {y:.1f} ({yl:.1f}-{yh:.1f}) | {y / x:.2f}")
        cost = [100 * (1 - middle(b_rows, k)[0] / middle(b_rows, k + "_off")[0]) for k in ("decode", "prefill")]
        print(f"| {os.path.basename(model)} | {a.threads} | {' | '.join(cells)} | "
              f"{middle(b_rows, 'share')[0]:.0f}% of {middle(b_rows, 'read')[0]:.1f} GB/s | {cost[0]:.0f}%, {cost[1]:.0f}% |", flush=True)


if __name__ == "__main__":
    main()
