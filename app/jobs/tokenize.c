/*
 * tokenize -- bytes to token ids, on one line.
 *
 * A GGUF file is read for its vocabulary only, so that files without weights do.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/demo.h"
#include "app/out.h"
#include "app/setup.h"
#include "engine/gguf.h"

enum { MAX_TEXT = 64 << 20 };

/* The vocabulary and the file it lives in. */
struct source_file {
	struct gguf *gguf;
	struct model *model;
	struct vocab *own;
	const struct vocab *vocab;
};

static bool open_source(struct source_file *f, const struct options *o, struct err *e)
{
	bool demo = !o->model || !strcmp(o->model, "demo");
	const void *data;
	size_t size;

	*f = (struct source_file){.gguf = NULL};
	if (!demo && !setup_is_gguf(o->model)) {
		if ((f->model = setup_model(o, e)))
			f->vocab = f->model->vocab;
		return f->model != NULL;
	}
	if (demo && !demo_bytes(&data, &size, e))
		return false;
	f->gguf = demo ? gguf_open_mem("demo", data, size, e) : gguf_open(o->model, e);
	if (!f->gguf)
		return false;
	f->vocab = f->own = vocab_from_gguf(f->gguf, 0, e);
	return f->own || err_wrap(e, "%.200s", gguf_path(f->gguf));
}

static void close_source(struct source_file *f)
{
	vocab_free(f->own);
	gguf_close(f->gguf);
	model_close(f->model);
}

/* Every byte counts here: a last newline is text. */
static bool read_text(struct buf *text, const struct options *o, struct err *e)
{
	if (o->prompt || o->prompt_file)
		return setup_text(text, o, e);
	buf_str(text, "");
	return buf_read_fd(text, STDIN_FILENO, MAX_TEXT, e) || err_wrap(e, "reading standard input");
}

static void format_ids(struct buf *out, const int32_t *ids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%d", i ? " " : "", (int)ids[i]);
	buf_char(out, '\n');
}

static void format_json(struct buf *out, const struct vocab *v, const int32_t *ids, size_t n)
{
	buf_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		size_t len;
		const char *piece = vocab_bytes(v, ids[i], &len);

		buf_printf(out, "%s[%d, ", i ? ", " : "", (int)ids[i]);
		buf_json(out, piece, len);
		buf_char(out, ']');
	}
	buf_str(out, "]\n");
}

bool job_tokenize(const struct options *o, struct err *e)
{
	struct buf text = {.data = NULL}, out = {.data = NULL};
	struct source_file f;
	int32_t *ids = NULL;
	size_t n;
	bool ok;

	ok = open_source(&f, o, e) && read_text(&text, o, e) &&
	    vocab_encode(f.vocab, text.data, text.len, vocab_add_bos(f.vocab) && !o->no_bos, true, &ids, &n, e);
	if (ok) {
		if (o->json)
			format_json(&out, f.vocab, ids, n);
		else
			format_ids(&out, ids, n);
		ok = out_write(out.data, out.len, e);
	}
	free(ids);
	buf_free(&out);
	buf_free(&text);
	close_source(&f);
	return ok;
}
