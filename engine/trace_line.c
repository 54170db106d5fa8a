#include "engine/trace_line.h"

#include <math.h>
#include <stdio.h>

static const char *const why_names[] = { "prompt", "sampled", "forced" };

static void put_text(struct buf *out, int32_t id, piece_fn *piece, void *of)
{
	size_t n = 0;
	const char *s = id >= 0 && piece ? piece(of, id, &n) : NULL;

	if (s)
		buf_json(out, s, n);
	else
		buf_str(out, "null");
}

static void put_row(struct buf *out, const float *v, int n)
{
	buf_char(out, '[');
	for (int i = 0; i < n; i++) {
		if (i)
			buf_char(out, ',');
		buf_json_num(out, (double)v[i]);
	}
	buf_char(out, ']');
}

static void put_probe(struct buf *out, const struct step *s, int i)
{
	const struct probe_plan *p = s->plan;
	const float *v = step_values(s, i);

	buf_printf(out, ",\"%s\":", p->probes[i]->name);
	switch (p->probes[i]->axes) {
	case PROBE_SCALAR:
		buf_json_num(out, (double)*v);
		break;
	case PROBE_LAYERS:
		put_row(out, v, p->n_layers);
		break;
	case PROBE_HEADS:
		buf_char(out, '[');
		for (int l = 0; l < p->n_layers; l++) {
			if (l)
				buf_char(out, ',');
			put_row(out, v + (size_t)l * (size_t)p->n_heads, p->n_heads);
		}
		buf_char(out, ']');
		break;
	}
}

static void put_top(struct buf *out, const struct step *s, piece_fn *piece, void *of, int n_top)
{
	if (!s->has_logits) {
		buf_str(out, ",\"top\":null");
		return;
	}
	buf_str(out, ",\"top\":[");
	for (int i = 0; i < s->n_top && i < n_top; i++) {
		buf_printf(out, "%s[%d,", i ? "," : "", s->top[i].id);
		put_text(out, s->top[i].id, piece, of);
		buf_char(out, ',');
		buf_json_num(out, (double)s->top[i].p_raw);
		buf_char(out, ',');
		buf_json_num(out, (double)s->top[i].p_final);
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

static void put_neurons(struct buf *out, const struct step *s)
{
	bool first = true;

	buf_str(out, ",\"neurons\":[");
	for (int i = 0; i < s->n_layers * STEP_NEURONS; i++) {
		const struct step_neuron *n = &s->neurons[i];

		if (n->index < 0)
			continue;
		buf_printf(out, "%s[\"L%d.mlp[%d]\",", first ? "" : ",", i / STEP_NEURONS, n->index);
		buf_json_num(out, (double)n->activation);
		buf_char(out, ',');
		buf_json_num(out, (double)n->contribution);
		buf_char(out, ']');
		first = false;
	}
	buf_char(out, ']');
}

static void put_stages(struct buf *out, const struct step *s)
{
	buf_str(out, ",\"stages\":[");
	for (int i = 0; i < s->n_stages; i++) {
		const struct step_stage *st = &s->stages[i];
		int shown = STAGE_SHOWN;

		buf_printf(out, "%s[%d,", i ? "," : "", st->kept);
		buf_json_num(out, (double)st->mass);
		buf_printf(out, ",%d", st->best);
		while (shown > 0 && isnan(st->shown[shown - 1]))
			shown--;
		for (int j = 0; j < shown; j++) {
			buf_char(out, ',');
			buf_json_num(out, (double)st->shown[j]);
		}
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

static void put_receipts(struct buf *out, const struct step *s)
{
	buf_str(out, ",\"receipts\":[");
	for (int i = 0; i < s->n_receipts; i++) {
		const struct receipt *r = &s->receipts[i];

		buf_printf(out, "%s[%d,%d,", i ? "," : "", r->edit, r->applied);
		buf_json_num(out, (double)r->change);
		buf_char(out, ',');
		buf_json_num(out, (double)r->before);
		buf_char(out, ']');
	}
	buf_char(out, ']');
}

void trace_line(struct buf *out, const struct step *s, piece_fn *piece, void *of, int n_top)
{
	buf_printf(out, "{\"step\":%d,\"pos\":%d,\"branch\":%d,\"input\":%d,\"token\":", s->index, s->pos, s->branch,
	    s->input);
	if (s->token >= 0)
		buf_printf(out, "%d", s->token);
	else
		buf_str(out, "null");
	buf_str(out, ",\"text\":");
	put_text(out, s->token, piece, of);
	if (s->token >= 0)
		buf_printf(out, ",\"why\":\"%s\",\"logprob\":", why_names[s->why]);
	else
		buf_str(out, ",\"why\":null,\"logprob\":");
	buf_json_num(out, (double)s->logprob);
	buf_str(out, ",\"p_final\":");
	buf_json_num(out, (double)s->p_final);
	for (int i = 0; i < s->plan->n; i++)
		put_probe(out, s, i);
	put_top(out, s, piece, of, n_top);
	put_neurons(out, s);
	put_stages(out, s);
	put_receipts(out, s);
	buf_printf(out, ",\"edits\":%u,\"sampler\":%u,\"ms\":", s->edits, s->sampler);
	buf_json_num(out, (double)s->ms_forward);
	buf_str(out, "}\n");
}
