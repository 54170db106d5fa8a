/*
 * pretok -- cutting a text into the pieces inside which byte pairs are merged.
 *
 * A model file names its way of cutting (tokenizer.ggml.pre); pretoks.def knows
 * the regular expressions behind each name.  PCRE2 runs them, compiled to
 * machine code where it can, with limits on steps and memory so that no text
 * can make it run away.
 *
 * Owns     the compiled patterns; a pretok_run owns the room of one caller
 * Threads  a pretok is immutable after pretok_new(); one pretok_run per thread
 */
#ifndef ENGINE_PRETOK_H
#define ENGINE_PRETOK_H

#include <stddef.h>

#include "engine/base/err.h"

enum pretok_flags {
	PRETOK_WHOLE = 1,       /* a whole piece that is in the vocabulary is one token, merges or not */
	PRETOK_BOS = 2,         /* BOS goes in front unless the file says otherwise */
	PRETOK_SPM = 4,         /* spaces become U+2581, merging starts from characters, bytes are <0xNN> */
	PRETOK_LINES = 8,       /* a run of newlines that is in the vocabulary is one token */
};

struct pretok_row {
	const char *name;
	const char *const *patterns;    /* ends with NULL */
	unsigned flags;
};

/* Row i of the table, NULL past its end. */
const struct pretok_row *pretok_at(size_t i);
/* The row of a name from a file (not NUL-terminated).  NULL, with ERR_UNSUPPORTED
 * naming it, when there is none. */
const struct pretok_row *pretok_find(const char *name, size_t n, struct err *e) MUST_CHECK;

struct pretok;
struct pretok *pretok_new(const struct pretok_row *row, struct err *e) MUST_CHECK;
void pretok_free(struct pretok *p);

/* Gets each piece in order; together they are the text.  False stops the run. */
typedef bool pretok_fn(void *ctx, const char *s, size_t n, struct err *e);

struct pretok_run;
struct pretok_run *pretok_begin(const struct pretok *p);
/* `text` must be well-formed UTF-8. */
bool pretok_split(struct pretok_run *r, const char *text, size_t n, pretok_fn *fn, void *ctx,
    struct err *e) MUST_CHECK;
void pretok_end(struct pretok_run *r);

#endif
