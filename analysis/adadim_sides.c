#include "analysis/adadim_sides.h"

#include <stdlib.h>
#include <string.h>

#include "analysis/requantized.h"
#include "engine/base/mem.h"

/* A model of one layer whose embedding is the residual stream: token t is row t. */
struct bench {
	const struct model *m;
	const struct calibration_text *text;
	struct quant_spec ways[2];      /* by rows, by channels */
	struct model view;
	struct layer_weights layer;
	struct tensor stream, no_down;
	int32_t *tokens;                /* 0, 1, ... */
	size_t n, d;
	float *x, *out, *ref;           /* [n][d] before the layer, behind it, behind the reference */
	float *at;                      /* where `see` writes */
	struct tensor *kept[8];         /* chosen versions of this layer */
	int n_kept;
	int *sides;
};

static void see(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct bench *b = to;

	(void)layer;
	if (place != PLACE_RESID)
		return;
	memcpy(b->at, x, (size_t)m * (size_t)width * sizeof *x);
	b->at += (size_t)m * (size_t)width;
}

static bool run_layer(struct bench *b, float *out, struct err *e)
{
	int n_ctx = b->text->n_ctx, pos = 0, piece;
	struct reader *r = reader_new(&b->view, b->text->pool, true, n_ctx, NULL, e);
	struct onlooker look = { see, b };
	bool stopped = false;

	b->at = out;
	for (size_t at = 0; r && at < b->n && !stopped; at += (size_t)piece) {
		piece = n_ctx - pos < READER_PIECE ? n_ctx - pos : READER_PIECE;
		piece = b->n - at < (size_t)piece ? (int)(b->n - at) : piece;
		stopped = b->text->stop && atomic_load_explicit(b->text->stop, memory_order_relaxed);
		if (!stopped)
			reader_read(r, b->tokens + at, piece, pos, &look, NULL);
		pos = pos + piece < n_ctx ? pos + piece : 0;
	}
	reader_free(r);
	return r && (!stopped || err_set(e, ERR_INTERRUPTED, "%s", ""));
}

static double apart(const struct bench *b)
{
	double sum = 0;

	for (size_t i = 0; i < b->n * b->d; i++) {
		double v = (double)b->out[i] - (double)b->ref[i];

		sum += v * v;
	}
	return sum;
}

/* Puts the better version of *field there.  A matrix that does not fit stays. */
static bool choose_one(struct bench *b, const struct tensor **field, struct err *e)
{
	const struct tensor *t = *field;
	struct tensor *made[2] = { NULL };
	double loss[2];
	int better;

	if (!t)
		return true;
	for (int way = 0; way < 2; way++) {
		made[way] = requantized_make(t, &b->ways[way], &(struct quanterr_options){ .pool = b->text->pool,
		    .stop = b->text->stop }, NULL, e);
		if (!made[way])
			break;
		*field = made[way];
		if (!run_layer(b, b->out, e))
			break;
		loss[way] = apart(b);
		better = way && loss[1] < loss[0];
		if (way == 0)
			continue;
		*field = b->kept[b->n_kept++] = made[better];
		requantized_unmake(made[!better]);
		b->sides[t - b->m->dir->t] = better ? ADADIM_CHANNELS : ADADIM_ROWS;
		return true;
	}
	*field = t;
	requantized_unmake(made[0]);
	requantized_unmake(made[1]);
	return e->code == ERR_UNSUPPORTED;
}

/* Some matrices against what the layer gives with them as they are. */
static bool choose_some(struct bench *b, const struct tensor ***fields, int n, struct err *e)
{
	if (!run_layer(b, b->ref, e))
		return false;
	for (int i = 0; i < n; i++)
		if (!choose_one(b, fields[i], e))
			return false;
	return true;
}

static void drop_kept(struct bench *b)
{
	while (b->n_kept)
		requantized_unmake(b->kept[--b->n_kept]);
}

static bool one_layer(struct bench *b, int l, struct err *e)
{
	struct layer_weights *w = &b->layer;
	const struct tensor *down = b->m->w.layers[l].down;
	const struct tensor **attention[] = { &w->q, &w->k, &w->v, &w->qkv }, **out[] = { &w->attn_out };
	const struct tensor **mlp[] = { &w->gate, &w->up }, **own[] = { &w->down };
	float *next;
	bool ok;

	*w = b->m->w.layers[l];
	/* Without an MLP what stands behind the layer is what the attention adds. */
	b->no_down = *down;
	b->no_down.type = DTYPE_F32;
	b->no_down.row_bytes = down->cols * sizeof(float);
	b->no_down.data = mem_big(down->rows * down->cols, sizeof(float), "a matrix of zeros", e);
	if (!b->no_down.data)
		return false;
	w->down = &b->no_down;
	ok = choose_some(b, attention, 4, e) && choose_some(b, out, 1, e);
	w->down = down;
	ok = ok && choose_some(b, mlp, 2, e) && choose_some(b, own, 1, e) && run_layer(b, b->out, e);
	mem_big_free((void *)(uintptr_t)b->no_down.data);
	next = b->out;
	b->out = b->x;
	b->x = next;
	b->stream.data = (const unsigned char *)b->x;
	drop_kept(b);
	return ok;
}

/* The stream in front of the first layer. */
static void embed(struct bench *b)
{
	const struct weights *w = &b->m->w;
	float *position = mem_array(b->d, sizeof *position);

	for (size_t t = 0; t < b->n; t++) {
		float *x = b->x + t * b->d;

		tensor_row_f32(w->tok_embd, (size_t)b->text->tokens[t], x);
		if (w->pos_embd)
			tensor_row_f32(w->pos_embd, t % (size_t)b->text->n_ctx, position);
		for (size_t i = 0; w->pos_embd && i < b->d; i++)
			x[i] += position[i];
	}
	free(position);
}

static bool prepare(struct bench *b, struct err *e)
{
	if (!(b->x = mem_big(b->n * b->d, sizeof(float), "a residual stream", e)) ||
	    !(b->out = mem_big(b->n * b->d, sizeof(float), "a residual stream", e)) ||
	    !(b->ref = mem_big(b->n * b->d, sizeof(float), "a residual stream", e)))
		return false;
	b->tokens = mem_array(b->n, sizeof *b->tokens);
	for (size_t t = 0; t < b->n; t++)
		b->tokens[t] = (int32_t)t;
	embed(b);
	b->view = *b->m;
	b->view.hp.n_layers = 1;
	b->view.w.layers = &b->layer;
	/* Positions are in the stream already. */
	b->view.w.pos_embd = NULL;
	b->stream = *b->m->w.tok_embd;
	b->stream.type = DTYPE_F32;
	b->stream.rows = b->n;
	b->stream.row_bytes = b->d * sizeof(float);
	b->stream.data = (const unsigned char *)b->x;
	b->view.w.tok_embd = &b->stream;
	return true;
}

bool adadim_choose(const struct model *m, const struct quant_spec *spec, const struct calibration_text *text, int *sides,
    struct err *e)
{
	struct bench b = { .m = m, .text = text, .n = text->n < ADADIM_POSITIONS ? text->n : ADADIM_POSITIONS,
	    .d = (size_t)m->hp.d_model, .sides = sides };
	bool ok;

	memset(sides, 0, m->dir->n * sizeof *sides);
	/* Parameters stand in the same order. */
	ok = quant_parse(&b.ways[0], "rtn", e) && quant_parse(&b.ways[1], "rtn_ic", e);
	for (int i = 0; i < 2; i++) {
		memcpy(b.ways[i].p, spec->p, sizeof spec->p);
		b.ways[i].hadamard = spec->hadamard;
	}
	ok = ok && prepare(&b, e);
	for (int l = 0; ok && l < m->hp.n_layers; l++) {
		if (text->progress)
			text->progress(text->to, (size_t)l, (size_t)m->hp.n_layers);
		ok = one_layer(&b, l, e);
	}
	drop_kept(&b);
	mem_big_free(b.ref);
	mem_big_free(b.out);
	mem_big_free(b.x);
	free(b.tokens);
	return ok;
}
