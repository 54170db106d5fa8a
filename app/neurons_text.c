#include "app/neurons_text.h"

#include <math.h>
#include <string.h>

#include "engine/base/utf8.h"

enum { TOKEN_WIDTH = 22, BESIDE = 5 };

void neurons_text_token(struct buf *out, const struct vocab *v, int32_t id)
{
	size_t n;
	const char *s = vocab_bytes(v, id, &n);

	buf_char(out, '"');
	utf8_escape(s, n, out);
	buf_char(out, '"');
}

/* Columns count characters, not bytes. */
static void token_column(struct buf *out, const struct vocab *v, int32_t id)
{
	size_t from = out->len;
	int width = 0;

	neurons_text_token(out, v, id);
	for (size_t i = from; i < out->len; i++)
		width += (out->data[i] & 0xc0) != 0x80;
	if (width < TOKEN_WIDTH)
		buf_printf(out, "%*s", TOKEN_WIDTH - width, "");
}

static void token_json(struct buf *out, const struct vocab *v, int32_t id)
{
	size_t n;
	const char *s = vocab_bytes(v, id, &n);

	buf_json(out, s, n);
}

static void text_list(struct buf *out, const struct vocab *v, const struct neuron_token *t, int n)
{
	buf_printf(out, "   rank      id  %-*s %12s %12s %8s\n", TOKEN_WIDTH, "token", "logit", "probability", "cosine");
	for (int i = 0; i < n; i++) {
		buf_printf(out, "  %5d %7d  ", i + 1, (int)t[i].id);
		token_column(out, v, t[i].id);
		buf_printf(out, " %12.5g %12.4g %8.4f\n", t[i].logit, t[i].prob, t[i].cosine);
	}
}

static void text_beside(struct buf *out, const struct vocab *v, const struct neuron_reading *r)
{
	char name[NEURON_REF_TEXT];

	buf_printf(out, "  %-16s %-5s ", neuron_format(&r->ref, name), neuron_variant_names[r->variant]);
	for (int i = 0; i < r->n && i < BESIDE; i++) {
		buf_char(out, ' ');
		neurons_text_token(out, v, r->top[i].id);
	}
	buf_char(out, '\n');
}

void neurons_text_show(struct buf *out, const struct vocab *v, const struct neuron_reading *r,
    const struct neuron_reading *beside, int n_beside)
{
	char name[NEURON_REF_TEXT];

	buf_printf(out, "%s  %s: %s; |w| %.4g, ln sum exp %.6g\n", neuron_format(&r->ref, name),
	    neuron_variant_names[r->variant], neuron_variant_docs[r->variant], r->norm, r->lse);
	if (!r->n) {
		buf_str(out, "  its weights are not finite\n");
		return;
	}
	buf_str(out, "\nspeaks for\n");
	text_list(out, v, r->top, r->n);
	buf_str(out, "\nspeaks against\n");
	text_list(out, v, r->bottom, r->n);
	buf_str(out, "\nthe same neuron by its other vectors\n");
	for (int i = 0; i < n_beside; i++)
		text_beside(out, v, &beside[i]);
}

static void json_list(struct buf *out, const char *key, const struct vocab *v, const struct neuron_token *t, int n)
{
	buf_printf(out, ",\"%s\":[", key);
	for (int i = 0; i < n; i++) {
		buf_printf(out, "%s[%d,", i ? "," : "", (int)t[i].id);
		token_json(out, v, t[i].id);
		buf_char(out, ',');
		buf_json_num(out, t[i].logit);
		buf_char(out, ',');
		buf_json_num(out, t[i].prob);
		buf_char(out, ',');
		buf_json_num(out, t[i].cosine);
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

void neurons_json_show(struct buf *out, const struct vocab *v, const struct neuron_reading *r)
{
	char name[NEURON_REF_TEXT];

	buf_printf(out, "{\"site\":\"%s\",\"variant\":\"%s\",\"norm\":", neuron_format(&r->ref, name),
	    neuron_variant_names[r->variant]);
	buf_json_num(out, r->norm);
	buf_str(out, ",\"log_sum_exp\":");
	buf_json_num(out, r->n ? r->lse : (double)NAN);
	json_list(out, "top", v, r->top, r->n);
	json_list(out, "bottom", v, r->bottom, r->n);
	buf_str(out, "}\n");
}

static struct neuron_ref ref_of(const struct neurons_found *f, const struct neuronfind_hit *h)
{
	return (struct neuron_ref){h->layer, neuronmap_site(f->map), h->index};
}

void neurons_text_find(struct buf *out, const struct neurons_found *f)
{
	char name[NEURON_REF_TEXT];

	buf_str(out, "tokens:");
	for (int i = 0; i < f->tokens->n; i++) {
		buf_printf(out, " %d ", (int)f->tokens->id[i]);
		neurons_text_token(out, f->vocab, f->tokens->id[i]);
	}
	buf_printf(out, "\n%zu neurons name one of them among their %d (%s, %s)\n", f->n, NEURON_LABELS,
	    neuron_site_names[neuronmap_site(f->map)], neuron_variant_names[neuronmap_variant(f->map)]);
	if (f->n)
		buf_printf(out, "  %-16s %4s  %-*s %12s %12s %8s\n", "neuron", "rank", TOKEN_WIDTH, "token", "logit",
		    "probability", "cosine");
	for (size_t i = 0; i < f->shown; i++) {
		const struct neuronfind_hit *h = &f->hit[i];
		struct neuron_ref r = ref_of(f, h);

		buf_printf(out, "  %-16s %4d  ", neuron_format(&r, name), h->rank + 1);
		token_column(out, f->vocab, h->id);
		buf_printf(out, " %12.5g %12.4g %8.4f\n", (double)h->logit, (double)h->prob, (double)h->cosine);
	}
	if (f->shown < f->n)
		buf_printf(out, "  and %zu more; see --top\n", f->n - f->shown);
}

void neurons_json_find(struct buf *out, const struct neurons_found *f)
{
	char name[NEURON_REF_TEXT];

	buf_str(out, "{\"text\":");
	buf_json(out, f->text, strlen(f->text));
	buf_printf(out, ",\"site\":\"%s\",\"variant\":\"%s\",\"tokens\":[", neuron_site_names[neuronmap_site(f->map)],
	    neuron_variant_names[neuronmap_variant(f->map)]);
	for (int i = 0; i < f->tokens->n; i++) {
		buf_printf(out, "%s[%d,", i ? "," : "", (int)f->tokens->id[i]);
		token_json(out, f->vocab, f->tokens->id[i]);
		buf_char(out, ']');
	}
	buf_printf(out, "],\"found\":%zu,\"neurons\":[", f->n);
	for (size_t i = 0; i < f->shown; i++) {
		const struct neuronfind_hit *h = &f->hit[i];
		struct neuron_ref r = ref_of(f, h);

		buf_printf(out, "%s{\"site\":\"%s\",\"rank\":%d,\"id\":%d,\"text\":", i ? "," : "", neuron_format(&r, name),
		    h->rank + 1, (int)h->id);
		token_json(out, f->vocab, h->id);
		buf_str(out, ",\"logit\":");
		buf_json_num(out, (double)h->logit);
		buf_str(out, ",\"probability\":");
		buf_json_num(out, (double)h->prob);
		buf_str(out, ",\"cosine\":");
		buf_json_num(out, (double)h->cosine);
		buf_char(out, '}');
	}
	buf_str(out, "]}\n");
}

void neurons_text_compare(struct buf *out, const struct neurons_compared *c)
{
	buf_printf(out, "neurons with the same first token (%s, %s)\n\n  layer   neurons      same   by chance\n",
	    neuron_site_names[c->site], neuron_variant_names[c->variant]);
	for (int l = 0; l < c->n_layers; l++)
		buf_printf(out, "  %5d %9d  %7.2f %%   %7.2f %%\n", l, c->layers[l].n, 100 * c->layers[l].same,
		    100 * c->layers[l].control);
	buf_printf(out, "    all %9d  %7.2f %%   %7.2f %%\n\n", c->all->n, 100 * c->all->same, 100 * c->all->control);
	buf_str(out, "by chance: the neurons of the other model shuffled within their layer\n");
	for (int i = 0; i < 2; i++) {
		buf_printf(out, "hubness %6.2f %%  of the neurons of ", 100 * c->hubness[i]);
		utf8_escape(c->name[i], strlen(c->name[i]), out);
		buf_printf(out, " have one of its %d commonest first tokens\n", NEURON_HUBS);
	}
}

static void share_json(struct buf *out, const struct neuron_share *s)
{
	buf_printf(out, "\"neurons\":%d,\"same\":", s->n);
	buf_json_num(out, s->same);
	buf_str(out, ",\"control\":");
	buf_json_num(out, s->control);
}

void neurons_json_compare(struct buf *out, const struct neurons_compared *c)
{
	buf_str(out, "{\"models\":[");
	for (int i = 0; i < 2; i++) {
		buf_str(out, i ? "," : "");
		buf_json(out, c->name[i], strlen(c->name[i]));
	}
	buf_printf(out, "],\"site\":\"%s\",\"variant\":\"%s\",", neuron_site_names[c->site],
	    neuron_variant_names[c->variant]);
	share_json(out, c->all);
	buf_str(out, ",\"hubness\":[");
	for (int i = 0; i < 2; i++) {
		buf_str(out, i ? "," : "");
		buf_json_num(out, c->hubness[i]);
	}
	buf_str(out, "],\"layers\":[");
	for (int l = 0; l < c->n_layers; l++) {
		buf_printf(out, "%s{\"layer\":%d,", l ? "," : "", l);
		share_json(out, &c->layers[l]);
		buf_char(out, '}');
	}
	buf_str(out, "]}\n");
}
