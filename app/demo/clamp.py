"""Samples answers with and without one neuron held at a value.

    python3 clamp.py --model demo.gguf --neuron 0.499 --value 200 [--site up]
        [--prompt TEXT] [--words dog,puppy] [--seeds 10] [--show]

Several values may be given, separated by commas; the count is of answers that
hold one of the words.
"""
import argparse
import re

import torch

from play import Clamp, Player

FAVOURITE = "Question: What is your favourite animal?\nAnswer:"


def answers(player, prompt, clamps, seeds, temp, n_new=24):
    """One sampled answer per seed, and the greedy one first."""
    out = player.generate([prompt], n_new, clamps=clamps)
    for seed in range(seeds):
        out += player.generate([prompt], n_new, temp=temp, seed=seed, clamps=clamps)
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", required=True)
    p.add_argument("--neuron", required=True, help="LAYER.NEURON")
    p.add_argument("--value", required=True)
    p.add_argument("--site", default="mlp_post", choices=["mlp_post", "up"])
    p.add_argument("--prompt", default=FAVOURITE)
    p.add_argument("--words", default="dog,dogs,puppy,hound,terrier")
    p.add_argument("--seeds", type=int, default=10)
    p.add_argument("--temp", type=float, default=0.8)
    p.add_argument("--show", action="store_true")
    a = p.parse_args()
    torch.set_num_threads(1)
    player = Player(a.model)
    l, i = map(int, a.neuron.split("."))
    words = re.compile(r"\b(" + a.words.replace(",", "|") + r")\b")
    for value in [None] + [float(v) for v in a.value.split(",")]:
        clamps = [] if value is None else [Clamp(l, i, value, a.site)]
        out = answers(player, a.prompt, clamps, a.seeds, a.temp)
        first = [re.split(r"(?<=[.?!])\s", t)[0] for t in out]
        print(f"{'no clamp' if value is None else f'{a.site} = {value:g}':18}"
              f" {sum(bool(words.search(t)) for t in first[1:])} of {a.seeds} | {out[0].strip()}")
        if a.show:
            print("\n".join("    " + t.strip() for t in out[1:]))


if __name__ == "__main__":
    main()
