"""The network: a small Llama, written so that its tensors go to GGUF unchanged.

RoPE turns the interleaved pairs (2i, 2i+1) of a head, as GGUF files of the llama
architecture expect.  The LM head is the embedding matrix (tied).
"""
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class Shape:
    n_vocab: int = 2048
    n_layers: int = 5
    d_model: int = 256
    n_heads: int = 8
    n_kv_heads: int = 4
    d_head: int = 32
    d_ff: int = 576
    n_ctx: int = 512
    rope_base: float = 10000.0
    eps: float = 1e-5


def rope_table(shape, n):
    """cos and sin, [n][d_head], every angle twice in a row."""
    i = torch.arange(0, shape.d_head, 2, dtype=torch.float64) / shape.d_head
    angle = torch.outer(torch.arange(n, dtype=torch.float64), shape.rope_base ** -i)
    angle = angle.repeat_interleave(2, dim=1)
    return angle.cos().float(), angle.sin().float()


def rope(x, cos, sin):
    """x: [B][heads][T][d_head]"""
    turned = torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)
    return x * cos + turned * sin


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.attn_norm = nn.RMSNorm(s.d_model, s.eps)
        self.attn_q = nn.Linear(s.d_model, s.n_heads * s.d_head, bias=False)
        self.attn_k = nn.Linear(s.d_model, s.n_kv_heads * s.d_head, bias=False)
        self.attn_v = nn.Linear(s.d_model, s.n_kv_heads * s.d_head, bias=False)
        self.attn_output = nn.Linear(s.n_heads * s.d_head, s.d_model, bias=False)
        self.ffn_norm = nn.RMSNorm(s.d_model, s.eps)
        self.ffn_gate = nn.Linear(s.d_model, s.d_ff, bias=False)
        self.ffn_up = nn.Linear(s.d_model, s.d_ff, bias=False)
        self.ffn_down = nn.Linear(s.d_ff, s.d_model, bias=False)

    def attend(self, x, cos, sin):
        s, (b, t, _) = self.s, x.shape
        q = self.attn_q(x).view(b, t, s.n_heads, s.d_head).transpose(1, 2)
        k = self.attn_k(x).view(b, t, s.n_kv_heads, s.d_head).transpose(1, 2)
        v = self.attn_v(x).view(b, t, s.n_kv_heads, s.d_head).transpose(1, 2)
        q, k = rope(q, cos, sin), rope(k, cos, sin)
        # The heads of a GQA group lie in one matrix; plain products are faster
        # here than the fused attention of PyTorch on a CPU.
        rows, n = b * s.n_kv_heads, s.n_heads // s.n_kv_heads * t
        q = (q * s.d_head ** -0.5).reshape(rows, n, s.d_head)
        k, v = k.reshape(rows, t, s.d_head), v.reshape(rows, t, s.d_head)
        scores = (q @ k.mT).view(b, s.n_heads, t, t) + self.mask(t, q)
        probs = torch.softmax(scores, -1, dtype=torch.float32).to(v.dtype)
        z = (probs.view(rows, n, t) @ v).view(b, s.n_heads, t, s.d_head)
        return self.attn_output(z.transpose(1, 2).reshape(b, t, -1))

    @staticmethod
    def mask(t, like):
        return torch.full((t, t), float("-inf"), dtype=like.dtype, device=like.device).triu(1)

    def mlp(self, x):
        return self.ffn_down(F.silu(self.ffn_gate(x)) * self.ffn_up(x))

    def forward(self, x, cos, sin):
        x = x + self.attend(self.attn_norm(x), cos, sin)
        return x + self.mlp(self.ffn_norm(x))


class Model(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.n_vocab, shape.d_model)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.n_layers))
        self.output_norm = nn.RMSNorm(shape.d_model, shape.eps)
        cos, sin = rope_table(shape, shape.n_ctx)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        self.start_weights()

    def start_weights(self):
        for name, p in self.named_parameters():
            if p.ndim == 2:
                std = 0.02 if "embd" in name else p.shape[1] ** -0.5
                if "output.weight" in name or "ffn_down" in name:
                    std /= (2 * self.shape.n_layers) ** 0.5
                nn.init.normal_(p, std=std)

    def hidden(self, ids):
        """Output of the last layer after the final norm, [B][T][d_model]."""
        t = ids.shape[1]
        x = self.token_embd(ids)
        cos, sin = self.cos[:t].to(x.dtype), self.sin[:t].to(x.dtype)
        for b in self.blk:
            x = b(x, cos, sin)
        return self.output_norm(x)

    def forward(self, ids):
        return F.linear(self.hidden(ids), self.token_embd.weight)
