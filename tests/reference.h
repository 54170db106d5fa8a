/*
 * reference -- what somebody else computed: the vectors of tests/reference.
 *
 * Each model has a folder of .npy files, written by make_vectors.py there, which
 * says what is in them.  Values are widened to double, whatever the file holds.
 *
 * Owns     its arrays, from *_read() to *_free()
 */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include "engine/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define REFERENCE "tests/reference/"

struct npy {
	int n_dims;
	size_t dim[3];          /* 1 beyond n_dims */
	size_t n;               /* values in all */
	double *v;
};

/* Little-endian f4, f8 and i4 in C order, up to three dimensions. */
bool npy_read(struct npy *a, const char *path, struct err *e) MUST_CHECK;
void npy_free(struct npy *a);

struct reference {
	const char *name;
	int32_t *tokens;        /* [n_tokens] */
	int n_tokens;
	struct npy positions, columns;  /* what is kept of [position][vocabulary id] */
	struct npy logits;      /* [positions.n][columns.n] */
	struct npy argmax;      /* [n_tokens] */
	double rounding_rms;    /* what 8-bit activations cost, see make_vectors.py */
};

bool reference_read(struct reference *r, const char *name, struct err *e) MUST_CHECK;
void reference_free(struct reference *r);
/* NAME/<what>.npy, e.g. a lens. */
bool reference_more(const struct reference *r, const char *what, struct npy *a, struct err *e) MUST_CHECK;

/* How far logits [n_tokens][n_vocab] are from those that are kept. */
struct distance {
	double max, rms;
};
struct distance reference_distance(const struct reference *r, const float *logits, int n_vocab);

#endif
