/* pyramid -- integer points of given L1 norm; see quantizers/pvq.c. */
#ifndef ANALYSIS_PYRAMID_H
#define ANALYSIS_PYRAMID_H

enum { PYRAMID_K = 128 };       /* largest K */

/* log2 of the number of points of n coordinates with L1 norm k <= PYRAMID_K. */
double pyramid_bits(int n, int k);
/* A near point to w: [n], n <= 64. */
void pyramid_nearest(const float *w, int n, int k, int *y);

#endif
