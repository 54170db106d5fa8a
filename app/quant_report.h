/*
 * quant_report -- measured tensors as a table, a map of layers by tensors, or JSON.
 *
 * Rows are grouped by method, in the order they were measured; text and JSON
 * come from the same figures.
 */
#ifndef APP_QUANT_REPORT_H
#define APP_QUANT_REPORT_H

#include "analysis/quanterr.h"
#include "engine/base/buf.h"

struct quant_row {
	const struct tensor *t;
	int layer;                      /* -1: of no layer */
	const char *kind;               /* "attn_q": the name without layer and ending */
	size_t kind_len;
	const struct quant_spec *spec;
	bool fits;                      /* false: the method cannot store this shape */
	struct quanterr q;
	uint64_t n_tokens;              /* behind the output error */
};

struct quant_table {
	const char *model;
	const struct quant_spec *specs;
	int n_specs;
	struct quant_row *rows;         /* [n_rows], those of a method together */
	size_t n_rows;
};

/* Sums over tensors; a tensor that does not fit counts as kept at 16 bits. */
struct quant_sum {
	double weights, bits, err_sq, ref_sq, out_err, out_ref;
	size_t n;
};

/* Fills layer, kind and the rest of a row but its figures. */
void quant_row_name(struct quant_row *row, const struct tensor *t, const struct quant_spec *spec);
void quant_sum_add(struct quant_sum *s, const struct quant_row *row);
double quant_sum_rel(const struct quant_sum *s);
double quant_sum_output(const struct quant_sum *s);     /* NAN: inputs unknown */

void quant_report_table(const struct quant_table *t, struct buf *out);
void quant_report_map(const struct quant_table *t, struct buf *out);
/* "tensors": [...], "layers": [...], "methods": [...] -- the inside of an object. */
void quant_report_json(const struct quant_table *t, struct buf *out);

#endif
