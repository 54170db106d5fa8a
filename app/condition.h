/*
 * condition -- what `until' and `expect' ask of a step.
 *
 *      entropy > 2.5                   a signal with one value a step
 *      attn_entropy L2.H3 < 0.5        of a head; resid_norm L4 > 10 of a layer
 *      rank == 1, surprisal > 3        of the token that came: see condition_fields
 *      token ".\n"                     the token is these bytes; token != " a"
 *      text "dog"                      the text so far has it in it; text != "cat"
 *
 * A figure that was not measured holds no comparison, not even !=.
 *
 * Owns     nothing; a plain value
 */
#ifndef APP_CONDITION_H
#define APP_CONDITION_H

#include "engine/base/buf.h"
#include "engine/base/err.h"
#include "engine/step.h"

struct timeline;
struct source;

enum condition_kind { CONDITION_FIGURE, CONDITION_TOKEN, CONDITION_TEXT };
enum condition_op { OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_NE };

struct condition {
	enum condition_kind kind;
	enum condition_op op;
	int field;              /* below 0: lens -1 - field; else a row of condition_fields */
	int layer, head;        /* -1 where the figure has none */
	double value;
	char text[200];         /* [n_text] */
	size_t n_text;
};

/* Figures that are not signals, for completion and the manual. */
struct condition_field {
	const char *name, *doc;
};
extern const struct condition_field condition_fields[];
extern const size_t n_condition_fields;

/* ERR_USAGE with what is wrong.  Layers and heads are checked when it is asked. */
bool condition_parse(struct condition *c, const char *text, struct err *e) MUST_CHECK;
/* Whether it holds at position `pos`; what was found there is appended. */
bool condition_holds(const struct condition *c, const struct timeline *steps, struct source *pieces, int pos,
    struct buf *found);

#endif
