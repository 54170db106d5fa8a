#include "engine/site.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/vocab.h"

#define D_MODEL   SITE_W_D_MODEL
#define D_FF      SITE_W_D_FF
#define D_Q       SITE_W_D_Q
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
	case SITE_W_D_Q:
		return hp->n_heads * hp->d_head;
	case SITE_W_HEADS:
		return hp->n_heads;
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
	case SITE_temp:
		return "heads";
	default:
		return "channels";
	}
}

/* logit[" dog"]: the quoted bytes, with \n, \" and \\ as in C. */
static bool read_token(const char **p, const struct vocab *vocab, struct address *a, struct err *e)
{
	char bytes[128];
	size_t n = 0;

	for (++*p; **p && **p != '"' && n < sizeof bytes; ++*p) {
		char c = **p;

		if (c == '\\' && (*p)[1])
			c = *++*p == 'n' ? '\n' : **p == 't' ? '\t' : **p;
		bytes[n++] = c;
	}
	if (**p != '"')
		return err_set(e, ERR_USAGE, "the text of a token ends with a quotation mark, as in logit[\" dog\"]");
	++*p;
	if (!vocab)
		return err_set(e, ERR_USAGE, "tokens have no text here; name one by its id");
	a->index = vocab_find(vocab, bytes, n);
	return a->index >= 0 || err_set(e, ERR_USAGE, "\"%.*s\" is not one token of this model", (int)n, bytes);
}

static bool read_index(const char **p, const struct hparams *hp, const struct vocab *vocab, struct address *a,
    struct err *e)
{
	int width = a->head >= 0 ? hp->d_head : site_width(a->site, hp);

	if (**p != '[')
		return true;
	++*p;
	if (**p == '"' && a->site == SITE_logits) {
		if (!read_token(p, vocab, a, e))
			return false;
	} else {
		a->index = number(p);
	}
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
	if (**p == '*') {
		++*p;
		a->layer = EVERY_LAYER;
	} else {
		a->layer = number(p);
	}
	if (a->layer == -1 || **p != '.')
		return err_set(e, ERR_USAGE, "an address is L<layer>.<site>, as in L4.up[219] or L5.H3");
	if (a->layer >= hp->n_layers)
		return err_set(e, ERR_USAGE, "the model has layers 0 to %d, not %d", hp->n_layers - 1, a->layer);
	++*p;
	if (**p == 'H' && isdigit((unsigned char)(*p)[1])) {
		++*p;
		a->site = SITE_z;
		a->head = number(p);
		if (a->head >= hp->n_heads)
			return err_set(e, ERR_USAGE, "L%d has heads 0 to %d, not %d", a->layer < 0 ? 0 : a->layer,
			    hp->n_heads - 1, a->head);
		if (!strncmp(*p, ".temp", 5) && word_len(*p + 1) == 4) {
			*p += 5;
			a->site = SITE_temp;
			a->index = a->head;
			a->head = -1;
		}
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

bool address_parse_in(const char **text, const struct hparams *hp, const struct vocab *vocab, struct address *a,
    struct err *e)
{
	const char *p = *text;

	*a = (struct address){ .site = SITE_NONE, .layer = -1, .head = -1, .index = -1 };
	if (*p == 'L' && (isdigit((unsigned char)p[1]) || p[1] == '*')) {
		if (!read_layered(&p, hp, a, e))
			return false;
	} else {
		size_t n = word_len(p);

		/* One token has a logit. */
		if (n == 5 && !strncmp(p, "logit", 5) && p[5] == '[')
			a->site = SITE_logits;
		else if (!find_site(p, n, true, a))
			return err_set(e, ERR_USAGE, "no place called %.*s; an address looks like L4.up[219] or L5.H3",
			    (int)(n < 32 ? n : 32), p);
		p += n;
	}
	if (!read_index(&p, hp, vocab, a, e))
		return false;
	*text = p;
	return true;
}

bool address_parse(const char **text, const struct hparams *hp, struct address *a, struct err *e)
{
	return address_parse_in(text, hp, NULL, a, e);
}

const char *address_format(const struct address *a, char out[ADDRESS_TEXT])
{
	int n = 0;

	if (a->layer == EVERY_LAYER)
		n = snprintf(out, ADDRESS_TEXT, "L*.");
	else if (a->layer >= 0)
		n = snprintf(out, ADDRESS_TEXT, "L%d.", a->layer);
	if (a->site == SITE_temp && a->index >= 0) {
		snprintf(out + n, ADDRESS_TEXT - (size_t)n, "H%d.temp", a->index);
		return out;
	}
	if (a->site == SITE_logits && a->index >= 0) {
		snprintf(out, ADDRESS_TEXT, "logit[%d]", a->index);
		return out;
	}
	if (a->head >= 0)
		n += snprintf(out + n, ADDRESS_TEXT - (size_t)n, "H%d", a->head);
	else
		n += snprintf(out + n, ADDRESS_TEXT - (size_t)n, "%s", sites[a->site].text);
	if (a->index >= 0)
		snprintf(out + n, ADDRESS_TEXT - (size_t)n, "[%d]", a->index);
	return out;
}
