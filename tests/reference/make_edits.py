#!/usr/bin/env python3
"""Every edit at every site of a tiny model, in float64: writes edits.txt.

    python3 make_edits.py > edits.txt

A case is a line: model, edit as clampmeter reads it, then logits of the last two
positions at COLUMNS.  The text is TOKENS of the vocabulary; a vector edit uses
v[i] = sin(i + 1).  Needs numpy and gguf.
"""
import os

import numpy as np

from forward64 import Model, forward

TOKENS = [1, 17, 80, 3, 99, 42, 7, 200, 11]
COLUMNS = [0, 5, 42, 77, 130, 199]
HERE = os.path.dirname(os.path.abspath(__file__))

OPS = {
    "=": lambda x, v: np.full_like(x, v),
    "*": lambda x, v: x * v,
    "+": lambda x, v: x + v,
    "max": np.maximum,
    "min": np.minimum,
}


def edited(m, place, index, op, value, scope):
    """An edit hook: `place` is (site, layer or None), `index` a slice of the values."""
    def edit(site, layer, x):
        if site != place[0] or (place[1] is not None and layer != place[1]):
            return x
        y = x.copy()
        rows = slice(scope[0], scope[1] + 1) if scope else slice(None)
        y[rows, index] = op(x[rows, index], value)
        return y
    return edit


def project(x, v):
    return x - 0.5 * (x @ v / (v @ v))[:, None] * v[None, :]


def cases(m):
    d, ff, dh = m.d_model, m.w["blk.0.ffn_up.weight"].shape[0], m.d_head
    widths = {"resid_pre": d, "attn_out": d, "resid_mid": d, "up": ff, "mlp": ff, "mlp_out": d, "resid": d}
    if m.arch != "gpt2":
        widths["gate"] = ff
    for site, n in widths.items():
        for sign in OPS:
            v = -0.75 if sign == "min" else 0.75
            yield f"L1.{site}[{n // 3}] {sign} {v}", (site, 1), slice(n // 3, n // 3 + 1), OPS[sign], v, None
        yield f"L0.{site} * 0.5 in 3..5", (site, 0), slice(None), OPS["*"], 0.5, (3, 5)
    for sign in OPS:
        v = -0.5 if sign == "min" else 0.5
        yield f"L0.H1 {sign} {v}", ("z", 0), slice(dh, 2 * dh), OPS[sign], v, None
        yield f"final_norm[4] {sign} {v}", ("final_norm", -1), slice(4, 5), OPS[sign], v, None
        yield f"logit[42] {sign} {3 * v}", ("logits", -1), slice(42, 43), OPS[sign], 3 * v, None
    yield "L1.H0 * 0", ("z", 1), slice(0, dh), OPS["*"], 0.0, None
    yield "L0.H2.temp = 2", ("temp", 0), slice(2, 3), OPS["="], 2.0, None
    yield "L1.temp * 0.5", ("temp", 1), slice(None), OPS["*"], 0.5, None
    yield "L*.temp + 0.25", ("temp", None), slice(None), OPS["+"], 0.25, None
    yield "L*.mlp[3] = -1", ("mlp", None), slice(3, 4), OPS["="], -1.0, None
    v = np.sin(np.arange(d) + 1.0)
    yield "L1.resid + VECTOR * 0.5", ("resid", 1), slice(None), lambda x, _: x + 0.5 * v, 0, None
    yield "L0.resid project VECTOR * 0.5", ("resid", 0), slice(None), lambda x, _: project(x, v), 0, None


def main():
    print("tokens", *TOKENS)
    print("columns", *COLUMNS)
    for name in ("tiny-llama", "tiny-qwen2", "tiny-gpt2"):
        m = Model(os.path.join(HERE, name + ".gguf"))
        plain = forward(m, TOKENS)["logits"]
        for line, place, index, op, value, scope in [("none", ("", 0), slice(None), OPS["+"], 0, None), *cases(m)]:
            run = forward(m, TOKENS, edit=edited(m, place, index, op, value, scope))
            if line != "none":
                assert np.abs(run["logits"] - plain).max() > 1e-4, line
            kept = run["logits"][-2:][:, COLUMNS].ravel()
            print(name, "|", line, "|", *(f"{x:.7g}" for x in kept))


if __name__ == "__main__":
    main()
