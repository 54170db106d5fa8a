#!/usr/bin/env python3
"""Models with matrices swapped for what a quantizer makes of them, in float64: writes swaps.txt.

    python3 make_swaps.py > swaps.txt

A case is a line as in edits.txt (make_edits.py): model, what follows `swap', logits of the
last two positions at COLUMNS.  GGUF types are quantized by the gguf package, rtn by the
lines below.  Needs numpy and gguf.
"""
import os

import gguf
import numpy as np
from gguf.quants import dequantize, quantize

from forward64 import Model, forward
from make_edits import COLUMNS, HERE, TOKENS


def rtn(w, bits, group):
    """Symmetric: the largest of a group at the end of the grid, scales in half precision."""
    w = w.astype(np.float32)
    g = w.reshape(-1, group)
    top = 2 ** (bits - 1) - 1
    scale = np.float16(np.abs(g).max(axis=1, keepdims=True) / np.float32(top)).astype(np.float64)
    steps = np.clip(np.rint(g.astype(np.float64) / np.where(scale > 0, scale, 1)), -top, top)
    return (steps * scale).reshape(w.shape)


def made(w, method):
    words = method.split()
    if words[0] == "rtn":
        values = dict(word.split("=") for word in words[1:])
        return rtn(w, int(values["bits"]), int(values["group"]))
    kind = gguf.GGMLQuantizationType[method.upper()]
    return dequantize(quantize(w.astype(np.float32), kind), kind).astype(np.float64)


def names(m, target):
    layer, _, name = target.partition(".")
    everything = [n for n, w in m.w.items() if w.ndim == 2]
    if target == "all":
        return everything
    layers = range(m.n_layers) if layer == "L*" else [int(layer[1:])] if layer[0] == "L" and layer[1:].isdigit() else []
    if not layers:
        return [target + ".weight"]
    return [n for n in everything for l in layers if n.startswith(f"blk.{l}.") and name in ("", n.split(".")[2])]


CASES = {
    "tiny-quants": ["L0.ffn_up q4_0", "L0.ffn_down q5_1", "L0.attn_v q4_1", "L0.attn_v q5_0", "L0.ffn_gate q4_1",
                    "L0 q4_0", "output q5_1", "all q5_0", "token_embd q5_0 in 2..6", "L0.attn_k q4_0 in 3..5",
                    "L0 q4_0 in 0..4"],
    "tiny-llama": ["L1.ffn_up rtn bits=4 group=16", "L0 rtn bits=5 group=16", "L*.attn_k rtn bits=3 group=16",
                   "token_embd rtn bits=6 group=16", "L*.ffn_down bf16", "L* f16", "all rtn bits=6 group=16 in 1..3"],
    "tiny-gpt2": ["L0.attn_qkv rtn bits=4 group=16", "L1.attn_qkv rtn bits=5 group=48 in 4..8", "L*.ffn_down q4_0",
                  "position_embd rtn bits=3 group=16", "all rtn bits=6 group=16"],
}


def main():
    print("tokens", *TOKENS)
    print("columns", *COLUMNS)
    for model, lines in CASES.items():
        m = Model(os.path.join(HERE, model + ".gguf"))
        plain = forward(m, TOKENS)["logits"]
        for line in lines:
            what, _, scope = line.partition(" in ")
            target, _, method = what.partition(" ")
            first, last = scope.split("..") if scope else (0, len(TOKENS))
            rows = slice(int(first), int(last) + 1)
            swap = {n: (made(m.w[n], method), rows) for n in names(m, target)}
            logits = forward(m, TOKENS, swap=swap)["logits"]
            assert np.abs(logits - plain).max() > 1e-5, line
            print(model, "|", line, "|", *(f"{x:.7g}" for x in logits[-2:][:, COLUMNS].ravel()))


if __name__ == "__main__":
    main()
