"""Greedy accuracy on the held-out problems, per number of steps and overall.

    python3 evaluate.py --model demo.gguf --problems heldout.jsonl

The prompt is "Question: {question}\\nAnswer:"; an answer is right when the number
after "####" is.
"""
import argparse
import json
import re

import torch

from play import Player


def result(text):
    m = re.search(r"####\s*(-?[\d,]+)", text)
    return m and m.group(1).replace(",", "")


def steps_of(problem):
    return len(re.findall(r" = ", problem["answer"]))


def solve(player, problems, batch=50):
    """Right or wrong for every problem."""
    order = sorted(range(len(problems)), key=lambda i: len(problems[i]["question"]))
    right = [False] * len(problems)
    for k in range(0, len(order), batch):
        part = order[k:k + batch]
        texts = player.generate([f"Question: {problems[i]['question']}\nAnswer:" for i in part], 160)
        for i, t in zip(part, texts):
            right[i] = result(t) == result(problems[i]["answer"])
    return right


def table(problems, right, key):
    rows = {}
    for p, ok in zip(problems, right):
        rows.setdefault(key(p), []).append(ok)
    return "\n".join(f"{k!s:>8} {sum(v):5d} of {len(v):5d}  {100 * sum(v) / len(v):5.1f} %"
                     for k, v in sorted(rows.items(), key=lambda r: str(r[0])))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", required=True)
    p.add_argument("--problems", required=True)
    p.add_argument("--first", type=int, default=0, help="only every so many problems")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    with open(a.problems, encoding="utf-8") as f:
        problems = [json.loads(line) for line in f]
    problems = problems[::a.first or 1]
    right = solve(Player(a.model), problems)
    print("   steps right")
    print(table(problems, right, steps_of))
    if "level" in problems[0]:
        print(table(problems, right, lambda q: f"{steps_of(q)}{q['level'][:3]}"))
    print(table(problems, right, lambda q: "all"))


if __name__ == "__main__":
    main()
