#include "engine/swap.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* Of the process: swaps live in edit sets that are held in many places. */
static atomic_size_t held;

size_t swap_bytes_held(void)
{
	return atomic_load(&held);
}

static struct swap *swap_new(void)
{
	struct swap *s = mem_zalloc(sizeof *s);

	atomic_init(&s->refs, 1);
	return s;
}

static atomic_int *refs(const struct swap *s)
{
	return &((struct swap *)(uintptr_t)s)->refs;
}

const struct swap *swap_ref(const struct swap *s)
{
	atomic_fetch_add_explicit(refs(s), 1, memory_order_relaxed);
	return s;
}

void swap_unref(const struct swap *s)
{
	if (!s || atomic_fetch_sub_explicit(refs(s), 1, memory_order_acq_rel) != 1)
		return;
	for (int i = 0; i < s->n; i++)
		mem_big_free((void *)(uintptr_t)s->piece[i].t.data);
	atomic_fetch_sub(&held, s->bytes);
	free(s->piece);
	free((void *)(uintptr_t)s);
}

struct swap *swap_like(const struct swap *s)
{
	struct swap *mine = swap_new();

	mine->layer = s->layer;
	mine->which = s->which;
	memcpy(mine->method, s->method, sizeof mine->method);
	return mine;
}

bool swap_means(const struct swap *s, int layer, enum weight which)
{
	bool here = s->layer == layer || s->layer == SWAP_EVERYTHING || (s->layer == EVERY_LAYER && layer >= 0);

	return here && (s->which == which || s->which == WEIGHT_ALL);
}

void swap_add(struct swap *s, const struct swap_piece *piece, double bits)
{
	s->piece = mem_resize(s->piece, (size_t)s->n + 1, sizeof *s->piece);
	s->piece[s->n++] = *piece;
	s->bytes += tensor_bytes(&piece->t);
	s->n_weights += (double)piece->t.rows * (double)piece->t.cols;
	s->bits += bits;
	atomic_fetch_add(&held, tensor_bytes(&piece->t));
}

static size_t word(const char *p)
{
	return strcspn(p, " \t");
}

static bool find_weight(const char *p, size_t n, bool layered, enum weight *out)
{
	for (int i = 0; i < N_WEIGHTS; i++) {
		const struct weight_def *d = &weight_defs[i];
		size_t dot = strcspn(d->name, ".");

		if (d->layered != layered || strcmp(d->name + dot, ".weight"))
			continue;
		if ((dot == n && !strncmp(d->name, p, n)) || (strlen(d->field) == n && !strncmp(d->field, p, n))) {
			*out = (enum weight)i;
			return true;
		}
	}
	return false;
}

static bool read_layer(const char **p, const struct hparams *hp, struct swap *s, struct err *e)
{
	char *end;
	long l;

	if ((*p)[1] == '*') {
		s->layer = EVERY_LAYER;
		*p += 2;
		return true;
	}
	l = strtol(*p + 1, &end, 10);
	if (l < 0 || l >= hp->n_layers)
		return err_set(e, ERR_USAGE, "the model has layers 0 to %d, not %ld", hp->n_layers - 1, l);
	s->layer = (int)l;
	*p = end;
	return true;
}

static bool read_target(const char **text, const struct hparams *hp, struct swap *s, struct err *e)
{
	const char *p = *text;
	size_t n = word(p);
	bool layered = *p == 'L' && (isdigit((unsigned char)p[1]) || p[1] == '*');

	s->which = WEIGHT_ALL;
	s->layer = SWAP_EVERYTHING;
	if (n == 3 && !strncmp(p, "all", 3)) {
		*text = p + n;
		return true;
	}
	s->layer = NO_LAYER;
	if (layered && !read_layer(&p, hp, s, e))
		return false;
	n = word(p);
	if (layered && n == 0) {
		*text = p;
		return true;
	}
	if (layered && *p != '.')
		return err_set(e, ERR_USAGE, "behind L3 comes a matrix or nothing, as in L3.ffn_up or L3");
	p += layered;
	n -= layered;
	if (!find_weight(p, n, layered, &s->which))
		return err_set(e, ERR_USAGE, "no matrix is called \"%.*s\"; %s", (int)(n < 32 ? n : 32), p,
		    layered ? "a layer has attn_q, attn_k, attn_v, attn_output, ffn_gate, ffn_up, ffn_down" :
		    "wants L3.ffn_up, L*.ffn_up, L3, all, token_embd or output");
	*text = p + n;
	return true;
}

/* True where ` in SCOPE' begins: no word of a method is `in'. */
static bool scope_begins(const char *p)
{
	return p[0] == 'i' && p[1] == 'n' && (p[2] == ' ' || p[2] == '\t');
}

static bool read_method(const char **text, struct swap *s, struct err *e)
{
	const char *p = *text;
	size_t at = 0, n;

	for (p += strspn(p, " \t"); *p && !scope_begins(p); p += strspn(p, " \t")) {
		n = word(p);
		if (at + n + 2 > sizeof s->method)
			return err_set(e, ERR_USAGE, "a quantization method takes at most %d characters", SWAP_METHOD - 2);
		if (at)
			s->method[at++] = ' ';
		memcpy(s->method + at, p, n);
		at += n;
		p += n;
	}
	*text = p;
	return at || err_set(e, ERR_USAGE, "behind the matrix comes what to make of it, as in L3.ffn_up q4_0");
}

struct swap *swap_parse(const char **text, const struct hparams *hp, struct err *e)
{
	struct swap *s = swap_new();

	*text += strspn(*text, " \t");
	if (read_target(text, hp, s, e) && read_method(text, s, e))
		return s;
	swap_unref(s);
	return NULL;
}

const char *swap_target(const struct swap *s, char out[64])
{
	const char *name = s->which == WEIGHT_ALL ? "" : weight_defs[s->which].name;
	int n = (int)strcspn(name, ".");

	if (s->layer >= 0)
		snprintf(out, 64, "L%d%s%.*s", s->layer, n ? "." : "", n, name);
	else if (s->layer == EVERY_LAYER)
		snprintf(out, 64, "L*%s%.*s", n ? "." : "", n, name);
	else
		snprintf(out, 64, "%.*s", n ? n : 3, n ? name : "all");
	return out;
}

const char *swap_format(const struct swap *s, char out[SWAP_TEXT])
{
	char at[64];

	snprintf(out, SWAP_TEXT, "%s %s", swap_target(s, at), s->method);
	return out;
}
