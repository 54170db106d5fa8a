/*
 * requantized -- a model some of whose matrices are what a method makes of them.
 *
 * A shallow copy: everything but the replaced matrices is the original's, which
 * must outlive it.  A type of GGUF files is kept as it is stored, anything else in
 * f32.
 */
#ifndef ANALYSIS_REQUANTIZED_H
#define ANALYSIS_REQUANTIZED_H

#include "analysis/quanterr.h"
#include "engine/model.h"

struct requantized;

struct requantized *requantized_new(const struct model *m);
void requantized_free(struct requantized *r);

/* Replaces t of the original under the method; `q` (may be NULL) gets its errors.
 * A failure leaves the matrix as it was. */
bool requantized_put(struct requantized *r, const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct quanterr *q, struct err *e) MUST_CHECK;

/* What the method makes of t, for who keeps several: requantized_unmake() frees it.
 * `q` (may be NULL) gets its errors. */
struct tensor *requantized_make(const struct tensor *t, const struct quant_spec *spec,
    const struct quanterr_options *opt, struct quanterr *q, struct err *e) MUST_CHECK;
void requantized_unmake(struct tensor *made);
/* Bytes that the weights of such a tensor take. */
size_t requantized_bytes(const struct tensor *t, const struct quant_spec *spec);
/* Puts a matrix that is made (or t itself) in the place of t of the original; it
 * stays the caller's. */
void requantized_use(struct requantized *r, const struct tensor *t, const struct tensor *instead);

const struct model *requantized_model(const struct requantized *r);

#endif
