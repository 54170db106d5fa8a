/*
 * lockview -- what the lockstep pane looks at, and the receipt of swapped
 * matrices: part of the view.
 *
 * Owns     nothing: good until the frame is drawn
 */
#ifndef VIEWS_LOCKVIEW_H
#define VIEWS_LOCKVIEW_H

#include "analysis/lockstep.h"
#include "views/canvas.h"

enum lock_figure { LOCK_DRIFT, LOCK_COSINE, LOCK_ENTROPY, N_LOCK_FIGURES };

struct lock_figure_def {
	const char *name, *unit, *doc;
};
extern const struct lock_figure_def lock_figures[N_LOCK_FIGURES];

struct view_lockstep {
	const char *other;              /* the second model, in words; NULL: there is none */
	const struct lockstep *k;       /* k->n positions are known; NULL: none yet */
	enum lock_figure figure;
	double threshold;
	bool works, stopped;
	float done;                     /* 0..1 of the reading in work */
	double left_s;                  /* NAN: cannot be said yet */
	const char *why_not;            /* it could not be: one line; NULL */
};

/* The figure of a position behind a layer; row k->n is over all positions. */
double lock_value(const struct lockstep *k, enum lock_figure f, size_t token, int layer);
/* "swapped, over 45 tokens: JSD 0.012 nats, ..." on one row. */
void draw_receipt(struct canvas *c, int y, const struct view_lockstep *r);

#endif
