#include "engine/edit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

#define EDIT(name) extern const struct edit_def edit_##name;
#include "engine/edits/edits.def"
#undef EDIT

const struct edit_def *const edit_defs[] = {
#define EDIT(name) &edit_##name,
#include "engine/edits/edits.def"
#undef EDIT
};
const size_t n_edit_defs = sizeof edit_defs / sizeof *edit_defs;
const struct edit_def edit_swap = { .name = "swap", .symbol = "swap", .doc = "compute with other matrices" };

struct edit_set {
	atomic_int refs;
	uint32_t revision;
	/* One bit per site for each layer, and one word more for the global sites:
	 * what an unedited place looks at. */
	int n_masks;
	uint32_t *mask;
	uint32_t every;         /* sites edited in every layer */
	int n_swaps;            /* that are on and made */
	int n;
	struct edit e[];
};

static struct edit_set *set_new(int room, uint32_t revision)
{
	struct edit_set *s = mem_zalloc(sizeof *s + (size_t)room * sizeof *s->e);

	atomic_init(&s->refs, 1);
	s->revision = revision;
	return s;
}

static const struct edit_set *set_finish(struct edit_set *s)
{
	int layers = 0;

	for (int i = 0; i < s->n; i++)
		if (s->e[i].at.layer >= layers)
			layers = s->e[i].at.layer + 1;
	s->n_masks = layers + 1;
	s->mask = mem_array((size_t)s->n_masks, sizeof *s->mask);
	for (int i = 0; i < s->n; i++) {
		struct edit *ed = &s->e[i];

		if (ed->vec)
			vec_ref(ed->vec);
		if (ed->swap)
			swap_ref(ed->swap);
		if (!ed->on)
			continue;
		if (ed->swap)
			s->n_swaps += ed->swap->n > 0;
		else if (ed->at.layer == EVERY_LAYER)
			s->every |= 1u << ed->at.site;
		else
			s->mask[ed->at.layer + 1] |= 1u << ed->at.site;
	}
	return s;
}

const struct edit_set *edit_set_empty(void)
{
	return set_finish(set_new(0, 0));
}

static atomic_int *refs(const struct edit_set *s)
{
	return &((struct edit_set *)(uintptr_t)s)->refs;
}

const struct edit_set *edit_set_ref(const struct edit_set *s)
{
	atomic_fetch_add_explicit(refs(s), 1, memory_order_relaxed);
	return s;
}

void edit_set_unref(const struct edit_set *s)
{
	if (s && atomic_fetch_sub_explicit(refs(s), 1, memory_order_acq_rel) == 1) {
		for (int i = 0; i < s->n; i++) {
			vec_unref(s->e[i].vec);
			swap_unref(s->e[i].swap);
		}
		free(s->mask);
		free((void *)(uintptr_t)s);
	}
}

uint32_t edit_set_revision(const struct edit_set *s)
{
	return s->revision;
}

int edit_set_n(const struct edit_set *s)
{
	return s->n;
}

const struct edit *edit_set_at(const struct edit_set *s, int i)
{
	return &s->e[i];
}

static bool same_place(const struct edit *a, const struct edit *b)
{
	return a->op == b->op && a->at.site == b->at.site && a->at.layer == b->at.layer &&
	    a->at.head == b->at.head && a->at.index == b->at.index;
}

const struct edit_set *edit_set_with(const struct edit_set *s, const struct edit *add, uint32_t revision)
{
	struct edit_set *t = set_new(s->n + 1, revision);
	bool placed = false;

	for (int i = 0; i < s->n; i++) {
		t->e[t->n] = s->e[i];
		if (same_place(&s->e[i], add)) {
			t->e[t->n] = *add;
			placed = true;
		}
		t->n++;
	}
	if (!placed)
		t->e[t->n++] = *add;
	return set_finish(t);
}

const struct edit_set *edit_set_without(const struct edit_set *s, int number, uint32_t revision)
{
	struct edit_set *t = set_new(s->n, revision);

	for (int i = 0; i < s->n; i++)
		if (s->e[i].number != number)
			t->e[t->n++] = s->e[i];
	return set_finish(t);
}

const struct edit_set *edit_set_toggled(const struct edit_set *s, int number, uint32_t revision)
{
	struct edit_set *t = set_new(s->n, revision);

	for (int i = 0; i < s->n; i++) {
		t->e[t->n] = s->e[i];
		if (s->e[i].number == number)
			t->e[t->n].on = !s->e[i].on;
		t->n++;
	}
	return set_finish(t);
}

bool edit_set_touches(const struct edit_set *s, int layer, enum site site)
{
	return s->every >> site & 1 || (layer + 1 < s->n_masks && s->mask[layer + 1] >> site & 1);
}

static bool in_scope(const struct edit *ed, int pos, int n_prompt)
{
	switch (ed->scope) {
	case SCOPE_ALL:
		return true;
	case SCOPE_PROMPT:
		return pos < n_prompt;
	case SCOPE_GENERATED:
		return pos >= n_prompt;
	case SCOPE_RANGE:
		return pos >= ed->from && pos <= ed->to;
	}
	return false;
}

static bool swaps_at(const struct edit *ed, int pos, int n_prompt)
{
	return ed->on && ed->swap && in_scope(ed, pos, n_prompt);
}

bool edit_set_swaps(const struct edit_set *s, int pos, int n_prompt, const struct tensor **table, int n_layers)
{
	bool any = false;

	if (!s->n_swaps)
		return false;
	for (int i = 0; i < s->n; i++)
		any |= swaps_at(&s->e[i], pos, n_prompt);
	if (!any)
		return false;
	memset(table, 0, (size_t)(n_layers + 1) * N_WEIGHTS * sizeof *table);
	for (int i = 0; i < s->n; i++)
		for (int j = 0; swaps_at(&s->e[i], pos, n_prompt) && j < s->e[i].swap->n; j++) {
			const struct swap_piece *p = &s->e[i].swap->piece[j];

			table[(p->layer + 1) * N_WEIGHTS + (int)p->which] = &p->t;
		}
	return true;
}

int edit_set_span(const struct edit_set *s, int pos, int n, int n_prompt)
{
	int span = n;

	for (int i = 0; s->n_swaps && i < s->n; i++)
		for (int j = 1; j < span; j++)
			if (swaps_at(&s->e[i], pos, n_prompt) != swaps_at(&s->e[i], pos + j, n_prompt))
				span = j;
	return span;
}

/* Lengths of several places add as the sides of a right angle do. */
static void write_receipt(struct receipt *r, const float *before, const float *after, int n)
{
	double change = (double)r->change * (double)r->change, length = (double)r->before * (double)r->before;

	for (int i = 0; i < n; i++) {
		double d = (double)after[i] - (double)before[i];

		change += d * d;
		length += (double)before[i] * (double)before[i];
	}
	r->applied++;
	r->change = (float)sqrt(change);
	r->before = (float)sqrt(length);
}

void edit_set_apply(const struct edit_set *s, int layer, enum site site, const struct hparams *hp,
    float *x, int pos, int n_prompt, struct receipt *receipts, float *spare)
{
	for (int i = 0; i < s->n; i++) {
		const struct edit *ed = &s->e[i];
		int first = 0, n = site_width(site, hp);

		if (!ed->on || ed->at.site != site || (ed->at.layer != layer && ed->at.layer != EVERY_LAYER))
			continue;
		if (ed->at.head >= 0) {
			first = ed->at.head * hp->d_head;
			n = hp->d_head;
		}
		if (ed->at.index >= 0) {
			first += ed->at.index;
			n = 1;
		}
		if (!in_scope(ed, pos, n_prompt))
			continue;
		if (receipts)
			memcpy(spare, x + first, (size_t)n * sizeof *x);
		if (ed->vec)
			ed->op->apply_vec(x + first, n, ed->vec->v, ed->value * ed->vec->scale);
		else
			ed->op->apply(x + first, n, ed->value);
		if (receipts)
			write_receipt(&receipts[i], spare, x + first, n);
	}
}

static bool same_edit(const struct edit *a, const struct edit *b)
{
	return a->number == b->number && same_place(a, b) && a->value == b->value && a->vec == b->vec &&
	    a->swap == b->swap &&
	    a->scope == b->scope && a->from == b->from && a->to == b->to && a->on == b->on;
}

/* The first position that edits of `a` write to and `b` does not know of. */
static int first_missing(const struct edit_set *a, const struct edit_set *b)
{
	int first = -1;

	for (int i = 0; i < a->n; i++) {
		const struct edit *ed = &a->e[i];
		int from = ed->scope == SCOPE_RANGE ? ed->from : 0;
		bool there = !ed->on || !ed->back;

		for (int j = 0; j < b->n && !there; j++)
			there = same_edit(ed, &b->e[j]);
		if (!there && (first < 0 || from < first))
			first = from;
	}
	return first;
}

int edit_sets_stale(const struct edit_set *before, const struct edit_set *after)
{
	int gone = first_missing(before, after), come = first_missing(after, before);

	return gone < 0 || (come >= 0 && come < gone) ? come : gone;
}

void edit_set_account_swaps(const struct edit_set *s, int pos, int n_prompt, struct receipt *receipts)
{
	for (int i = 0; i < s->n; i++) {
		const struct swap *w = s->e[i].swap;
		double change = 0, before = 0;

		if (!swaps_at(&s->e[i], pos, n_prompt))
			continue;
		for (int j = 0; j < w->n; j++) {
			change += w->piece[j].change * w->piece[j].change;
			before += w->piece[j].before * w->piece[j].before;
		}
		receipts[i] = (struct receipt){ .edit = receipts[i].edit, .applied = w->n, .change = (float)sqrt(change),
			.before = (float)sqrt(before) };
	}
}
