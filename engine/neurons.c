#include "engine/neurons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/kernels.h"

void neurons_init(struct neurons *n, const struct hparams *hp)
{
	memset(n, 0, sizeof *n);
	n->n_layers = hp->n_layers;
	n->d_ff = hp->d_ff;
	n->norm = mem_array((size_t)hp->n_layers * (size_t)hp->d_ff, sizeof *n->norm);
}

void neurons_free(struct neurons *n)
{
	free(n->norm);
	memset(n, 0, sizeof *n);
}

struct measuring {
	struct neurons *n;
	const struct model *m;
};

static void measure_layer(void *of, int layer, int worker)
{
	struct measuring *job = of;
	const struct tensor *down = job->m->w.layers[layer].down;
	float *norm = job->n->norm + (size_t)layer * (size_t)job->n->d_ff;
	float *w = mem_array(down->cols, sizeof *w);

	(void)worker;
	for (size_t r = 0; r < down->rows; r++) {
		kernels()->dequantize[down->type](tensor_row(down, r), w, down->cols);
		for (size_t i = 0; i < down->cols; i++)
			norm[i] += w[i] * w[i];
	}
	for (size_t i = 0; i < down->cols; i++)
		norm[i] = sqrtf(norm[i]);
	free(w);
}

void neurons_measure(struct neurons *n, const struct model *m, struct pool *p)
{
	struct measuring job = { n, m };

	if (n->measured)
		return;
	pool_run(p, measure_layer, &job, n->n_layers);
	n->measured = true;
}

void neurons_strongest(const struct neurons *n, int layer, const float *mlp, struct step_neuron *out)
{
	enum { BLOCK = 64 };
	const float *norm = n->norm + (size_t)layer * (size_t)n->d_ff;
	float c[BLOCK];
	int found = 0;

	for (int i = 0; i < n->d_ff; i += BLOCK) {
		int len = n->d_ff - i < BLOCK ? n->d_ff - i : BLOCK;
		float most = -1, line = found == STEP_NEURONS ? out[STEP_NEURONS - 1].contribution : -1;

		for (int j = 0; j < len; j++) {
			c[j] = fabsf(mlp[i + j]) * norm[i + j];
			most = c[j] > most ? c[j] : most;
		}
		if (most <= line)
			continue;
		for (int j = 0; j < len; j++) {
			int at = found < STEP_NEURONS ? found : STEP_NEURONS - 1;

			if (found == STEP_NEURONS && !(c[j] > out[at].contribution))
				continue;
			for (; at > 0 && c[j] > out[at - 1].contribution; at--)
				out[at] = out[at - 1];
			out[at] = (struct step_neuron){ i + j, mlp[i + j], c[j] };
			found += found < STEP_NEURONS;
		}
	}
}
