#include "app/words.h"

#include <math.h>
#include <stdlib.h>

#include "analysis/analyst.h"
#include "engine/base/mem.h"

enum {
	KEPT = 4096,            /* readings */
	TOKENS = 5,             /* of each */
	AT_ONCE = 12,           /* neurons in one question: a fraction of a second for a large model */
};

struct words {
	struct neuron_cache *cache;
	struct analyst *analyst;
	bool asked;
};

struct question {
	struct neuron_cache *cache;
	struct neuron_ref row[AT_ONCE], column[AT_ONCE];
	int n;
};

struct words *words_new(const struct model *m, struct err *e)
{
	struct words *w = mem_zalloc(sizeof *w);

	if (!(w->analyst = analyst_new(e))) {
		free(w);
		return NULL;
	}
	w->cache = neuron_cache_new(m, KEPT, TOKENS);
	return w;
}

void words_free(struct words *w)
{
	if (!w)
		return;
	analyst_free(w->analyst, free);
	neuron_cache_free(w->cache);
	free(w);
}

struct neuron_cache *words_cache(struct words *w)
{
	return w ? w->cache : NULL;
}

int words_fd(const struct words *w)
{
	return w ? analyst_fd(w->analyst) : -1;
}

bool words_take(struct words *w)
{
	void *q = w ? analyst_take(w->analyst) : NULL;

	if (!q)
		return false;
	free(q);
	w->asked = false;
	return true;
}

/* A reading that fails leaves a hole in the pane, which is what there is to say. */
static void answer(void *question, struct analyst_desk *desk)
{
	struct question *q = question;
	struct err e;

	if (!neuron_cache_read(q->cache, q->column, q->n, NEURON_WRITE, NULL, &e) || atomic_load(&desk->stop))
		return;
	if (!neuron_cache_read(q->cache, q->row, q->n, NEURON_RAW, NULL, &e))
		return;
}

static bool known(const struct words *w, int layer, int index)
{
	struct neuron_reading r;
	struct neuron_ref ref = { layer, NEURON_UP, index };

	return neuron_cache_find(w->cache, &ref, NEURON_RAW, &r);
}

static void insert(struct question *q, float *strength, int layer, const struct step_neuron *n)
{
	int i = q->n < AT_ONCE ? q->n++ : AT_ONCE - 1;

	if (i == AT_ONCE - 1 && q->n == AT_ONCE && strength[i] > n->contribution)
		return;
	for (; i > 0 && strength[i - 1] < n->contribution; i--) {
		strength[i] = strength[i - 1];
		q->column[i] = q->column[i - 1];
		q->row[i] = q->row[i - 1];
	}
	strength[i] = n->contribution;
	q->column[i] = (struct neuron_ref){ layer, NEURON_DOWN, n->index };
	q->row[i] = (struct neuron_ref){ layer, NEURON_UP, n->index };
}

void words_want(struct words *w, const struct step *s)
{
	float strength[AT_ONCE] = { 0 };
	struct question *q;

	if (!w || w->asked || !s)
		return;
	q = mem_zalloc(sizeof *q);
	q->cache = w->cache;
	for (int i = 0; i < s->n_layers * STEP_NEURONS; i++) {
		const struct step_neuron *n = &s->neurons[i];

		if (n->index >= 0 && !isnan(n->contribution) && !known(w, i / STEP_NEURONS, n->index))
			insert(q, strength, i / STEP_NEURONS, n);
	}
	if (q->n > 0 && analyst_ask(w->analyst, answer, q))
		w->asked = true;
	else
		free(q);
}
