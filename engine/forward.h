/*
 * forward -- tokens through all layers: the one place where the order of the
 * computation, of the edits and of the probes is written.
 *
 * A pass takes m tokens at positions pos0 .. pos0 + m - 1 (one while
 * generating, a piece of the prompt before that).  At every site first the
 * edits write, then the probes read.  Keys and values of the pass go to the
 * cache; `len` moves when the pass is complete.  All positions of a pass compute
 * with the same matrices (edit_set_span()); which, is asked once a layer.
 *
 * Owns     scratch for max_m positions, from forward_new() to forward_free()
 * Threads  called from the engine thread; pool workers run inside
 */
#ifndef ENGINE_FORWARD_H
#define ENGINE_FORWARD_H

#include "engine/edit.h"
#include "engine/kvcache.h"
#include "engine/look.h"
#include "engine/matmul.h"
#include "engine/model.h"
#include "engine/step.h"

enum { FORWARD_LOGITS = 16 };   /* rows of logits computed at a time */

struct forward;

/* Copies of a single position (m = 1), for who wants to see it whole.  NULL: not
 * wanted. */
struct capture {
	int attention_layer;
	float *attention;       /* [n_heads][pos + 1] */
	float *neurons;         /* [n_layers][d_ff], site mlp */
	float *resid;           /* [n_layers][d_model], site resid_post */
	enum site site;         /* with `layer`: any one place */
	int layer;
	float *values;
	int index;              /* with `layer`: one neuron at sites gate, up and mlp */
	struct look_neuron *neuron;
};

/* What stands in the scratch on the way: the inputs of the linear layers, and the
 * residual stream behind a layer.  HEAD has no layer (-1). */
enum place { PLACE_QKV_IN, PLACE_ATTN_OUT_IN, PLACE_MLP_IN, PLACE_DOWN_IN, PLACE_HEAD_IN, PLACE_RESID, N_PLACES };

/* Shown every place of all m positions at once, x: [m][width], good until it
 * returns.  Called by the engine thread while the workers wait; it may use them. */
struct onlooker {
	void (*see)(void *to, enum place place, int layer, const float *x, int m, int width);
	void *to;
};

struct pass {
	const int32_t *tokens;  /* [m] */
	int m, pos0;
	int n_prompt;           /* positions below are prompt, for the scope of edits */
	const struct edit_set *edits;
	struct step **steps;    /* [m], filled by probes and edits; NULL: nothing is measured */
	const struct capture *capture;
	const struct onlooker *onlooker;        /* NULL: nobody looks */
	/* Layers below were computed elsewhere; this stands behind them, [m][d_model].
	 * NULL: the pass begins with the tokens. */
	const float *resid;
	int first_layer;
};

/* plan may be NULL: no probes. */
struct forward *forward_new(const struct model *m, struct matmul *mm, struct kvcache *kv, int max_m, bool exact,
    const struct probe_plan *plan, struct err *e) MUST_CHECK;
void forward_free(struct forward *f);

void forward_run(struct forward *f, const struct pass *p);
/* Logits of rows row0 .. row0 + n - 1 of the last pass (n <= FORWARD_LOGITS):
 * [n][n_vocab], good until the next call.  Edits and probes at `logits` have run. */
const float *forward_logits(struct forward *f, const struct pass *p, int row0, int n);

/* Logits that the final norm and the LM head give for n vectors of the residual
 * stream ([n][d_model], n <= FORWARD_LOGITS): the logit lens.  Good until the
 * next call. */
const float *forward_lens(struct forward *f, const float *resid, int n);

size_t forward_bytes(const struct forward *f);

#endif
