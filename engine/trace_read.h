/* trace_read -- a line of trace_line.h back into a step; what it lacks is a hole. */
#ifndef ENGINE_TRACE_READ_H
#define ENGINE_TRACE_READ_H

#include <jansson.h>

#include "engine/hparams.h"
#include "engine/step.h"

/* Told the text of every token that the line names. */
typedef void piece_seen(void *to, int32_t id, const char *s, size_t n);

/* NULL with `e` saying which field is wrong.  Token ids are below hp->n_vocab,
 * positions below n_ctx. */
struct step *trace_read(const json_t *line, const struct probe_plan *plan, const struct hparams *hp, int n_ctx,
    piece_seen *seen, void *to, struct err *e);

#endif
