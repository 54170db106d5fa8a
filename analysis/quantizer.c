#include "analysis/quantizer.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "analysis/hadamard.h"
#include "engine/base/half.h"
#include "engine/base/mem.h"

#define QUANTIZER(name) extern const struct quantizer_def quantizer_##name;
#include "analysis/quantizers/quantizers.def"
#undef QUANTIZER

const struct quantizer_def *const quantizers[] = {
#define QUANTIZER(name) &quantizer_##name,
#include "analysis/quantizers/quantizers.def"
#undef QUANTIZER
};

const size_t n_quantizers = sizeof quantizers / sizeof *quantizers;

static int param_index(const struct quantizer_def *d, const char *name, size_t n)
{
	for (int i = 0; i < QUANT_PARAMS && d->params[i].name; i++)
		if (strlen(d->params[i].name) == n && !strncasecmp(d->params[i].name, name, n))
			return i;
	return -1;
}

double quant_param(const struct quant_job *q, const char *name)
{
	int i = param_index(q->spec->def, name, strlen(name));

	return i < 0 ? 0 : q->spec->p[i];
}

void quant_figure(struct quant_job *q, const char *name, double value)
{
	if (q->n_figures < QUANT_FIGURES)
		q->figures[q->n_figures++] = (struct quant_figure){ name, value };
}

bool quant_stopped(const struct quant_job *q, struct err *e)
{
	if (!q->stop || !atomic_load_explicit(q->stop, memory_order_relaxed))
		return false;
	err_set(e, ERR_INTERRUPTED, "%s", "");
	return true;
}

void quant_each(const struct quant_job *q, pool_fn *fn, void *job, int n_tasks)
{
	if (q->pool)
		pool_run(q->pool, fn, job, n_tasks);
	else
		for (int i = 0; i < n_tasks; i++)
			fn(job, i, 0);
}

float quant_half(float x)
{
	return f16_to_f32(f16_from_f32(x));
}

static bool find_method(struct quant_spec *s, const char *word, struct err *e)
{
	int type = dtype_find(word);

	if (type >= 0) {
		s->type = (enum dtype)type;
		word = "gguf";
	}
	for (size_t i = 0; i < n_quantizers; i++)
		if (!strcasecmp(quantizers[i]->name, word) && (type >= 0 || strcmp(quantizers[i]->name, "gguf"))) {
			s->def = quantizers[i];
			for (int k = 0; k < QUANT_PARAMS; k++)
				s->p[k] = s->def->params[k].initial;
			return true;
		}
	return err_set(e, ERR_USAGE, "there is no quantization method '%.40s'", word);
}

static bool bad_param(const struct quant_spec *s, const char *word, struct err *e)
{
	char known[160] = "nothing";
	size_t at = 0;

	for (int i = 0; i < QUANT_PARAMS && s->def->params[i].name && at < sizeof known; i++)
		at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", s->def->params[i].name);
	return err_set(e, ERR_USAGE, "'%.40s' means nothing to %s, which takes %s", word,
	    s->def->name, known);
}

static bool set_param(struct quant_spec *s, const char *word, struct err *e)
{
	size_t n = strcspn(word, "=");
	int i = param_index(s->def, word, n);
	const struct quant_param *p;
	double v = 1;
	char *end;

	if (i < 0)
		return bad_param(s, word, e);
	p = &s->def->params[i];
	if (word[n]) {
		v = strtod(word + n + 1, &end);
		if (end == word + n + 1 || *end)
			return err_set(e, ERR_USAGE, "'%.40s' is not a number", word + n + 1);
	}
	if (!(v >= p->lo && v <= p->hi) || (p->whole && v != floor(v)))
		return err_set(e, ERR_USAGE, "%s takes %s from %g to %g, not '%.40s'", p->name,
		    p->whole ? "a whole number" : "a number", p->lo, p->hi, word);
	s->p[i] = v;
	return true;
}

static bool take_word(struct quant_spec *s, const char *word, struct err *e)
{
	if (s->def)
		return set_param(s, word, e);
	if (!strcasecmp(word, "hadamard") && !s->hadamard) {
		s->hadamard = true;
		return true;
	}
	return find_method(s, word, e);
}

bool quant_parse(struct quant_spec *spec, const char *text, struct err *e)
{
	size_t at = 0;

	*spec = (struct quant_spec){ .def = NULL };
	while (*text) {
		char word[QUANT_TEXT];
		size_t n;

		text += strspn(text, " \t\n");
		n = strcspn(text, " \t\n");
		if (!n)
			break;
		if (at + n + 2 > sizeof spec->text)
			return err_set(e, ERR_USAGE, "a quantization method takes at most %d characters", QUANT_TEXT - 2);
		memcpy(word, text, n);
		word[n] = 0;
		if (!take_word(spec, word, e))
			return false;
		if (at)
			spec->text[at++] = ' ';
		memcpy(spec->text + at, word, n);
		at += n;
		text += n;
	}
	if (!spec->def)
		return err_set(e, ERR_USAGE, "%s", spec->hadamard ? "hadamard goes in front of a method" :
		    "a quantization method is missing");
	return true;
}

static bool knows_enough(const struct quant_job *q, struct err *e)
{
	if (q->spec->def->needs == QUANT_GRAM && !q->gram)
		return err_set(e, ERR_USAGE, "%s works on the inputs of a tensor: give a text to --calibrate",
		    q->spec->def->name);
	if (q->spec->def->needs == QUANT_MOMENTS && !q->moments)
		return err_set(e, ERR_USAGE, "%s weighs the inputs of a tensor: give a text to --calibrate",
		    q->spec->def->name);
	return true;
}

/* W x = (W H)(H x) for the symmetric rotation H = H^-1: quantize W H, turn back. */
static bool run_rotated(struct quant_job *q, struct err *e)
{
	struct quant_job in = *q;
	size_t n = q->rows * q->cols;
	float *w = mem_big(n, sizeof *w, "rotated weights", e);
	float *moments = q->moments ? mem_array(q->cols, sizeof *moments) : NULL;
	double *gram = NULL;
	bool ok = w != NULL;

	if (ok && q->gram)
		ok = (gram = mem_big(q->cols * q->cols, sizeof *gram, "rotated inputs", e)) != NULL;
	if (ok) {
		memcpy(w, q->w, n * sizeof *w);
		for (size_t r = 0; r < q->rows; r++)
			hadamard_row(w + r * q->cols, q->cols);
		if (moments)
			hadamard_moments(q->moments, moments, q->cols);
		if (gram)
			hadamard_gram(q->gram, gram, q->cols);
		in.w = w;
		in.moments = moments;
		in.gram = gram;
		ok = q->spec->def->run(&in, e);
		for (size_t r = 0; ok && r < q->rows; r++)
			hadamard_row(q->out + r * q->cols, q->cols);
		q->bits = in.bits;
		q->n_figures = in.n_figures;
		memcpy(q->figures, in.figures, sizeof q->figures);
	}
	mem_big_free(gram);
	free(moments);
	mem_big_free(w);
	return ok;
}

bool quant_run(struct quant_job *q, struct err *e)
{
	q->bits = 0;
	q->n_figures = 0;
	if (!knows_enough(q, e))
		return false;
	return q->spec->hadamard ? run_rotated(q, e) : q->spec->def->run(q, e);
}
