#include "app/lockstep_report.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"

enum { MAP_COLS = 72, WORST = 8 };

static void piece(const struct lockstep_options *o, int32_t id, struct buf *out)
{
	size_t n;
	const char *s = vocab_bytes(o->base->vocab, id, &n);

	utf8_escape(s, n, out);
}

static void layers(const struct lockstep *k, struct buf *out)
{
	buf_printf(out, "%-6s %12s %12s %9s %13s %14s\n", "layer", "drift", "worst", "position", "cosine", "attn entropy");
	for (int l = 0; l < k->n_layers; l++) {
		const struct lockstep_layer *y = &k->layers[l];

		buf_printf(out, "L%-5d %12.6g %12.6g %9d %13.9f %14.6g\n", l, y->drift, y->worst, y->worst_at, y->cosine,
		    y->entropy);
	}
}

/* The shade of the largest drift in a stretch of positions, a factor of 2 a step:
 * the last is the largest of all. */
static char shade_of(const struct lockstep *k, int layer, size_t from, size_t to, double most)
{
	double v = 0;

	for (size_t i = from; i < to; i++)
		v = fmax(v, (double)k->drift[i * (size_t)k->n_layers + (size_t)layer]);
	if (!(v > 0))
		return ' ';
	int step = (int)floor(log2(most / v));

	return "@%#*+=-:."[step < 0 ? 0 : step > 8 ? 8 : step];
}

static void drift_map(const struct lockstep *k, struct buf *out)
{
	size_t cols = k->n < MAP_COLS ? k->n : MAP_COLS;
	double most = 0;

	for (int l = 0; l < k->n_layers; l++)
		most = fmax(most, k->layers[l].worst);
	if (!(most > 0))
		return;
	buf_printf(out, "\ndrift by layer and position, 0 to %zu: `@' %.3g, each step down half of it\n", k->n - 1, most);
	for (int l = 0; l < k->n_layers; l++) {
		buf_printf(out, "L%-4d |", l);
		for (size_t c = 0; c < cols; c++)
			buf_char(out, shade_of(k, l, c * k->n / cols, (c + 1) * k->n / cols, most));
		buf_str(out, "|\n");
	}
}

/* Positions by falling KL. */
static void worst_positions(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	size_t worst[WORST];
	int n = 0, last = k->n_layers - 1;

	for (size_t i = 0; i < k->n; i++) {
		int at = n;

		if (!(k->tokens[i].kl > 0))
			continue;
		while (at > 0 && k->tokens[worst[at - 1]].kl < k->tokens[i].kl)
			at--;
		if (at == WORST)
			continue;
		n += n < WORST;
		memmove(worst + at + 1, worst + at, (size_t)(n - 1 - at) * sizeof *worst);
		worst[at] = i;
	}
	if (n == 0)
		return;
	buf_printf(out, "\n%-8s %9s %9s %11s %9s  %s\n", "position", "KL, nats", "drift", "1 - cosine", "attn ent.", "token read; top after it");
	for (int i = 0; i < n; i++) {
		const struct lockstep_token *t = &k->tokens[worst[i]];
		size_t at = worst[i] * (size_t)k->n_layers + (size_t)last;

		buf_printf(out, "%-8zu %9.2e %9.2e %11.2e %9.2e  \"", worst[i], t->kl, (double)k->drift[at],
		    1 - (double)k->cosine[at], (double)k->entropy[at]);
		piece(o, o->tokens[worst[i]], out);
		buf_str(out, "\"; \"");
		piece(o, t->best[0], out);
		buf_str(out, t->best[0] == t->best[1] ? "\" in both" : "\" against \"");
		if (t->best[0] != t->best[1]) {
			piece(o, t->best[1], out);
			buf_char(out, '"');
		}
		buf_char(out, '\n');
	}
}

static void figures(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	if (k->first_token >= 0) {
		buf_printf(out, "\ndrift passes %g first at position %ld, layer %d, on \"", o->threshold, k->first_token,
		    k->first_layer);
		piece(o, o->tokens[k->first_token], out);
		buf_str(out, "\"\n");
	} else {
		buf_printf(out, "\ndrift stays within %g\n", o->threshold);
	}
	buf_printf(out, "KL             %.6g nats in the mean, %.6g at most\n", k->kl, k->kl_max);
	buf_printf(out, "JSD            %.6g nats in the mean\n", k->jsd);
	buf_printf(out, "top-1          %.2f%% agree\n", 100 * k->agreement);
	if (k->n_predicted)
		buf_printf(out, "perplexity     %.4f base, %.4f other, over %zu tokens\n", k->perplexity[0], k->perplexity[1],
		    k->n_predicted);
}

void lockstep_report_figures(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	layers(k, out);
	figures(k, o, out);
}

void lockstep_report_text(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	buf_printf(out, "base   %s\nother  %s\n%zu positions\n"
	    "drift: |b - a| / |a| of the residual stream; attn entropy: nats apart, mean of heads\n\n", o->base->path, o->other->path, k->n);
	layers(k, out);
	drift_map(k, out);
	worst_positions(k, o, out);
	figures(k, o, out);
}

static void field(struct buf *out, const char *key, double v)
{
	buf_printf(out, ", \"%s\": ", key);
	buf_json_num(out, v);
}

static void json_floats(const char *key, const float *v, int n, struct buf *out)
{
	buf_printf(out, ", \"%s\": [", key);
	for (int i = 0; i < n; i++) {
		buf_str(out, i ? ", " : "");
		buf_json_num(out, (double)v[i]);
	}
	buf_char(out, ']');
}

static void json_token(const struct lockstep *k, const struct lockstep_options *o, size_t i, struct buf *out)
{
	const struct lockstep_token *t = &k->tokens[i];
	size_t at = i * (size_t)k->n_layers;

	buf_printf(out, "%s{\"token\": %d", i ? ", " : "", (int)o->tokens[i]);
	field(out, "kl", t->kl);
	field(out, "jsd", t->jsd);
	field(out, "nll_base", t->nll[0]);
	field(out, "nll_other", t->nll[1]);
	buf_printf(out, ", \"top\": [%d, %d]", (int)t->best[0], (int)t->best[1]);
	json_floats("drift", k->drift + at, k->n_layers, out);
	json_floats("cosine", k->cosine + at, k->n_layers, out);
	json_floats("attn_entropy", k->entropy + at, k->n_layers, out);
	buf_char(out, '}');
}

void lockstep_report_json(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	buf_str(out, "\"base\": ");
	buf_json(out, o->base->path, strlen(o->base->path));
	buf_str(out, ", \"other\": ");
	buf_json(out, o->other->path, strlen(o->other->path));
	buf_printf(out, ", \"positions\": %zu", k->n);
	field(out, "kl", k->kl);
	field(out, "kl_max", k->kl_max);
	field(out, "jsd", k->jsd);
	field(out, "top1_agreement", k->agreement);
	field(out, "perplexity_base", k->perplexity[0]);
	field(out, "perplexity_other", k->perplexity[1]);
	field(out, "threshold", o->threshold);
	if (k->first_token >= 0)
		buf_printf(out, ", \"first\": {\"token\": %ld, \"layer\": %d}", k->first_token, k->first_layer);
	else
		buf_str(out, ", \"first\": null");
	buf_str(out, ", \"layers\": [");
	for (int l = 0; l < k->n_layers; l++) {
		buf_printf(out, "%s{\"layer\": %d", l ? ", " : "", l);
		field(out, "drift", k->layers[l].drift);
		field(out, "worst", k->layers[l].worst);
		buf_printf(out, ", \"worst_at\": %d", k->layers[l].worst_at);
		field(out, "cosine", k->layers[l].cosine);
		field(out, "attn_entropy", k->layers[l].entropy);
		buf_char(out, '}');
	}
	buf_str(out, "], \"tokens\": [");
	for (size_t i = 0; i < k->n; i++)
		json_token(k, o, i, out);
	buf_str(out, "]");
}
