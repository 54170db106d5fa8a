#include "app/pairing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/analyst.h"
#include "analysis/quantizer.h"
#include "analysis/swap_make.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"

/* A second model and how far both have read. */
struct pair {
	char *path;                     /* a file; NULL: the first model again, */
	char *method;                   /* quantized, */
	const struct edit_set *edits;   /* under these edits (made of the method) */
	struct model *other;            /* of the file */
	struct lockstepper *steps;
	struct lockstep seen;           /* the UI thread's copy */
	int32_t *tokens;                /* [n] that have been read, or are asked to be */
	size_t n;
	int n_prompt;
	double threshold;
	atomic_bool stop;
	struct analyst_desk *desk;      /* while it reads */
	char why_not[400];              /* the second model cannot be had */
};

/* One stretch of text to be read. */
struct reading {
	const struct pairing_options *o;
	struct pool *pool;
	struct pair *pair;
	size_t from, n;
	bool ok;
	struct err err;
};

struct pairing {
	struct pairing_options o;
	struct analyst *analyst;
	struct pool *pool;
	struct pair *pair, *wanted;     /* wanted: takes its place when the reading has stopped */
	bool end;                       /* nothing does */
	struct reading *out;
	uint64_t began_ns;
	double threshold;
	bool stopped, told;
	char words[200];
};

static void pair_free(struct pair *x)
{
	if (!x)
		return;
	lockstepper_free(x->steps);
	lockstep_free(&x->seen);
	edit_set_unref(x->edits);
	model_close(x->other);
	free(x->path);
	free(x->method);
	free(x->tokens);
	free(x);
}

struct pairing *pairing_new(const struct pairing_options *o, struct err *e)
{
	struct pairing *p = mem_zalloc(sizeof *p);
	int threads = o->n_threads > 0 ? o->n_threads : pool_cores();

	p->o = *o;
	p->threshold = 0.1;
	if (!(p->pool = pool_new(threads > 3 ? threads / 2 : 1, e)) || !(p->analyst = analyst_new(e))) {
		pairing_free(p);
		return NULL;
	}
	return p;
}

void pairing_free(struct pairing *p)
{
	if (!p)
		return;
	if (p->out)
		atomic_store(&p->out->pair->stop, true);
	if (p->analyst)
		analyst_free(p->analyst, free);
	pair_free(p->pair);
	pair_free(p->wanted);
	pool_free(p->pool);
	free(p);
}

int pairing_fd(const struct pairing *p)
{
	return p ? analyst_fd(p->analyst) : -1;
}

static bool go(void *of, double done)
{
	struct pair *x = of;

	atomic_store(&x->desk->done, (float)done);
	return !atomic_load(&x->stop);
}

static void progress(void *to, size_t done, size_t of)
{
	go(to, of ? (double)done / (double)of : 0);
}

/* Every matrix as the method stores it, as an edit of the whole text. */
static bool quantize(struct reading *q)
{
	struct swap_options how = { .pool = q->pool, .go = go, .of = q->pair, .stop = &q->pair->stop };
	char line[SWAP_TEXT];
	const struct edit_set *none;
	struct edit ed;
	struct swap *made;

	snprintf(line, sizeof line, "swap all %s", q->pair->method);
	if (!edit_parse(line, &q->o->model->hp, &ed, &q->err))
		return false;
	made = swap_make(q->o->model, ed.swap, &how, &q->err);
	swap_unref(ed.swap);
	ed.swap = made;
	ed.number = 1;
	ed.on = true;
	if (made) {
		none = edit_set_empty();
		q->pair->edits = edit_set_with(none, &ed, 1);
		edit_set_unref(none);
	}
	edit_drop(&ed);
	return made != NULL;
}

static bool open_other(struct reading *q)
{
	struct pair *x = q->pair;
	struct lockstep_options o = { .base = q->o->model, .other = q->o->model, .n = (size_t)q->o->n_ctx, .n_ctx = q->o->n_ctx,
		.exact = q->o->exact, .threshold = x->threshold, .pool = q->pool, .stop = &x->stop, .progress = progress, .to = x,
		.n_prompt = x->n_prompt };

	if (x->path && !x->other && !(x->other = model_open(x->path, NULL, &q->err)))
		return false;
	if (x->method && !x->edits && !quantize(q))
		return false;
	o.other = x->other ? x->other : o.other;
	o.edits = x->edits;
	if (!(x->steps = lockstepper_new(&o, &q->err)))
		return x->path && err_wrap(&q->err, "%.200s", x->path);
	return true;
}

static void answer(void *question, struct analyst_desk *desk)
{
	struct reading *q = question;
	struct pair *x = q->pair;

	x->desk = desk;
	q->ok = (x->steps || open_other(q)) && lockstepper_read(x->steps, x->tokens + q->from, q->n, &q->err);
}

/* Puts a pair in the place of the one there is, now or when the reading in work
 * has stopped. */
static void put(struct pairing *p, struct pair *x)
{
	p->stopped = p->told = false;
	p->end = x == NULL;
	if (p->out) {
		atomic_store(&p->out->pair->stop, true);
		pair_free(p->wanted);
		p->wanted = x;
		return;
	}
	pair_free(p->pair);
	p->pair = x;
}

void pairing_file(struct pairing *p, const char *path)
{
	struct pair *x = mem_zalloc(sizeof *x);

	x->path = mem_strdup(path);
	put(p, x);
}

bool pairing_method(struct pairing *p, const char *spec, struct err *e)
{
	struct quant_spec known;
	struct pair *x;

	if (!quant_parse(&known, spec, e))
		return false;
	x = mem_zalloc(sizeof *x);
	x->method = mem_strdup(known.text);
	put(p, x);
	return true;
}

void pairing_edits(struct pairing *p, const struct edit_set *edits)
{
	struct pair *x = mem_zalloc(sizeof *x);

	x->edits = edit_set_ref(edits);
	put(p, x);
}

void pairing_end(struct pairing *p)
{
	put(p, NULL);
}

void pairing_stop(struct pairing *p)
{
	if (p->out)
		atomic_store(&p->out->pair->stop, true);
	p->stopped = p->out != NULL;
}

void pairing_resume(struct pairing *p)
{
	p->stopped = false;
}

void pairing_threshold(struct pairing *p, double threshold)
{
	p->threshold = threshold;
	if (p->pair && p->pair->seen.n)
		lockstep_first(&p->pair->seen, threshold);
}

/* Both begin at the first token again. */
static void begin_again(struct pair *x)
{
	lockstepper_free(x->steps);
	lockstep_free(&x->seen);
	x->steps = NULL;
	x->n = 0;
}

static size_t common(const struct pair *x, const int32_t *tokens, size_t n)
{
	size_t same = 0;

	while (same < n && same < x->n && x->tokens[same] == tokens[same])
		same++;
	return same;
}

void pairing_follow(struct pairing *p, const int32_t *tokens, size_t n, int n_prompt)
{
	struct pair *x = p->pair;
	struct reading *q;

	n = n < (size_t)p->o.n_ctx ? n : (size_t)p->o.n_ctx;
	if (p->out || !x || p->end || p->stopped || *x->why_not || !n)
		return;
	if (common(x, tokens, n) < x->n || (x->edits && x->n_prompt != n_prompt))
		begin_again(x);
	if (n == x->n)
		return;
	q = mem_zalloc(sizeof *q);
	*q = (struct reading){ .o = &p->o, .pool = p->pool, .pair = x, .from = x->n, .n = n - x->n };
	x->tokens = mem_resize(x->tokens, n, sizeof *x->tokens);
	memcpy(x->tokens, tokens, n * sizeof *tokens);
	x->n = n;
	x->n_prompt = n_prompt;
	x->threshold = p->threshold;
	p->began_ns = clock_ns();
	atomic_store(&x->stop, false);
	if (analyst_ask(p->analyst, answer, q)) {
		p->out = q;
	} else {
		x->n = q->from;
		free(q);
	}
}

static const char *name_of(const struct pair *x)
{
	return x->path ? x->path : x->method ? x->method : "the edits";
}

static void tell(struct pairing *p, struct pairing_answer *out)
{
	const struct lockstep *k = &p->pair->seen;

	if (p->told)
		return;
	p->told = true;
	if (k->kl_max <= 0 && k->first_token < 0 && k->agreement > 1 - 1e-12)
		snprintf(out->text, sizeof out->text, "lockstep with %.120s: %zu positions, no difference", name_of(p->pair), k->n);
	else
		snprintf(out->text, sizeof out->text, "lockstep with %.120s: %zu positions, KL %.3g nats in the mean, top-1 the "
		    "same at %.3g %%", name_of(p->pair), k->n, k->kl, 100 * k->agreement);
}

/* What was read is kept also when it was called off on the way. */
static void take_reading(struct pairing *p, struct reading *q, struct pairing_answer *out)
{
	struct pair *x = q->pair;

	if (x->steps) {
		const struct lockstep *k = lockstepper_result(x->steps);
		struct err e;

		x->n = k->n;
		if (k->n && !lockstep_update(&x->seen, k, (size_t)p->o.n_ctx, &e))
			snprintf(x->why_not, sizeof x->why_not, "%.390s", e.msg);
		if (x->seen.n)
			lockstep_first(&x->seen, p->threshold);
	} else {
		x->n = q->from;
	}
	if (q->ok) {
		tell(p, out);
	} else if (q->err.code != ERR_INTERRUPTED) {
		snprintf(x->why_not, sizeof x->why_not, "%.390s", q->err.msg);
		snprintf(out->text, sizeof out->text, "%.390s", q->err.msg);
		out->is_error = true;
	}
}

bool pairing_take(struct pairing *p, struct pairing_answer *out)
{
	struct reading *q = p ? analyst_take(p->analyst) : NULL;

	if (!q)
		return false;
	*out = (struct pairing_answer){ .is_error = false };
	p->out = NULL;
	if (p->wanted || p->end) {
		pair_free(p->pair);
		p->pair = p->wanted;
		p->wanted = NULL;
	} else {
		take_reading(p, q, out);
	}
	free(q);
	return true;
}

bool pairing_busy(const struct pairing *p)
{
	return p && p->out;
}

struct view_lockstep pairing_view(struct pairing *p)
{
	const struct pair *x = p->wanted ? p->wanted : p->end ? NULL : p->pair;
	struct view_lockstep v = { .threshold = p->threshold, .works = p->out != NULL, .stopped = p->stopped,
		.left_s = (double)NAN };
	double took = (double)(clock_ns() - p->began_ns) / 1e9;

	if (!x)
		return v;
	snprintf(p->words, sizeof p->words, "%.190s", name_of(x));
	v.other = p->words;
	v.k = x->seen.n ? &x->seen : NULL;
	v.why_not = *x->why_not ? x->why_not : NULL;
	/* Following a text token by token is no work to speak of. */
	v.works = v.works && took > 0.4;
	v.done = p->out ? analyst_progress(p->analyst) : 0;
	if (v.done > 0.02f && took > 0.5)
		v.left_s = took * (1 - (double)v.done) / (double)v.done;
	return v;
}
