"""Muon for the matrices of the layers, AdamW for embeddings and norms.

Muon: momentum, then the nearest orthogonal matrix by Newton-Schulz steps
(K. Jordan et al. 2024).  Matrices of one shape are stepped as one batch.
"""
import torch


def orthogonal(g, steps=5):
    """Five quintic Newton-Schulz steps on a batch [n][rows][cols], in bf16."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[1] > g.shape[2]
    x = (g.mT if tall else g).bfloat16()
    x = x / (x.norm(dim=(1, 2), keepdim=True) * 1.01 + 1e-7)
    for _ in range(steps):
        s = x @ x.mT
        x = a * x + (b * s + c * (s @ s)) @ x
    return (x.mT if tall else x).float()


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr=0.02, momentum=0.95, weight_decay=0.0):
        super().__init__(list(params), dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                shapes.setdefault(p.shape, []).append(p)
            for shape, ps in shapes.items():
                self.step_shape(group, shape, ps)

    def step_shape(self, group, shape, ps):
        m = group["momentum"]
        for p in ps:
            self.state[p].setdefault("m", torch.zeros_like(p)).lerp_(p.grad, 1 - m)
        g = torch.stack([p.grad.lerp(self.state[p]["m"], m) for p in ps])
        u = orthogonal(g) * max(1, shape[0] / shape[1]) ** 0.5
        for p, d in zip(ps, u):
            p.mul_(1 - group["lr"] * group["weight_decay"]).add_(d, alpha=-group["lr"])


def optimizers(model, lr_matrix, lr_embed, weight_decay):
    """Both optimizers, each group with its full rate under "peak"."""
    matrices = [p for n, p in model.named_parameters() if n.startswith("blk.") and p.ndim == 2]
    embed = [model.token_embd.weight]
    norms = [p for p in model.parameters() if p.ndim == 1]
    muon = Muon(matrices, lr=lr_matrix, weight_decay=weight_decay)
    adam = torch.optim.AdamW(
        [dict(params=embed, weight_decay=0.0, lr=lr_embed),
         dict(params=norms, weight_decay=0.0, lr=lr_embed / 2)],
        betas=(0.9, 0.95), eps=1e-10)
    for o in (muon, adam):
        for g in o.param_groups:
            g["peak"] = g["lr"]
    return muon, adam
