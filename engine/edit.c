#include "engine/edit.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
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

struct edit_set {
	atomic_int refs;
	uint32_t revision;
	/* One bit per site for each layer, and one word more for the global sites:
	 * what an unedited place looks at. */
	int n_masks;
	uint32_t *mask;
	uint32_t every;         /* sites edited in every layer */
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
		if (!ed->on)
			continue;
		if (ed->at.layer == EVERY_LAYER)
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
		for (int i = 0; i < s->n; i++)
			vec_unref(s->e[i].vec);
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

static void skip_blanks(const char **p)
{
	while (**p == ' ' || **p == '\t')
		++*p;
}

static bool take_word(const char **p, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*p, word, n) || (isalpha((unsigned char)word[n - 1]) && isalnum((unsigned char)(*p)[n])))
		return false;
	*p += n;
	skip_blanks(p);
	return true;
}

static bool read_range(const char **p, struct edit *out, struct err *e)
{
	char *end;
	long from = strtol(*p, &end, 10), to;

	if (end == *p || strncmp(end, "..", 2))
		return err_set(e, ERR_USAGE, "a scope is all, prompt, generated, or a range of positions like 4..9");
	*p = end + 2;
	to = strtol(*p, &end, 10);
	if (end == *p || from < 0 || to < from || to > 1 << 24)
		return err_set(e, ERR_USAGE, "a range of positions goes from a smaller to a larger one, like 4..9");
	*p = end;
	out->from = (int)from;
	out->to = (int)to;
	return true;
}

bool edit_parse_scope(const char **text, struct edit *out, struct err *e)
{
	skip_blanks(text);
	out->scope = SCOPE_ALL;
	out->back = false;
	if (!**text)
		return true;
	if (!take_word(text, "in"))
		return err_set(e, ERR_USAGE, "after the value comes nothing, or: in all, prompt, generated, or A..B");
	out->back = true;
	if (take_word(text, "all"))
		return true;
	if (take_word(text, "prompt")) {
		out->scope = SCOPE_PROMPT;
		return true;
	}
	if (take_word(text, "generated")) {
		out->scope = SCOPE_GENERATED;
		out->back = false;
		return true;
	}
	out->scope = SCOPE_RANGE;
	return read_range(text, out, e);
}

static bool same_edit(const struct edit *a, const struct edit *b)
{
	return a->number == b->number && same_place(a, b) && a->value == b->value && a->vec == b->vec &&
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

/* A vector's file must say that it is for this operation and this place. */
static bool check_vec(const struct edit *ed, struct err *e)
{
	char here[ADDRESS_TEXT], there[ADDRESS_TEXT];
	const struct vec *v = ed->vec;

	if (strcmp(v->operation, ed->op->name))
		return err_set(e, ERR_USAGE, "%.100s is a vector to %s; write %s", v->name, v->operation,
		    strcmp(v->operation, "add") ? "SITE project FILE" : "SITE + FILE * NUMBER");
	if (v->at.site != ed->at.site || v->at.head != ed->at.head || ed->at.index >= 0 ||
	    (v->at.layer != ed->at.layer && ed->at.layer != EVERY_LAYER))
		return err_set(e, ERR_USAGE, "%.100s is a vector for %s, not for %s", v->name, address_format(&v->at, there),
		    address_format(&ed->at, here));
	return true;
}

/* FILE [* NUMBER]; a file with blanks in its name stands in quotation marks. */
static bool read_vec(const char **p, const struct hparams *hp, struct edit *out, struct err *e)
{
	char path[1024], *stop;
	char quote = **p == '"' ? '"' : 0;
	size_t n = 0;

	for (*p += quote != 0; **p && (quote ? **p != quote : !isspace((unsigned char)**p)) && n + 1 < sizeof path;)
		path[n++] = *(*p)++;
	path[n] = '\0';
	*p += quote && **p == quote;
	skip_blanks(p);
	if (!out->op->apply_vec || !n)
		return err_set(e, ERR_USAGE, "wants a number, as in L4.up[219] = 8, not \"%.20s\"", path);
	if (!(out->vec = vec_open(path, hp, e)) || !check_vec(out, e))
		return false;
	out->value = 1;
	if (**p == '*') {
		++*p;
		out->value = strtof(*p, &stop);
		if (stop == *p || !isfinite(out->value))
			return err_set(e, ERR_USAGE, "after FILE * comes a number, not \"%.20s\"", *p);
		*p = stop;
	}
	return true;
}

static bool read_value(const char **p, const struct hparams *hp, struct edit *out, struct err *e)
{
	char *end;

	out->value = strtof(*p, &end);
	/* "8.vec" begins like a number. */
	if (end == *p || !out->op->apply || (*end && !isspace((unsigned char)*end)))
		return read_vec(p, hp, out, e);
	if (!isfinite(out->value))
		return err_set(e, ERR_USAGE, "wants a finite number, not \"%.20s\"", *p);
	*p = end;
	return true;
}

static bool parse(const char *p, const struct hparams *hp, const struct vocab *vocab, struct edit *out, struct err *e)
{
	skip_blanks(&p);
	if (!address_parse_in(&p, hp, vocab, &out->at, e))
		return false;
	if (out->at.site == SITE_attn_probs)
		return err_set(e, ERR_USAGE, "attention probabilities cannot be written; edit a head (L5.H3) or its "
		    "temperature (L5.H3.temp)");
	skip_blanks(&p);
	for (size_t i = 0; i < n_edit_defs && !out->op; i++)
		if (take_word(&p, edit_defs[i]->symbol))
			out->op = edit_defs[i];
	if (!out->op)
		return err_set(e, ERR_USAGE, "after the address comes = * + max or min, as in L4.up[219] = 8");
	if (!read_value(&p, hp, out, e))
		return false;
	skip_blanks(&p);
	if (!edit_parse_scope(&p, out, e))
		return false;
	skip_blanks(&p);
	if (*p)
		return err_set(e, ERR_USAGE, "does not understand \"%.40s\" at the end", p);
	return true;
}

bool edit_parse_in(const char *text, const struct hparams *hp, const struct vocab *vocab, struct edit *out,
    struct err *e)
{
	memset(out, 0, sizeof *out);
	out->on = true;
	if (parse(text, hp, vocab, out, e))
		return true;
	edit_drop(out);
	return false;
}

bool edit_parse(const char *text, const struct hparams *hp, struct edit *out, struct err *e)
{
	return edit_parse_in(text, hp, NULL, out, e);
}

void edit_drop(struct edit *ed)
{
	vec_unref(ed->vec);
	ed->vec = NULL;
}

/* The fewest digits that read back as the same float. */
static const char *write_value(float v, char out[32])
{
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(out, 32, "%.*g", digits, (double)v);
		if (strtof(out, NULL) == v)
			break;
	}
	return out;
}

const char *edit_format(const struct edit *ed, char *out, size_t room)
{
	char at[ADDRESS_TEXT], value[32];
	bool times = ed->vec && ed->value != 1;
	int n = ed->vec ? snprintf(out, room, "%s %s %.100s%s%s", address_format(&ed->at, at), ed->op->symbol,
	    ed->vec->name, times ? " * " : "", times ? write_value(ed->value, value) : "") :
	    snprintf(out, room, "%s %s %s", address_format(&ed->at, at), ed->op->symbol, write_value(ed->value, value));
	size_t used = n < 0 ? 0 : (size_t)n < room ? (size_t)n : room;

	switch (ed->scope) {
	case SCOPE_ALL:
		if (ed->back)
			snprintf(out + used, room - used, " in all");
		break;
	case SCOPE_PROMPT:
		snprintf(out + used, room - used, " in prompt");
		break;
	case SCOPE_GENERATED:
		snprintf(out + used, room - used, " in generated");
		break;
	case SCOPE_RANGE:
		snprintf(out + used, room - used, " in %d..%d", ed->from, ed->to);
		break;
	}
	return out;
}
