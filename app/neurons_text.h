/*
 * neurons_text -- what `clampmeter neurons' found out, as lines or as JSON.
 */
#ifndef APP_NEURONS_TEXT_H
#define APP_NEURONS_TEXT_H

#include "analysis/neuroncompare.h"
#include "analysis/neuronfind.h"
#include "engine/base/buf.h"

/* One neuron and, in text, the other vectors of the same neuron in short. */
void neurons_text_show(struct buf *out, const struct vocab *v, const struct neuron_reading *r,
    const struct neuron_reading *beside, int n_beside);
void neurons_json_show(struct buf *out, const struct vocab *v, const struct neuron_reading *r);

struct neurons_found {
	const struct vocab *vocab;
	const struct neuronmap *map;
	const char *text;
	const struct neuronfind_tokens *tokens;
	const struct neuronfind_hit *hit;
	size_t n, shown;
};
void neurons_text_find(struct buf *out, const struct neurons_found *f);
void neurons_json_find(struct buf *out, const struct neurons_found *f);

struct neurons_compared {
	const char *name[2];
	double hubness[2];
	enum neuron_site site;
	enum neuron_variant variant;
	int n_layers;
	const struct neuron_share *layers, *all;
};
void neurons_text_compare(struct buf *out, const struct neurons_compared *c);
void neurons_json_compare(struct buf *out, const struct neurons_compared *c);

/* A token in quotes, fit for a terminal. */
void neurons_text_token(struct buf *out, const struct vocab *v, int32_t id);

#endif
