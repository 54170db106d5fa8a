#!/usr/bin/env python3
"""A small model saved by Hugging Face transformers, as a GGUF file.

    python3 hf_to_gguf.py FOLDER OUT.gguf

Knows gpt2, llama and qwen2 as their configs name them.  The vocabulary it writes
is a synthetic one of the right size (256 bytes and a few letters): the models
it is for have random weights and no tokenizer.  Two things change on the way:
GPT-2's Conv1D matrices are stored [in][out] and are transposed; Llama's q and k
rows are reordered, because transformers rotates channels (i, i + n/2) and GGUF's
llama rotates (2i, 2i + 1).  Needs torch, transformers, numpy and gguf.
"""
import math
import sys

import gguf
import numpy as np

GPT2 = {
    "transformer.wte.weight": "token_embd.weight", "transformer.wpe.weight": "position_embd.weight",
    "transformer.ln_f.weight": "output_norm.weight", "transformer.ln_f.bias": "output_norm.bias",
}
GPT2_LAYER = {
    "ln_1": "attn_norm", "attn.c_attn": "attn_qkv", "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm", "mlp.c_fc": "ffn_up", "mlp.c_proj": "ffn_down",
}
LLAMA = {
    "model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
LLAMA_LAYER = {
    "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def to_pairs(w, n_heads):
    """Rows of each head from halves (i, i + n/2) to pairs (2i, 2i + 1)."""
    return w.reshape(n_heads, 2, -1, *w.shape[1:]).swapaxes(1, 2).reshape(w.shape)


def tensors(model):
    """GGUF name and float32 array of every tensor of a transformers model."""
    cfg = model.config
    gpt2 = cfg.model_type == "gpt2"
    fixed, layer, prefix = (GPT2, GPT2_LAYER, "transformer.h.") if gpt2 else (LLAMA, LLAMA_LAYER, "model.layers.")
    for name, value in model.state_dict().items():
        w = value.detach().float().numpy()
        if name in fixed:
            if not (fixed[name] == "output.weight" and cfg.tie_word_embeddings):
                yield fixed[name], w
            continue
        if not name.startswith(prefix):
            continue
        number, rest = name[len(prefix):].split(".", 1)
        stem, kind = rest.rsplit(".", 1)
        if stem not in layer:
            continue
        if gpt2 and w.ndim == 2:
            w = w.T
        if cfg.model_type == "llama" and layer[stem] == "attn_q":
            w = to_pairs(w, cfg.num_attention_heads)
        if cfg.model_type == "llama" and layer[stem] == "attn_k":
            w = to_pairs(w, cfg.num_key_value_heads)
        yield f"blk.{number}.{layer[stem]}.{kind}", np.ascontiguousarray(w)


def rope_parameters(cfg):
    """Older transformers keep the base beside the scaling, newer ones inside it."""
    p = dict(getattr(cfg, "rope_scaling", None) or {})
    p.update(getattr(cfg, "rope_parameters", None) or {})
    p.setdefault("rope_theta", getattr(cfg, "rope_theta", 10000.0))
    return p


def llama3_factors(cfg):
    """What each frequency is divided by (transformers' llama3 scaling), or None."""
    p = rope_parameters(cfg)
    if p.get("rope_type") != "llama3":
        return None
    d_head = cfg.hidden_size // cfg.num_attention_heads
    factors = []
    for i in range(0, d_head, 2):
        length = 2 * math.pi * p["rope_theta"] ** (i / d_head)
        context = p["original_max_position_embeddings"]
        smooth = (context / length - p["low_freq_factor"]) / (p["high_freq_factor"] - p["low_freq_factor"])
        smooth = min(max(smooth, 0.0), 1.0)
        factors.append(1 / ((1 - smooth) / p["factor"] + smooth))
    return np.array(factors, np.float32)


def write_shape(w, cfg):
    if cfg.model_type == "gpt2":
        w.add_context_length(cfg.n_positions)
        w.add_embedding_length(cfg.n_embd)
        w.add_block_count(cfg.n_layer)
        w.add_feed_forward_length(cfg.n_inner or 4 * cfg.n_embd)
        w.add_head_count(cfg.n_head)
        w.add_layer_norm_eps(cfg.layer_norm_epsilon)
        return
    p = rope_parameters(cfg)
    w.add_context_length(cfg.max_position_embeddings)
    w.add_embedding_length(cfg.hidden_size)
    w.add_block_count(cfg.num_hidden_layers)
    w.add_feed_forward_length(cfg.intermediate_size)
    w.add_head_count(cfg.num_attention_heads)
    w.add_head_count_kv(cfg.num_key_value_heads)
    w.add_layer_norm_rms_eps(cfg.rms_norm_eps)
    w.add_rope_freq_base(p["rope_theta"])
    if cfg.model_type == "llama":
        w.add_rope_dimension_count(cfg.hidden_size // cfg.num_attention_heads)
        w.add_vocab_size(cfg.vocab_size)
    if p.get("rope_type") == "linear":
        w.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        w.add_rope_scaling_factor(p["factor"])


def gpt2_alphabet():
    """The printable stand-ins that byte-level vocabularies use for the 256 bytes."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    return [chr(b) if b in plain else chr(256 + rest.index(b)) for b in range(256)]


def write_vocab(w, n, byte_level):
    letters = "etaoinshrdlcumwfgypbvkjxqz"
    if byte_level:
        pairs = [(a, b) for a in letters for b in letters][:n - 257]
        w.add_tokenizer_model("gpt2")
        w.add_tokenizer_pre("gpt-2")
        w.add_token_list(gpt2_alphabet() + ["<|endoftext|>"] + [a + b for a, b in pairs])
        w.add_token_types([1] * 256 + [3] + [1] * len(pairs))
        w.add_token_merges([f"{a} {b}" for a, b in pairs])
        w.add_bos_token_id(256)
        w.add_eos_token_id(256)
        return
    pieces = (["\u2581", *letters] + ["\u2581" + a for a in letters])[:n - 259]
    w.add_tokenizer_model("llama")
    w.add_token_list(["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + pieces)
    w.add_token_scores([0.0] * 259 + [-float(i) for i in range(len(pieces))])
    w.add_token_types([2, 3, 3] + [6] * 256 + [1] * len(pieces))
    w.add_bos_token_id(1)
    w.add_eos_token_id(2)
    w.add_unk_token_id(0)
    w.add_add_bos_token(True)


def write(path, model, name):
    cfg = model.config
    w = gguf.GGUFWriter(path, cfg.model_type)
    w.add_name(name)
    write_shape(w, cfg)
    write_vocab(w, cfg.vocab_size, byte_level=cfg.model_type != "llama")
    factors = llama3_factors(cfg)
    if factors is not None:
        w.add_tensor("rope_freqs.weight", factors)
    for tensor, value in tensors(model):
        w.add_tensor(tensor, value)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def main():
    from transformers import AutoModelForCausalLM
    folder, out = sys.argv[1:]
    write(out, AutoModelForCausalLM.from_pretrained(folder), folder.rstrip("/").rsplit("/", 1)[-1])


if __name__ == "__main__":
    main()
