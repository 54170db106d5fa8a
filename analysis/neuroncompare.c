#include "analysis/neuroncompare.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

/* Ids of b as ids of a; -1: a has no such token. */
static int32_t *translate(struct neuron_names a, struct neuron_names b)
{
	int32_t *to = mem_array((size_t)vocab_size(b.vocab), sizeof *to);

	for (int id = 0; id < vocab_size(b.vocab); id++) {
		size_t n, m;
		const char *s = vocab_bytes(b.vocab, id, &n), *same;

		/* Several tokens may have the same bytes: the same id first. */
		to[id] = id;
		if (id < vocab_size(a.vocab) && (same = vocab_bytes(a.vocab, id, &m)) && m == n && !memcmp(s, same, n))
			continue;
		to[id] = vocab_find(a.vocab, s, n);
	}
	return to;
}

static bool check(struct neuron_names a, struct neuron_names b, struct err *e)
{
	if (neuronmap_site(a.map) != neuronmap_site(b.map) || neuronmap_variant(a.map) != neuronmap_variant(b.map))
		return err_set(e, ERR_USAGE, "the maps are of different sites or variants");
	if (neuronmap_n_layers(a.map) != neuronmap_n_layers(b.map) || neuronmap_d_ff(a.map) != neuronmap_d_ff(b.map))
		return err_set(e, ERR_MISMATCH, "the models differ in shape: %d layers of %d neurons, %d of %d",
		    neuronmap_n_layers(a.map), neuronmap_d_ff(a.map), neuronmap_n_layers(b.map), neuronmap_d_ff(b.map));
	return true;
}

/* First tokens of both, as ids of a; false when one has none or they cannot meet. */
static bool first_tokens(struct neuron_names a, struct neuron_names b, const int32_t *to, int l, int i, int32_t out[2])
{
	struct neuron_labels x, y;

	if (!neuronmap_get(a.map, l, i, &x) || !neuronmap_get(b.map, l, i, &y) || x.id[0] < 0 || y.id[0] < 0)
		return false;
	out[0] = x.id[0];
	out[1] = y.id[0] < vocab_size(b.vocab) ? to[y.id[0]] : -1;
	return true;
}

static struct neuron_share compare_layer(struct neuron_names a, struct neuron_names b, const int32_t *to, int l,
    int32_t *times)
{
	struct neuron_share s = {.n = 0};
	double pairs = 0;
	int same = 0;
	int32_t t[2];

	memset(times, 0, (size_t)vocab_size(a.vocab) * sizeof *times);
	for (int i = 0; i < neuronmap_d_ff(a.map); i++)
		if (first_tokens(a, b, to, l, i, t)) {
			s.n++;
			same += t[0] == t[1];
			times[t[0]]++;
		}
	/* Every neuron of b meets every neuron of a. */
	for (int i = 0; i < neuronmap_d_ff(b.map); i++)
		if (first_tokens(a, b, to, l, i, t) && t[1] >= 0)
			pairs += (double)times[t[1]];
	if (s.n) {
		s.same = (double)same / s.n;
		s.control = pairs / ((double)s.n * (double)s.n);
	}
	return s;
}

bool neuroncompare(struct neuron_names a, struct neuron_names b, struct neuron_share *layers, struct neuron_share *all,
    struct err *e)
{
	int32_t *to, *times;

	*all = (struct neuron_share){.n = 0};
	if (!check(a, b, e))
		return false;
	to = translate(a, b);
	times = mem_array((size_t)vocab_size(a.vocab), sizeof *times);
	for (int l = 0; l < neuronmap_n_layers(a.map); l++) {
		layers[l] = compare_layer(a, b, to, l, times);
		all->n += layers[l].n;
		all->same += layers[l].same * layers[l].n;
		all->control += layers[l].control * layers[l].n;
	}
	if (all->n) {
		all->same /= all->n;
		all->control /= all->n;
	}
	free(times);
	free(to);
	return true;
}

static int falling(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return (x < y) - (x > y);
}

double neuroncompare_hubness(const struct neuronmap *map, int n_vocab)
{
	int32_t *times = mem_array((size_t)n_vocab, sizeof *times);
	int64_t n = 0, hubs = 0;
	struct neuron_labels labels;

	for (int l = 0; l < neuronmap_n_layers(map); l++)
		for (int i = 0; neuronmap_get(map, l, i, &labels); i++)
			if (labels.id[0] >= 0 && labels.id[0] < n_vocab) {
				times[labels.id[0]]++;
				n++;
			}
	qsort(times, (size_t)n_vocab, sizeof *times, falling);
	for (int i = 0; i < NEURON_HUBS && i < n_vocab; i++)
		hubs += times[i];
	free(times);
	return n ? (double)hubs / (double)n : 0;
}
