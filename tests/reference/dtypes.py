#!/usr/bin/env python3
"""Blocks of every storage format with the weights they stand for.

Writes tests/reference/dtypes.txt from the numpy decoders and encoders of the
`gguf` package (pip install gguf), which ggml's authors keep equal to their C
code.  With the path of a libggml-base.so as argument it also compares both
with ggml itself on many more blocks and reports the differences.

A record of the file is a line "decode TYPE N" or "encode TYPE N" followed by the
stored bytes in hex and the N weights as the hex digits of their f32 bits.
"""
import ctypes
import os
import sys

import numpy as np
from gguf import GGMLQuantizationType as T
from gguf import quants

FLOATS = ["F32", "F16", "BF16"]
LEGACY = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
K = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]
BLOCK = {**{t: (1, b) for t, b in zip(FLOATS, (4, 2, 2))},
         **{t: (32, b) for t, b in zip(LEGACY, (18, 20, 22, 24, 34))},
         **{t: (256, b) for t, b in zip(K, (84, 110, 144, 176, 210))}}
# Where the f16 scales of a block lie.
SCALES = {"Q4_0": (0,), "Q4_1": (0, 2), "Q5_0": (0,), "Q5_1": (0, 2), "Q8_0": (0,),
          "Q2_K": (80, 82), "Q3_K": (108,), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,)}


def random_blocks(rng, t, n):
    """n blocks of random bits with finite scales, one in eight of them subnormal."""
    b = rng.integers(0, 256, size=(n, BLOCK[t][1]), dtype=np.uint8)
    for at in SCALES.get(t, ()):
        d = (rng.standard_normal(n) * np.where(rng.random(n) < 0.125, 3e-6, 0.02)).astype(np.float16)
        b[:, at:at + 2] = d.view(np.uint8).reshape(n, 2)
    return b


def numbers(rng, n):
    x = rng.standard_normal((n, 32)).astype(np.float32)
    x[0, :4] = [0, -0.0, 1e-7, -1e-3]
    if n > 1:
        x[1] *= np.float32(1e-4)
    if n > 2:
        x[2, 1:] = 0
    return x


def hexed(a):
    return "".join("%08x" % v for v in a.astype(np.float32).ravel().view(np.uint32))


def reference(path):
    rng = np.random.default_rng(1)
    with open(path, "w") as f:
        for t in FLOATS + LEGACY + K:
            n = {1: 24, 32: 3, 256: 2}[BLOCK[t][0]]
            if BLOCK[t][0] == 1:
                b = quants.quantize(rng.standard_normal((1, n)).astype(np.float32), T[t]).view(np.uint8)
            else:
                b = random_blocks(rng, t, n)
            y = quants.dequantize(b if t != "F32" else b.reshape(1, -1), T[t]).astype(np.float32)
            f.write("decode %s %d\n%s\n%s\n" % (t, y.size, b.tobytes().hex(), hexed(y)))
        for t in FLOATS + LEGACY:
            x = numbers(rng, 3)
            if BLOCK[t][0] == 1:
                x = x[:1]
            b = quants.quantize(x, T[t])
            f.write("encode %s %d\n%s\n%s\n" % (t, x.size, np.ascontiguousarray(b).tobytes().hex(), hexed(x)))


def against_ggml(lib):
    ggml = ctypes.CDLL(lib)
    rng = np.random.default_rng(2)
    for t in LEGACY + K:
        b = random_blocks(rng, t, 4096)
        y = np.empty(4096 * BLOCK[t][0], np.float32)
        getattr(ggml, "dequantize_row_" + (t.lower() if t in LEGACY else t[:3].lower() + "K"))(
            b.ctypes.data_as(ctypes.c_void_p), y.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(y.size))
        other = quants.dequantize(b, T[t]).ravel()
        print("decode %s: %d of %d weights differ" % (t, np.count_nonzero(y.view(np.uint32) != other.view(np.uint32)), y.size))
    for t in LEGACY:
        x = rng.standard_normal((4096, 32)).astype(np.float32)
        b = np.empty((4096, BLOCK[t][1]), np.uint8)
        getattr(ggml, "quantize_row_%s_ref" % t.lower())(
            x.ctypes.data_as(ctypes.c_void_p), b.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(x.size))
        print("encode %s: %d of %d bytes differ" % (t, np.count_nonzero(b != quants.quantize(x, T[t])), b.size))


if __name__ == "__main__":
    reference(os.path.join(os.path.dirname(os.path.abspath(__file__)), "dtypes.txt"))
    if len(sys.argv) > 1:
        against_ggml(sys.argv[1])
