#!/usr/bin/env python3
"""An independent forward pass in float64, for checking clampmeter's.

Reads a GGUF file (llama, qwen2, gpt2) with the `gguf` package, widens every weight
to float64 and computes all positions at once with full attention matrices, the
way a textbook writes it; nothing here is shared with the C engine.

    python3 forward64.py MODEL.gguf 1 403 407 ...       next token after each position

Needs numpy and gguf (pip install numpy gguf).  make_vectors.py uses it to write
the committed vectors.
"""
import sys

import gguf
import numpy as np
from gguf.quants import dequantize

FLOATS = ("F32", "F16", "BF16")


class Model:
    def __init__(self, path):
        reader = gguf.GGUFReader(path)
        self.meta = {key: field.contents() for key, field in reader.fields.items()}
        self.arch = self.meta["general.architecture"]
        self.w, self.type = {}, {}
        for t in reader.tensors:
            shape = tuple(int(n) for n in reversed(t.shape))
            self.type[t.name] = t.tensor_type.name
            self.w[t.name] = dequantize(t.data, t.tensor_type).astype(np.float64).reshape(shape)
        self.n_layers = self.key("block_count")
        self.d_model = self.key("embedding_length")
        self.n_heads = self.key("attention.head_count")
        self.n_kv_heads = self.key("attention.head_count_kv", self.n_heads)
        self.d_head = self.d_model // self.n_heads
        self.n_rot = self.key("rope.dimension_count", self.d_head)
        self.rope_base = self.key("rope.freq_base", 10000.0)
        linear = self.key("rope.scaling.type", "none") == "linear"
        self.rope_scale = self.key("rope.scaling.factor", 1.0) if linear else 1.0
        rms = self.key("attention.layer_norm_rms_epsilon", None)
        self.rms = rms is not None
        self.eps = rms if self.rms else self.key("attention.layer_norm_epsilon")

    def key(self, name, *default):
        return self.meta.get(f"{self.arch}.{name}", *default) if default else self.meta[f"{self.arch}.{name}"]


def round8(x):
    """Activations in 8 bits: blocks of 32 with one scale each, the largest value at 127."""
    blocks = x.reshape(*x.shape[:-1], -1, 32)
    scale = np.abs(blocks).max(axis=-1, keepdims=True) / 127
    steps = np.where(scale > 0, blocks / np.where(scale > 0, scale, 1), 0)
    return (np.rint(steps) * scale).reshape(x.shape)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def rope_angles(m, n_pos):
    freq = m.rope_base ** (-np.arange(0, m.n_rot, 2, dtype=np.float64) / m.n_rot)
    if "rope_freqs.weight" in m.w:
        freq = freq / m.w["rope_freqs.weight"]
    return np.arange(n_pos)[:, None] / m.rope_scale * freq[None, :]


def rope(x, angles, halves):
    """x: [pos][head][d_head]; turns the first n_rot channels."""
    cos, sin = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    n = angles.shape[1] * 2
    out = x.copy()
    a, b = (slice(0, n // 2), slice(n // 2, n)) if halves else (slice(0, n, 2), slice(1, n, 2))
    out[..., a] = x[..., a] * cos - x[..., b] * sin
    out[..., b] = x[..., a] * sin + x[..., b] * cos
    return out


def unedited(site, layer, x):
    return x


def forward(m, tokens, eight_bits=False, edit=unedited, swap=None):
    """Logits [pos][vocab], attention [layer][head][pos][pos] and what each layer left behind.

    With eight_bits every product of a quantized matrix sees its input rounded by round8.
    edit(site, layer, x) sees every place of clampmeter's sites.def, x as [pos][values],
    and returns what stands there from then on.  swap holds matrices that some positions
    compute with instead: name -> (matrix, slice of positions).
    """
    w, n_pos, swap = m.w, len(tokens), swap or {}
    out = {"attn": [], "resid_post": [], "attn_out": [], "mlp_out": [], "mlp": []}

    def product(x, name, bias=None):
        if eight_bits and m.type[name] not in FLOATS:
            x = round8(x)
        y = x @ w[name].T
        if name in swap:
            other, rows = swap[name]
            y[rows] = x[rows] @ other.T
        return y + w[bias] if bias in w else y

    def norm(x, name):
        if m.rms:
            return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + m.eps) * w[name + ".weight"]
        x = x - x.mean(axis=-1, keepdims=True)
        return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + m.eps) * w[name + ".weight"] + w[name + ".bias"]

    def split(x, n):
        return x.reshape(n_pos, n, m.d_head)

    future = np.triu(np.ones((n_pos, n_pos), dtype=bool), 1)
    angles = rope_angles(m, n_pos)
    def look_up(name, at):
        x = w[name][at]
        if name in swap:
            other, rows = swap[name]
            x[rows] = other[at][rows]
        return x

    x = look_up("token_embd.weight", np.asarray(tokens))
    if m.arch == "gpt2":
        x = x + look_up("position_embd.weight", np.arange(n_pos))
    for l in range(m.n_layers):
        b = f"blk.{l}."
        x = edit("resid_pre", l, x)
        h = norm(x, b + "attn_norm")
        if m.arch == "gpt2":
            q, k, v = np.split(product(h, b + "attn_qkv.weight", b + "attn_qkv.bias"), 3, axis=-1)
        else:
            q, k, v = (product(h, f"{b}attn_{n}.weight", f"{b}attn_{n}.bias") for n in "qkv")
        q, k, v = split(q, m.n_heads), split(k, m.n_kv_heads), split(v, m.n_kv_heads)
        if m.arch != "gpt2":
            q, k = (rope(y, angles, halves=m.arch == "qwen2") for y in (q, k))
        group = m.n_heads // m.n_kv_heads
        k, v = np.repeat(k, group, axis=1), np.repeat(v, group, axis=1)
        scores = np.einsum("thd,shd->hts", q, k) / np.sqrt(m.d_head)
        scores = scores / edit("temp", l, np.ones((n_pos, m.n_heads))).T[:, :, None]
        attn = softmax(np.where(future, -np.inf, scores))
        z = np.einsum("hts,shd->thd", attn, v).reshape(n_pos, m.d_model)
        z = edit("z", l, z)
        attn_out = edit("attn_out", l, product(z, b + "attn_output.weight", b + "attn_output.bias"))
        x = edit("resid_mid", l, x + attn_out)
        h = norm(x, b + "ffn_norm")
        up = edit("up", l, product(h, b + "ffn_up.weight", b + "ffn_up.bias"))
        if m.arch == "gpt2":
            mlp = 0.5 * up * (1 + np.tanh(np.sqrt(2 / np.pi) * (up + 0.044715 * up ** 3)))
        else:
            gate = edit("gate", l, product(h, b + "ffn_gate.weight"))
            mlp = gate / (1 + np.exp(-gate)) * up
        mlp = edit("mlp", l, mlp)
        mlp_out = edit("mlp_out", l, product(mlp, b + "ffn_down.weight", b + "ffn_down.bias"))
        x = edit("resid", l, x + mlp_out)
        for name, value in (("attn", attn), ("resid_post", x), ("attn_out", attn_out), ("mlp_out", mlp_out), ("mlp", mlp)):
            out[name].append(value)
    head = "output.weight" if "output.weight" in w else "token_embd.weight"
    out["logits"] = edit("logits", -1, product(edit("final_norm", -1, norm(x, "output_norm")), head))
    return out


def entropy(p, axis=-1):
    return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=axis)


def top_renormalised(p, k=50):
    """Each row with everything but its k largest entries set to 0, summing to 1."""
    keep = np.zeros_like(p, dtype=bool)
    np.put_along_axis(keep, np.argsort(-p, axis=-1, kind="stable")[:, :k], True, axis=-1)
    q = np.where(keep, p, 0)
    return q / q.sum(axis=-1, keepdims=True)


def lenses(run):
    """Every lens of analysis/lenses by name, from full rows: [pos], [pos][layer] or [pos][layer][head]."""
    p = softmax(run["logits"])
    logp = np.log(p)
    h = entropy(p)
    top = top_renormalised(p)
    two = np.sort(p, axis=-1)[:, -2:]
    mid = (top[1:] + top[:-1]) / 2
    jsd = np.concatenate([[0.0], entropy(mid) - (entropy(top[1:]) + entropy(top[:-1])) / 2])
    attn = np.array(run["attn"]).transpose(2, 0, 1, 3)          # [pos][layer][head][key]
    n_pos = attn.shape[0]
    attn_h = entropy(attn)
    ln_t = np.log(np.arange(1, n_pos + 1))[:, None, None]
    rest = 1 - attn[..., :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        norm = np.where(ln_t > 0, attn_h / ln_t, np.nan)
        nosink = np.where(rest[..., 0] >= 1e-3, entropy(attn[..., 1:] / rest), np.nan)
    length = {n: np.sqrt((np.array(run[n]) ** 2).sum(axis=-1)).T for n in ("resid_post", "attn_out", "mlp_out")}
    mlp = np.abs(np.array(run["mlp"]))
    silent = (mlp <= 0.01 * mlp.max(axis=-1, keepdims=True)).mean(axis=-1).T
    return {
        "entropy": h, "varentropy": (p * (logp + h[:, None]) ** 2).sum(axis=-1), "margin": two[:, 1] - two[:, 0],
        "entropy_topk": entropy(top), "jsd": jsd, "instability": jsd + entropy(top),
        "attn_entropy": attn_h, "attn_entropy_norm": norm, "attn_entropy_nosink": nosink,
        "attn_sink": attn[..., 0], "resid_norm": length["resid_post"], "attn_norm": length["attn_out"],
        "mlp_norm": length["mlp_out"], "mlp_sparsity": silent,
    }


def greedy(m, tokens, n):
    """`tokens` and what the model most likes to say next, n tokens in all."""
    tokens = list(tokens)
    while len(tokens) < n:
        tokens.append(int(forward(m, tokens)["logits"][-1].argmax()))
    return tokens


def main():
    m = Model(sys.argv[1])
    logits = forward(m, [int(t) for t in sys.argv[2:]])["logits"]
    for pos, row in enumerate(logits):
        print(pos, int(row.argmax()), repr(float(row.max())))


if __name__ == "__main__":
    main()
