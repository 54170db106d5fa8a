/* scaled -- how large each input channel is; see quantizers/svd.c. */
#ifndef ANALYSIS_SCALED_H
#define ANALYSIS_SCALED_H

struct quant_job;

/* sqrt(E[x_j^2]), those that are 0 as large as the least; all 1 where the inputs
 * are unknown.  s: [cols] */
void scaled_channels(const struct quant_job *q, float *s);

#endif
