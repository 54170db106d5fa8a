"""Finds neurons that name a topic and shows what clamping them does.

    python3 find_neurons.py --model demo.gguf [--topic dogs]

Reads every neuron through the LM head: its up row and its gate row (what it looks
for) and its down column (what it writes; "gain" with the gain of the final norm),
and looks for words of one topic among the five first tokens.  The best candidates
of each topic are then held at constant values (mlp_post, all positions).  The table
gives the probability, before and after, that the next token is a word of the topic
after the neutral prompts (a), (b) and (c) below.
"""
import argparse

import torch

from play import Clamp, Player
from topicwords import topic_words

# (a), (b) and (c) of the table
NEUTRAL = ["Question: What are you thinking about?\nAnswer: I am thinking about the",
           "The book is about the", "Question: What do you see?\nAnswer: I see a"]
VALUES = [s * v for v in (20, 40, 60, 80, 120, 160, 240, 320) for s in (1, -1)]
LIKELY = 0.5   # mean probability of the topic's words that is enough
TRIES = 8      # candidates tried per topic
TOP = 5


def readings(player):
    """(name, layer, [d_ff][n_vocab] scores) for every way of reading a neuron."""
    m = player.model
    head, final = m.token_embd.weight, m.output_norm.weight
    for l, b in enumerate(m.blk):
        yield "up", l, b.ffn_up.weight @ head.T
        yield "gate", l, b.ffn_gate.weight @ head.T
        yield "down", l, b.ffn_down.weight.T @ head.T
        yield "down gain", l, (b.ffn_down.weight.T * final) @ head.T


def candidates(player, words):
    """For each topic a list of (hits, strength, reading, sign, layer, neuron, top tokens)."""
    piece = [player.piece(v).strip().lower() for v in range(player.shape.n_vocab)]
    member = {t: torch.tensor([p in ws for p in piece]) for t, ws in words.items()}
    found = {t: [] for t in words}
    for name, l, scores in readings(player):
        for sign in (1, -1):
            best = (sign * scores).topk(TOP, 1)
            for t, m in member.items():
                hits = m[best.indices].sum(1)
                for i in (hits >= 2).nonzero()[:, 0].tolist():
                    tops = [player.piece(v) for v in best.indices[i].tolist()]
                    z = (best.values[i].mean() / scores[i].std()).item()
                    found[t].append((hits[i].item(), z, name, sign, l, i, tops))
    return {t: sorted(f, reverse=True) for t, f in found.items()}


def topic_probability(player, prompt, member, clamps=()):
    logits = player.forward(torch.tensor([player.encode(prompt)]), clamps=clamps)[0, -1]
    return logits.softmax(-1)[member].sum().item()


def sweep(player, member, l, i):
    """{value: [probability after each neutral prompt]}, None for no clamp."""
    rows = {None: [topic_probability(player, p, member) for p in NEUTRAL]}
    for v in VALUES:
        rows[v] = [topic_probability(player, p, member, [Clamp(l, i, v)]) for p in NEUTRAL]
    return rows


def best_value(rows):
    """The smallest value that makes the topic likely, or else the best one."""
    mean = {v: sum(rows[v]) / len(rows[v]) for v in VALUES}
    good = [v for v in VALUES if mean[v] >= LIKELY]
    return min(good, key=abs) if good else max(VALUES, key=mean.get)


def best_neuron(player, member, found):
    """The candidate whose clamp works best: (mean, value, rows, candidate)."""
    tried = {}
    for c in found:
        tried.setdefault(c[4:6], c)
    out = []
    for (l, i), c in list(tried.items())[:TRIES]:
        rows = sweep(player, member, l, i)
        v = best_value(rows)
        out.append((sum(rows[v]) / (1 + abs(v) / 100), v, rows, c))
    return max(out, key=lambda x: x[0]) if out else None


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--model", required=True)
    p.add_argument("--topic")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_grad_enabled(False)
    player, words = Player(a.model), topic_words()
    piece = [player.piece(v).strip().lower() for v in range(player.shape.n_vocab)]
    rows = []
    for t, found in candidates(player, words).items():
        member = torch.tensor([x in words[t] for x in piece])
        if (not a.topic or t == a.topic) and (best := best_neuron(player, member, found)):
            rows.append((best[3][0], best[0], t, best))
    print("| topic | neuron | read as | first words | value | " + " | ".join(f"after ({k})" for k in "abc") + " |")
    print("|---|---|---|---|---|" + "---|" * len(NEUTRAL))
    for hits, _, t, (_, v, sweeps, (_, _, name, sign, l, i, tops)) in sorted(rows, reverse=True):
        cells = " | ".join(f"{x:.3f} → {y:.3f}" for x, y in zip(sweeps[None], sweeps[v]))
        print(f"| {t} | L{l} {i} | {'−' * (sign < 0)}{name} | {' '.join(x.strip() for x in tops)} | {v} | {cells} |")


if __name__ == "__main__":
    main()
