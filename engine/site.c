#include "engine/site.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D_MODEL   SITE_W_D_MODEL
#define D_FF      SITE_W_D_FF
#define HEADS     SITE_W_HEADS
#define POSITIONS SITE_W_POSITIONS
#define VOCAB     SITE_W_VOCAB

const struct site_def sites[N_SITES] = {
#define SITE(id, text_, width_, hook_, doc_)                                                 \
	[SITE_##id] = { .text = text_, .hook = hook_, .doc = doc_, .width = width_,          \
	    .global = SITE_##id >= SITE_final_norm },
#include "engine/sites.def"
#undef SITE
};

int site_width(enum site s, const struct hparams *hp)
{
	switch (sites[s].width) {
	case SITE_W_D_MODEL:
		return hp->d_model;
	case SITE_W_D_FF:
		return hp->d_ff;
	case SITE_W_HEADS:
		return hp->n_heads * hp->d_head;
	case SITE_W_VOCAB:
		return hp->n_vocab;
	case SITE_W_POSITIONS:
		break;
	}
	return 0;
}

/* Decimal digits at *p, below `limit`; -1 when there are none or too many. */
static int number(const char **p)
{
	long v = 0;

	if (!isdigit((unsigned char)**p))
		return -1;
	for (; isdigit((unsigned char)**p); (*p)++)
		if ((v = v * 10 + (**p - '0')) > INT_MAX / 2)
			v = INT_MAX / 2;
	return (int)v;
}

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static bool find_site(const char *word, size_t n, bool global, struct address *a)
{
	for (int s = 0; s < N_SITES; s++)
		if (sites[s].global == global && strlen(sites[s].text) == n && !memcmp(sites[s].text, word, n)) {
			a->site = (enum site)s;
			return true;
		}
	return false;
}

static const char *elements(enum site s)
{
	switch (s) {
	case SITE_gate: case SITE_up: case SITE_mlp:
		return "neurons";
	case SITE_logits:
		return "tokens";
	default:
		return "channels";
	}
}

static bool read_index(const char **p, const struct hparams *hp, struct address *a, struct err *e)
{
	int width = a->head >= 0 ? hp->d_head : site_width(a->site, hp);

	if (**p != '[')
		return true;
	++*p;
	a->index = number(p);
	if (a->index < 0 || **p != ']')
		return err_set(e, ERR_USAGE, "an index is a number in brackets, as in L4.up[219]");
	++*p;
	if (width == 0)
		return err_set(e, ERR_USAGE, "%s has no elements of its own", sites[a->site].text);
	if (a->index >= width) {
		char where[24] = "";

		if (a->layer >= 0)
			snprintf(where, sizeof where, "L%d", a->layer);
		return err_set(e, ERR_USAGE, "%s%s has %s 0 to %d, not %d", where,
		    a->layer >= 0 ? "" : sites[a->site].text, elements(a->site), width - 1, a->index);
	}
	return true;
}

static bool read_layered(const char **p, const struct hparams *hp, struct address *a, struct err *e)
{
	++*p;
	a->layer = number(p);
	if (a->layer < 0 || **p != '.')
		return err_set(e, ERR_USAGE, "an address is L<layer>.<site>, as in L4.up[219] or L5.H3");
	if (a->layer >= hp->n_layers)
		return err_set(e, ERR_USAGE, "the model has layers 0 to %d, not %d", hp->n_layers - 1, a->layer);
	++*p;
	if (**p == 'H' && isdigit((unsigned char)(*p)[1])) {
		++*p;
		a->site = SITE_z;
		a->head = number(p);
		if (a->head >= hp->n_heads)
			return err_set(e, ERR_USAGE, "L%d has heads 0 to %d, not %d", a->layer,
			    hp->n_heads - 1, a->head);
		return true;
	}
	size_t n = word_len(*p);
	if (!find_site(*p, n, false, a))
		return err_set(e, ERR_USAGE, "no site called %.*s in a layer (up, gate, mlp, resid, H3, ...)",
		    (int)(n < 32 ? n : 32), *p);
	*p += n;
	if (a->site == SITE_gate && hp->arch->mlp != MLP_GATED_SILU)
		return err_set(e, ERR_USAGE, "the MLP of %s has no gate; use up or mlp", hp->arch->name);
	return true;
}

bool address_parse(const char **text, const struct hparams *hp, struct address *a, struct err *e)
{
	const char *p = *text;

	*a = (struct address){ .site = SITE_NONE, .layer = -1, .head = -1, .index = -1 };
	if (*p == 'L' && isdigit((unsigned char)p[1])) {
		if (!read_layered(&p, hp, a, e))
			return false;
	} else {
		size_t n = word_len(p);

		if (!find_site(p, n, true, a))
			return err_set(e, ERR_USAGE, "no place called %.*s; an address looks like L4.up[219] or L5.H3",
			    (int)(n < 32 ? n : 32), p);
		p += n;
	}
	if (!read_index(&p, hp, a, e))
		return false;
	*text = p;
	return true;
}

const char *address_format(const struct address *a, char out[ADDRESS_TEXT])
{
	int n = 0;

	if (a->layer >= 0)
		n = snprintf(out, ADDRESS_TEXT, "L%d.", a->layer);
	if (a->head >= 0)
		n += snprintf(out + n, ADDRESS_TEXT - (size_t)n, "H%d", a->head);
	else
		n += snprintf(out + n, ADDRESS_TEXT - (size_t)n, "%s", sites[a->site].text);
	if (a->index >= 0)
		snprintf(out + n, ADDRESS_TEXT - (size_t)n, "[%d]", a->index);
	return out;
}
