/*
 * fuzz_gguf -- arbitrary bytes as a GGUF file, and as a whole model.
 *
 * What opens is read to the end: every value by every typed reader, the first
 * and last row of every tensor, the vocabulary.  A file may ask for time in
 * proportion to its bytes and no more, so the fuzzer's timeout is a test too.
 */
#include <stdlib.h>

#include "engine/base/mem.h"
#include "engine/gguf.h"
#include "engine/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_ROW = 4096 };

static volatile unsigned touched;       /* keeps reads from being optimized away */

static void read_values(const struct gguf *g)
{
	for (size_t i = 0; i < gguf_n_values(g); i++) {
		const char *key = gguf_value_at(g, i)->key, *s;
		struct err e = { .code = ERR_NONE };
		struct gguf_str *strings;
		const void *array;
		int64_t n = 0;
		double d = 0;
		bool b = false;
		size_t len;

		if (gguf_find(g, key) != gguf_value_at(g, i))
			abort();
		/* At most one type fits a value. */
		int fits = gguf_int(g, key, INT64_MIN, INT64_MAX, &n, &e);
		fits += gguf_float(g, key, -1e300, 1e300, &d, &e);
		fits += gguf_bool(g, key, &b, &e);
		fits += gguf_str(g, key, &s, &len, &e);
		fits += gguf_strings(g, key, &strings, &len, &e);
		for (size_t k = 0; strings && k < len; k++)
			touched += strings[k].n ? (unsigned char)strings[k].s[strings[k].n - 1] : 0;
		free(strings);
		for (int t = 0; t < N_GGUF_TYPES && t != GGUF_STR; t++)
			fits += gguf_array(g, key, (enum gguf_type)t, &array, &len, &e);
		if (fits > 1)
			abort();
	}
}

static void read_tensors(const struct gguf *g)
{
	const struct tensor_dir *dir = gguf_tensors(g);
	static float row[MAX_ROW];

	for (size_t i = 0; i < dir->n; i++) {
		const struct tensor *t = &dir->t[i];

		if (t->cols > MAX_ROW)
			continue;
		tensor_row_f32(t, 0, row);
		tensor_row_f32(t, t->rows - 1, row);
	}
}

static void use(const struct model *m)
{
	struct err e = { .code = ERR_NONE };
	int32_t *ids;
	size_t n;

	for (int id = 0; id < vocab_size(m->vocab); id++)
		vocab_bytes(m->vocab, id, &n);
	if (vocab_encode(m->vocab, "Once upon a time\n<s>", 20, true, true, &ids, &n, &e))
		free(ids);
	if (model_bytes_per_token(m) > m->file_bytes + 2 * tensor_bytes(m->w.tok_embd))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { .code = ERR_NONE };
	struct gguf *g = gguf_open_mem("fuzz", data, size, &e);
	struct model *m;

	if (!g)
		return 0;
	read_values(g);
	read_tensors(g);
	gguf_close(g);
	m = model_open_mem("fuzz", data, size, &e);
	if (m)
		use(m);
	model_close(m);
	return 0;
}
