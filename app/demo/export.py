"""Writes the trained model and its tokenizer as one GGUF file (version 3).

    python3 export.py --work DIR --out demo.gguf

Matrices are F16, norms F32.  Layout: header, key-value pairs, tensor table, then
the tensors, each on a multiple of 32 bytes.
"""
import argparse
import json
import os
import struct

import torch

ALIGN = 32
U32, I32, F32, BOOL, STR, ARRAY = 4, 5, 6, 7, 8, 9
TYPE_F32, TYPE_F16, FILE_MOSTLY_F16 = 0, 1, 1
NORMAL, CONTROL = 1, 3


def string(s):
    b = s.encode("utf-8")
    return struct.pack("<Q", len(b)) + b


def scalar(kind, v):
    return string(v) if kind == STR else struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], v)


def pair(key, kind, v):
    """One key-value pair; a list makes an array of that kind."""
    if isinstance(v, list):
        body = struct.pack("<IIQ", ARRAY, kind, len(v)) + b"".join(scalar(kind, x) for x in v)
    else:
        body = struct.pack("<I", kind) + scalar(kind, v)
    return string(key) + body


def tokenizer_pairs(path):
    with open(path, encoding="utf-8") as f:
        t = json.load(f)
    vocab = sorted(t["model"]["vocab"], key=t["model"]["vocab"].get)
    special = {x["content"]: x["id"] for x in t["added_tokens"]}
    merges = [m if isinstance(m, str) else " ".join(m) for m in t["model"]["merges"]]
    end = special["<|endoftext|>"]
    k = "tokenizer.ggml."
    return [
        pair(k + "model", STR, "gpt2"),
        pair(k + "pre", STR, "smollm"),
        pair(k + "tokens", STR, vocab),
        pair(k + "token_type", I32, [CONTROL if v in special else NORMAL for v in vocab]),
        pair(k + "merges", STR, merges),
        pair(k + "bos_token_id", U32, end),
        pair(k + "eos_token_id", U32, end),
        pair(k + "add_bos_token", BOOL, True),
    ]


def model_pairs(s):
    return [
        pair("general.architecture", STR, "llama"),
        pair("general.name", STR, "clampmeter demo"),
        pair("general.file_type", U32, FILE_MOSTLY_F16),
        pair("general.alignment", U32, ALIGN),
        pair("llama.block_count", U32, s.n_layers),
        pair("llama.context_length", U32, s.n_ctx),
        pair("llama.embedding_length", U32, s.d_model),
        pair("llama.feed_forward_length", U32, s.d_ff),
        pair("llama.attention.head_count", U32, s.n_heads),
        pair("llama.attention.head_count_kv", U32, s.n_kv_heads),
        pair("llama.attention.layer_norm_rms_epsilon", F32, s.eps),
        pair("llama.rope.freq_base", F32, s.rope_base),
        pair("llama.rope.dimension_count", U32, s.d_head),
        pair("llama.vocab_size", U32, s.n_vocab),
    ]


def write(path, pairs, tensors):
    """tensors: (name, torch tensor); matrices become F16."""
    table, data = b"", b""
    for name, t in tensors:
        half = t.ndim == 2
        t = (t.half() if half else t.float()).contiguous()
        table += string(name) + struct.pack("<I", t.ndim)
        table += b"".join(struct.pack("<Q", n) for n in reversed(t.shape))
        table += struct.pack("<IQ", TYPE_F16 if half else TYPE_F32, len(data))
        data += t.numpy().tobytes()
        data += bytes(-len(data) % ALIGN)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs)) + b"".join(pairs) + table
    with open(path, "wb") as f:
        f.write(head + bytes(-len(head) % ALIGN) + data)
    return os.path.getsize(path)


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", required=True)
    p.add_argument("--out", required=True)
    a = p.parse_args()
    c = torch.load(os.path.join(a.work, "checkpoint.pt"), weights_only=False)
    pairs = model_pairs(c["shape"]) + tokenizer_pairs(os.path.join(a.work, "tokenizer.json"))
    print(write(a.out, pairs, list(c["model"].items())), "bytes,", c["at"][1], "tokens seen")


if __name__ == "__main__":
    main()
