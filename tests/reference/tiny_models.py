#!/usr/bin/env python3
"""The small random-weight models beside this file, and what transformers says about them.

    python3 tiny_models.py          writes tiny-*.gguf, checks forward64.py against transformers

Weights are random but not small: with the usual standard deviation of 0.02 every
head would look everywhere alike and every error would hide.  Needs torch,
transformers, numpy, gguf.
"""
import os
import sys
import tempfile

import gguf
import numpy as np
import torch
import transformers
from gguf.quants import quantize
from transformers import GPT2Config, LlamaConfig, Qwen2Config

import forward64
import hf_to_gguf

HERE = os.path.dirname(os.path.abspath(__file__))
N_VOCAB, N_CTX, N_POS = 300, 64, 40

LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 32}
CONFIGS = {
    "tiny-gpt2": GPT2Config(vocab_size=N_VOCAB, n_positions=N_CTX, n_embd=48, n_layer=2, n_head=4, n_inner=96,
                            bos_token_id=256, eos_token_id=256),
    "tiny-qwen2": Qwen2Config(vocab_size=N_VOCAB, max_position_embeddings=N_CTX, hidden_size=48, num_hidden_layers=2,
                              num_attention_heads=4, num_key_value_heads=2, intermediate_size=80, rms_norm_eps=1e-6,
                              rope_parameters={"rope_type": "default", "rope_theta": 10000.0}, tie_word_embeddings=True),
    # Grouped heads three to one, positions squeezed by linear scaling, a head of its own.
    "tiny-llama": LlamaConfig(vocab_size=N_VOCAB, max_position_embeddings=N_CTX, hidden_size=48, num_hidden_layers=2,
                              num_attention_heads=6, num_key_value_heads=2, intermediate_size=80, rms_norm_eps=1e-5,
                              rope_parameters={"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0},
                              tie_word_embeddings=False),
    # Llama 3's frequency factors, one key head for all, tied head.
    "tiny-llama3": LlamaConfig(vocab_size=N_VOCAB, max_position_embeddings=N_CTX, hidden_size=48, num_hidden_layers=2,
                               num_attention_heads=3, num_key_value_heads=1, intermediate_size=80, rms_norm_eps=1e-5,
                               rope_parameters=LLAMA3, tie_word_embeddings=True),
}
MODELS = {"gpt2": "GPT2LMHeadModel", "qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}

# One type per matrix, all thirteen between the two; token_embd is read row by row.
QUANT_BASIC = {"token_embd": "Q8_0", "output": "F16", "attn_q": "Q4_0", "attn_k": "BF16", "attn_v": "F32",
               "attn_output": "Q4_1", "ffn_gate": "Q5_0", "ffn_up": "Q5_1", "ffn_down": "Q8_0"}
QUANT_K = {"token_embd": "Q2_K", "output": "Q6_K", "attn_q": "Q2_K", "attn_k": "Q3_K", "attn_v": "Q5_K",
           "attn_output": "Q4_K", "ffn_gate": "Q6_K", "ffn_up": "Q3_K", "ffn_down": "Q4_K"}


def tokens():
    return np.random.default_rng(7).integers(0, N_VOCAB, N_POS).astype(np.int32)


def randomise(model, seed):
    """Every parameter drawn afresh, rounded to float32 so that files hold it exactly."""
    rng = np.random.default_rng(seed)
    for name, p in model.named_parameters():
        x = rng.standard_normal(tuple(p.shape))
        if name.endswith("bias"):
            x *= 0.2
        elif p.ndim == 1:
            x = 1 + 0.2 * x
        elif "emb" in name or "wte" in name or "wpe" in name or "lm_head" in name:
            x *= 0.4
        else:
            fan_in = p.shape[0] if "c_" in name else p.shape[1]
            x *= 1.6 / np.sqrt(fan_in)
        p.data = torch.from_numpy(x.astype(np.float32))


class WideTorch:
    """torch, but whoever asks for float32 gets float64."""
    float32 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def stay_in_double(model):
    """transformers computes angles, norms and the softmax in float32 whatever the
    type of the model; after this, in float64."""
    sys.modules[type(model).__module__].torch = WideTorch()
    rotary = getattr(getattr(model, "model", None), "rotary_emb", None)
    if rotary is None:
        return
    p = hf_to_gguf.rope_parameters(model.config)
    d_head = model.config.hidden_size // model.config.num_attention_heads
    freq = p["rope_theta"] ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
    factors = hf_to_gguf.llama3_factors(model.config)
    if factors is not None:
        # The ones it computed itself agree to float32; then the ones the file holds.
        assert np.abs(rotary.inv_freq.numpy() / (freq.numpy() / factors) - 1).max() < 1e-6
        freq = freq / torch.from_numpy(factors.astype(np.float64))
    if p.get("rope_type") == "linear":
        freq = freq / p["factor"]

    def angles(x, position_ids):
        a = position_ids[..., None].double() * freq
        a = torch.cat([a, a], dim=-1)
        return a.cos(), a.sin()

    rotary.forward = angles


def from_transformers(name, seed):
    """Saves, loads and converts one model; its logits in float64."""
    cfg = CONFIGS[name]
    cls = getattr(transformers, MODELS[cfg.model_type])
    model = cls(cfg)
    randomise(model, seed)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        model = cls.from_pretrained(folder, attn_implementation="eager")
    hf_to_gguf.write(os.path.join(HERE, name + ".gguf"), model, name)
    model = model.double().eval()
    ids = torch.from_numpy(tokens().astype(np.int64))[None]
    with torch.no_grad():
        as_is = model(ids).logits[0].numpy()
        stay_in_double(model)
        run = model(ids, output_attentions=True)
    return run.logits[0].numpy(), [a[0].numpy() for a in run.attentions], as_is


def check(name, seed):
    logits, attn, as_is = from_transformers(name, seed)
    ours = forward64.forward(forward64.Model(os.path.join(HERE, name + ".gguf")), tokens())
    off = np.abs(ours["logits"] - logits).max()
    off_attn = max(np.abs(a - b).max() for a, b in zip(ours["attn"], attn))
    print(f"{name}: forward64 against transformers {off:.1e} (attention {off_attn:.1e}; "
          f"with transformers' own float32 parts {np.abs(ours['logits'] - as_is).max():.1e}), "
          f"largest logit {np.abs(logits).max():.1f}")
    assert off < 1e-10 and off_attn < 1e-10


def k_blocks(rng, kind, rows, cols, std):
    """Random but valid blocks of a K-quant: the package reads them and does not write them."""
    layout = {  # bytes of quants and packed scales around the f16 scales; their typical step
        "Q2_K": (84, (80, 82)), "Q3_K": (110, (108,)), "Q4_K": (144, (0, 2)),
        "Q5_K": (176, (0, 2)), "Q6_K": (210, (208,)),
    }
    size, halves = layout[kind]
    n = rows * cols // 256
    raw = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for at in halves:
        raw[:, at:at + 2] = np.full(n, 1.0, np.float16).view(np.uint8).reshape(n, 2)
    type_ = gguf.GGMLQuantizationType[kind]
    # Scale d alone to the wanted spread, then dmin so that the mean comes out near zero.
    d, dmin = (halves + (None,))[:2]

    def put(at, value):
        v = (value * rng.uniform(0.8, 1.2, n)).astype(np.float16)
        raw[:, at:at + 2] = v.view(np.uint8).reshape(n, 2)

    if dmin is not None:
        put(dmin, 0.0)
    unit = gguf.quants.dequantize(raw, type_)
    put(d, std / unit.std())
    if dmin is not None:
        high = gguf.quants.dequantize(raw, type_).mean()
        put(dmin, 1.0)
        low = high - gguf.quants.dequantize(raw, type_).mean()
        put(dmin, high / low)
    return raw.reshape(rows, -1)


def quantized(name, types, d_model, d_ff, n_heads, n_kv_heads, seed):
    """A Llama of one layer whose matrices have the types of the table."""
    rng = np.random.default_rng(seed)
    kv = d_model // n_heads * n_kv_heads
    shapes = {"token_embd": (N_VOCAB, d_model), "blk.0.attn_q": (d_model, d_model), "blk.0.attn_k": (kv, d_model),
              "blk.0.attn_v": (kv, d_model), "blk.0.attn_output": (d_model, d_model), "blk.0.ffn_gate": (d_ff, d_model),
              "blk.0.ffn_up": (d_ff, d_model), "blk.0.ffn_down": (d_model, d_ff), "output": (N_VOCAB, d_model)}
    w = gguf.GGUFWriter(os.path.join(HERE, name + ".gguf"), "llama")
    w.add_name(name)
    hf_to_gguf.write_shape(w, LlamaConfig(
        vocab_size=N_VOCAB, max_position_embeddings=N_CTX, hidden_size=d_model, num_hidden_layers=1,
        num_attention_heads=n_heads, num_key_value_heads=n_kv_heads, intermediate_size=d_ff, rms_norm_eps=1e-5))
    hf_to_gguf.write_vocab(w, N_VOCAB, byte_level=False)
    for norm in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        w.add_tensor(norm + ".weight", (1 + 0.2 * rng.standard_normal(d_model)).astype(np.float32))
    for tensor, (rows, cols) in shapes.items():
        kind = types[tensor.rsplit(".", 1)[-1]]
        # The same spread of logits as the narrower models above.
        std = 0.4 * np.sqrt(48 / d_model) if tensor in ("token_embd", "output") else 1.6 / np.sqrt(cols)
        if kind.endswith("_K"):
            data = k_blocks(rng, kind, rows, cols, std)
        else:
            data = quantize((std * rng.standard_normal((rows, cols))).astype(np.float32), gguf.GGMLQuantizationType[kind])
        w.add_tensor(tensor + ".weight", data, raw_dtype=gguf.GGMLQuantizationType[kind])
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    for seed, name in enumerate(CONFIGS, 1):
        check(name, seed)
    quantized("tiny-quants", QUANT_BASIC, d_model=128, d_ff=160, n_heads=4, n_kv_heads=2, seed=11)
    quantized("tiny-kquants", QUANT_K, d_model=256, d_ff=256, n_heads=4, n_kv_heads=1, seed=12)
    for name in [*CONFIGS, "tiny-quants", "tiny-kquants"]:
        print(f"{name}.gguf: {os.path.getsize(os.path.join(HERE, name + '.gguf'))} bytes")


if __name__ == "__main__":
    main()
