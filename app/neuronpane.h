/*
 * neuronpane -- what the neurons pane is asked for: a word to search, a neuron to
 * show, a vector and a variant to read; and the answers as they come.
 *
 * Owns     the map (atlas.h), the figures of the neuron watched, the results
 * Threads  the UI thread
 */
#ifndef APP_NEURONPANE_H
#define APP_NEURONPANE_H

#include "app/watch.h"
#include "views/neuron_page.h"
#include "views/pane.h"

struct app;

struct neuronpane {
	struct neuron_page page;        /* what the pane sees */
	struct atlas *atlas;            /* NULL: no model at hand */
	struct watch watch;
	struct look_neuron *value;      /* [room]: of the line, for the page */
	int room;
	char *text;                     /* owned by us, as tokens and hits */
	struct neuronfind_tokens tokens;
	struct neuronfind_hit *hit;
	size_t seen;                    /* neurons of the map that the hits were looked for in */
	const struct neuronmap *seen_map;
	struct choice before[2];        /* the choice on the pages that were left */
	bool from_found;                /* a single neuron was reached from the results */
};

void neuronpane_start(struct neuronpane *n, const struct model *m, int n_threads);
void neuronpane_free(struct neuronpane *n);

/* For commands. */
bool neuronpane_search(struct app *a, const char *text, struct err *e) MUST_CHECK;
bool neuronpane_show(struct app *a, const char *site, struct err *e) MUST_CHECK;
bool neuronpane_vector(struct app *a, const char *name, struct err *e) MUST_CHECK;
bool neuronpane_variant(struct app *a, const char *name, struct err *e) MUST_CHECK;
bool neuronpane_map(struct app *a, const char *what, struct err *e) MUST_CHECK;
/* The page before; false on the first. */
bool neuronpane_back(struct app *a);

/* For the frame: brings the page up to date and asks for what it lacks. */
void neuronpane_refresh(struct app *a, struct view *v, bool may_ask);
/* For the loop: maps that came to an end. */
void neuronpane_take(struct app *a);
void neuronpane_came(struct app *a, const struct look *k, int step);
/* Lowers *wait while a bar moves. */
void neuronpane_tick(struct app *a, uint64_t *wait);
/* A script has to wait for a map. */
bool neuronpane_awaited(const struct app *a);

#endif
