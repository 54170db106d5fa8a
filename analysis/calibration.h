/*
 * calibration -- what the linear layers of a model read: E[x_j^2] of every input
 * channel, and the Gram matrix E[x x^T] of chosen ones.
 *
 * Gathered while the model reads a text; kept with the number of positions that
 * stand behind it.  q, k and v share an input, as gate and up do.  The second
 * moments of a whole model are small; a Gram matrix is not, so those are
 * gathered for as many inputs at a time as fit in CALIBRATION_GRAM_BYTES, and
 * the text is read again for the next.
 *
 * A session gathers moments while it generates when it is given the onlooker
 * (session_options), from calibration_gather(c, true) on; another thread may
 * then take copies.
 *
 * Shapes   moments: [cols]; gram: [cols][cols]
 * Owns     its sums, from calibration_new() to calibration_free()
 * Threads  one reads a text or is looked on; gather, forget, positions and copy
 *          from any at the same time.  Gram matrices are summed on the pool
 */
#ifndef ANALYSIS_CALIBRATION_H
#define ANALYSIS_CALIBRATION_H

#include "analysis/quanterr.h"
#include "analysis/reader.h"

#define CALIBRATION_GRAM_BYTES ((size_t)1 << 30)

struct calibration;

struct calibration *calibration_new(const struct model *m);
void calibration_free(struct calibration *c);

/* What an onlooker of a pass calls, for who runs passes of their own; the pool is
 * for Gram matrices and may be NULL. */
struct onlooker calibration_onlooker(struct calibration *c, struct pool *pool);
/* Whether the onlooker adds what it sees; off at first, on while a text is read. */
void calibration_gather(struct calibration *c, bool on);
bool calibration_gathers(const struct calibration *c);
/* Begins again with no positions. */
void calibration_forget(struct calibration *c);
/* Positions behind the moments. */
uint64_t calibration_positions(const struct calibration *c);
/* E[x_j^2] of t's input as it stands, [cols]; returns the positions behind it: 0
 * when nothing is known, and nothing is then written. */
uint64_t calibration_copy(struct calibration *c, const struct tensor *t, float *moments);

struct calibration_text {
	const int32_t *tokens;
	size_t n;
	int n_ctx;
	struct pool *pool;
	const atomic_bool *stop;        /* NULL: never */
	void (*progress)(void *to, size_t done, size_t of);
	void *to;
};

/* Reads the text and adds to the moments; ERR_INTERRUPTED when stopped. */
bool calibration_read(struct calibration *c, const struct calibration_text *text, struct err *e) MUST_CHECK;

/* Makes sure that the Gram matrix of t's input is there, reading the text for it
 * and for inputs that come after it, and letting go of others. */
bool calibration_gram(struct calibration *c, const struct tensor *t, const struct calibration_text *text,
    struct err *e) MUST_CHECK;

/* What is known of the inputs of t: nothing for what is no matrix of a linear
 * layer (an embedding that is not the head). */
struct quant_inputs calibration_inputs(const struct calibration *c, const struct tensor *t);

#endif
