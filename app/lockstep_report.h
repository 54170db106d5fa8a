/* lockstep_report -- where two models come apart, as text or as the inside of a JSON object. */
#ifndef APP_LOCKSTEP_REPORT_H
#define APP_LOCKSTEP_REPORT_H

#include "analysis/lockstep.h"
#include "engine/base/buf.h"

/* All of it: layers, a map of the drift by layer and position, the positions that
 * differ most, the figures. */
void lockstep_report_text(const struct lockstep *k, const struct lockstep_options *o, struct buf *out);
/* Layers and figures only, under whatever heading the caller wrote. */
void lockstep_report_figures(const struct lockstep *k, const struct lockstep_options *o, struct buf *out);
void lockstep_report_json(const struct lockstep *k, const struct lockstep_options *o, struct buf *out);

#endif
