/* gengauss -- shape of a generalised Gaussian from its moments; see quantizers/gg.c. */
#ifndef ANALYSIS_GENGAUSS_H
#define ANALYSIS_GENGAUSS_H

#define GENGAUSS_LO 0.1
#define GENGAUSS_HI 3.0

/* E[x^2] / E[|x|]^2 of shape nu, and the nu (within the range) that has it. */
double gengauss_rho(double nu);
double gengauss_nu(double rho);

#endif
