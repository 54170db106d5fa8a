"""Trains the model on the CPU: one process per core, one thread in each.

    python3 train.py --work DIR (--minutes 90 | --tokens 24e6) [--resume]

The processes take micro-batches from one counter, so a core that is busy with
something else does fewer, and they add up their gradients after each step.  The
learning rates follow the share of the budget that is used up; time in which the
processes were stopped does not count.
"""
import argparse
import os
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

from data import load_rows
from model import Model, Shape
from optim import optimizers

SHORT, LONG = 256, 512          # row lengths; the long ones come last
LONG_FROM = 0.73                # share of the budget after which rows are long
MICRO_TOKENS, MICROS = 1024, 6  # tokens of one micro-batch, micro-batches in a step
WARMUP, DECAY_FROM, CLIP = 0.01, 0.30, 1.0
LONGEST_STEP_S = 20             # whatever a step takes above this was a pause


def batch(rows, used, first, n):
    at = np.arange(first, first + n) % len(rows)
    x = torch.from_numpy(rows[at].astype(np.int64))
    y = x[:, 1:].clone()
    y[torch.arange(y.shape[1]) >= torch.from_numpy(used[at].astype(np.int64) - 1)[:, None]] = -100
    return x[:, :-1], y


def loss_sum(model, x, y):
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(x)
    return F.cross_entropy(logits.float().flatten(0, 1), y.flatten(), ignore_index=-100,
                           reduction="sum")


@torch.no_grad()
def valid_loss(model, valid, n=48):
    x, y = batch(*valid, 0, n)
    total = sum(loss_sum(model, x[i:i + 4], y[i:i + 4]).item() for i in range(0, n, 4))
    return total / (y >= 0).sum().item()


def rate(progress):
    if progress < WARMUP:
        return progress / WARMUP
    return max(0.0, min(1.0, (1 - progress) / (1 - DECAY_FROM)))


def save(path, state):
    torch.save(state, path + ".new")
    os.replace(path + ".new", path)


def add_up(model):
    """The sum over all processes of every gradient."""
    ps = [p for p in model.parameters()]
    flat = torch.cat([(p.grad if p.grad is not None else torch.zeros_like(p)).flatten() for p in ps])
    dist.all_reduce(flat)
    for p, g in zip(ps, flat.split([p.numel() for p in ps])):
        p.grad = g.view_as(p)


def worker(rank, a, counter):
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    dist.init_process_group("gloo", f"file://{a.work}/rendezvous", rank=rank, world_size=a.processes)
    short, long, valid = (load_rows(a.work, "train", SHORT, (0, LONG_FROM)),
                          load_rows(a.work, "train", LONG, (LONG_FROM, 1)),
                          load_rows(a.work, "valid", SHORT))
    model = Model(Shape(n_vocab=a.vocab))
    opts = optimizers(model, a.lr_matrix, a.lr_embed, a.weight_decay)
    loss_of = torch.compile(loss_sum, dynamic=False) if a.compile else loss_sum
    path = os.path.join(a.work, "checkpoint.pt")
    step, seen, spent, used_short, used_long = 0, 0, 0.0, 0, 0
    if a.resume:
        c = torch.load(path, weights_only=False)
        model.load_state_dict(c["model"])
        for o, s in zip(opts, c["opts"]):
            o.load_state_dict(s)
        step, seen, spent, used_short, used_long = c["at"]
    log = open(os.path.join(a.work, "train.log"), "a" if a.resume else "w", buffering=1) if rank == 0 else None
    if log and not a.resume:
        log.write(f"# {sum(p.numel() for p in model.parameters())} parameters, torch {torch.__version__}\n")
        log.write("#  step    tokens  minutes   rate   loss  valid  tokens/s\n")
    saved = spent
    mean, last = None, (seen, spent)
    while True:
        began = time.monotonic()
        # The first process decides, so that all agree.
        status = torch.tensor([spent / 60 / a.minutes if a.minutes else seen / a.tokens])
        dist.broadcast(status, 0)
        progress = status.item()
        if progress >= 1:
            break
        is_long = progress >= LONG_FROM
        rows, used = long if is_long else short
        n = MICRO_TOKENS // (LONG if is_long else SHORT)
        first = used_long if is_long else used_short
        total = torch.zeros(2)
        while True:
            with counter.get_lock():
                k = counter.value - step * MICROS
                if k >= MICROS:
                    break
                counter.value += 1
            x, y = batch(rows, used, first + k * n, n)
            loss = loss_of(model, x, y)
            (loss / (MICRO_TOKENS * MICROS)).backward()
            total += torch.tensor([loss.item(), (y >= 0).sum().item()])
        add_up(model)
        dist.all_reduce(total)
        torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for o in opts:
            for g in o.param_groups:
                g["lr"] = g["peak"] * rate(progress)
            o.step()
            o.zero_grad()
        step, seen = step + 1, seen + int(total[1])
        used_short, used_long = (used_short, used_long + n * MICROS) if is_long else \
            (used_short + n * MICROS, used_long)
        spent += min(time.monotonic() - began, LONGEST_STEP_S)
        now = (total[0] / total[1]).item()
        mean = now if mean is None else mean + 0.02 * (now - mean)
        if step % 50 == 0 and rank == 0:
            v = f"{valid_loss(model, valid):.4f}" if step % 200 == 0 else "-"
            speed = (seen - last[0]) / max(1e-9, spent - last[1])
            last = (seen, spent)
            log.write(f"{step:7d} {seen:9d} {spent / 60:8.2f} {rate(progress):6.3f} {mean:.4f} {v:>6} {speed:9.0f}\n")
        if spent - saved > 240 and rank == 0:
            saved = spent
            save(path, dict(model=model.state_dict(), opts=[o.state_dict() for o in opts],
                            shape=model.shape, at=(step, seen, spent, used_short, used_long)))
    if rank == 0:
        log.write(f"# done: {step} steps, {seen} tokens, {spent / 60:.1f} minutes, "
                  f"valid {valid_loss(model, valid, 96):.4f}\n")
        save(path, dict(model=model.state_dict(), opts=[], shape=model.shape,
                        at=(step, seen, spent, used_short, used_long)))


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--work", required=True)
    p.add_argument("--minutes", type=float, default=0)
    p.add_argument("--tokens", type=float, default=0)
    p.add_argument("--processes", type=int, default=2)
    p.add_argument("--vocab", type=int, default=2816)
    p.add_argument("--lr-matrix", type=float, default=0.02)
    p.add_argument("--lr-embed", type=float, default=0.004)
    p.add_argument("--weight-decay", type=float, default=0.05)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--compile", action="store_true")
    p.add_argument("--resume", action="store_true")
    a = p.parse_args()
    a.work = os.path.abspath(a.work)
    for split, length, part in (("train", SHORT, (0, LONG_FROM)), ("train", LONG, (LONG_FROM, 1)),
                                ("valid", SHORT, (0, 1))):
        load_rows(a.work, split, length, part)
    meeting = os.path.join(a.work, "rendezvous")
    if os.path.exists(meeting):
        os.remove(meeting)
    done = torch.load(os.path.join(a.work, "checkpoint.pt"), weights_only=False)["at"][0] if a.resume else 0
    counter = mp.get_context("spawn").Value("q", done * MICROS)
    mp.spawn(worker, (a, counter), nprocs=a.processes)


if __name__ == "__main__":
    main()
