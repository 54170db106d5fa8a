#include "app/watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

static const struct look_neuron unknown = { NAN, NAN, NAN };

void watch_start(struct watch *w)
{
	*w = (struct watch){ .layer = -1 };
}

void watch_free(struct watch *w)
{
	free(w->step);
	free(w->value);
	watch_start(w);
}

void watch_set(struct watch *w, int layer, int index)
{
	if (w->layer == layer && w->index == index)
		return;
	w->stale = w->asked;
	w->layer = layer;
	w->index = index;
	for (int i = 0; i < w->room; i++)
		w->step[i] = -1;
}

static void make_room(struct watch *w, int n)
{
	int room = w->room ? w->room : 256;

	if (n <= w->room)
		return;
	while (room < n)
		room *= 2;
	w->step = mem_resize(w->step, (size_t)room, sizeof *w->step);
	w->value = mem_resize(w->value, (size_t)room, sizeof *w->value);
	for (int i = w->room; i < room; i++)
		w->step[i] = -1;
	w->room = room;
}

static bool has(const struct watch *w, const struct step *s)
{
	return s->pos < w->room && w->step[s->pos] == s->index;
}

/* Without computing: it is among the strongest of its layer. */
static bool told_by(const struct step *s, int layer, int index, float *mlp)
{
	for (int i = 0; layer < s->n_layers && i < STEP_NEURONS; i++)
		if (s->neurons[layer * STEP_NEURONS + i].index == index) {
			*mlp = s->neurons[layer * STEP_NEURONS + i].activation;
			return true;
		}
	return false;
}

struct look_neuron watch_at(const struct watch *w, const struct timeline *t, int pos)
{
	const struct step *s = timeline_at(t, pos);
	struct look_neuron v = unknown;

	if (!s || w->layer < 0)
		return v;
	if (has(w, s))
		v = w->value[pos];
	if (isnan(v.mlp) && !told_by(s, w->layer, w->index, &v.mlp))
		return unknown;
	return v;
}

static bool order(struct watch *w, struct source *src, const struct step *s)
{
	struct look_request want = { .what = LOOK_NEURON, .pos = s->pos, .step = s->index,
		.at = { .site = SITE_mlp, .layer = w->layer, .head = -1, .index = w->index } };
	struct err e;

	w->asked = source_send(src, &(struct order){ .kind = ORDER_LOOK, .look = want }, &e);
	w->asked_pos = s->pos;
	return w->asked;
}

void watch_want(struct watch *w, struct source *src, const struct timeline *t, int at, bool may_ask)
{
	int n = timeline_n(t);

	if (w->layer < 0 || w->asked || !may_ask || !src->info.live)
		return;
	make_room(w, n);
	for (int d = 0; d < n; d++)
		for (int side = -1; side <= 1; side += 2) {
			const struct step *s = timeline_at(t, at + side * d);

			if (s && !has(w, s)) {
				order(w, src, s);
				return;
			}
		}
}

void watch_came(struct watch *w, const struct look *k, int step)
{
	int pos = w->asked_pos;

	w->asked = false;
	if (w->stale || pos >= w->room) {
		w->stale = false;
		return;
	}
	w->step[pos] = k ? k->step : step;      /* what cannot be had is not asked for again */
	w->value[pos] = k ? k->neuron : unknown;
}
