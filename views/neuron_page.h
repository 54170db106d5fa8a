/*
 * neuron_page -- what the neurons pane was asked to show, and what is known of it.
 *
 * The pane has three pages: the strongest neurons of the step under the cursor,
 * those that a word was found in, and a single one.  On the second a row is a
 * neuron (or, where the word is no token, a word that is near); on the third it
 * is one of the neuron's vectors.
 *
 * Owns     nothing: good until the frame is drawn
 */
#ifndef VIEWS_NEURON_PAGE_H
#define VIEWS_NEURON_PAGE_H

#include "analysis/atlas.h"
#include "analysis/neuronfind.h"
#include "engine/look.h"

struct step;

enum { NEURONS_ROWS_FROM = 60 };        /* columns from which the strongest also show what they read */

enum neurons_shown { NEURONS_STRONGEST, NEURONS_FOUND, NEURONS_ONE };

struct neuron_page {
	enum neurons_shown shows;
	enum neuron_site site;          /* the vector in question: searched, or chosen on the page */
	enum neuron_variant variant[N_NEURON_SITES];    /* in which each vector is read */
	/* NEURONS_FOUND */
	const char *text;               /* as it was searched */
	const struct vocab *vocab;
	const struct neuronfind_tokens *tokens;
	const struct neuronfind_hit *hit;       /* [n_hits] */
	size_t n_hits;
	struct atlas_sheet sheet;       /* of the map that is searched */
	/* NEURONS_ONE */
	struct neuron_ref one;
	const struct look_neuron *value;        /* [n_values], by position; NAN: not known yet */
	int n_values;
	bool computing;                 /* more of them will come */
};

struct canvas;
struct choice;
struct view;

/* NEURONS_ONE. */
void neuron_page_draw(struct canvas *c, const struct view *v, const struct choice *at);

/* The vectors of a neuron as rows of its page, from 0; false behind the last. */
bool neuron_page_vector(const struct hparams *hp, int row, enum neuron_site *site);
int neuron_page_row(const struct hparams *hp, enum neuron_site site);
/* What a clamp of that vector's neuron is called: the value itself for down. */
void neuron_page_site(int layer, enum neuron_site site, int index, struct buf *out);

/* A probability in hundredths, as in the candidates. */
void neuron_page_percent(double p, char *out, size_t room);

#endif
