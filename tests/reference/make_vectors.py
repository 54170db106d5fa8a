#!/usr/bin/env python3
"""Writes the vectors of this folder: NAME/{tokens,logits,columns,...}.npy, by forward64.py.

    python3 make_vectors.py [FOLDER with stories260K.gguf and stories260K-pad192-Q4_0.gguf]

For each model:
    tokens      [pos] int32                     what is read
    positions   [rows] int32                    positions whose logits are kept
    columns     [cols] int32                    vocabulary ids that are kept
    logits      [rows][cols] float32            of the float64 result
    argmax      [pos] int32                     at every position
    rounding    [2] float64                     rms and largest change of the kept logits when
                                                activations are rounded to 8 bits (round8) before
                                                every product of a quantized matrix
    <lens>      [pos]([layer]([head])) float32  every lens, from full rows of attention
Without the folder only the tiny models are done.  Run tiny_models.py first.
"""
import os
import sys

import numpy as np

import forward64
import tiny_models

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, **arrays):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    for key, a in arrays.items():
        a = np.asarray(a)
        if key != "rounding":
            a = a.astype(np.int32 if a.dtype.kind == "i" else np.float32)
        np.save(os.path.join(folder, key + ".npy"), np.ascontiguousarray(a))


def vectors(name, model, tokens, positions, columns, with_lenses=True):
    run = forward64.forward(model, tokens)
    kept = run["logits"][np.ix_(positions, columns)]
    change = forward64.forward(model, tokens, eight_bits=True)["logits"][np.ix_(positions, columns)] - kept
    rounding = np.array([np.sqrt((change ** 2).mean()), np.abs(change).max()])
    arrays = {"tokens": tokens, "positions": positions, "columns": columns, "logits": kept,
              "argmax": run["logits"].argmax(axis=-1), "rounding": rounding}
    if with_lenses:
        arrays.update(forward64.lenses(run))
    save(name, **{k: np.asarray(v) for k, v in arrays.items()})
    print(f"{name}: {len(tokens)} positions, logits within {np.abs(kept).max():.1f}, "
          f"8-bit activations cost rms {rounding[0]:.4f}, at most {rounding[1]:.4f}")


def main():
    for name in [*tiny_models.CONFIGS, "tiny-quants", "tiny-kquants"]:
        model = forward64.Model(os.path.join(HERE, name + ".gguf"))
        vectors(name, model, tiny_models.tokens(), np.arange(tiny_models.N_POS), np.arange(tiny_models.N_VOCAB))
    if len(sys.argv) < 2:
        return
    f32 = forward64.Model(os.path.join(sys.argv[1], "stories260K.gguf"))
    q4 = forward64.Model(os.path.join(sys.argv[1], "stories260K-pad192-Q4_0.gguf"))
    text = np.array(forward64.greedy(f32, [1], 512))
    vectors("stories260K", f32, text[:100], np.arange(100), np.arange(0, 512, 2))
    vectors("stories260K-Q4_0", q4, text[:100], np.arange(100), np.arange(0, 512, 2), with_lenses=False)
    vectors("stories260K-512", f32, text, np.arange(7, 512, 8), np.arange(3, 512, 8), with_lenses=False)


if __name__ == "__main__":
    main()
