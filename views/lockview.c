#include "views/lockview.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const struct lock_figure_def lock_figures[N_LOCK_FIGURES] = {
	[LOCK_DRIFT] = { "drift", "", "how far the residual streams are apart, in the length of the first" },
	[LOCK_COSINE] = { "cosine", "", "1 - the cosine between the residual streams" },
	[LOCK_ENTROPY] = { "entropy", "nats", "how far the entropies of attention are apart, mean over heads" },
};

double lock_value(const struct lockstep *k, enum lock_figure f, size_t token, int layer)
{
	size_t at = token * (size_t)k->n_layers + (size_t)layer;
	bool all = token >= k->n;

	if (layer < 0 || layer >= k->n_layers || token > k->n)
		return (double)NAN;
	if (f == LOCK_DRIFT)
		return all ? k->layers[layer].drift : (double)k->drift[at];
	if (f == LOCK_COSINE)
		return 1 - (all ? k->layers[layer].cosine : (double)k->cosine[at]);
	return all ? k->layers[layer].entropy : (double)k->entropy[at];
}

void draw_receipt(struct canvas *c, int y, const struct view_lockstep *r)
{
	const struct lockstep *k = r->k;
	char text[200];
	int flips;

	if (r->why_not || !k) {
		canvas_fit(c, y, 0, c->cols, r->why_not ? STYLE_BAD : STYLE_DIM, r->why_not ? r->why_not :
		    "swapped: reading the text with the original matrices and with these...");
		return;
	}
	flips = (int)lround((1 - k->agreement) * (double)k->n);
	snprintf(text, sizeof text, "swapped: JSD %.3g nats, KL %.3g (%.3g at most), top-1 changed at %d of %zu tokens (%.3g %%)",
	    k->jsd, k->kl, k->kl_max, flips, k->n, 100 * (1 - k->agreement));
	if ((int)strlen(text) > c->cols)
		snprintf(text, sizeof text, "swapped: JSD %.2g, KL %.2g, top-1 %d/%zu", k->jsd, k->kl, flips, k->n);
	canvas_fit(c, y, 0, c->cols, flips ? STYLE_PEAK : STYLE_GOOD, text);
}
