/*
 * adadim -- groups along the inputs of a row or along the outputs of a channel,
 * whichever loses less (Heo et al., arXiv 2309.15531).
 *
 * The loss is that of the outputs, sum_j m_j (w_j - w'_j)^2 with m = E[x_j^2],
 * and that of the weights where nothing is known of the inputs.  So much for a
 * matrix by itself; the paper measures q, k, v and gate, up behind their sublayers,
 * which takes a model and a text: adadim_sides.h, whose choice comes in as `side`.
 */
#include <stdlib.h>
#include <string.h>

#include "analysis/adadim_sides.h"
#include "analysis/quantizer.h"
#include "engine/base/mem.h"

static double loss(const struct quant_job *q, const float *out)
{
	double sum = 0;

	for (size_t r = 0; r < q->rows; r++)
		for (size_t c = 0; c < q->cols; c++) {
			double d = (double)q->w[r * q->cols + c] - (double)out[r * q->cols + c];

			sum += d * d * (q->moments ? (double)q->moments[c] : 1);
		}
	return sum;
}

static bool one_way(const struct quant_job *q, const char *method, float *out, double *bits, struct err *e)
{
	struct quant_job way = *q;
	struct quant_spec spec;

	if (!quant_parse(&spec, method, e))
		return false;
	memcpy(spec.p, q->spec->p, sizeof spec.p);
	way.spec = &spec;
	way.out = out;
	if (!quant_run(&way, e))
		return false;
	*bits = way.bits;
	return true;
}

static bool run(struct quant_job *q, struct err *e)
{
	size_t n = q->rows * q->cols;
	float *other = mem_big(n, sizeof *other, "weights", e);
	double bits_oc, bits_ic, oc, ic;
	bool ok = other && one_way(q, "rtn", q->out, &bits_oc, e) && one_way(q, "rtn_ic", other, &bits_ic, e);
	int side = (int)quant_param(q, "side");

	if (ok) {
		oc = loss(q, q->out);
		ic = loss(q, other);
		bool channels = side == ADADIM_OWN ? ic < oc : side == ADADIM_CHANNELS;

		if (channels)
			memcpy(q->out, other, n * sizeof *other);
		/* And one bit that says which. */
		q->bits = 1 + (channels ? bits_ic : bits_oc);
		quant_figure(q, "by_input_channel", channels);
		quant_figure(q, "ic_over_oc", oc > 0 ? ic / oc : 1);
	}
	mem_big_free(other);
	return ok;
}

/* The parameters stand in the order of rtn and rtn_ic. */
const struct quantizer_def quantizer_adadim = {
	.name = "adadim", .doc = "rtn or rtn_ic, whichever loses less at the output",
	.params = {
		{ "bits", 3, 2, 16, true, "bits of a level" },
		{ "group", 128, 0, 1 << 20, true, "weights that share a scale; 0: all of a line" },
		{ "asym", 0, 0, 1, true, "with a minimum of 16 bits" },
		{ "zero", 1, 0, 1, true, "with a zero point of as many bits as a level" },
		{ "side", 0, 0, 2, true, "0: the better; 1: rows; 2: input channels" },
	},
	.run = run,
};
