#include "engine/hparams.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/cursor.h"
#include "engine/gguf.h"

/* Far above any model, and low enough for the promise in the header. */
enum {
	MAX_LAYERS = 1024, MAX_WIDTH = 65536, MAX_FF = 1 << 20, MAX_VOCAB = 1 << 20, MAX_CTX = 1 << 24,
};

static bool in_range(const char *field, int v, int lo, int hi, struct err *e)
{
	return v >= lo && v <= hi ? true : err_set(e, ERR_FILE, "%s is %d, expected %d to %d", field, v, lo, hi);
}

static bool positive(const char *field, float v, double lo, double hi, struct err *e)
{
	return isfinite(v) && (double)v >= lo && (double)v <= hi ? true :
	    err_set(e, ERR_FILE, "%s is %g, expected %g to %g", field, (double)v, lo, hi);
}

bool hparams_check(const struct hparams *hp, struct err *e)
{
	bool turns = hp->arch->rope != ROPE_NONE;

	if (!in_range("block_count (layers)", hp->n_layers, 1, MAX_LAYERS, e) ||
	    !in_range("embedding_length", hp->d_model, 1, MAX_WIDTH, e) ||
	    !in_range("attention.head_count", hp->n_heads, 1, hp->d_model, e) ||
	    !in_range("attention.head_count_kv", hp->n_kv_heads, 1, hp->n_heads, e) ||
	    !in_range("feed_forward_length", hp->d_ff, 1, MAX_FF, e) ||
	    !in_range("vocabulary size", hp->n_vocab, 1, MAX_VOCAB, e) ||
	    !in_range("context_length", hp->n_ctx_train, 1, MAX_CTX, e))
		return false;
	if (hp->d_model % hp->n_heads)
		return err_set(e, ERR_FILE, "embedding_length %d is not a multiple of attention.head_count %d", hp->d_model, hp->n_heads);
	if (hp->n_heads % hp->n_kv_heads)
		return err_set(e, ERR_FILE, "attention.head_count %d is not a multiple of attention.head_count_kv %d",
		    hp->n_heads, hp->n_kv_heads);
	if (hp->d_head != hp->d_model / hp->n_heads)
		return err_set(e, ERR_UNSUPPORTED, "heads have %d channels, expected embedding_length / head_count = %d",
		    hp->d_head, hp->d_model / hp->n_heads);
	if (!in_range("rope.dimension_count", hp->n_rot, turns ? 2 : 0, turns ? hp->d_head : 0, e))
		return false;
	if (hp->n_rot % 2)
		return err_set(e, ERR_FILE, "rope.dimension_count is %d, expected an even number", hp->n_rot);
	return positive("norm epsilon", hp->norm_eps, FLT_MIN, 1, e) &&
	    positive("rope.freq_base", hp->rope_base, 1, 1e12, e) &&
	    positive("rope.scaling.factor", hp->rope_scale, 1e-3, 1e6, e);
}

/* Reads ARCH.key from one file; the first failure stays in `e`. */
struct reader {
	const struct gguf *g;
	const char *arch;
	struct err *e;
};

enum { KEY_ROOM = 96, REQUIRED = -1 };

static const char *key_of(const struct reader *r, const char *key, char *out)
{
	snprintf(out, KEY_ROOM, "%s.%s", r->arch, key);
	return out;
}

/* `fallback` is what an absent key means; REQUIRED when it may not be absent. */
static bool count(const struct reader *r, const char *name, int hi, int fallback, int *out)
{
	char key[KEY_ROOM];
	const struct gguf_value *v = gguf_find(r->g, key_of(r, name, key));
	int64_t i = fallback;

	if (!v && fallback == REQUIRED)
		return err_set(r->e, ERR_FILE, "key %s is missing", key);
	if (v && v->is_array)
		return err_set(r->e, ERR_UNSUPPORTED, "key %s at offset 0x%zx: is an array; layers of different shapes are not supported",
		    key, v->offset);
	if (!gguf_int(r->g, key, fallback == 0 ? 0 : 1, hi, &i, r->e))
		return false;
	*out = (int)i;
	return true;
}

static bool real(const struct reader *r, const char *name, double lo, double hi, bool required, float *out)
{
	char key[KEY_ROOM];
	double d = (double)*out;

	if (required && !gguf_find(r->g, key_of(r, name, key)))
		return err_set(r->e, ERR_FILE, "key %s is missing", key);
	if (!gguf_float(r->g, key_of(r, name, key), lo, hi, &d, r->e))
		return false;
	*out = (float)d;
	return true;
}

static bool read_arch(struct hparams *hp, const struct gguf *g, struct err *e)
{
	char text[64], known[200] = "";
	const char *s;
	size_t n;

	if (!gguf_str(g, "general.architecture", &s, &n, e))
		return false;
	if (!s)
		return err_set(e, ERR_UNSUPPORTED, "key general.architecture is missing: the file does not say what model it is");
	hp->arch = arch_find(s, n);
	for (size_t i = 0; !hp->arch && i < n_archs; i++)
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", archs[i].name);
	if (!hp->arch)
		return err_set(e, ERR_UNSUPPORTED, "architecture \"%s\" is not supported, expected one of %s",
		    cursor_printable(s, n, text, sizeof text), known);
	return true;
}

static bool refuse_above(const struct reader *r, const char *name, int harmless, const char *what)
{
	char key[KEY_ROOM];
	int v = harmless;

	if (!count(r, name, INT32_MAX, 0, &v))
		return false;
	return v <= harmless ? true :
	    err_set(r->e, ERR_UNSUPPORTED, "key %s is %d: %s are not supported", key_of(r, name, key), v, what);
}

/* Traits of a file that would change the result and that no row of archs.def has. */
static bool refuse_unknown(const struct reader *r, const struct hparams *hp)
{
	char key[KEY_ROOM];
	bool causal = true;
	int window = 0, width = 0;

	if (!refuse_above(r, "expert_count", 0, "mixtures of experts") ||
	    !gguf_bool(r->g, key_of(r, "attention.causal", key), &causal, r->e) ||
	    !count(r, "attention.sliding_window", INT32_MAX, 0, &window))
		return false;
	if (!causal)
		return err_set(r->e, ERR_UNSUPPORTED, "key %s is false: only causal attention is supported", key);
	/* A window that no context of this model reaches the end of changes nothing. */
	if (window > 0 && window < hp->n_ctx_train)
		return err_set(r->e, ERR_UNSUPPORTED, "key %s is %d: sliding windows shorter than the context (%d) are not supported",
		    key_of(r, "attention.sliding_window", key), window, hp->n_ctx_train);
	for (int i = 0; i < 2; i++) {
		const char *name = i ? "attention.value_length" : "attention.key_length";

		if (!count(r, name, MAX_WIDTH, hp->d_head, &width))
			return false;
		if (width != hp->d_head)
			return err_set(r->e, ERR_UNSUPPORTED, "key %s is %d, expected embedding_length / head_count = %d",
			    key_of(r, name, key), width, hp->d_head);
	}
	return true;
}

/* As llama.cpp reads it: linear unless a type says otherwise, and a factor of 0
 * is none; scale_linear is the name of the factor in old files. */
static bool read_rope_scaling(const struct reader *r, struct hparams *hp)
{
	char key[KEY_ROOM], text[40];
	const char *s;
	size_t n;
	float factor = 0;

	if (!gguf_str(r->g, key_of(r, "rope.scaling.type", key), &s, &n, r->e))
		return false;
	bool none = s && n == 4 && !memcmp(s, "none", 4);
	if (s && !none && !(n == 6 && !memcmp(s, "linear", 6)))
		return err_set(r->e, ERR_UNSUPPORTED, "key %s is \"%s\", expected none or linear", key,
		    cursor_printable(s, n, text, sizeof text));
	if (!real(r, "rope.scale_linear", 0, 1e6, false, &factor) || !real(r, "rope.scaling.factor", 0, 1e6, false, &factor))
		return false;
	if (factor > 0 && !none)
		hp->rope_scale = factor;
	return true;
}

static bool read_rope(const struct reader *r, struct hparams *hp)
{
	if (hp->arch->rope == ROPE_NONE)
		return true;
	if (!count(r, "rope.dimension_count", MAX_WIDTH, hp->d_head, &hp->n_rot))
		return false;
	return real(r, "rope.freq_base", 1, 1e12, false, &hp->rope_base) && read_rope_scaling(r, hp);
}

static bool read_vocab_size(struct hparams *hp, const struct gguf *g, struct err *e)
{
	const struct tensor_dir *dir = gguf_tensors(g);
	const struct tensor *t = tensor_find(dir, "token_embd.weight");

	if (dir->n == 0)
		return err_set(e, ERR_UNSUPPORTED, "holds no tensors: a vocabulary, not a model");
	if (!t)
		return err_set(e, ERR_FILE, "tensor token_embd.weight is missing");
	if (t->rows > MAX_VOCAB)
		return err_set(e, ERR_FILE, "tensor token_embd.weight has %zu rows, expected at most %d", t->rows, MAX_VOCAB);
	hp->n_vocab = (int)t->rows;
	return true;
}

static bool read_counts(const struct reader *r, struct hparams *hp)
{
	if (!count(r, "block_count", MAX_LAYERS, REQUIRED, &hp->n_layers) ||
	    !count(r, "embedding_length", MAX_WIDTH, REQUIRED, &hp->d_model) ||
	    !count(r, "feed_forward_length", MAX_FF, REQUIRED, &hp->d_ff) ||
	    !count(r, "context_length", MAX_CTX, REQUIRED, &hp->n_ctx_train) ||
	    !count(r, "attention.head_count", MAX_WIDTH, REQUIRED, &hp->n_heads) ||
	    !count(r, "attention.head_count_kv", MAX_WIDTH, hp->n_heads, &hp->n_kv_heads))
		return false;
	hp->d_head = hp->d_model / hp->n_heads;
	if ((size_t)hp->n_layers > gguf_tensors(r->g)->n)
		return err_set(r->e, ERR_FILE, "key %s.block_count is %d, but the file holds only %zu tensors", r->arch, hp->n_layers,
		    gguf_tensors(r->g)->n);
	return true;
}

bool hparams_read(struct hparams *hp, const struct gguf *g, struct err *e)
{
	struct reader r = { .g = g, .e = e };
	const char *eps;

	*hp = (struct hparams){ .rope_base = 10000, .rope_scale = 1 };
	if (!read_arch(hp, g, e))
		return false;
	r.arch = hp->arch->name;
	eps = hp->arch->norm == NORM_RMS ? "attention.layer_norm_rms_epsilon" : "attention.layer_norm_epsilon";
	return read_vocab_size(hp, g, e) && read_counts(&r, hp) &&
	    real(&r, eps, FLT_MIN, 1, true, &hp->norm_eps) &&
	    read_rope(&r, hp) && refuse_unknown(&r, hp) && hparams_check(hp, e);
}
