#include "app/lab.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/alarm.h"
#include "analysis/analyst.h"
#include "analysis/receipt.h"
#include "analysis/swap_make.h"
#include "engine/base/mem.h"

enum question_kind { QUESTION_LEARN, QUESTION_PROBE, QUESTION_SWAP, QUESTION_RECEIPT };

static const char *const kind_words[] = {
	[QUESTION_LEARN] = "learning a vector", [QUESTION_PROBE] = "perplexity of the probe text",
	[QUESTION_SWAP] = "making matrices", [QUESTION_RECEIPT] = "reading the text without the edits",
};

struct question {
	enum question_kind kind;
	const struct model *m;
	struct analyst_desk *desk;      /* while it is answered */
	atomic_bool off;                /* no longer of interest */
	bool aloud, ok;
	bool called_off;                /* by the user, while it was answered */
	_Atomic(struct question *) *now;        /* the lab's */
	double from, span;              /* of this question's progress, what the step at work makes */
	struct err err;
	/* Learn: */
	char *a, *b, *out;
	struct address at;
	struct learned learned;
	/* Probe: */
	const struct edit_set *edits;
	double before, after;           /* `before` NAN: to be measured too */
	/* Receipt, with `edits': */
	const struct edit_set *without;
	int32_t *tokens;
	int n_tokens, n_prompt;
	struct receipt_of_text receipt;
	/* Swap: */
	struct edit edit;               /* asked for; made when it was answered */
	_Atomic float done;
	struct question *next;          /* of those under way, in the order asked */
};

struct lab {
	const struct model *m;
	struct analyst *analyst;
	struct question *probing;       /* the newest about perplexity, while it is out */
	struct question *swaps;         /* under way */
	_Atomic(struct question *) now; /* being answered; for its kind only */
	double before, after;
	uint32_t revision;              /* of the set `after' is about */
	int awaited;
};

static void drop(void *question)
{
	struct question *q = question;

	edit_set_unref(q->edits);
	edit_set_unref(q->without);
	edit_drop(&q->edit);
	free(q->tokens);
	free(q->a);
	free(q->b);
	free(q->out);
	free(q);
}

struct lab *lab_new(const struct model *m, struct err *e)
{
	struct lab *l = mem_zalloc(sizeof *l);

	if (!(l->analyst = analyst_new(e))) {
		free(l);
		return NULL;
	}
	l->m = m;
	l->before = l->after = NAN;
	return l;
}

void lab_free(struct lab *l)
{
	if (!l)
		return;
	lab_swap_stop(l);
	analyst_free(l->analyst, drop);
	free(l);
}

int lab_fd(const struct lab *l)
{
	return l ? analyst_fd(l->analyst) : -1;
}

static bool go(void *of, double done)
{
	struct question *q = of;

	atomic_store(&q->desk->done, (float)(q->from + q->span * done));
	return !atomic_load(&q->desk->stop) && !atomic_load(&q->off);
}

static void begin(struct question *q, struct analyst_desk *desk)
{
	q->desk = desk;
	q->span = 1;
	atomic_store(q->now, q);
}

static void end(struct question *q)
{
	q->called_off = atomic_load(&q->desk->stop);
	atomic_store(q->now, NULL);
}

static void answer_learn(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	struct learn what = { .a = q->a, .b = q->b, .at = q->at, .out = q->out, .n_threads = 1,
		.add_bos = vocab_add_bos(q->m->vocab), .go = go, .of = q };

	begin(q, desk);
	q->ok = learn_vector(q->m, &what, &q->learned, &q->err);
	end(q);
}

static void answer_probe(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	/* The built-in model knows few words; its own have to do. */
	const struct alarm_text *text = strcmp(q->m->path, "demo") ? &alarm_plain : &alarm_sums;
	const struct edit_set *none = edit_set_empty();

	begin(q, desk);
	if (isnan(q->before)) {
		q->span = 0.5;
		q->ok = alarm_perplexity(q->m, none, text, go, q, &q->before, &q->err);
		q->from = 0.5;
	} else {
		q->ok = true;
	}
	q->ok = q->ok && alarm_perplexity(q->m, q->edits, text, go, q, &q->after, &q->err);
	edit_set_unref(none);
	end(q);
}

static bool ask(struct lab *l, analyst_fn *answer, struct question *q, struct err *e)
{
	q->m = l->m;
	q->now = &l->now;
	atomic_init(&q->off, false);
	if (!analyst_ask(l->analyst, answer, q)) {
		drop(q);
		return err_set(e, ERR_RUN, "too much is being computed already");
	}
	l->awaited += q->aloud;
	return true;
}

bool lab_learn(struct lab *l, const char *a, const char *b, const struct address *at, const char *out, struct err *e)
{
	struct question *q = mem_zalloc(sizeof *q);

	q->kind = QUESTION_LEARN;
	q->aloud = true;
	q->a = mem_strdup(a);
	q->b = mem_strdup(b);
	q->out = mem_strdup(out);
	q->at = *at;
	return ask(l, answer_learn, q, e);
}

bool lab_probe(struct lab *l, const struct edit_set *edits, bool aloud, struct err *e)
{
	struct question *q = mem_zalloc(sizeof *q);

	if (l->probing && !l->probing->aloud)
		atomic_store(&l->probing->off, true);
	q->kind = QUESTION_PROBE;
	q->aloud = aloud;
	q->edits = edit_set_ref(edits);
	q->before = l->before;
	q->after = NAN;
	if (!ask(l, answer_probe, q, e))
		return false;
	l->probing = q;
	l->after = NAN;
	return true;
}

static void answer_receipt(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	struct receipt_ask ask = { .tokens = q->tokens, .n = q->n_tokens, .n_prompt = q->n_prompt, .with = q->edits,
		.without = q->without, .go = go, .of = q };

	begin(q, desk);
	q->ok = receipt_read(q->m, &ask, &q->receipt, &q->err);
	end(q);
}

bool lab_receipt(struct lab *l, const int32_t *tokens, int n, int n_prompt, const struct edit_set *with,
    const struct edit_set *without, struct err *e)
{
	struct question *q = mem_zalloc(sizeof *q);

	q->kind = QUESTION_RECEIPT;
	q->aloud = true;
	q->tokens = mem_dup(tokens, (size_t)n * sizeof *tokens);
	q->n_tokens = n;
	q->n_prompt = n_prompt;
	q->edits = edit_set_ref(with);
	q->without = edit_set_ref(without);
	return ask(l, answer_receipt, q, e);
}

/* Matrices of all swaps together take at most half of the machine's memory. */
static size_t room_for_swaps(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	size_t half = pages > 0 && size > 0 ? (size_t)pages / 2 * (size_t)size : (size_t)1 << 30;
	size_t held = swap_bytes_held();

	return half > held ? half - held : 1;
}

static bool go_swap(void *of, double done)
{
	struct question *q = of;

	atomic_store(&q->done, (float)done);
	return go(q, done);
}

static void answer_swap(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	struct swap *made = NULL;

	begin(q, desk);
	if (!atomic_load(&q->off))
		made = swap_make(q->m, q->edit.swap, &(struct swap_options){ .room = room_for_swaps(), .go = go_swap, .of = q,
		    .stop = &q->off }, &q->err);
	q->ok = made != NULL;
	if (made) {
		swap_unref(q->edit.swap);
		q->edit.swap = made;
	}
	end(q);
}

bool lab_swap(struct lab *l, const struct edit *ed, struct err *e)
{
	struct question *q = mem_zalloc(sizeof *q), **at = &l->swaps;

	q->kind = QUESTION_SWAP;
	q->aloud = true;
	q->edit = *ed;
	swap_ref(q->edit.swap);
	while (*at)
		at = &(*at)->next;
	if (!ask(l, answer_swap, q, e))
		return false;
	*at = q;
	return true;
}

int lab_swap_stop(struct lab *l)
{
	int n = 0;

	for (struct question *q = l->swaps; q; q = q->next, n++)
		atomic_store(&q->off, true);
	return n;
}

struct lab_swaps lab_swaps_now(const struct lab *l)
{
	struct lab_swaps now = { .n = 0 };

	for (const struct question *q = l ? l->swaps : NULL; q; q = q->next, now.n++)
		if (q == l->swaps) {
			swap_format(q->edit.swap, now.what);
			now.done = atomic_load(&q->done);
		}
	return now;
}

static void forget_swap(struct lab *l, const struct question *q)
{
	for (struct question **at = &l->swaps; *at; at = &(*at)->next)
		if (*at == q) {
			*at = q->next;
			return;
		}
}

/* The edit goes to whoever takes the answer. */
static void tell_swap(struct question *q, struct lab_answer *out)
{
	char words[SWAP_TEXT];

	if (q->ok) {
		out->edit = q->edit;
		q->edit = (struct edit){ .op = NULL };
	} else if (!q->err.code || q->err.code == ERR_INTERRUPTED) {
		snprintf(out->text, sizeof out->text, "swap %s: called off", swap_format(q->edit.swap, words));
	}
}

static void tell_learned(const struct question *q, struct lab_answer *out)
{
	char at[ADDRESS_TEXT];

	snprintf(out->text, sizeof out->text, "%.100s: learned at %s from %d and %d prompts; length %.3g, what it was "
	    "averaged from %.3g", q->out, address_format(&q->at, at), q->learned.n_a, q->learned.n_b,
	    (double)q->learned.norm, (double)q->learned.spread);
}

static void add_figure(struct lab_answer *out, const char *name, double value)
{
	if (out->n_figures < FIGURES)
		out->figures[out->n_figures++] = (struct figure){ name, value };
}

static void tell_receipt(const struct question *q, struct lab_answer *out)
{
	const struct receipt_of_text *r = &q->receipt;

	out->what = "receipt";
	add_figure(out, "positions", r->n);
	add_figure(out, "jsd", r->jsd);
	add_figure(out, "jsd_most", r->jsd_most);
	add_figure(out, "jsd_most_at", r->jsd_most_at);
	add_figure(out, "kl", r->kl);
	add_figure(out, "flips", r->flips);
	add_figure(out, "perplexity_without", r->perplexity[1]);
	add_figure(out, "perplexity_with", r->perplexity[0]);
	snprintf(out->text, sizeof out->text, "over %d positions of the text: JSD %.3g nats on average, %.3g at most (position "
	    "%d); KL %.3g; the likeliest token is another at %d; perplexity %.4g without, %.4g with", r->n, r->jsd,
	    r->jsd_most, r->jsd_most_at, r->kl, r->flips, r->perplexity[1], r->perplexity[0]);
}

static void tell_probed(struct lab *l, const struct question *q, struct lab_answer *out)
{
	double times = q->after / q->before;

	l->before = q->before;
	if (l->probing == q) {
		l->after = q->after;
		l->revision = edit_set_revision(q->edits);
	}
	if (q->aloud)
		out->what = "probe";
	add_figure(out, "perplexity_without", q->before);
	add_figure(out, "perplexity_with", q->after);
	add_figure(out, "times", times);
	if (l->probing == q && (q->aloud || times >= ALARM_AMBER))
		snprintf(out->text, sizeof out->text, "probe text: perplexity %.3g without edits, %.3g with them: %.3g times%s",
		    q->before, q->after, times, times >= ALARM_RED ? ", the model is broken" : times >= ALARM_AMBER ?
		    ", the model suffers" : "");
	out->is_error = times >= ALARM_RED;
}

bool lab_take(struct lab *l, struct lab_answer *out)
{
	struct question *q = l ? analyst_take(l->analyst) : NULL;

	if (!q)
		return false;
	*out = (struct lab_answer){ .aloud = q->aloud };
	l->awaited -= q->aloud;
	if (q->kind == QUESTION_SWAP) {
		forget_swap(l, q);
		tell_swap(q, out);
	}
	if (!q->ok && q->err.code && q->err.code != ERR_INTERRUPTED) {
		snprintf(out->text, sizeof out->text, "%.390s", q->err.msg);
		out->is_error = out->failed = true;
	} else if (!q->ok && q->called_off && q->kind != QUESTION_SWAP) {
		snprintf(out->text, sizeof out->text, "%s: called off", kind_words[q->kind]);
	} else if (q->ok && q->kind == QUESTION_RECEIPT) {
		tell_receipt(q, out);
	} else if (q->ok && q->kind == QUESTION_LEARN) {
		tell_learned(q, out);
	} else if (q->ok && q->kind == QUESTION_PROBE) {
		tell_probed(l, q, out);
	}
	if (l->probing == q)
		l->probing = NULL;
	drop(q);
	return true;
}

int lab_awaited(const struct lab *l)
{
	return l ? l->awaited : 0;
}

bool lab_work(const struct lab *l, char *words, size_t room, double *done)
{
	const struct question *q = l ? atomic_load(&l->now) : NULL;
	char made[SWAP_TEXT];

	if (!q)
		return false;
	if (q->kind == QUESTION_SWAP && l->swaps)
		snprintf(words, room, "making %s", swap_format(l->swaps->edit.swap, made));
	else
		snprintf(words, room, "%s", kind_words[q->kind]);
	*done = (double)analyst_progress(l->analyst);
	return true;
}

void lab_stop(struct lab *l)
{
	analyst_cancel(l->analyst);
}

struct lab_probe lab_probe_now(const struct lab *l)
{
	if (!l)
		return (struct lab_probe){ .before = NAN, .after = NAN };
	return (struct lab_probe){ .before = l->before, .after = l->after, .revision = l->revision, .works = l->probing != NULL,
		.done = analyst_progress(l->analyst) };
}
