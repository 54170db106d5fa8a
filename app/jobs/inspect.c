/*
 * inspect -- what a file holds, and whether it is whole.
 *
 * A file whose bytes are in order but which we cannot run is described all the
 * same; the reason stands in the report, on standard error and in the status.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/census.h"
#include "app/demo.h"
#include "app/metadata.h"
#include "app/out.h"
#include "app/report.h"
#include "app/setup.h"
#include "engine/base/hash.h"
#include "engine/base/mapfile.h"
#include "engine/base/mem.h"
#include "engine/base/table.h"
#include "engine/gguf.h"

enum { HASH_PIECE = 64 << 20 };

struct inspect {
	const struct options *o;
	const void *bytes;              /* of the whole file */
	size_t n_bytes;
	struct mapfile map;
	struct gguf *gguf;              /* NULL for llama2.c files */
	struct model *model;            /* NULL when the file cannot be run */
	struct err why_not;             /* then */
	struct vocab *own_vocab;        /* of a file without weights */
	const struct tensor_dir *dir;
	struct census *census;          /* [dir->n] */
	struct census sum;
	char sha[SHA256_TEXT];
};

static bool open_bytes(struct inspect *in, struct err *e)
{
	if (!strcmp(in->o->model, "demo"))
		return demo_bytes(&in->bytes, &in->n_bytes, e);
	if (!mapfile_open(&in->map, in->o->model, e))
		return false;
	in->bytes = in->map.data;
	in->n_bytes = in->map.size;
	return true;
}

/* A vocabulary without weights is a whole file too. */
static void open_vocabulary(struct inspect *in)
{
	struct err e = {.code = ERR_NONE};

	if (!(in->own_vocab = vocab_from_gguf(in->gguf, 0, &e)))
		in->why_not = e;
}

static bool open_file(struct inspect *in, struct err *e)
{
	if (!open_bytes(in, e))
		return false;
	if (in->n_bytes >= 4 && !memcmp(in->bytes, "GGUF", 4)) {
		if (!(in->gguf = gguf_open_mem(in->o->model, in->bytes, in->n_bytes, e)))
			return false;
		in->dir = gguf_tensors(in->gguf);
		if (!in->dir->n)
			open_vocabulary(in);
		else
			in->model = setup_model(in->o, &in->why_not);
		return true;
	}
	if (!(in->model = setup_model(in->o, e)))
		return false;
	in->dir = in->model->dir;
	return true;
}

static bool hash_file(struct inspect *in, struct err *e)
{
	unsigned char digest[SHA256_BYTES];
	struct sha256 h;

	sha256_start(&h);
	for (size_t i = 0; i < in->n_bytes; i += HASH_PIECE) {
		if (out_interrupted())
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		out_bar((double)i / (double)in->n_bytes, "reading the file");
		sha256_add(&h, (const char *)in->bytes + i,
		    in->n_bytes - i < HASH_PIECE ? in->n_bytes - i : HASH_PIECE);
	}
	sha256_finish(&h, digest);
	sha256_text(digest, in->sha);
	return true;
}

static bool count_weights(struct inspect *in, struct err *e)
{
	struct pool *pool = pool_new(setup_threads(in->o), e);

	if (!pool)
		return false;
	in->census = mem_array(in->dir->n, sizeof *in->census);
	for (size_t i = 0; i < in->dir->n && !out_interrupted(); i++) {
		out_bar((double)i / (double)in->dir->n, "looking at every weight: tensor %zu of %zu", i + 1, in->dir->n);
		in->census[i] = census_tensor(pool, &in->dir->t[i]);
		census_add(&in->sum, &in->census[i]);
	}
	pool_free(pool);
	return !out_interrupted() || err_set(e, ERR_INTERRUPTED, "%s", "");
}

static void show_file(struct report *r, const struct inspect *in)
{
	struct buf format = {.data = NULL};

	if (in->gguf)
		buf_printf(&format, "GGUF version %d", gguf_version(in->gguf));
	else
		buf_str(&format, "llama2.c");
	report_group(r, "file");
	report_str(r, "path", in->o->model);
	report_str(r, "format", format.data);
	report_bytes(r, "size_bytes", in->n_bytes);
	report_str(r, "sha256", in->sha);
	report_bool(r, "runs", in->model != NULL);
	if (in->why_not.code)
		report_str(r, "reason", in->why_not.msg);
	report_end(r);
	buf_free(&format);
}

static void show_model(struct report *r, const struct model *m)
{
	const struct hparams *hp = &m->hp;

	report_group(r, "model");
	report_str(r, "name", m->name);
	report_str(r, "architecture", hp->arch->name);
	report_int(r, "weights", (int64_t)model_n_params(m), "");
	report_int(r, "layers", hp->n_layers, "");
	report_int(r, "d_model", hp->d_model, "");
	report_int(r, "heads", hp->n_heads, "");
	report_int(r, "kv_heads", hp->n_kv_heads, "");
	report_int(r, "d_head", hp->d_head, "");
	report_int(r, "d_ff", hp->d_ff, "");
	report_int(r, "vocabulary", hp->n_vocab, "");
	report_int(r, "context", hp->n_ctx_train, "");
	report_num(r, "rope_base", hp->arch->rope == ROPE_NONE ? (double)NAN : (double)hp->rope_base, 0, "");
	report_num(r, "rope_scale", (double)hp->rope_scale, 3, "");
	report_num(r, "norm_epsilon", (double)hp->norm_eps, 8, "");
	report_bool(r, "tied_head", m->w.tied_head);
	report_bytes(r, "per_token_bytes", model_bytes_per_token(m));
	report_end(r);
}

static void show_types(struct report *r, const struct tensor_dir *dir)
{
	report_names(r, "types");
	for (int type = 0; type < N_DTYPES; type++) {
		uint64_t n = 0, weights = 0, bytes = 0;

		for (size_t i = 0; i < dir->n; i++)
			if ((int)dir->t[i].type == type) {
				n++;
				weights += (uint64_t)dir->t[i].rows * dir->t[i].cols;
				bytes += tensor_bytes(&dir->t[i]);
			}
		if (!n)
			continue;
		report_row(r, dtypes[type]->name);
		report_int(r, "tensors", (int64_t)n, "");
		report_int(r, "weights", (int64_t)weights, "");
		report_bytes(r, "size_bytes", bytes);
		report_end(r);
	}
	report_end(r);
}

/* Tensors that differ only in the number of their layer are one line. */
struct kind {
	struct buf key;         /* "blk.*.attn_q.weight Q8_0 [576, 576]" */
	size_t name_len;
	const struct tensor *first;
	int64_t n;
};

static void kind_key(struct kind *k, const struct tensor *t)
{
	char shape[96];
	size_t layer = strncmp(t->name, "blk.", 4) ? 0 : strspn(t->name + 4, "0123456789");

	if (layer && t->name[4 + layer] == '.')
		buf_printf(&k->key, "blk.*%s", t->name + 4 + layer);
	else
		buf_str(&k->key, t->name);
	k->name_len = k->key.len;
	buf_printf(&k->key, " %s %s", dtypes[t->type]->name, tensor_shape_text(t, shape, sizeof shape));
}

static void show_kind(struct report *r, struct kind *k)
{
	char shape[96];

	k->key.data[k->name_len] = 0;
	report_row(r, k->key.data);
	report_str(r, "type", dtypes[k->first->type]->name);
	report_str(r, "shape", tensor_shape_text(k->first, shape, sizeof shape));
	report_int(r, "times", k->n, "");
	report_end(r);
}

static void show_tensors(struct report *r, const struct tensor_dir *dir)
{
	struct kind *kinds = mem_array(dir->n, sizeof *kinds);
	struct table *seen = table_new(64);
	int32_t n = 0;

	for (size_t i = 0; i < dir->n; i++) {
		struct kind *k = &kinds[n];
		int32_t at;

		kind_key(k, &dir->t[i]);
		at = table_get(seen, k->key.data, k->key.len);
		if (at >= 0) {
			kinds[at].n++;
			buf_free(&k->key);
			continue;
		}
		k->first = &dir->t[i];
		k->n = 1;
		table_put(seen, k->key.data, k->key.len, n++);
	}
	table_free(seen);
	report_names(r, "tensors");
	for (int32_t i = 0; i < n; i++) {
		show_kind(r, &kinds[i]);
		buf_free(&kinds[i].key);
	}
	report_end(r);
	free(kinds);
}

static void show_special(struct report *r, const char *key, const struct vocab *v, int id)
{
	size_t n;
	const char *s;

	if (id < 0)
		return;
	s = vocab_bytes(v, id, &n);
	report_row(r, key);
	report_int(r, "id", id, "");
	report_text(r, "text", s, n);
	report_end(r);
}

static void show_vocab(struct report *r, const struct vocab *v)
{
	report_group(r, "tokenizer");
	report_str(r, "kind", vocab_describe(v));
	report_int(r, "tokens", vocab_size(v), "");
	show_special(r, "bos", v, vocab_bos(v));
	show_special(r, "eos", v, vocab_eos(v));
	report_bool(r, "adds_bos", vocab_add_bos(v));
	report_end(r);
}

static void show_bad_tensors(struct report *r, const struct inspect *in)
{
	report_names(r, "not_finite");
	for (size_t i = 0; i < in->dir->n; i++) {
		const struct census *c = &in->census[i];

		if (!c->n_nan && !c->n_inf)
			continue;
		report_row(r, in->dir->t[i].name);
		report_int(r, "nan", (int64_t)c->n_nan, "");
		report_int(r, "infinite", (int64_t)c->n_inf, "");
		report_int(r, "of", (int64_t)c->n, "");
		report_end(r);
	}
	report_end(r);
}

static void show_integrity(struct report *r, const struct inspect *in)
{
	size_t trailing = in->gguf ? gguf_trailing(in->gguf) : 0, weights = 0;

	for (size_t i = 0; i < in->dir->n; i++)
		weights += tensor_bytes(&in->dir->t[i]);
	report_group(r, "integrity");
	report_bytes(r, "weights_bytes", weights);
	report_bytes(r, "metadata_bytes", in->n_bytes - trailing - weights);
	report_bytes(r, "trailing_bytes", trailing);
	report_num(r, "coverage", 100 * (1 - (double)trailing / (double)in->n_bytes), 2, "%");
	report_int(r, "nan_weights", (int64_t)in->sum.n_nan, "");
	report_int(r, "infinite_weights", (int64_t)in->sum.n_inf, "");
	report_int(r, "zero_weights", (int64_t)in->sum.n_zero, "");
	report_num(r, "largest_weight", in->sum.n ? (double)in->sum.largest : (double)NAN, 4, "");
	report_end(r);
	if (in->sum.n_nan || in->sum.n_inf)
		show_bad_tensors(r, in);
}

static bool show(const struct inspect *in, struct err *e)
{
	const struct vocab *v = in->model ? in->model->vocab : in->own_vocab;
	struct report r;
	bool ok;

	report_start(&r, in->o->json);
	show_file(&r, in);
	if (in->model)
		show_model(&r, in->model);
	if (in->dir->n) {
		show_types(&r, in->dir);
		show_tensors(&r, in->dir);
	}
	if (v)
		show_vocab(&r, v);
	if (in->gguf)
		metadata_show(&r, in->gguf);
	show_integrity(&r, in);
	ok = report_write(&r, e);
	report_free(&r);
	return ok;
}

bool job_inspect(const struct options *o, struct err *e)
{
	struct inspect in = {.o = o};
	bool ok;

	if (!o->model)
		return err_set(e, ERR_USAGE, "inspect needs a model file");
	out_catch_interrupt();
	ok = open_file(&in, e) && hash_file(&in, e) && count_weights(&in, e);
	out_progress_end();
	ok = ok && show(&in, e);
	if (ok && in.why_not.code) {
		*e = in.why_not;
		ok = false;
	}
	free(in.census);
	vocab_free(in.own_vocab);
	model_close(in.model);
	gguf_close(in.gguf);
	mapfile_close(&in.map);
	return ok;
}
