/*
 * quantmap -- what every matrix of a model loses under a method: layers by kinds
 * of tensors, with their sums, filled while tensors are measured.
 *
 *      row 0 .. n_layers - 1         layers
 *      row n_layers ..               matrices of no layer (embedding, head)
 *      the last row                  a kind of tensor over all layers
 *      column 0 .. n_kinds - 1       kinds ("ffn_up"), in the order of the file
 *      the last column               everything of the row; of the last: the model
 *
 * A cell keeps squared error and energy of each input channel, so that the error
 * at the output follows from new second moments without the weights.
 *
 * Shapes   cells: [n_layers][n_kinds], then [n_outside]; col_err, col_ref: [cols]
 * Owns     everything but the tensors
 * Threads  one at a time
 */
#ifndef ANALYSIS_QUANTMAP_H
#define ANALYSIS_QUANTMAP_H

#include "analysis/quanterr.h"

enum { QUANTMAP_KINDS = 24, QUANTMAP_NAME = 24, QUANTMAP_WHY = 96 };

enum quant_state {
	QUANT_ABSENT,           /* the layer has no such tensor */
	QUANT_WAITS,
	QUANT_DONE,
	QUANT_UNFIT,            /* not under this method, see why; kept as it is */
};

/* How a tensor does under a method. */
struct quant_cell {
	const struct tensor *t; /* NULL: absent */
	enum quant_state state;
	struct quanterr q;
	double *col_err, *col_ref;      /* NULL until measured */
	uint64_t n_tokens;      /* behind the output error; 0: unknown */
	char why[QUANTMAP_WHY]; /* of QUANT_UNFIT */
};

/* Measures a tensor and fills state, figures and columns (opt->take is not the
 * caller's to set).  False, and the cell waits on, only when it was stopped or
 * memory was short; a method that does not fit is an answer. */
bool quant_cell_measure(struct quant_cell *c, const struct quant_spec *spec, const struct quanterr_options *opt,
    struct err *e) MUST_CHECK;
/* The error at the output for inputs with other moments ([cols], NULL: unknown). */
void quant_cell_inputs(struct quant_cell *c, const float *moments, uint64_t n_tokens);
void quant_cell_clear(struct quant_cell *c);

/* Sums over tensors; one that does not fit counts with the bits it has. */
struct quant_total {
	double weights, bits, err_sq, ref_sq, out_err, out_ref, worst;
	int measured, of;       /* tensors */
	uint64_t n_tokens;      /* behind the output error, of the tensor with most */
};

struct quantmap {
	struct quant_spec spec;
	int n_layers, n_kinds, n_outside;
	char kinds[QUANTMAP_KINDS][QUANTMAP_NAME];
	struct quant_cell *cells;
};

/* Every matrix of a file; layers from n_layers on are none of the model's. */
struct quantmap *quantmap_new(const struct tensor_dir *dir, int n_layers, const struct quant_spec *spec);
void quantmap_free(struct quantmap *m);

int quantmap_rows(const struct quantmap *m);
int quantmap_cols(const struct quantmap *m);
int quantmap_n_cells(const struct quantmap *m);
/* The tensor there; NULL among the sums. */
const struct quant_cell *quantmap_cell(const struct quantmap *m, int row, int col);
struct quant_total quantmap_total(const struct quantmap *m, int row, int col);
/* "L3.ffn_up", "L3", "L*.ffn_up", "token_embd", "all". */
void quantmap_name(const struct quantmap *m, int row, int col, char out[2 * QUANTMAP_NAME]);
/* Of a tensor's name in the file: its layer (-1: none) and what it is without it. */
int quantmap_kind(const char *name, char kind[QUANTMAP_NAME]);

/* What a map can show of a place. */
struct quant_figure_def {
	const char *name, *unit, *doc;
	bool high_is_good;
	double (*of)(const struct quant_total *t);
};
enum quantmap_figure { QUANTMAP_SQNR, QUANTMAP_ERROR, QUANTMAP_OUTPUT, QUANTMAP_WORST, QUANTMAP_BITS, N_QUANTMAP_FIGURES };
extern const struct quant_figure_def quantmap_figures[N_QUANTMAP_FIGURES];

/* NAN: not measured, or unknown. */
double quantmap_value(const struct quantmap *m, int row, int col, enum quantmap_figure f);
/* The tensor that does worst; false when none is measured. */
bool quantmap_worst(const struct quantmap *m, enum quantmap_figure f, int *row, int *col);
/* Least and largest figure of a tensor; false when none is measured. */
bool quantmap_range(const struct quantmap *m, enum quantmap_figure f, double *lo, double *hi);

#endif
