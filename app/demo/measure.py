#!/usr/bin/env python3
"""Held-out accuracy of the built-in model as clampmeter itself runs it, greedy.

    python3 measure.py ../../build/release/clampmeter [MODEL]

A problem is right when the number behind `####` is the one in heldout.jsonl; its
number of steps is the number of equations in the answer.  Development only.
"""
import json
import os
import subprocess
import sys
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    program, model = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "demo"
    held = sys.argv[3] if len(sys.argv) > 3 else os.path.join(HERE, "heldout.jsonl")
    right, seen = Counter(), Counter()
    for line in open(held):
        problem = json.loads(line)
        text = subprocess.run([program, "run", model, "-s", "greedy", "-n", "160", "-p",
                               f"Question: {problem['question']}\nAnswer:"], check=True, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL).stdout
        steps = problem["answer"].count("=")
        seen[steps] += 1
        said = text.split("####", 1)[-1].split("\n", 1)[0].strip() if "####" in text else ""
        right[steps] += said == problem["answer"].split("####", 1)[1].strip()
    for steps in sorted(seen):
        print(f"{steps} step{'s' if steps > 1 else ''}: {right[steps]} of {seen[steps]} right, "
              f"{100 * right[steps] / seen[steps]:.1f}%")
    print(f"all: {sum(right.values())} of {sum(seen.values())} right, {100 * sum(right.values()) / sum(seen.values()):.1f}%")


if __name__ == "__main__":
    main()
