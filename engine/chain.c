/*
 * chain -- the text of a sampler chain and what it stands for.
 *
 * A stage may take a text in quotes before its numbers.  Inside the quotes a
 * backslash stays what it is, since that is what regular expressions are made of;
 * only \" stands for a quote.
 */
#include <ctype.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/chain.h"
#include "engine/step.h"

#define SAMPLER(name) extern const struct sampler_def sampler_##name;
#include "engine/samplers/samplers.def"
#undef SAMPLER

const struct sampler_def *const samplers[] = {
#define SAMPLER(name) &sampler_##name,
#include "engine/samplers/samplers.def"
#undef SAMPLER
};
const size_t n_samplers = sizeof samplers / sizeof *samplers;

/* top_k, top-k and TOP-K are one word to whoever types it. */
static bool same_name(const char *name, const char *typed, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int c = typed[i] == '_' ? '-' : tolower((unsigned char)typed[i]);

		if (name[i] != c)
			return false;
	}
	return name[n] == '\0';
}

const struct sampler_def *sampler_find(const char *name, size_t n)
{
	for (size_t i = 0; i < n_samplers; i++)
		if (same_name(samplers[i]->name, name, n))
			return samplers[i];
	return NULL;
}

static void blanks(const char **p)
{
	while (isspace((unsigned char)**p))
		++*p;
}

static bool unknown_stage(const char *word, size_t n, struct err *e)
{
	struct buf known = { 0 };

	for (size_t i = 0; i < n_samplers; i++)
		buf_printf(&known, "%s%s", i ? ", " : "", samplers[i]->name);
	err_set(e, ERR_USAGE, "no sampler stage called \"%.*s\" (there are %s)", (int)(n < 32 ? n : 32), word, known.data);
	buf_free(&known);
	return false;
}

/* The text between quotes; NULL, with `e` filled, when there is none. */
static char *read_text(const char **p, const struct sampler_def *d, struct err *e)
{
	struct buf b = { 0 };

	blanks(p);
	if (**p != '"') {
		err_set(e, ERR_USAGE, "%s wants a %s in quotes: %s \"...\"", d->name, d->text, d->name);
		return NULL;
	}
	buf_str(&b, "");
	for (++*p; **p && **p != '"'; ++*p) {
		if (**p == '\\' && (*p)[1]) {
			if ((*p)[1] != '"')
				buf_char(&b, '\\');
			++*p;
		}
		buf_char(&b, **p);
	}
	if (**p != '"') {
		err_set(e, ERR_USAGE, "%s: the %s has no closing quote", d->name, d->text);
		buf_free(&b);
		return NULL;
	}
	++*p;
	return b.data;
}

static void write_quoted(struct buf *b, const char *text)
{
	buf_char(b, '"');
	for (const char *p = text; *p; p++) {
		if (*p == '"') {
			buf_char(b, '\\');
		} else if (*p == '\\' && p[1]) {
			buf_char(b, *p);
			p++;
		}
		buf_char(b, *p);
	}
	buf_char(b, '"');
}

static bool ends_word(char c)
{
	return !c || c == '|' || isspace((unsigned char)c);
}

static bool read_number(const char **p, struct stage *st, int got, struct err *e)
{
	const struct sampler_def *d = st->def;
	char *end;
	double v = strtod(*p, &end);

	if (**p == '"' && !d->text)
		return err_set(e, ERR_USAGE, "%s takes no text in quotes", d->name);
	if (end == *p || !isfinite(v) || !ends_word(*end))
		return err_set(e, ERR_USAGE, "%s wants a number, not \"%.20s\"", d->name, *p);
	if (got == d->n_params)
		return err_set(e, ERR_USAGE, "%s takes %d number%s at most", d->name, d->n_params,
		    d->n_params == 1 ? "" : "s");
	if (v < d->params[got].lo || v > d->params[got].hi)
		return err_set(e, ERR_USAGE, "%s: %s goes from %g to %g, not %g", d->name,
		    d->params[got].name, d->params[got].lo, d->params[got].hi, v);
	st->params[got] = v;
	*p = end;
	return true;
}

static bool read_params(const char **p, struct stage *st, struct err *e)
{
	const struct sampler_def *d = st->def;
	int got = 0;

	for (int i = 0; i < d->n_params; i++)
		st->params[i] = d->params[i].initial;
	if (d->text && !(st->text = read_text(p, d, e)))
		return false;
	for (blanks(p); **p && **p != '|'; blanks(p))
		if (!read_number(p, st, got++, e))
			return false;
	if (got < d->n_required)
		return err_set(e, ERR_USAGE, "%s wants a value for %s", d->name, d->params[got].name);
	return true;
}

/* As short as it can be and still be read back as the same number. */
static void write_number(struct buf *b, double v)
{
	char text[40];

	for (int digits = 6; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_printf(b, " %s", text);
}

static char *write_text(const struct chain *c)
{
	struct buf b = { 0 };

	for (int i = 0; i < c->n; i++) {
		const struct stage *st = &c->stage[i];

		buf_printf(&b, "%s%s", i ? " | " : "", st->def->name);
		if (st->text) {
			buf_char(&b, ' ');
			write_quoted(&b, st->text);
		}
		for (int j = 0; j < st->def->n_params; j++)
			write_number(&b, st->params[j]);
	}
	return b.data;
}

const char *sampler_usage(const struct sampler_def *d, char *out, size_t room)
{
	struct buf b = { 0 };

	buf_str(&b, "");
	if (d->text)
		buf_printf(&b, " \"%s\"", d->text);
	for (int i = 0; i < d->n_params; i++)
		if (i < d->n_required)
			buf_printf(&b, " %s", d->params[i].name);
		else
			buf_printf(&b, " [%s=%g]", d->params[i].name, d->params[i].initial);
	snprintf(out, room, "%s", b.data);
	buf_free(&b);
	return out;
}

static bool read_stage(struct chain *c, const char **p, struct err *e)
{
	struct stage *st = &c->stage[c->n];
	size_t n = 0;

	blanks(p);
	while (!ends_word((*p)[n]) && (*p)[n] != '"')
		n++;
	if (!n)
		return err_set(e, ERR_USAGE, "a sampler chain is stages with | between them, as in: %s", SAMPLER_DEFAULT);
	if (c->n == STEP_STAGES)
		return err_set(e, ERR_USAGE, "a sampler chain has at most %d stages", STEP_STAGES);
	if (!(st->def = sampler_find(*p, n)))
		return unknown_stage(*p, n, e);
	c->n++;
	*p += n;
	return read_params(p, st, e);
}

static bool read_chain(struct chain *c, const char *text, struct err *e)
{
	const char *p = text;

	for (; read_stage(c, &p, e); p++)
		if (!*p)
			return true;
	return false;
}

static bool prepare(struct chain *c, const struct model *m, struct err *e)
{
	for (int i = 0; i < c->n; i++) {
		struct stage *st = &c->stage[i];

		if (st->def->prepare && !(st->data = st->def->prepare(st->text, st->params, m, e)))
			return err_wrap(e, "%s", st->def->name);
	}
	return true;
}

static const struct chain *parse(const char *text, uint32_t revision, const struct model *m, bool only_shown,
    struct err *e)
{
	struct chain *c = mem_zalloc(sizeof *c);

	atomic_init(&c->refs, 1);
	c->revision = revision;
	c->only_shown = only_shown;
	if (!read_chain(c, text, e) || (!only_shown && !prepare(c, m, e))) {
		chain_unref(c);
		err_wrap(e, "sampler");
		return NULL;
	}
	c->text = write_text(c);
	return c;
}

const struct chain *chain_parse(const char *text, uint32_t revision, struct err *e)
{
	return parse(text, revision, NULL, false, e);
}

const struct chain *chain_parse_for(const char *text, uint32_t revision, const struct model *m, struct err *e)
{
	return parse(text, revision, m, false, e);
}

const struct chain *chain_parse_shown(const char *text, uint32_t revision, struct err *e)
{
	return parse(text, revision, NULL, true, e);
}

static atomic_int *refs(const struct chain *c)
{
	return &((struct chain *)(uintptr_t)c)->refs;
}

const struct chain *chain_ref(const struct chain *c)
{
	atomic_fetch_add_explicit(refs(c), 1, memory_order_relaxed);
	return c;
}

void chain_unref(const struct chain *c)
{
	if (!c || atomic_fetch_sub_explicit(refs(c), 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < c->n; i++) {
		if (c->stage[i].data && c->stage[i].def->release)
			c->stage[i].def->release(c->stage[i].data);
		free(c->stage[i].text);
	}
	free(c->text);
	free((void *)(uintptr_t)c);
}

uint32_t chain_revision(const struct chain *c)
{
	return c->revision;
}

const char *chain_text(const struct chain *c)
{
	return c->text;
}

int chain_n(const struct chain *c)
{
	return c->n;
}

const struct sampler_def *chain_stage(const struct chain *c, int i)
{
	return c->stage[i].def;
}
