/*
 * trace_line -- a step as one line of JSON: `--trace`, and steps in a session.
 *
 * The schema is that of clampmeter(1), TRACE LINES: fixed fields of the step
 * and then every probe of its plan under its own name.  A hole is null.
 */
#ifndef ENGINE_TRACE_LINE_H
#define ENGINE_TRACE_LINE_H

#include "engine/base/buf.h"
#include "engine/step.h"

/* Bytes of a token, e.g. vocab_bytes or source_piece; NULL gives "text": null. */
typedef const char *piece_fn(void *of, int32_t id, size_t *n);

/* Appends one object and a newline.  At most `n_top` candidates are written. */
void trace_line(struct buf *out, const struct step *s, piece_fn *piece, void *of, int n_top);

#endif
