/*
 * npy -- a NumPy array file, written row by row (format 1.0, numpy/lib/format.py).
 *
 * The file grows under a temporary name beside the final one and takes that
 * name in npy_finish(), so that nobody ever reads half an array.  A target that
 * exists and is no regular file (a pipe, /dev/stdout) is written directly.
 *
 * Shapes   float32, little endian, C order, [rows][cols]
 * Owns     the file, until npy_finish() or npy_give_up(), which removes it
 */
#ifndef APP_NPY_H
#define APP_NPY_H

#include <stddef.h>

#include "engine/base/err.h"

struct npy {
	int fd;
	const char *path;       /* borrowed */
	char *part;             /* the temporary name; NULL when written directly */
	size_t rows, cols, written;     /* written: rows so far */
};

bool npy_open(struct npy *w, const char *path, size_t rows, size_t cols, struct err *e) MUST_CHECK;
bool npy_rows(struct npy *w, const float *data, size_t n_rows, struct err *e) MUST_CHECK;
bool npy_finish(struct npy *w, struct err *e) MUST_CHECK;
/* Does nothing after npy_finish(), or on a zeroed writer. */
void npy_give_up(struct npy *w);

#endif
