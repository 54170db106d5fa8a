/*
 * prune -- two of every four: what 2:4 sparsity keeps of a row.
 *
 * The two inputs of a group of four with the highest score |w| or, where the
 * inputs are known, |w| sqrt(E[x_j^2]) (Wanda, arXiv 2306.11695).  Of equal
 * scores the earlier stays.  A rest of fewer than four is kept whole.
 */
#ifndef ANALYSIS_PRUNE_H
#define ANALYSIS_PRUNE_H

#include <stddef.h>

struct quant_job;
struct err;

/* Zeroes what is not kept of x: [cols]; moments may be NULL. */
void prune_24(float *x, const float *moments, size_t cols);
/* Bits of what is kept, `bits` each, with two bits of place for each of them. */
double prune_24_bits(size_t rows, size_t cols, double bits);

#endif
