/* lockstep_report -- where two models come apart, as text or as the inside of a JSON object. */
#ifndef APP_LOCKSTEP_REPORT_H
#define APP_LOCKSTEP_REPORT_H

#include "analysis/lockstep.h"
#include "engine/base/buf.h"

void lockstep_report_text(const struct lockstep *k, const struct lockstep_options *o, struct buf *out);
void lockstep_report_json(const struct lockstep *k, const struct lockstep_options *o, struct buf *out);

#endif
