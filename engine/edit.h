/*
 * edit -- what writes into the forward pass: an immutable, numbered set.
 *
 *      L4.up[219] = 8          hold        L4.mlp[7] max 2     never below 2
 *      L5.H3 * 0               scale       L4.mlp[7] min 2     never above 2
 *      L6.resid[12] + 1.5      add         ... in prompt | generated | A..B
 *      L6.resid + dog.vec * 4  a vector from a file, times a number
 *      swap L3.ffn_up q4_0     a matrix as a quantizer stores it (swap.h)
 *
 * Without a scope an edit holds at every position that is read from now on.  A
 * scope that names what may have been read already (all, prompt, A..B) reaches
 * `back`: whoever sets it in force has the text read again.
 *
 * Adding an edit makes a new set with the next revision and leaves the old one
 * as it was, so undo is going back to the old one.  The engine picks up the
 * newest set at a step boundary and writes its revision into the step.
 * The operations are a family: edits/NAME.c and a line in edits.def.
 *
 * Owns     a set is counted: edit_set_ref(), edit_set_unref()
 * Threads  a set never changes after it is made
 */
#ifndef ENGINE_EDIT_H
#define ENGINE_EDIT_H

#include <stdint.h>

#include "engine/swap.h"
#include "engine/vec.h"

struct edit_def {
	const char *name;       /* "hold" */
	const char *symbol;     /* "=" */
	const char *doc;
	/* Changes the n values at x.  One of the two is NULL: an operation works with
	 * a number, or with a vector of n values times a number. */
	void (*apply)(float *x, int n, float v);
	void (*apply_vec)(float *x, int n, const float *vec, float v);
};

extern const struct edit_def *const edit_defs[];
extern const size_t n_edit_defs;
/* Writes to no site and is no row: the forward pass asks the set for weights. */
extern const struct edit_def edit_swap;

enum edit_scope { SCOPE_ALL, SCOPE_PROMPT, SCOPE_GENERATED, SCOPE_RANGE };

struct edit {
	int number;             /* 1, 2, ...: never reused in a session */
	struct address at;      /* of a swap: no site, its layer, its weight as index */
	const struct edit_def *op;
	float value;
	const struct vec *vec;  /* for apply_vec; a set holds a reference, a parsed edit owns one */
	const struct swap *swap;        /* instead of a place: matrices; held like vec */
	enum edit_scope scope;
	int from, to;           /* positions [from, to] when SCOPE_RANGE */
	bool back;              /* its scope was said and names positions that may be read already */
	bool on;
};

struct edit_set;

const struct edit_set *edit_set_empty(void);            /* revision 0 */
const struct edit_set *edit_set_ref(const struct edit_set *s);
void edit_set_unref(const struct edit_set *s);
uint32_t edit_set_revision(const struct edit_set *s);
int edit_set_n(const struct edit_set *s);
const struct edit *edit_set_at(const struct edit_set *s, int i);

/* New sets; `revision` must be larger than any used before in the session.
 * A second edit of the same operation at the same address replaces the first. */
const struct edit_set *edit_set_with(const struct edit_set *s, const struct edit *add, uint32_t revision);
const struct edit_set *edit_set_without(const struct edit_set *s, int number, uint32_t revision);
const struct edit_set *edit_set_toggled(const struct edit_set *s, int number, uint32_t revision);

/* The grammar above; `number` is left for the caller to fill.  A vector's file is
 * opened and checked: edit_drop() lets go of it.  A swap comes without its
 * matrices: whoever can make them puts another in its place. */
bool edit_parse_in(const char *text, const struct hparams *hp, const struct vocab *vocab, struct edit *out,
    struct err *e) MUST_CHECK;
bool edit_parse(const char *text, const struct hparams *hp, struct edit *out, struct err *e) MUST_CHECK;
/* The part from `in` on; nothing there: all that is read from now on. */
bool edit_parse_scope(const char **text, struct edit *out, struct err *e) MUST_CHECK;
void edit_drop(struct edit *ed);
/* The first position whose keys and values in the cache are no longer right when
 * the second set follows the first; -1: none. */
int edit_sets_stale(const struct edit_set *before, const struct edit_set *after);
const char *edit_format(const struct edit *ed, char *out, size_t room);

/* The matrices in force at a position, by place: table[(layer + 1) * N_WEIGHTS +
 * weight], row 0 for those of no layer; NULL: the model's own.  False, and the
 * table is not touched, when there are none: what a pass without swaps pays.
 * receipts as below. */
bool edit_set_swaps(const struct edit_set *s, int pos, int n_prompt, const struct tensor **table, int n_layers);
/* How many of the n positions from pos on compute with the same matrices. */
int edit_set_span(const struct edit_set *s, int pos, int n, int n_prompt);

/* True when some edit that is on names (layer, site); the one test that an
 * unedited site pays.  layer -1 for global sites. */
bool edit_set_touches(const struct edit_set *s, int layer, enum site site);
/* What an edit did in one pass over one position: the proof that it did something. */
struct receipt {
	int32_t edit;           /* its number */
	int32_t applied;        /* places it wrote: one for each layer it names */
	float change;           /* L2 length of what it changed, over those places */
	float before;           /* L2 length of what had stood there */
};

/* Applies the edits of this place to the vector x of position pos.  Positions
 * below n_prompt are prompt.  receipts[i], for edit i of the set, grows by what
 * was done; `spare` has room for the values of the site.  Both NULL: no account. */
void edit_set_apply(const struct edit_set *s, int layer, enum site site, const struct hparams *hp,
    float *x, int pos, int n_prompt, struct receipt *receipts, float *spare);
/* The same for the swaps of the set, once a position: applied counts matrices. */
void edit_set_account_swaps(const struct edit_set *s, int pos, int n_prompt, struct receipt *receipts);

#endif
