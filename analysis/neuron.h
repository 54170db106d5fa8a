/*
 * neuron -- one neuron read through the LM head: which tokens it stands for.
 *
 * A neuron reads the residual stream along its rows of the up- and the
 * gate-projection and writes along its column of the down-projection.  Each of
 * the three is a vector w of d_model numbers, and so is each token's row h_v of
 * the LM head; the logit of token v is h_v . w, its probability the softmax of
 * the logits over the vocabulary, its cosine h_v . w / (|h_v| |w|).  What w is
 * exactly is not said by the paper (Davies, arXiv 2501.02688), so it is a choice
 * with a name that is shown wherever a result is:
 *
 *      raw     the row (column) as stored
 *      gain    g_final * w: the final norm's gain first, as the logits have it
 *      read    g_mlp * w: the direction read in the residual stream (rows only)
 *      write   g_final * w: what the column adds to the logits (columns only)
 *
 * Results are those of exact arithmetic on the dequantized weights: f32 products
 * choose the candidates with a proven margin, double products of the candidates
 * rank them, ties go to the lower id.  A head row that is not finite is left out.
 *
 * Threads  a neuron_head is immutable; reading needs only that and the model
 */
#ifndef ANALYSIS_NEURON_H
#define ANALYSIS_NEURON_H

#include "engine/base/pool.h"
#include "engine/model.h"

enum neuron_site { NEURON_UP, NEURON_GATE, NEURON_DOWN, N_NEURON_SITES };
enum neuron_variant { NEURON_RAW, NEURON_GAIN, NEURON_READ, NEURON_WRITE, N_NEURON_VARIANTS };

extern const char *const neuron_site_names[N_NEURON_SITES];             /* "up" */
extern const char *const neuron_variant_names[N_NEURON_VARIANTS];       /* "raw" */
extern const char *const neuron_variant_docs[N_NEURON_VARIANTS];

struct neuron_ref {
	int layer;
	enum neuron_site site;
	int index;
};

/* "L4.up[219]", "L4.gate[219]", "L4.down[219]"; "L4.mlp[219]" is the column too. */
bool neuron_parse(const char *text, const struct hparams *hp, struct neuron_ref *r, struct err *e) MUST_CHECK;
enum { NEURON_REF_TEXT = 48 };
const char *neuron_format(const struct neuron_ref *r, char out[NEURON_REF_TEXT]);
/* raw for rows, write for columns. */
enum neuron_variant neuron_default_variant(enum neuron_site s);
/* ERR_USAGE where the model has no such site, or the site no such variant. */
bool neuron_check(const struct hparams *hp, enum neuron_site s, enum neuron_variant v, struct err *e) MUST_CHECK;

/* The vectors of neurons [first, first + n) of a layer: out[n][d_model]. */
void neuron_vectors(const struct model *m, enum neuron_site s, enum neuron_variant v, int layer, int first, int n,
    float *out);

/* The LM head with the length of every row. */
struct neuron_head {
	const struct model *m;
	const struct tensor *w;
	float *norm;                    /* [n_vocab], rounded up; NaN: not finite, left out */
	float longest;                  /* of them */
};
/* Reads every weight of the head once; `pool` may be NULL. */
struct neuron_head *neuron_head_new(const struct model *m, struct pool *pool, struct err *e) MUST_CHECK;
void neuron_head_free(struct neuron_head *h);

enum { NEURON_TOP = 32 };               /* most tokens asked for */

struct neuron_token {
	int32_t id;
	double logit, prob, cosine;     /* cosine is NaN where a length is 0 */
};

struct neuron_reading {
	struct neuron_ref ref;
	enum neuron_variant variant;
	double norm;                    /* |w| */
	double lse;                     /* ln sum exp(logit) */
	int n;                          /* tokens in each list, fewer than asked in a small vocabulary */
	struct neuron_token top[NEURON_TOP];            /* by falling logit */
	struct neuron_token bottom[NEURON_TOP];         /* by rising logit: what it speaks against */
};

struct neuron_wish {
	struct neuron_ref ref;
	enum neuron_variant variant;
};

/* Many neurons cost little more than one: the head is widened once for all.  `k` is
 * at most NEURON_TOP; `pool` may be NULL.  A vector that is not finite has n = 0. */
bool neuron_read_wishes(const struct neuron_head *h, const struct neuron_wish *wishes, int n, int k, struct pool *pool,
    struct neuron_reading *out, struct err *e) MUST_CHECK;
/* The same, all in one variant. */
bool neuron_read(const struct neuron_head *h, const struct neuron_ref *refs, int n_refs, enum neuron_variant v, int k,
    struct pool *pool, struct neuron_reading *out, struct err *e) MUST_CHECK;

#endif
