/*
 * quant_report -- what `quant' found, as text, as JSON and as a page for a browser.
 *
 * Text comes in pieces, so that a table or a map can grow while tensors are
 * measured; JSON and the page are written when all is known.  Rows are grouped by
 * method, in the order they are measured; the three say the same figures.
 *
 * Shapes   picks: [n_rows / n_specs], a method of each matrix
 */
#ifndef APP_QUANT_REPORT_H
#define APP_QUANT_REPORT_H

#include "analysis/lockstep.h"
#include "analysis/quanterr.h"
#include "engine/base/buf.h"

enum { QUANT_PLANS = 4, QUANT_MAX_SPECS = 16, QUANT_WHY = 96 };

struct quant_row {
	const struct tensor *t;
	int layer;                      /* -1: of no layer */
	const char *kind;               /* "attn_q": the name without layer and ending */
	size_t kind_len;
	const struct quant_spec *spec;
	bool done;                      /* measured, or known not to fit */
	bool fits;                      /* false: kept as it is, see why */
	char why[QUANT_WHY];
	struct quanterr q;
	uint64_t n_tokens;              /* behind the output error */
};

/* A way to share a budget out, what it promises and what came of it. */
struct quant_plan {
	const char *how;                /* "uniform", "knapsack", "baq", "evopress" */
	const char *what;               /* the one method of "uniform", else "" */
	int *picks;                     /* -1: as it is */
	double bits, loss;              /* of a weight */
	double predicted;               /* KL in nats; NAN: nothing to go by */
	double kl, agreement, perplexity;       /* measured; NAN: no text was read */
};

/* The model run with its matrices quantized, beside itself. */
struct quant_outcome {
	const char *method;
	struct lockstep k;
};

struct quant_table {
	const char *model;
	const struct quant_spec *specs;
	int n_specs;
	struct quant_row *rows;         /* [n_rows], those of a method together */
	size_t n_rows;
	size_t n_tokens;                /* of the calibration text; 0: none was read */
	/* Under a budget: */
	double budget;                  /* bits a weight; 0: none */
	struct quant_plan plans[QUANT_PLANS];
	int n_plans, chosen;
	size_t n_searched;              /* positions that evopress compared; 0: no search */
	int generations;
	double baq_gain;                /* what mixed widths can gain; NAN */
	/* With a text: */
	struct quant_outcome *outcomes; /* [n_outcomes] */
	int n_outcomes;
	const struct lockstep_options *read;    /* how the text was read; NULL: none */
};

/* Sums over tensors; one that does not fit counts with the bits it has. */
struct quant_sum {
	double weights, bits, err_sq, ref_sq, out_err, out_ref;
	size_t n;
};

/* Fills layer, kind and the rest of a row but its figures. */
void quant_row_name(struct quant_row *row, const struct tensor *t, const struct quant_spec *spec);
/* Bits of a weight: of the method, or of the file where the method does not fit. */
double quant_row_bits(const struct quant_row *row);
double quant_sum_rel(const struct quant_sum *s);
double quant_sum_output(const struct quant_sum *s);     /* NAN: inputs unknown */
/* Over the rows of a method that are measured: all (layer -2), or of one layer; of
 * one kind of tensor when `kind` is a row of it. */
struct quant_sum quant_sum_of(const struct quant_table *t, const struct quant_spec *spec, int layer,
    const struct quant_row *kind);
int quant_last_layer(const struct quant_table *t);      /* -1: no layers */

/* The columns of a map: kinds of tensors that layers have, as they come. */
enum { QUANT_KINDS = 32 };
struct quant_kinds {
	const struct quant_row *of[QUANT_KINDS];
	int n;
};
struct quant_kinds quant_kinds_of(const struct quant_table *t);
/* The row at a place; NULL: the layer has no such tensor. */
const struct quant_row *quant_cell_at(const struct quant_table *t, const struct quant_spec *spec, int layer,
    const struct quant_row *kind);
/* What a map shows, dB: of the output where that is known, else of the weights; NAN
 * where nothing is measured. */
double quant_shown(const struct quant_table *t, const struct quant_row *r);
bool quant_shows_outputs(const struct quant_table *t);
/* Rows of a method, most hurt first; at most n, returns how many. */
int quant_most_hurt(const struct quant_table *t, const struct quant_spec *spec, const struct quant_row **out, int n);

/* Text: the head of a method's table, a row, and the sums behind the last. */
void quant_text_head(const struct quant_table *t, const struct quant_spec *spec, struct buf *out);
void quant_text_row(const struct quant_row *r, struct buf *out);
void quant_text_sums(const struct quant_table *t, const struct quant_spec *spec, struct buf *out);
/* A map as far as it is measured. */
void quant_text_map(const struct quant_table *t, const struct quant_spec *spec, struct buf *out);
/* How far a method got that was interrupted. */
void quant_text_cut(const struct quant_table *t, const struct quant_spec *spec, struct buf *out);
/* Budget and outcomes. */
void quant_text_plans(const struct quant_table *t, struct buf *out);
void quant_text_outcomes(const struct quant_table *t, struct buf *out);

/* One object.  With `map`, the maps as arrays too. */
void quant_json(const struct quant_table *t, bool map, struct buf *out);
/* A page that needs nothing but itself. */
void quant_html(const struct quant_table *t, struct buf *out);

#endif
