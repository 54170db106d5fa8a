"""Writes the corpus and the held-out problems.

    python3 gen.py --out DIR [--documents 300000] [--seed 1]

DIR/train.txt, DIR/valid.txt: documents, each ended by a line "<|endoftext|>".
DIR/heldout.jsonl: 1,000 problems, {"question", "answer"}.
"""
import argparse
import json
import os
import random
import re

import problems
import topics

END = "<|endoftext|>"
STEPS = {1: 0.25, 2: 0.33, 3: 0.27, 4: 0.15}
LEVELS = dict(small=0.44, middle=0.50, large=0.06)
HELDOUT_LEVELS = dict(small=0.25, middle=0.40, large=0.35)

# Shares of documents.  A problem or a sheet of sums is longer than a plain text, so
# of the tokens they are more.  The sheets come in when words and sentences are
# learned; from there on arithmetic is what is left to learn.
BEFORE, AFTER = dict(problem=0.40, text=0.60), dict(problem=0.34, text=0.46, sums=0.20)
SUMS_FROM = 80000


def draw(rng, table):
    return rng.choices(list(table), list(table.values()))[0]


def sentences(text):
    """The sentences of a problem; the bare result line is none."""
    parts = re.split(r"(?<=[.?])\s+|\n", text)
    return {p for p in parts if p and not p.startswith("####")}


def heldout_set(rng, n):
    out, seen = [], set()
    while len(out) < n:
        steps, level = 1 + len(out) * 4 // n, draw(rng, HELDOUT_LEVELS)
        q, a = problems.problem(rng, steps, level, True).text()
        if q not in seen:
            seen.add(q)
            out.append(dict(question=q, answer=a))
    return out


def one_sum(rng):
    """A sum like those of the solutions, the hard ones more often."""
    op = rng.choices("+-*/", [4, 4, 2, 1])[0]
    top = rng.choices([20, 99, 200, 999], [2, 6, 2, 1])[0]
    if op == "*":
        a, b = rng.randint(2, min(99, top)), rng.randint(2, 9)
        return f"{a} * {b} = {a * b}." if rng.random() < 0.6 else f"{b} * {a} = {a * b}."
    if op == "/":
        b = 2 if rng.random() < 0.4 else rng.randint(2, 10)
        c = rng.randint(2, min(99, top))
        return f"{b * c} / {b} = {c}."
    a, b = rng.randint(2, top), rng.randint(1, min(top, 99) if rng.random() < 0.8 else top)
    if op == "+":
        return f"{a} + {b} = {a + b}."
    return f"{max(a, b)} - {min(a, b)} = {max(a, b) - min(a, b)}."


def document(rng, forbidden, shares):
    kind = draw(rng, shares)
    if kind == "text":
        return topics.text(rng)
    if kind == "sums":
        return " ".join(one_sum(rng) for _ in range(rng.randint(6, 14)))
    while True:
        q, a = problems.problem(rng, draw(rng, STEPS), draw(rng, LEVELS), False).text()
        if not (sentences(q) | sentences(a)) & forbidden:
            return f"Question: {q}\nAnswer: {a}"


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--out", required=True)
    p.add_argument("--documents", type=int, default=300000)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    os.makedirs(a.out, exist_ok=True)

    held = heldout_set(random.Random(a.seed), 1000)
    with open(os.path.join(a.out, "heldout.jsonl"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(h) + "\n" for h in held)
    forbidden = set().union(*(sentences(h["question"]) | sentences(h["answer"]) for h in held))
    rng = random.Random(a.seed + 1)
    for name, n in (("valid", 1000), ("train", a.documents)):
        with open(os.path.join(a.out, name + ".txt"), "w", encoding="utf-8") as f:
            for i in range(n):
                shares = AFTER if name == "valid" or i >= SUMS_FROM else BEFORE
                f.write(document(rng, forbidden, shares) + "\n" + END + "\n")


if __name__ == "__main__":
    main()
