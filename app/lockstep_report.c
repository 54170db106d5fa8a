#include "app/lockstep_report.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"

static void piece(const struct lockstep_options *o, size_t token, struct buf *out)
{
	size_t n;
	const char *s = vocab_bytes(o->base->vocab, o->tokens[token], &n);

	utf8_escape(s, n, out);
}

static void layers(const struct lockstep *k, struct buf *out)
{
	buf_printf(out, "%-6s %12s %12s %9s %12s %14s\n", "layer", "drift", "worst", "at", "cosine", "attn. entropy");
	for (int l = 0; l < k->n_layers; l++) {
		const struct lockstep_layer *y = &k->layers[l];

		buf_printf(out, "L%-5d %12.6g %12.6g %9d %12.9f %14.6g\n", l, y->drift, y->worst, y->worst_at, y->cosine,
		    y->entropy);
	}
}

void lockstep_report_text(const struct lockstep *k, const struct lockstep_options *o, struct buf *out)
{
	buf_printf(out, "base   %s\nother  %s\n%zu positions\n\n", o->base->path, o->other->path, k->n);
	layers(k, out);
	if (k->first_token >= 0) {
		buf_printf(out, "\ndrift passes %g first at position %ld, layer %d, on \"", o->threshold, k->first_token,
		    k->first_layer);
		piece(o, (size_t)k->first_token, out);
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

static void field(struct buf *out, const char *key, double v)
{
	buf_printf(out, ", \"%s\": ", key);
	buf_json_num(out, v);
}

static void json_token(const struct lockstep *k, const struct lockstep_options *o, size_t i, struct buf *out)
{
	const struct lockstep_token *t = &k->tokens[i];

	buf_printf(out, "%s{\"token\": %d", i ? ", " : "", (int)o->tokens[i]);
	field(out, "kl", t->kl);
	field(out, "jsd", t->jsd);
	field(out, "nll_base", t->nll[0]);
	field(out, "nll_other", t->nll[1]);
	buf_printf(out, ", \"top\": [%d, %d], \"drift\": [", (int)t->best[0], (int)t->best[1]);
	for (int l = 0; l < k->n_layers; l++) {
		buf_str(out, l ? ", " : "");
		buf_json_num(out, (double)k->drift[i * (size_t)k->n_layers + (size_t)l]);
	}
	buf_str(out, "]}");
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
