/*
 * report -- facts with units, as lines to read or as one JSON object: the same
 * calls make both.
 *
 *      report_group(r, "shape");                shape              {"shape": {
 *      report_int(r, "layers", 30, "");           layers  30         "layers": 30,
 *      report_bytes(r, "kv_bytes", 4e6);          kv      4.0 MB     "kv_bytes": 4000000
 *      report_end(r);                                               }}
 *
 * In text a key loses its unit (_bytes, _per_s, _ms) and its underscores.
 */
#ifndef APP_REPORT_H
#define APP_REPORT_H

#include <stdint.h>

#include "engine/base/buf.h"

struct report {
	bool json;
	struct buf out;
	int depth;              /* groups that are open */
	bool row;               /* inside a row: text stays on one line */
	bool first;             /* no field yet in this object */
	bool names;             /* keys of this group are names: shown as they are */
};

void report_start(struct report *r, bool json);
/* Closes the object and writes it to standard output. */
bool report_write(struct report *r, struct err *e) MUST_CHECK;
void report_free(struct report *r);

/* A heading with facts under it; may be nested one deep. */
void report_group(struct report *r, const char *key);
/* A group whose keys are names from outside (tensors, metadata, types). */
void report_names(struct report *r, const char *key);
/* Facts that share a line of text. */
void report_row(struct report *r, const char *key);
void report_end(struct report *r);

/* Escaped for the reader; JSON gets all of it. */
void report_text(struct report *r, const char *key, const char *s, size_t n);
void report_str(struct report *r, const char *key, const char *s);
void report_int(struct report *r, const char *key, int64_t v, const char *unit);
/* NAN is a hole: "not measured", null. */
void report_num(struct report *r, const char *key, double v, int decimals, const char *unit);
void report_bytes(struct report *r, const char *key, uint64_t v);
void report_bool(struct report *r, const char *key, bool v);

#endif
