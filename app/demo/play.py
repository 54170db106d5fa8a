"""Runs an exported model: tokenizer, cached steps for a batch of prompts, clamps."""
import dataclasses

import numpy as np
import torch
from gguf import GGUFReader
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from model import Model, Shape, rope, rope_table


@dataclasses.dataclass
class Clamp:
    """Holds neuron i of layer l at a value: at "mlp_post" or at "up"."""
    l: int
    i: int
    value: float
    site: str = "mlp_post"


def fields(reader):
    return {k: f.contents() for k, f in reader.fields.items()}


class Player:
    def __init__(self, path, dtype=torch.float32):
        r = GGUFReader(path)
        f = fields(r)
        self.shape = Shape(
            n_vocab=len(f["tokenizer.ggml.tokens"]), n_layers=f["llama.block_count"],
            d_model=f["llama.embedding_length"], n_heads=f["llama.attention.head_count"],
            n_kv_heads=f["llama.attention.head_count_kv"], d_head=f["llama.rope.dimension_count"],
            d_ff=f["llama.feed_forward_length"], n_ctx=f["llama.context_length"])
        self.model = Model(self.shape)
        self.model.load_state_dict({t.name: torch.from_numpy(np.array(t.data, dtype=np.float32))
                                    for t in r.tensors})
        self.model.to(dtype).eval()
        self.cos, self.sin = (x.to(dtype) for x in rope_table(self.shape, self.shape.n_ctx))
        self.end = f["tokenizer.ggml.bos_token_id"]
        self.tokens = f["tokenizer.ggml.tokens"]
        self.tok = Tokenizer(models.BPE({t: i for i, t in enumerate(self.tokens)},
                                        [tuple(m.split(" ")) for m in f["tokenizer.ggml.merges"]]))
        self.tok.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
        self.tok.decoder = decoders.ByteLevel()
        self.tok.add_special_tokens([AddedToken(self.tokens[self.end], special=True)])

    def encode(self, text):
        return [self.end] + self.tok.encode(text).ids

    def decode(self, ids):
        return self.tok.decode(ids)

    def piece(self, v):
        return self.tok.decode([v])

    def mlp(self, b, l, x, clamps, seen):
        up = b.ffn_up(x)
        for c in clamps:
            if c.l == l and c.site == "up":
                up[..., c.i] = c.value
        h = torch.nn.functional.silu(b.ffn_gate(x)) * up
        for c in clamps:
            if c.l == l and c.site == "mlp_post":
                h[..., c.i] = c.value
        if seen is not None:
            seen[l].append(h)
        return b.ffn_down(h)

    @torch.no_grad()
    def forward(self, ids, cache=None, pad=None, clamps=(), seen=None):
        """Logits [B][T][n_vocab]; ids come after what the cache holds.

        pad: [B], how many positions at the left of each row are padding.
        """
        s, (n, t) = self.shape, ids.shape
        past = cache[0][0].shape[2] if cache else 0
        x = self.model.token_embd(ids)
        cos, sin = self.cos[past:past + t], self.sin[past:past + t]
        at = torch.arange(past + t)
        hidden = at[None, :] > at[past:, None]
        hidden = hidden[None, None].repeat(n, 1, 1, 1)
        if pad is not None:
            hidden |= (at[None, :] < pad[:, None])[:, None, None, :]
            hidden &= at[None, None, None, :] != at[past:][None, None, :, None]
        for l, b in enumerate(self.model.blk):
            y = b.attn_norm(x)
            q, k, v = (f(y).view(n, t, -1, s.d_head).transpose(1, 2)
                       for f in (b.attn_q, b.attn_k, b.attn_v))
            q, k = rope(q, cos, sin), rope(k, cos, sin)
            if past:
                k, v = torch.cat((cache[l][0], k), 2), torch.cat((cache[l][1], v), 2)
            if cache is not None:
                cache[l:l + 1] = [(k, v)]
            g = s.n_heads // s.n_kv_heads
            scores = q @ k.repeat_interleave(g, 1).mT * s.d_head ** -0.5
            probs = scores.masked_fill(hidden, float("-inf")).softmax(-1)
            z = (probs @ v.repeat_interleave(g, 1)).transpose(1, 2).reshape(n, t, -1)
            x = x + b.attn_output(z)
            x = x + self.mlp(b, l, b.ffn_norm(x), clamps, seen)
        return self.model.output_norm(x) @ self.model.token_embd.weight.T

    def generate(self, prompts, n_new, temp=0.0, seed=0, clamps=()):
        """Continuations of several prompts at once, each up to the end token."""
        ids = [self.encode(p) for p in prompts]
        width = max(map(len, ids))
        pad = torch.tensor([width - len(i) for i in ids])
        now = torch.tensor([[self.end] * (width - len(i)) + i for i in ids])
        rng = torch.Generator().manual_seed(seed)
        cache, out, done = [], [], torch.zeros(len(ids), dtype=torch.bool)
        for _ in range(min(n_new, self.shape.n_ctx - width)):
            logits = self.forward(now, cache, pad, clamps)[:, -1]
            if temp > 0:
                now = torch.multinomial((logits / temp).softmax(-1), 1, generator=rng)
            else:
                now = logits.argmax(-1, keepdim=True)
            done |= now[:, 0] == self.end
            out.append(now)
            if done.all():
                break
        rows = torch.cat(out, 1).tolist()
        return [self.decode(r[:r.index(self.end)] if self.end in r else r) for r in rows]
