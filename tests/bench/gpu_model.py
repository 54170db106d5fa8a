#!/usr/bin/env python3
"""A GGUF file with random weights in a real shape, for timing.

    gpu_model.py SHAPE TYPE OUT [LAYERS]      SHAPE: llama-3.1-8b tinyllama-1.1b; TYPE: F16 Q8_0 Q4_0

One stretch of random blocks is written again and again from other starting points:
speed does not depend on the weights, only on their not being all alike.
"""
import struct
import sys

import numpy as np

SHAPES = {  # layers, d_model, heads, key heads, d_ff, vocabulary, context, base of RoPE
    'llama-3.1-8b': (32, 4096, 32, 8, 14336, 128256, 131072, 5e5),
    'tinyllama-1.1b': (22, 2048, 32, 4, 5632, 32000, 2048, 1e4),
}
TYPES = {'F16': (1, 1, 2), 'Q4_0': (2, 32, 18), 'Q8_0': (8, 32, 34)}     # number in the file, weights, bytes of a block
U32, F32, STR, ARR, I32 = 4, 6, 8, 9, 5


def text(s):
    return struct.pack('<Q', len(s)) + s.encode()


def value(kind, v):
    if kind == STR:
        return text(v)
    return struct.pack({U32: '<I', I32: '<i', F32: '<f'}[kind], v)


def pair(key, kind, v):
    return text(key) + struct.pack('<I', kind) + value(kind, v)


def array(key, kind, items):
    return text(key) + struct.pack('<IIQ', ARR, kind, len(items)) + b''.join(value(kind, v) for v in items)


def stretch(kind, std, rng, blocks=1 << 20):
    _, per, size = TYPES[kind]
    if kind == 'F16':
        return (rng.standard_normal(blocks * 16) * std).astype(np.float16).view(np.uint8)
    out = rng.integers(0, 256, (blocks, size), dtype=np.uint8)
    step = std / (4.6 if kind == 'Q4_0' else 74)
    out[:, :2] = (step * rng.uniform(0.75, 1.25, blocks)).astype(np.float16).view(np.uint8).reshape(blocks, 2)
    return out.reshape(-1)


def main():
    shape, kind, path = sys.argv[1:4]
    layers, d, heads, kv, ff, vocab, ctx, base = SHAPES[shape]
    layers = int(sys.argv[4]) if len(sys.argv) > 4 else layers
    number, per, size = TYPES[kind]
    dkv = d // heads * kv
    tensors = [('token_embd.weight', d, vocab), ('output_norm.weight', d, 0), ('output.weight', d, vocab)]
    for l in range(layers):
        tensors += [(f'blk.{l}.{n}.weight', c, r) for n, c, r in (
            ('attn_norm', d, 0), ('attn_q', d, d), ('attn_k', d, dkv), ('attn_v', d, dkv), ('attn_output', d, d),
            ('ffn_norm', d, 0), ('ffn_gate', d, ff), ('ffn_up', d, ff), ('ffn_down', ff, d))]
    pieces = ['<unk>', '<s>', '</s>'] + [f'<0x{b:02X}>' for b in range(256)]
    kinds = [2, 3, 3] + [6] * 256 + [1] * (vocab - 259)
    pieces += [f't{i}' for i in range(vocab - 259)]
    keys = [pair('general.architecture', STR, 'llama'), pair('general.name', STR, shape),
            pair('llama.block_count', U32, layers), pair('llama.context_length', U32, ctx),
            pair('llama.embedding_length', U32, d), pair('llama.feed_forward_length', U32, ff),
            pair('llama.attention.head_count', U32, heads), pair('llama.attention.head_count_kv', U32, kv),
            pair('llama.attention.layer_norm_rms_epsilon', F32, 1e-5), pair('llama.rope.freq_base', F32, base),
            pair('tokenizer.ggml.model', STR, 'llama'), array('tokenizer.ggml.tokens', STR, pieces),
            array('tokenizer.ggml.scores', F32, [-float(i) for i in range(vocab)]),
            array('tokenizer.ggml.token_type', I32, kinds), pair('tokenizer.ggml.bos_token_id', U32, 1),
            pair('tokenizer.ggml.eos_token_id', U32, 2)]
    table, at, sizes = b'', 0, []
    for name, cols, rows in tensors:
        n = cols * 4 if rows == 0 else cols * rows // per * size
        dims = (cols,) if rows == 0 else (cols, rows)
        table += text(name) + struct.pack(f'<I{len(dims)}QIQ', len(dims), *dims, 0 if rows == 0 else number, at)
        sizes.append(n)
        at += (n + 31) // 32 * 32
    rng = np.random.default_rng(1)
    pools = {c: stretch(kind, 1 / c ** 0.5, rng) for c in {d, ff}}
    with open(path, 'wb') as f:
        head = struct.pack('<4sIQQ', b'GGUF', 3, len(tensors), len(keys)) + b''.join(keys) + table
        f.write(head + bytes(-len(head) % 32))
        for (_, cols, rows), n in zip(tensors, sizes):
            if rows == 0:
                f.write(np.ones(cols, np.float32).tobytes())
            else:
                pool, left = pools[cols], n
                start = int(rng.integers(0, len(pool) // size // 2)) * size
                while left:
                    part = pool[start:start + left]
                    f.write(part.data)
                    left -= len(part)
                    start = 0
            f.write(bytes(-n % 32))


main()
