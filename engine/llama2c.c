#include "engine/llama2c.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/cursor.h"
#include "engine/base/mapfile.h"
#include "engine/base/mem.h"

enum { NAME_ROOM = 32, PER_LAYER = 9, GLOBALS = 3 };

struct llama2c {
	struct mapfile map;             /* empty when the bytes are somebody else's */
	size_t size;
	struct hparams hp;
	struct tensor_dir dir;
	char (*names)[NAME_ROOM];
};

/* "dim, hidden_dim, ..." of export.py; a negative vocab_size says that the
 * classifier is a matrix of its own. */
static bool read_header(struct llama2c *b, struct cursor *c, bool *own_head, struct err *e)
{
	static const char *const fields[] = {
		"dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len",
	};
	int32_t v[7];

	for (int i = 0; i < 7; i++) {
		size_t at = cursor_offset(c);

		v[i] = (int32_t)(uint32_t)cursor_uint(c, 4, fields[i]);
		if (cursor_ok(c) && (i == 5 ? v[i] == 0 || v[i] == INT32_MIN : v[i] <= 0))
			return cursor_fail(c, ERR_FILE, at, "%s is %" PRId32 ", expected at least 1", fields[i], v[i]);
	}
	if (!cursor_ok(c))
		return false;
	*own_head = v[5] < 0;
	b->hp = (struct hparams){
		.arch = arch_find("llama", 5),
		.d_model = v[0], .d_ff = v[1], .n_layers = v[2], .n_heads = v[3], .n_kv_heads = v[4],
		.n_vocab = *own_head ? -v[5] : v[5], .n_ctx_train = v[6],
		/* Constants of run.c, which the file does not carry. */
		.norm_eps = 1e-5f, .rope_base = 10000, .rope_scale = 1,
	};
	b->hp.d_head = b->hp.n_rot = v[0] / v[3];
	if (hparams_check(&b->hp, e))
		return true;
	return err_wrap(e, "%s: header", cursor_tail(c->file, 160));
}

/* The next rows x cols floats of the file as a tensor. */
static bool add(struct llama2c *b, struct cursor *c, const char *name, int l, int rows, int cols)
{
	struct tensor *t = &b->dir.t[b->dir.n];
	char *own = b->names[b->dir.n];
	size_t bytes;

	if (l >= 0)
		snprintf(own, NAME_ROOM, "blk.%d.%s", l, name);
	else
		snprintf(own, NAME_ROOM, "%s", name);
	*t = (struct tensor){
		.name = own, .type = DTYPE_F32, .n_dims = rows == 1 ? 1 : 2, .ne = { cols, rows, 1, 1 },
		.rows = (size_t)rows, .cols = (size_t)cols, .row_bytes = 4 * (size_t)cols,
	};
	cursor_enter(c, "tensor", b->dir.n);
	cursor_name(c, (const unsigned char *)own, strlen(own));
	if (!mem_mul(t->rows, t->row_bytes, &bytes))
		return cursor_fail(c, ERR_FILE, cursor_offset(c), "needs more bytes than can be addressed");
	t->data = cursor_bytes(c, bytes, "data");
	b->dir.n++;
	return cursor_ok(c);
}

static bool add_layers(struct llama2c *b, struct cursor *c, const char *name, int rows, int cols)
{
	for (int l = 0; l < b->hp.n_layers; l++)
		if (!add(b, c, name, l, rows, cols))
			return false;
	return true;
}

/* The order of run.c's memory_map_weights(). */
static bool read_tensors(struct llama2c *b, struct cursor *c, bool own_head)
{
	const struct hparams *hp = &b->hp;
	int d = hp->d_model, kv = hp->n_kv_heads * hp->d_head;

	if (!add(b, c, "token_embd.weight", -1, hp->n_vocab, d) ||
	    !add_layers(b, c, "attn_norm.weight", 1, d) ||
	    !add_layers(b, c, "attn_q.weight", d, d) ||
	    !add_layers(b, c, "attn_k.weight", kv, d) ||
	    !add_layers(b, c, "attn_v.weight", kv, d) ||
	    !add_layers(b, c, "attn_output.weight", d, d) ||
	    !add_layers(b, c, "ffn_norm.weight", 1, d) ||
	    !add_layers(b, c, "ffn_gate.weight", hp->d_ff, d) ||
	    !add_layers(b, c, "ffn_down.weight", d, hp->d_ff) ||
	    !add_layers(b, c, "ffn_up.weight", hp->d_ff, d) ||
	    !add(b, c, "output_norm.weight", -1, 1, d))
		return false;
	/* Tables of cosines and sines that run.c no longer reads either. */
	cursor_enter(c, "table freq_cis", 0);
	cursor_items(c, (uint64_t)hp->n_ctx_train * (uint64_t)hp->d_head, 4, "data");
	if (own_head)
		add(b, c, "output.weight", -1, hp->n_vocab, d);
	return cursor_ok(c);
}

struct llama2c *llama2c_open_mem(const char *label, const void *data, size_t size, struct err *e)
{
	struct llama2c *b = mem_zalloc(sizeof *b);
	struct cursor c;
	bool own_head = false;
	size_t n;

	b->size = size;
	cursor_init(&c, label, data, size, e);
	if (!read_header(b, &c, &own_head, e))
		goto fail;
	n = (size_t)b->hp.n_layers * PER_LAYER + GLOBALS;
	b->dir.t = mem_array(n, sizeof *b->dir.t);
	b->names = mem_array(n, sizeof *b->names);
	if (!read_tensors(b, &c, own_head))
		goto fail;
	cursor_enter(&c, NULL, 0);
	if (c.left) {
		cursor_fail(&c, ERR_FILE, cursor_offset(&c), "%zu bytes are left over; the header promises %zu", c.left, size - c.left);
		goto fail;
	}
	return b;
fail:
	llama2c_close(b);
	return NULL;
}

struct llama2c *llama2c_open(const char *path, struct err *e)
{
	struct mapfile map;
	struct llama2c *b;

	if (!mapfile_open(&map, path, e))
		return NULL;
	b = llama2c_open_mem(path, map.data, map.size, e);
	if (b)
		b->map = map;
	else
		mapfile_close(&map);
	return b;
}

void llama2c_close(struct llama2c *b)
{
	if (!b)
		return;
	free(b->names);
	free(b->dir.t);
	mapfile_close(&b->map);
	free(b);
}

const struct hparams *llama2c_hparams(const struct llama2c *b) { return &b->hp; }
const struct tensor_dir *llama2c_tensors(const struct llama2c *b) { return &b->dir; }
size_t llama2c_size(const struct llama2c *b) { return b->size; }
