/*
 * quantizer -- ways to store a matrix in fewer bits, and what each makes of it.
 *
 * A member takes weights and gives back the weights that a reader of the stored
 * form would see, with the exact number of bits the form takes, every scale
 * counted.  What it knows of the inputs x of the matrix is their second moments:
 * E[x_j^2] of each channel, or the whole Gram matrix E[x x^T].
 *
 * A method is named by a line of text, a spec: "rtn bits=4 group=128 asym",
 * "q4_k", "gptq bits=3", and "hadamard" in front of any turns the inputs first.
 * To add one: quantizers/NAME.c and a line in quantizers.def.
 *
 * Shapes   w, out: [rows][cols]; moments: [cols]; gram: [cols][cols]
 * Threads  run() of a method that goes by rows may be called for different rows
 *          from several threads; any other works alone and may use the pool
 */
#ifndef ANALYSIS_QUANTIZER_H
#define ANALYSIS_QUANTIZER_H

#include <stdatomic.h>
#include <stddef.h>

#include "engine/base/err.h"
#include "engine/base/pool.h"
#include "engine/dtype.h"

enum { QUANT_PARAMS = 6, QUANT_FIGURES = 4, QUANT_TEXT = 96 };

/* A parameter is set by NAME=VALUE, or to 1 by its name alone. */
struct quant_param {
	const char *name;
	double initial, lo, hi;
	bool whole;             /* whole numbers only */
	const char *doc;
};

/* What has to be known of the inputs. */
enum quant_needs { QUANT_BLIND, QUANT_MOMENTS, QUANT_GRAM };

struct quant_job;

struct quantizer_def {
	const char *name, *doc;
	struct quant_param params[QUANT_PARAMS];        /* up to the first without a name */
	enum quant_needs needs;
	bool by_rows;           /* any slice of rows can be done by itself */
	bool size_only;         /* the weights come back as they are: it is about bits */
	bool (*run)(struct quant_job *q, struct err *e);
};

struct quant_spec {
	const struct quantizer_def *def;
	enum dtype type;        /* of the `gguf` member */
	bool hadamard;          /* inputs are rotated first */
	double p[QUANT_PARAMS]; /* in the order of def->params */
	char text[QUANT_TEXT];  /* as it was written, spaces made single */
};

/* What else a method has to say about a tensor: an exponent, a rank. */
struct quant_figure {
	const char *name;
	double value;
};

struct quant_job {
	const struct quant_spec *spec;
	const float *w;
	size_t rows, cols;
	const float *moments;           /* NULL: not known */
	const double *gram;             /* NULL: not known */
	struct pool *pool;              /* NULL for slices of rows */
	const atomic_bool *stop;        /* NULL: never; set: give up with ERR_INTERRUPTED */
	float *out;
	double bits;                    /* of all rows together */
	struct quant_figure figures[QUANT_FIGURES];
	int n_figures;
};

extern const struct quantizer_def *const quantizers[];
extern const size_t n_quantizers;

/* ERR_USAGE names the word at fault and what would have been right. */
bool quant_parse(struct quant_spec *spec, const char *text, struct err *e) MUST_CHECK;

/* Rotation and method.  ERR_UNSUPPORTED when the shape does not suit the method
 * (the caller goes on to the next tensor), ERR_USAGE when it needs to know more
 * of the inputs. */
bool quant_run(struct quant_job *q, struct err *e) MUST_CHECK;

/* For the members. */
double quant_param(const struct quant_job *q, const char *name);
void quant_figure(struct quant_job *q, const char *name, double value);
bool quant_stopped(const struct quant_job *q, struct err *e);
/* On the pool, or here when there is none. */
void quant_each(const struct quant_job *q, pool_fn *fn, void *job, int n_tasks);
/* A scale as it is stored, in 16 bits. */
float quant_half(float x);

#endif
