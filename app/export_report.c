#include "app/export_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"

/* ---------------------------------------------------------------- signals */

enum { MAX_SIGNALS = N_LENSES + 2, SURPRISAL = -1, MEAN_HEADS = -2 };

/* Lens ids, and two figures that are no lens of one value a step. */
static int signals(int out[MAX_SIGNALS])
{
	int n = 0;

	for (int i = 0; i < N_LENSES; i++) {
		if (lenses[i]->probe.axes == PROBE_SCALAR)
			out[n++] = i;
		if (n == 1)
			out[n++] = SURPRISAL;
	}
	out[n++] = MEAN_HEADS;
	return n;
}

static int signal_id(int i)
{
	int id[MAX_SIGNALS];

	return signals(id) > i ? id[i] : SURPRISAL;
}

int signal_count(void)
{
	int id[MAX_SIGNALS];

	return signals(id);
}

const char *signal_name(int i)
{
	int id = signal_id(i);

	return id == SURPRISAL ? "surprisal" : id == MEAN_HEADS ? "attention" : lenses[id]->probe.name;
}

const char *signal_unit(int i)
{
	int id = signal_id(i);

	return id == SURPRISAL ? "nats" : id == MEAN_HEADS ? "of ln T" : lenses[id]->unit;
}

const char *signal_doc(int i)
{
	int id = signal_id(i);

	return id == SURPRISAL ? "how unexpected the token that came was: -ln of its raw probability" :
	    id == MEAN_HEADS ? "how widely the heads look, on average: entropy of attention over ln of the visible positions" :
	    lenses[id]->doc;
}

static float mean_of_heads(const struct step *s)
{
	int lens = lens_find("attn_entropy_norm"), probe = lens < 0 ? -1 : lens_in_plan(s->plan, (enum lens_id)lens);
	const float *v = step_values(s, probe);
	size_t n = v ? probe_plan_count(s->plan, probe) : 0;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (double)v[i];
	return n ? (float)(sum / (double)n) : NAN;
}

float signal_at(const struct step *s, int i)
{
	int id = signal_id(i);

	if (!s)
		return NAN;
	return id == SURPRISAL ? -s->logprob : id == MEAN_HEADS ? mean_of_heads(s) : lens_scalar(s, (enum lens_id)id);
}

/* 1, 2 or 5 times a power of ten, not below v. */
static float round_up(float v)
{
	float base;

	if (!(v > 0))
		return 1;
	base = powf(10, floorf(log10f(v)));
	return v <= base ? base : v <= 2 * base ? 2 * base : v <= 5 * base ? 5 * base : 10 * base;
}

void signal_range(const struct history *h, int i, float *lo, float *hi)
{
	int id = signal_id(i);
	float most = 0;

	*lo = id >= 0 ? lenses[id]->lo : 0;
	*hi = id >= 0 ? lenses[id]->hi : id == MEAN_HEADS ? 1 : NAN;
	for (int pos = 0; pos < timeline_n(h->steps); pos++)
		most = fmaxf(most, signal_at(timeline_at(h->steps, pos), i));
	if (isnan(*lo))
		*lo = 0;
	if (isnan(*hi) || *hi > 4 * most)
		*hi = round_up(most);
}

/* ---------------------------------------------------------------- reading */

static void add_event(struct history *h, const struct session_entry *en, const char *text)
{
	struct buf shown = { 0 };

	utf8_escape(text, strlen(text), &shown);
	buf_add(&shown, "", 0);
	h->events = mem_resize(h->events, (size_t)h->n_events + 1, sizeof *h->events);
	h->events[h->n_events++] = (struct event){ en->kind, timeline_n(h->steps) - 1, shown.data };
}

static struct edited *edited(struct history *h, int number)
{
	for (int i = 0; i < h->n_edits; i++)
		if (h->edits[i].number == number)
			return &h->edits[i];
	return NULL;
}

static void follow_edits(struct history *h, const struct edit_set *set)
{
	for (int i = 0; i < h->n_edits; i++)
		h->edits[i].on = false;
	for (int i = 0; i < edit_set_n(set); i++) {
		const struct edit *ed = edit_set_at(set, i);
		struct edited *mine = edited(h, ed->number);

		if (!mine) {
			h->edits = mem_resize(h->edits, (size_t)h->n_edits + 1, sizeof *h->edits);
			mine = &h->edits[h->n_edits++];
			*mine = (struct edited){ .number = ed->number, .from = timeline_n(h->steps) };
			edit_format(ed, mine->text, sizeof mine->text);
		}
		mine->on = ed->on;
	}
}

static void follow_order(struct history *h, const struct session_entry *en)
{
	const struct order *o = &en->order;

	switch (o->kind) {
	case ORDER_RESTART:
		timeline_cut(h->steps, 0);
		break;
	case ORDER_CUT:
		timeline_cut(h->steps, o->n);
		break;
	case ORDER_CHAIN:
		add_event(h, en, chain_text(o->chain));
		break;
	case ORDER_EDITS:
		follow_edits(h, o->edits);
		break;
	default:
		break;
	}
}

static void follow_step(struct history *h, const struct step *s)
{
	timeline_add(h->steps, step_ref(s));
	for (int i = 0; i < s->n_receipts; i++) {
		const struct receipt *r = &s->receipts[i];
		struct edited *ed = edited(h, r->edit);

		if (!ed || !r->applied)
			continue;
		ed->applied += r->applied;
		ed->steps++;
		ed->change += isfinite(r->change) ? (double)r->change : 0;
		ed->before += isfinite(r->before) ? (double)r->before : 0;
	}
}

/* What the model wrote, on the line that is there in the end. */
static void sum_up(struct history *h)
{
	double surprisal = 0;

	instability_start(&h->trace, 1);
	h->first_generated = h->peak_pos = -1;
	for (int pos = 0; pos < timeline_n(h->steps); pos++) {
		const struct step *s = timeline_at(h->steps, pos);

		if (!s || s->why == WHY_PROMPT || s->token < 0)
			continue;
		if (h->first_generated < 0)
			h->first_generated = pos;
		instability_add_step(&h->trace, s);
		/* Counted among what was generated; texts put in between have positions too. */
		if (h->trace.peak_at == h->trace.n)
			h->peak_pos = pos;
		if (isfinite(s->logprob)) {
			surprisal -= (double)s->logprob;
			h->n_generated++;
		}
	}
	h->surprisal = h->n_generated ? surprisal / h->n_generated : NAN;
}

bool history_read(struct history *h, struct export *x, struct err *e)
{
	struct session_entry en;

	*h = (struct history){ .steps = timeline_new(TIMELINE_BUDGET) };
	for (bool end = false; !end;) {
		if (!export_next(x, &en, e))
			return false;
		end = en.kind == ENTRY_END;
		if (en.kind == ENTRY_STEP)
			follow_step(h, en.step);
		else if (en.kind == ENTRY_ORDER)
			follow_order(h, &en);
		else if (en.kind == ENTRY_COMMAND || en.kind == ENTRY_SAY)
			add_event(h, &en, en.text);
		session_entry_clear(&en);
	}
	sum_up(h);
	return true;
}

void history_drop(struct history *h)
{
	for (int i = 0; i < h->n_events; i++)
		free(h->events[i].text);
	free(h->events);
	free(h->edits);
	timeline_free(h->steps);
	*h = (struct history){ .steps = NULL };
}

void html_text(struct buf *out, const char *s, size_t n)
{
	struct buf shown = { 0 };

	utf8_escape(s, n, &shown);
	for (size_t i = 0; i < shown.len; i++)
		switch (shown.data[i]) {
		case '&':
			buf_str(out, "&amp;");
			break;
		case '<':
			buf_str(out, "&lt;");
			break;
		case '>':
			buf_str(out, "&gt;");
			break;
		case '"':
			buf_str(out, "&quot;");
			break;
		case '\'':
			buf_str(out, "&#39;");
			break;
		default:
			buf_char(out, shown.data[i]);
		}
	buf_free(&shown);
}
