/*
 * condition -- what `until' and `expect' ask of a step.
 *
 *      entropy > 2.5                   a signal with one value a step
 *      attn_entropy L2.H3 < 0.5        of a head; resid_norm L4 > 10 of a layer
 *      rank == 1, surprisal > 3        of the token that came: see condition_fields
 *      track > -2, edits_jsd < 0.01    of the step with and without its edits
 *      probe < 2                       perplexity of the probe text, over that without edits
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
#include "engine/look.h"
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

/* What has to be known before a condition can be answered: only the step, the step
 * seen again with and without its edits, or the probe text. */
enum condition_needs { NEEDS_STEP, NEEDS_LOOK, NEEDS_PROBE };

/* Figures that are not signals, for completion and the manual. */
struct condition_field {
	const char *name, *doc;
	enum condition_needs needs;
};
extern const struct condition_field condition_fields[];
extern const size_t n_condition_fields;

/* ERR_USAGE with what is wrong.  Layers and heads are checked when it is asked. */
bool condition_parse(struct condition *c, const char *text, struct err *e) MUST_CHECK;
enum condition_needs condition_needs(const struct condition *c);
/* For NEEDS_LOOK: its figure in a LOOK_COMPARE, NAN where that has none. */
double condition_of_look(const struct condition *c, const struct look *k);
/* For all but NEEDS_STEP, whose figures the caller knows. */
bool condition_compare(const struct condition *c, double v, struct buf *found);
/* For NEEDS_STEP.  Whether it holds at position `pos`; what was found there is appended. */
bool condition_holds(const struct condition *c, const struct timeline *steps, struct source *pieces, int pos,
    struct buf *found);

#endif
