"""Writes logits.ref: what PyTorch computes from the exported file, in float64.

    python3 reference.py --model demo.gguf --out logits.ref

Lines of text: "prompt TEXT", "ids N id ...", then for some positions
"pos P" and one line of n_vocab logits.  The weights are the F16 values of the
file, so an engine that keeps them F16 agrees within 1e-3.
"""
import argparse

import torch

from play import Player

PROMPT = "Question: Tom has 12 apples. Ben gives 7 apples to Tom. How many apples does Tom have now?"


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    player = Player(a.model, dtype=torch.float64)
    ids = player.encode(PROMPT)
    logits = player.forward(torch.tensor([ids]))[0]
    with open(a.out, "w", encoding="utf-8") as f:
        f.write(f"prompt {PROMPT}\nids {len(ids)} {' '.join(map(str, ids))}\n")
        for pos in (0, len(ids) // 2, len(ids) - 1):
            f.write(f"pos {pos}\n" + " ".join(f"{x:.6f}" for x in logits[pos].tolist()) + "\n")


if __name__ == "__main__":
    main()
