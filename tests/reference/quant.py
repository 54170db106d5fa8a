#!/usr/bin/env python3
"""Writes quant.txt: errors of small matrices under methods of analysis/quantizers, in float64.

    python3 quant.py > quant.txt

Lines: method | bits a weight | relative error | error at the output.  Weights and inputs come
from the integer hash below, so that both sides have the same bits.  Scales and minima are
rounded to half precision, as they are stored.
"""
import numpy as np

ROWS, COLS, TOKENS = 24, 64, 200


def uniform(seed, n):
    i = np.arange(n, dtype=np.uint64)
    x = (i + np.uint64(seed * 1000003)) * np.uint64(2654435761) % np.uint64(2**32)
    x = (x ^ (x >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    x = (x ^ (x >> np.uint64(13))) * np.uint64(3266489917) % np.uint64(2**32)
    return ((x >> np.uint64(8)).astype(np.float64) / 2**24 - 0.5).astype(np.float32)


def half(x):
    return np.float64(np.float16(np.float32(x)))


def grid(w, bits, base):
    """(scale, base, lo, hi) of a group."""
    lo, hi = (w.min(), w.max()) if base == "asym" else (min(0, w.min()), max(0, w.max()))
    lo, hi = np.float32(lo), np.float32(hi)
    if base == "sym":
        top = 2 ** (bits - 1) - 1
        return half(max(-lo, hi) / np.float32(top)), 0.0, -top, top
    top = 2**bits - 1
    scale = half((hi - lo) / np.float32(top))
    if base == "asym":
        return scale, half(lo), 0, top
    zero = min(np.rint(-np.float64(lo) / scale), top)
    return scale, 0.0, -zero, top - zero


def nearest(g, x):
    scale, base, lo, hi = g
    return base + scale * np.rint(np.clip((x - base) / scale, lo, hi)) if scale else x * 0 + base


def rtn(w, bits, group, base):
    out = np.zeros_like(w)
    for r in range(len(w)):
        for c in range(0, w.shape[1], group):
            out[r, c:c + group] = nearest(grid(w[r, c:c + group], bits, base), w[r, c:c + group])
    return out


def gptq(w, gram, bits, group):
    h = gram + 0.01 * np.mean(np.diag(gram)) * np.eye(len(gram))
    u = np.linalg.cholesky(np.linalg.inv(h)).T
    w, out = w.copy(), np.zeros_like(w)
    for r in range(len(w)):
        for j in range(w.shape[1]):
            if j % group == 0:
                g = grid(w[r, j:j + group], bits, "zero")
            out[r, j] = nearest(g, w[r, j])
            w[r, j:] -= (w[r, j] - out[r, j]) / u[j, j] * u[j, j:]
    return out


def quantease(w, s, bits, group, sweeps=30):
    out = w.copy()
    grids = [[grid(w[r, c:c + group], bits, "zero") for c in range(0, w.shape[1], group)] for r in range(len(w))]
    for i in range(sweeps):
        rounds = i % 3 != 1 or i >= 26 or i == sweeps - 1
        for j in range(w.shape[1]):
            d = w - out
            u = w[:, j] + (d @ s[:, j] - d[:, j] * s[j, j]) / s[j, j]
            for r in range(len(w)):
                out[r, j] = nearest(grids[r][j // group], u[r]) if rounds else u[r]
    return out


def svd(w, moments, rank):
    s = np.sqrt(moments)
    u, d, v = np.linalg.svd(w * s, full_matrices=False)
    return (u[:, :rank] * d[:rank]) @ v[:rank] / s


w = uniform(1, ROWS * COLS).reshape(ROWS, COLS).astype(np.float64)
x = uniform(2, TOKENS * COLS).reshape(TOKENS, COLS).astype(np.float64)
for c in range(COLS):           # neighbours resemble each other, and channels differ in size
    x[:, c] = (x[:, c] + (0.8 * x[:, c - 1] if c else 0)) * (1 + c % 5) / 2
x = x.astype(np.float32).astype(np.float64)
gram = x.T @ x / TOKENS
moments = np.diag(gram)


def line(name, bits, out, full):
    d = w - out
    if full:
        output = np.trace(d @ gram @ d.T) / np.trace(w @ gram @ w.T)
    else:
        output = (d * d @ moments).sum() / (w * w @ moments).sum()
    print("%s|%.10g|%.10g|%.10g" % (name, bits, (d * d).sum() / (w * w).sum(), output))


line("rtn bits=4 group=32", 4.5, rtn(w, 4, 32, "sym"), False)
line("rtn bits=3 group=16 asym", 5, rtn(w, 3, 16, "asym"), False)
line("rtn bits=2 group=64 zero", 2 + 18 / 64, rtn(w, 2, 64, "zero"), True)
line("rtn_ic bits=4 group=8 asym", 8, rtn(w.T, 4, 8, "asym").T, True)
line("gptq bits=3 group=64", 3 + 19 / 64, gptq(w, gram, 3, 64), True)
line("gptq bits=4 group=16", 4 + 20 / 16, gptq(w, gram, 4, 16), True)
line("quantease bits=3 group=64", 3 + 19 / 64, quantease(w, gram, 3, 64), True)
line("quantease bits=2 group=32 sweeps=7", 2 + 18 / 32, quantease(w, gram, 2, 32, 7), True)
line("svd rank=6", 16 * 6 * (ROWS + COLS) / ROWS / COLS, svd(w, moments, 6), False)
