/*
 * chain -- the text of a sampler chain and what it stands for.
 */
#include <ctype.h>
#include <math.h>
#include <stdatomic.h>
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

static bool read_params(const char **p, struct stage *st, struct err *e)
{
	const struct sampler_def *d = st->def;
	int got = 0;

	for (int i = 0; i < d->n_params; i++)
		st->params[i] = d->params[i].initial;
	for (blanks(p); **p && **p != '|'; blanks(p)) {
		char *end;
		double v = strtod(*p, &end);

		if (end == *p || !isfinite(v) || (*end && *end != '|' && !isspace((unsigned char)*end)))
			return err_set(e, ERR_USAGE, "%s wants a number, not \"%.20s\"", d->name, *p);
		if (got == d->n_params)
			return err_set(e, ERR_USAGE, "%s takes %d number%s at most", d->name, d->n_params,
			    d->n_params == 1 ? "" : "s");
		if (v < d->params[got].lo || v > d->params[got].hi)
			return err_set(e, ERR_USAGE, "%s: %s goes from %g to %g, not %g", d->name,
			    d->params[got].name, d->params[got].lo, d->params[got].hi, v);
		st->params[got++] = v;
		*p = end;
	}
	if (got < d->n_required)
		return err_set(e, ERR_USAGE, "%s wants a value for %s", d->name, d->params[got].name);
	return true;
}

static char *write_text(const struct chain *c)
{
	struct buf b = { 0 };

	for (int i = 0; i < c->n; i++) {
		const struct stage *st = &c->stage[i];

		buf_printf(&b, "%s%s", i ? " | " : "", st->def->name);
		for (int j = 0; j < st->def->n_params; j++)
			buf_printf(&b, " %.15g", st->params[j]);
	}
	return b.data;
}

const struct chain *chain_parse(const char *text, uint32_t revision, struct err *e)
{
	struct chain *c = mem_zalloc(sizeof *c);
	const char *p = text;

	atomic_init(&c->refs, 1);
	c->revision = revision;
	for (;;) {
		size_t n = 0;

		blanks(&p);
		while (p[n] && p[n] != '|' && !isspace((unsigned char)p[n]))
			n++;
		if (!n) {
			err_set(e, ERR_USAGE, "a sampler chain is stages with | between them, as in: %s", SAMPLER_DEFAULT);
			goto fail;
		}
		if (c->n == STEP_STAGES) {
			err_set(e, ERR_USAGE, "a sampler chain has at most %d stages", STEP_STAGES);
			goto fail;
		}
		struct stage *st = &c->stage[c->n];
		if (!(st->def = sampler_find(p, n))) {
			unknown_stage(p, n, e);
			goto fail;
		}
		p += n;
		if (!read_params(&p, st, e))
			goto fail;
		c->n++;
		if (!*p)
			break;
		p++;
	}
	c->text = write_text(c);
	return c;
fail:
	chain_unref(c);
	err_wrap(e, "sampler");
	return NULL;
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
	if (c && atomic_fetch_sub_explicit(refs(c), 1, memory_order_acq_rel) == 1) {
		free(c->text);
		free((void *)(uintptr_t)c);
	}
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
