#include "engine/trace_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RECEIPTS = 4096, MAX_EDIT = 1 << 20 };

struct reader {
	const json_t *line;
	const struct hparams *hp;
	piece_seen *seen;
	void *to;
	struct err *e;
	bool failed;
};

static void fail(struct reader *r, const char *field, const char *expected)
{
	if (!r->failed)
		err_set(r->e, ERR_FILE, "field \"%s\": expected %s", field, expected);
	r->failed = true;
}

/* A whole number in [lo, hi]; `absent` when the field is missing or null. */
static int whole(struct reader *r, const char *field, json_int_t lo, json_int_t hi, int absent)
{
	const json_t *v = json_object_get(r->line, field);
	char range[80];

	if (!v || json_is_null(v))
		return absent;
	if (json_is_integer(v) && json_integer_value(v) >= lo && json_integer_value(v) <= hi)
		return (int)json_integer_value(v);
	snprintf(range, sizeof range, "a whole number from %lld to %lld", (long long)lo, (long long)hi);
	fail(r, field, range);
	return absent;
}

static float number(struct reader *r, const char *field, const json_t *v)
{
	if (!v || json_is_null(v))
		return NAN;
	if (json_is_number(v))
		return (float)json_number_value(v);
	fail(r, field, "a number or null");
	return NAN;
}

static void row(struct reader *r, const char *field, const json_t *v, int n, float *out)
{
	char expected[48];

	if (!v || json_is_null(v))
		return;
	if (json_array_size(v) != (size_t)n) {
		snprintf(expected, sizeof expected, "an array of %d", n);
		fail(r, field, expected);
		return;
	}
	for (int i = 0; i < n; i++)
		out[i] = number(r, field, json_array_get(v, (size_t)i));
}

static void read_probe(struct reader *r, struct step *s, int i)
{
	const struct probe_plan *p = s->plan;
	const char *name = p->probes[i]->name;
	const json_t *v = json_object_get(r->line, name);
	float *out = s->values + p->offset[i];

	if (!v || json_is_null(v))
		return;
	switch (p->probes[i]->axes) {
	case PROBE_SCALAR:
		*out = number(r, name, v);
		break;
	case PROBE_LAYERS:
		row(r, name, v, p->n_layers, out);
		break;
	case PROBE_HEADS:
		if (json_array_size(v) != (size_t)p->n_layers)
			fail(r, name, "one row for each layer");
		for (int l = 0; !r->failed && l < p->n_layers; l++)
			row(r, name, json_array_get(v, (size_t)l), p->n_heads, out + (size_t)l * (size_t)p->n_heads);
		break;
	}
}

static void name_piece(struct reader *r, int32_t id, const json_t *text)
{
	if (r->seen && id >= 0 && json_is_string(text))
		r->seen(r->to, id, json_string_value(text), json_string_length(text));
}

static void read_top(struct reader *r, struct step *s)
{
	const json_t *top = json_object_get(r->line, "top"), *c;
	size_t i;

	if (!top || json_is_null(top))
		return;
	if (!json_is_array(top) || json_array_size(top) > STEP_TOP) {
		fail(r, "top", "an array of at most 50 candidates, or null");
		return;
	}
	json_array_foreach(top, i, c) {
		const json_t *id = json_array_get(c, 0);

		if (json_array_size(c) < 4 || !json_is_integer(id) || json_integer_value(id) < 0 ||
		    json_integer_value(id) >= r->hp->n_vocab) {
			fail(r, "top", "candidates as [id, text, p_raw, p_final] with ids of the vocabulary");
			return;
		}
		s->top[i] = (struct step_candidate){ .id = (int32_t)json_integer_value(id),
		    .p_raw = number(r, "top", json_array_get(c, 2)), .p_final = number(r, "top", json_array_get(c, 3)) };
		name_piece(r, s->top[i].id, json_array_get(c, 1));
	}
	s->n_top = (int)json_array_size(top);
	s->has_logits = true;
}

static void read_neurons(struct reader *r, struct step *s)
{
	const json_t *list = json_object_get(r->line, "neurons"), *n;
	size_t i;

	json_array_foreach(list, i, n) {
		const char *site = json_string_value(json_array_get(n, 0));
		int layer = -1, index = -1, used = 0, slot = 0;

		if (!site || sscanf(site, "L%d.mlp[%d]%n", &layer, &index, &used) != 2 || site[used] || layer < 0 ||
		    layer >= s->n_layers || index < 0 || index >= r->hp->d_ff) {
			fail(r, "neurons", "neurons as [\"L4.mlp[219]\", activation, contribution] of this model");
			return;
		}
		struct step_neuron *at = s->neurons + (size_t)layer * STEP_NEURONS;
		while (slot < STEP_NEURONS && at[slot].index >= 0)
			slot++;
		if (slot < STEP_NEURONS)
			at[slot] = (struct step_neuron){ index, number(r, "neurons", json_array_get(n, 1)),
			    number(r, "neurons", json_array_get(n, 2)) };
	}
}

/* [kept, mass, best, shown...]; files of the first builds end after mass. */
static void read_stage(struct reader *r, const json_t *v, struct step_stage *out)
{
	const json_t *kept = json_array_get(v, 0), *best = json_array_get(v, 2);

	*out = (struct step_stage){ .best = -1, .shown = { NAN, NAN, NAN, NAN }, .state = { NAN, NAN, NAN } };
	if (!json_is_integer(kept) || json_integer_value(kept) < 0 || json_integer_value(kept) > r->hp->n_vocab ||
	    json_array_size(v) > 3 + STAGE_SHOWN) {
		fail(r, "stages", "stages as [kept, mass, best, figures...] of this vocabulary");
		return;
	}
	out->kept = (int32_t)json_integer_value(kept);
	out->mass = number(r, "stages", json_array_get(v, 1));
	if (best && (!json_is_integer(best) || json_integer_value(best) < -1 || json_integer_value(best) >= r->hp->n_vocab))
		fail(r, "stages", "a best candidate that is a token of the vocabulary");
	else if (best)
		out->best = (int32_t)json_integer_value(best);
	for (size_t i = 3; i < json_array_size(v); i++)
		out->shown[i - 3] = number(r, "stages", json_array_get(v, i));
}

static void read_stages(struct reader *r, struct step *s)
{
	const json_t *list = json_object_get(r->line, "stages"), *st;
	size_t i;

	if (json_array_size(list) > STEP_STAGES) {
		fail(r, "stages", "at most 12 stages");
		return;
	}
	json_array_foreach(list, i, st)
		read_stage(r, st, &s->stages[i]);
	s->n_stages = (int)json_array_size(list);
}

static void read_receipts(struct reader *r, struct step *s, const json_t *list)
{
	const json_t *v;
	size_t i;

	if (json_array_size(list) > MAX_RECEIPTS)
		fail(r, "receipts", "at most 4096 receipts");
	json_array_foreach(list, i, v) {
		const json_t *edit = json_array_get(v, 0), *applied = json_array_get(v, 1);

		if (r->failed || !json_is_integer(edit) || json_integer_value(edit) < 0 ||
		    json_integer_value(edit) > MAX_EDIT || !json_is_integer(applied)) {
			fail(r, "receipts", "receipts as [edit, applied, change, before]");
			return;
		}
		s->receipts[i] = (struct receipt){ .edit = (int32_t)json_integer_value(edit),
		    .applied = (int32_t)json_integer_value(applied), .change = number(r, "receipts", json_array_get(v, 2)),
		    .before = number(r, "receipts", json_array_get(v, 3)) };
	}
}

static void read_why(struct reader *r, struct step *s)
{
	static const char *const names[] = { "prompt", "sampled", "forced" };
	const json_t *why = json_object_get(r->line, "why");

	for (int i = 0; i < 3; i++)
		if (json_is_string(why) && !strcmp(json_string_value(why), names[i]))
			s->why = (enum step_why)i;
}

struct step *trace_read(const json_t *line, const struct probe_plan *plan, const struct hparams *hp, int n_ctx,
    piece_seen *seen, void *to, struct err *e)
{
	struct reader r = { .line = line, .hp = hp, .seen = seen, .to = to, .e = e };
	const json_t *receipts = json_object_get(line, "receipts");
	size_t n_receipts = json_array_size(receipts);
	struct step *s = step_new_room(plan, (int)(n_receipts < MAX_RECEIPTS ? n_receipts : MAX_RECEIPTS));
	const json_int_t big = INT32_MAX;

	s->index = whole(&r, "step", 0, big, 0);
	s->pos = whole(&r, "pos", 0, n_ctx - 1, 0);
	s->branch = whole(&r, "branch", 0, big, 0);
	s->input = whole(&r, "input", 0, hp->n_vocab - 1, 0);
	s->token = whole(&r, "token", 0, hp->n_vocab - 1, -1);
	s->edits = (uint32_t)whole(&r, "edits", 0, big, 0);
	s->sampler = (uint32_t)whole(&r, "sampler", 0, big, 0);
	s->logprob = number(&r, "logprob", json_object_get(line, "logprob"));
	s->p_final = number(&r, "p_final", json_object_get(line, "p_final"));
	s->ms_forward = number(&r, "ms", json_object_get(line, "ms"));
	name_piece(&r, s->token, json_object_get(line, "text"));
	read_why(&r, s);
	read_top(&r, s);
	read_neurons(&r, s);
	read_stages(&r, s);
	read_receipts(&r, s, receipts);
	for (int i = 0; i < plan->n && !r.failed; i++)
		read_probe(&r, s, i);
	if (!r.failed)
		return s;
	step_unref(s);
	return NULL;
}
