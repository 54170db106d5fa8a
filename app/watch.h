/*
 * watch -- the value of one neuron at every step of the text.
 *
 * A step keeps only its strongest neurons.  The others are computed again, one
 * position after the other while the engine rests (LOOK_NEURON): the step under
 * the cursor first, then its neighbours outwards.  What has not been computed is
 * a hole, NAN.
 *
 * Owns     its figures
 * Threads  the UI thread
 */
#ifndef APP_WATCH_H
#define APP_WATCH_H

#include "analysis/timeline.h"
#include "engine/source.h"

struct watch {
	int layer, index;               /* layer -1: nothing is watched */
	int room;
	int *step;                      /* [room]: index of the step the figures are of, -1: none */
	struct look_neuron *value;      /* [room], by position */
	bool asked, stale;              /* an order is under way; it is about another neuron */
	int asked_pos;
};

void watch_start(struct watch *w);
void watch_free(struct watch *w);
/* Another neuron; what was known of the one before is forgotten. */
void watch_set(struct watch *w, int layer, int index);
/* Takes over what steps say by themselves, and orders the next figure that is
 * missing, nearest to `at` first.  `may_ask`: false orders nothing. */
void watch_want(struct watch *w, struct source *src, const struct timeline *t, int at, bool may_ask);
/* An answer came; NULL: it could not be given. */
void watch_came(struct watch *w, const struct look *k, int step);
/* Figures at a position of the line; all NAN where there are none. */
struct look_neuron watch_at(const struct watch *w, const struct timeline *t, int pos);

#endif
