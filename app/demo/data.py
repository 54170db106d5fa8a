"""Token files and rows: whole documents packed into rows of fixed length."""
import os

import numpy as np
from tokenizers import Tokenizer

from tok import END


def documents(path, tok):
    """Every document of a text file as an array [END, tokens...]."""
    with open(path, encoding="utf-8") as f:
        texts = f.read().split("\n" + END + "\n")[:-1]
    end = tok.token_to_id(END)
    out = []
    for i in range(0, len(texts), 10000):
        out += [np.array([end] + e.ids, dtype=np.int16) for e in tok.encode_batch(texts[i:i + 10000])]
    return out


def pack(docs, length, end, pool=48):
    """Rows [n][length + 1] and the number of meaningful tokens in each.

    A document goes to the fullest open row that still takes it and is never cut;
    rows come in about the order of the documents.
    """
    rows, used, opened = [], [], []

    def close(k):
        row = np.full(length + 1, end, dtype=np.int16)
        parts = np.concatenate(opened.pop(k)[1])[:length + 1]
        row[:len(parts)] = parts
        rows.append(row)
        used.append(min(len(parts) + 1, length + 1))

    for d in docs:
        fits = [k for k, (n, _) in enumerate(opened) if n + len(d) <= length]
        if fits:
            k = max(fits, key=lambda k: opened[k][0])
            opened[k][0] += len(d)
            opened[k][1].append(d)
        else:
            opened.append([len(d), [d]])
        full = max(range(len(opened)), key=lambda k: opened[k][0])
        if opened[full][0] > length - 12 or len(opened) > pool:
            close(full)
    while opened:
        close(0)
    return np.stack(rows), np.array(used, dtype=np.int16)


def load_rows(work, split, length, part=(0.0, 1.0)):
    """Packed rows of a part of a split, kept in the work folder for the next start."""
    cache = os.path.join(work, f"{split}-{length}.npz")
    if not os.path.exists(cache):
        tok = Tokenizer.from_file(os.path.join(work, "tokenizer.json"))
        docs = documents(os.path.join(work, split + ".txt"), tok)
        docs = docs[int(part[0] * len(docs)):int(part[1] * len(docs))]
        rows, used = pack(docs, length, tok.token_to_id(END))
        np.savez(cache, rows=rows, used=used)
    z = np.load(cache)
    return z["rows"], z["used"]
