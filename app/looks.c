#include "app/looks.h"

#include <stdio.h>
#include <string.h>

void looks_start(struct looks *l)
{
	memset(l, 0, sizeof *l);
	l->failed = -1;
}

void looks_clear(struct looks *l)
{
	for (int i = 0; i < LOOKS_KEPT; i++)
		look_unref(l->kept[i]);
	looks_start(l);
}

static bool tracks(const struct look *k, const struct looks *l)
{
	return k->asked.n_track == l->n_track && !memcmp(k->asked.track, l->track, (size_t)l->n_track * sizeof *l->track);
}

static bool answers(const struct looks *l, const struct look *k, const struct step *s, unsigned needs, int layer)
{
	return k && k->step == s->index && (k->asked.what & needs) == needs &&
	    (!(needs & LOOK_ATTENTION) || k->asked.layer == layer) && (!(needs & LOOK_COMPARE) || tracks(k, l));
}

const struct look *looks_get(struct looks *l, struct source *src, const struct step *s, unsigned needs, int layer,
    bool may_ask)
{
	struct look_request want = { .what = needs, .layer = layer, .n_track = l->n_track };
	struct err e;

	if (!s || !needs)
		return NULL;
	for (int i = 0; i < LOOKS_KEPT; i++)
		if (answers(l, l->kept[i], s, needs, layer))
			return l->kept[i];
	if (l->failed != s->index)
		l->failed = -1;
	want.pos = s->pos;
	want.step = s->index;
	memcpy(want.track, l->track, sizeof want.track);
	if (may_ask && !l->asked && src->info.live && l->failed != s->index)
		l->asked = source_send(src, &(struct order){ .kind = ORDER_LOOK, .look = want }, &e);
	return NULL;
}

void looks_came(struct looks *l, const struct look *k, int step, const char *why)
{
	l->asked = false;
	if (!k) {
		l->failed = step;
		snprintf(l->why, sizeof l->why, "%.79s", why ? why : "it cannot be seen again");
		return;
	}
	look_unref(l->kept[l->next]);
	l->kept[l->next] = k;
	l->next = (l->next + 1) % LOOKS_KEPT;
}
