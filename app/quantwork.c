#include "app/quantwork.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"

enum { MAX_TEXT = 64 << 20, CONTEXT = 512 };

struct quanttext *quanttext_new(const struct model *m, const char *name)
{
	struct quanttext *t = mem_zalloc(sizeof *t);

	t->name = mem_strdup(name);
	t->calibration = calibration_new(m);
	return t;
}

void quanttext_free(struct quanttext *t)
{
	if (!t)
		return;
	calibration_free(t->calibration);
	free(t->tokens);
	free(t->name);
	free(t);
}

static void progress(void *to, size_t done, size_t of)
{
	struct quantwork *q = to;

	atomic_store(&q->desk->done, of ? (float)done / (float)of : 0);
}

static struct calibration_text text_of(struct quantwork *q)
{
	int trained = q->m->hp.n_ctx_train;

	return (struct calibration_text){ .tokens = q->text->tokens, .n = q->text->n_tokens,
		.n_ctx = trained > 0 && trained < CONTEXT ? trained : CONTEXT, .pool = q->pool, .stop = &q->stop,
		.progress = progress, .to = q };
}

static bool load_text(struct quantwork *q)
{
	const struct vocab *v = q->m->vocab;
	struct buf text = { 0 };
	int fd = open(q->text->name, O_RDONLY);
	bool ok;

	if (fd < 0)
		return err_set(&q->err, ERR_FILE, "%.200s: %s", q->text->name, strerror(errno));
	ok = buf_read_fd(&text, fd, MAX_TEXT, &q->err) || err_wrap(&q->err, "%.200s", q->text->name);
	close(fd);
	if (ok && !text.len)
		ok = err_set(&q->err, ERR_FILE, "%.200s: there is nothing in it to read", q->text->name);
	ok = ok && vocab_encode(v, text.data, text.len, vocab_add_bos(v), true, &q->text->tokens, &q->text->n_tokens, &q->err);
	buf_free(&text);
	return ok;
}

static void read_text(struct quantwork *q)
{
	struct calibration_text text;

	if (!q->text->tokens && !load_text(q))
		return;
	text = text_of(q);
	q->ok = calibration_read(q->text->calibration, &text, &q->err);
}

/* Moments are there; a Gram matrix is made now, from the text. */
static bool know_inputs(struct quantwork *q, struct quant_inputs *in)
{
	*in = (struct quant_inputs){ .moments = q->moments, .n_tokens = q->n_tokens };
	if (q->spec.def->needs == QUANT_GRAM && q->text) {
		struct calibration_text text = text_of(q);

		if (!calibration_gram(q->text->calibration, q->cell.t, &text, &q->err))
			return false;
		*in = calibration_inputs(q->text->calibration, q->cell.t);
	}
	return true;
}

static void measure(struct quantwork *q)
{
	struct quanterr_options opt = { .pool = q->pool, .stop = &q->stop };

	if (!know_inputs(q, &opt.in))
		return;
	if (q->kind == QUANTWORK_INSIDE) {
		q->ok = quantinside_measure(&q->inside, q->cell.t, &q->spec, &opt, &q->err);
		return;
	}
	q->ok = quant_cell_measure(&q->cell, &q->spec, &opt, &q->err);
	if (q->ok && q->cell.state == QUANT_UNFIT && q->spec.def->needs && !opt.in.moments && !opt.in.gram)
		snprintf(q->cell.why, sizeof q->cell.why, "nothing is known of its inputs");
}

void quantwork_answer(void *question, struct analyst_desk *desk)
{
	struct quantwork *q = question;

	q->desk = desk;
	if (q->kind == QUANTWORK_TEXT)
		read_text(q);
	else
		measure(q);
}

void quantwork_free(void *question)
{
	struct quantwork *q = question;

	quant_cell_clear(&q->cell);
	quantinside_free(&q->inside);
	free(q->moments);
	free(q);
}
