/*
 * reader -- a model that reads a text for somebody who looks on: no sampling, and
 * no edits unless they are asked for.
 *
 * Owns     cache and scratch; model and pool are borrowed
 * Threads  one at a time
 */
#ifndef ANALYSIS_READER_H
#define ANALYSIS_READER_H

#include "engine/forward.h"

struct reader;

enum { READER_PIECE = 64 };     /* positions of a pass, at most */

/* plan may be NULL. */
struct reader *reader_new(const struct model *m, struct pool *pool, bool exact, int n_ctx,
    const struct probe_plan *plan, struct err *e) MUST_CHECK;
void reader_free(struct reader *r);

/* Reads under edits from now on, as of a text whose first n_prompt positions were
 * given; a pass must not cross from one scope to another (edit_set_span()). */
void reader_edits(struct reader *r, const struct edit_set *edits, int n_prompt);
/* Reads m <= READER_PIECE tokens at positions pos0 .. pos0 + m - 1; 0 begins a new
 * context.  steps may be NULL, or [m] made under the plan. */
void reader_read(struct reader *r, const int32_t *tokens, int m, int pos0, const struct onlooker *o, struct step **steps);
/* Logits of rows row0 .. row0 + n - 1 of that pass, n <= FORWARD_LOGITS; good until
 * the next call. */
const float *reader_logits(struct reader *r, int row0, int n);

#endif
