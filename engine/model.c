#include "engine/model.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/cursor.h"
#include "engine/base/mapfile.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/gguf.h"
#include "engine/llama2c.h"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The directory of `path`, with its slash, or nothing. */
static size_t dir_length(const char *path)
{
	return (size_t)(base_name(path) - path);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

static bool is_tokenizer(const char *name)
{
	return !strncmp(name, "tok", 3) && ends_with(name, ".bin");
}

/* tokenizer.bin beside the model, or the only tok*.bin there.  The caller frees it. */
static char *find_tokenizer(const char *model, struct err *e)
{
	struct buf dir = { .data = NULL }, found = { .data = NULL };
	int n_found = 0;
	DIR *d;

	buf_add(&dir, model, dir_length(model));
	buf_str(&dir, dir.len ? "" : "./");
	d = opendir(dir.data);
	for (struct dirent *de; d && (de = readdir(d));) {
		bool usual = !strcmp(de->d_name, "tokenizer.bin");

		if (!usual && !is_tokenizer(de->d_name))
			continue;
		n_found = usual ? 1 : n_found + 1;
		buf_clear(&found);
		buf_printf(&found, "%s%s", dir.data, de->d_name);
		if (usual)
			break;
	}
	if (d)
		closedir(d);
	buf_free(&dir);
	if (n_found == 1)
		return found.data;
	buf_free(&found);
	err_set(e, ERR_FILE, "%s: %s; name one with --tokenizer", cursor_tail(model, 160),
	    n_found ? "several tok*.bin lie beside it and none is called tokenizer.bin" :
	    "a llama2.c model needs its tokenizer, and there is no tokenizer.bin beside it");
	return NULL;
}

static char *printable_name(const char *s, size_t n)
{
	struct buf b = { .data = NULL };

	utf8_escape(s, n < 200 ? n : 200, &b);
	return b.data ? b.data : mem_strdup("");
}

/* Takes m->gguf from "its bytes exist" to "its numbers make a model". */
static bool load_gguf(struct model *m, struct err *e)
{
	const char *name;
	size_t n;

	m->dir = gguf_tensors(m->gguf);
	m->file_bytes = gguf_size(m->gguf);
	if (!hparams_read(&m->hp, m->gguf, e) || !weights_bind(&m->w, m->dir, &m->hp, e) ||
	    !gguf_str(m->gguf, "general.name", &name, &n, e) ||
	    !(m->vocab = vocab_from_gguf(m->gguf, m->hp.n_vocab, e)))
		return err_wrap(e, "%s", cursor_tail(m->path, 160));
	if (!name) {
		name = base_name(m->path);
		n = strlen(name);
	}
	m->name = printable_name(name, n);
	return true;
}

static bool load_llama2c(struct model *m, const char *tokenizer, struct err *e)
{
	char *beside = NULL;

	m->dir = llama2c_tensors(m->bin);
	m->hp = *llama2c_hparams(m->bin);
	m->file_bytes = llama2c_size(m->bin);
	m->name = printable_name(base_name(m->path), strlen(base_name(m->path)));
	if (!weights_bind(&m->w, m->dir, &m->hp, e))
		return err_wrap(e, "%s", cursor_tail(m->path, 160));
	if (!tokenizer && !(tokenizer = beside = find_tokenizer(m->path, e)))
		return false;
	m->vocab = vocab_from_llama2c(tokenizer, m->hp.n_vocab, e);
	free(beside);
	return m->vocab != NULL;
}

/* llama2.c files have no magic: what is not GGUF, is not called so and looks
 * like nothing else we have heard of is taken for one. */
static bool sniff(const char *path, bool *is_gguf, struct err *e)
{
	struct mapfile map;

	if (!mapfile_open(&map, path, e))
		return false;
	*is_gguf = (map.size >= 4 && !memcmp(map.data, "GGUF", 4)) || ends_with(path, ".gguf") ||
	    mapfile_looks_like(map.data, map.size);
	mapfile_close(&map);
	return true;
}

struct model *model_open(const char *path, const char *tokenizer, struct err *e)
{
	struct model *m = mem_zalloc(sizeof *m);
	bool is_gguf;

	m->path = mem_strdup(path);
	if (!sniff(path, &is_gguf, e))
		goto fail;
	if (is_gguf) {
		if (!(m->gguf = gguf_open(path, e)) || !load_gguf(m, e))
			goto fail;
	} else {
		if (!(m->bin = llama2c_open(path, e)) || !load_llama2c(m, tokenizer, e))
			goto fail;
	}
	return m;
fail:
	model_close(m);
	return NULL;
}

struct model *model_open_mem(const char *label, const void *data, size_t size, struct err *e)
{
	struct model *m = mem_zalloc(sizeof *m);

	m->path = mem_strdup(label);
	m->in_memory = true;
	if ((m->gguf = gguf_open_mem(label, data, size, e)) && load_gguf(m, e))
		return m;
	model_close(m);
	return NULL;
}

void model_close(struct model *m)
{
	if (!m)
		return;
	vocab_free(m->vocab);
	weights_free(&m->w);
	llama2c_close(m->bin);
	gguf_close(m->gguf);
	free(m->name);
	free(m->path);
	free(m);
}

size_t model_bytes_per_token(const struct model *m)
{
	const struct weights *w = &m->w;
	size_t sum = w->tok_embd->row_bytes;

#define GLOBAL(field, name, rows, cols, need) \
	sum += w->field && w->field != w->tok_embd && w->field != w->pos_embd ? tensor_bytes(w->field) : 0;
#define LAYER(field, name, rows, cols, need)
#include "engine/weights.def"
	for (int l = 0; l < m->hp.n_layers; l++) {
#define GLOBAL(field, name, rows, cols, need)
#define LAYER(field, name, rows, cols, need) sum += w->layers[l].field ? tensor_bytes(w->layers[l].field) : 0;
#include "engine/weights.def"
	}
	if (w->pos_embd)
		sum += w->pos_embd->row_bytes;
	/* A tied head is the whole embedding, read as the head. */
	return w->tied_head ? sum + tensor_bytes(w->tok_embd) : sum;
}

uint64_t model_n_params(const struct model *m)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < m->dir->n; i++)
		sum += (uint64_t)m->dir->t[i].rows * m->dir->t[i].cols;
	return sum;
}
