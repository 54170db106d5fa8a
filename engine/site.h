/*
 * site -- the named places of the forward pass, and addresses into them.
 *
 * An address is typed the same in the prompt, in scripts, with -e and in traces:
 *
 *      L4.up[219]      one element at a site of a layer
 *      L5.H3           a head (its mix of values, site z)
 *      L5.H3.temp      the temperature of its softmax; L5.temp: of all heads
 *      L6.resid        a whole vector
 *      L*.resid        the same place in every layer
 *      final_norm[7]   a site that belongs to no layer
 *      logit[" dog"]   the logit of a token, by its text or its id
 *
 * address_parse() checks against the model's shape and says what would have
 * been right: "L12 has neurons 0 to 1535".
 */
#ifndef ENGINE_SITE_H
#define ENGINE_SITE_H

#include <stddef.h>

#include "engine/base/err.h"
#include "engine/hparams.h"

enum site_width { SITE_W_D_MODEL, SITE_W_D_FF, SITE_W_D_Q, SITE_W_HEADS, SITE_W_POSITIONS, SITE_W_VOCAB };

enum site {
#define SITE(id, text, width, hook, doc) SITE_##id,
#include "engine/sites.def"
#undef SITE
	N_SITES,
	SITE_NONE = -1,
};

struct site_def {
	const char *text, *hook, *doc;
	enum site_width width;
	bool global;            /* belongs to the model, not to a layer */
};

extern const struct site_def sites[N_SITES];

/* Floats of one position at a site; 0 where that depends on the position. */
int site_width(enum site s, const struct hparams *hp);

enum { NO_LAYER = -1, EVERY_LAYER = -2 };

struct address {
	enum site site;
	int layer;              /* NO_LAYER for global sites; EVERY_LAYER */
	int head;               /* -1 unless a head was named */
	int index;              /* -1: the whole vector (or the whole head) */
};

enum { ADDRESS_TEXT = 48 };

struct vocab;

/* Reads an address at *text and moves *text behind it.  `vocab` finds tokens by
 * their text; NULL: only ids are understood. */
bool address_parse_in(const char **text, const struct hparams *hp, const struct vocab *vocab, struct address *a,
    struct err *e) MUST_CHECK;
bool address_parse(const char **text, const struct hparams *hp, struct address *a, struct err *e) MUST_CHECK;
const char *address_format(const struct address *a, char out[ADDRESS_TEXT]);

#endif
