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


def prune(w, moments):
    out = w.copy()
    for r in range(len(w)):
        for c in range(0, w.shape[1], 4):
            score = np.abs(w[r, c:c + 4]) * np.sqrt(moments[c:c + 4])
            out[r, c + np.argsort(-score, kind="stable")[2:]] = 0
    return out


def power(w, bits, group, a):
    out = np.zeros_like(w)
    for r in range(len(w)):
        for c in range(0, w.shape[1], group):
            x = w[r, c:c + group]
            s = (2 ** (bits - 1) - 1) / half(np.abs(x).max()) ** a
            out[r, c:c + group] = np.sign(x) * (np.minimum(np.rint(s * np.abs(x) ** a), 2 ** (bits - 1) - 1) / s) ** (1 / a)
    return out


def turn(w):
    """Orthonormal Walsh-Hadamard over rows of 64."""
    h = np.ones((1, 1))
    while len(h) < w.shape[1]:
        h = np.block([[h, h], [h, -h]])
    return w @ h / np.sqrt(len(h))


def lowrank(a, rank):
    u, d, v = np.linalg.svd(a, full_matrices=False)
    return u[:, :rank] * np.sqrt(d[:rank]), v[:rank].T * np.sqrt(d[:rank])


def halves(a):
    return a.astype(np.float16).astype(np.float64)


def bitstack(w, moments, blocks, rank):
    s = halves(np.sqrt(moments))
    r = w * s
    for _ in range(blocks):
        left, right = lowrank(np.abs(r), rank)
        r = r - np.where(r < 0, -1, 1) * (halves(left) @ halves(right).T)
    return w - r / s


def cap(w, levels):
    most = np.abs(w).max()
    count, edges = np.histogram(np.abs(w), bins=512, range=(0, most))
    x, width = (edges[:-1] + edges[1:]) / 2, most / 512

    def loss(c):
        return (count * (x - np.where(x < c, np.rint(x / (c / levels)) * (c / levels), c)) ** 2).sum()

    step = most / 10
    best = min(np.linspace(step, most, 11), key=loss)
    return min(np.linspace(max(best - step, width), min(best + step, most), 11), key=loss)


def slim(w, moments, bits, share):
    levels, s = 2 ** (bits - 1) - 1, np.sqrt(moments)

    def compress(x):
        step = np.float64(np.float32(cap(x, levels) / levels))
        return prune(step * np.clip(np.rint(x / step), -levels, levels), moments)

    plain = compress(w)
    left, right = lowrank((w - plain) * s, int(np.ceil(share * min(w.shape))))
    side = halves(left) @ halves(right / s[:, None]).T
    return min((compress(w - side) + side, plain + side), key=lambda out: (((w - out) * s) ** 2).sum())


def quantease_outliers(w, s, bits, group, percent, sweeps=30):
    keep = int(percent / 100 * w.size)
    eta = 0.5 / np.linalg.eigvalsh(s)[-1]

    def largest(x):
        return np.where(np.abs(x) > np.sort(np.abs(x).ravel())[::-1][keep], halves(x), 0)

    h, out = largest(w), None
    out = w - h
    for i in range(sweeps):
        rounds = i % 3 != 1 or i >= 26 or i == sweeps - 1
        t = w - h
        for r in range(len(w)):
            for j in range(w.shape[1]):
                if j % group == 0:
                    g = grid(t[r, j:j + group], bits, "zero")
                d = t[r] - out[r]
                u = t[r, j] + (d @ s[:, j] - d[j] * s[j, j]) / s[j, j]
                out[r, j] = nearest(g, u) if rounds else u
        if i + 1 < sweeps:
            h = largest(h + eta * (w - out - h) @ s)
    return out + h


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
line("magnitude24", 9, prune(halves(w), np.ones(COLS)), False)
line("wanda24", 9, prune(halves(w), moments), True)
line("power bits=4 group=64 exponent=0.7", 4 + 16 / 64 + 16 / w.size, power(w, 4, 64, 0.7), False)
line("hadamard rtn bits=4 group=32", 4.5, turn(rtn(turn(w), 4, 32, "sym")), True)
line("bitstack blocks=2 rank=4", 2 * (1 + 16 * 4 * (ROWS + COLS) / w.size) + 16 / ROWS, bitstack(w, moments, 2, 4), False)
line("slim bits=4 share=0.2", 3 + (16 + 16 * 5 * (ROWS + COLS)) / w.size, slim(w, moments, 4, 0.2), False)
line("quantease bits=3 group=64 outliers=3", 3 + 19 / 64 + (46 * 22 + 32 * ROWS) / w.size,
     quantease_outliers(w, gram, 3, 64, 3), True)
