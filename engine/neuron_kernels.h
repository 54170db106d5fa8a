/*
 * neuron_kernels -- the inner loops of reading neurons through the LM head.
 *
 * A vector x is held as two layers of 8 bits, x = d (q1 + q2 / 254) + rest.  The
 * first layers of 64 head rows and 6 neurons are multiplied in one go and their
 * products never leave the registers: they are compared with what each neuron
 * still asks for, and their exponentials are summed.  The few pairs that pass
 * are looked at again with the second layers.  What the roundings can have
 * done to a product is bounded by their norms (analysis/neuronscan.h).
 *
 * Rows are padded with zeros to a multiple of NK_PAD.  Head rows are stored
 * with 128 added, as the instructions want one operand without a sign.
 *
 * One table per instruction set, as in kernels.h; neuron_kernels_ref is the
 * definition.  dots and refine are exact integers in every table and dot_f64
 * gives the same bits; exponentials agree to 1e-5.
 */
#ifndef ENGINE_NEURON_KERNELS_H
#define ENGINE_NEURON_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NK_TOKENS = 64, NK_NEURONS = 6, NK_PAD = 64, NK_LAYER2 = 254 };

/* 64 rows of the head.  A row that is left out has bias -inf. */
struct nk_tile {
	const uint8_t *panel;           /* [n / 4][NK_TOKENS][4]: q1 + 128 */
	_Alignas(64) float scale[NK_TOKENS];
	_Alignas(64) float bias[NK_TOKENS];
	_Alignas(64) float norm[NK_TOKENS], err[NK_TOKENS];
};

/* A token passes when x + a norm + b err is not below `floor`, x = scale (q1 . q1) + bias;
 * 2^(c x - m) is summed, between 2^-126 and 2^100. */
struct nk_neuron {
	int32_t bias;                   /* -128 sum q1 */
	float a, b, floor, c, m;
};

struct nk_out {
	uint64_t pass;                  /* bit per token */
	float sum;
	_Alignas(64) int32_t dot[NK_TOKENS];
};

/* What is left of a vector after each layer; norms in double, without slack. */
struct nk_round {
	float d;                        /* scale of the first layer; 0: all zero */
	float d2;                       /* of the second */
	bool sane;                      /* finite, and far from the ends of float */
	double norm, err1, err2;        /* |x|, |x - d q1|, |x - d q1 - d2 q2| */
};

struct neuron_kernels {
	const char *name;
	bool (*usable)(void);

	/* q: 6 rows of first layers, `stride` apart; n a multiple of NK_PAD. */
	void (*scan)(const struct nk_tile *t, size_t n, const int8_t *q, size_t stride,
	    const struct nk_neuron *p, struct nk_out *out);
	/* For head rows as stored: out[0] = (h2 - 128) . w1, out[1] = (h1 - 128) . w2; `sums` are
	 * those of w1 and w2. */
	void (*refine)(const uint8_t *h1, const uint8_t *h2, const int8_t *w1, const int8_t *w2, size_t n,
	    const int32_t sums[2], int32_t out[2]);
	/* Both layers of n floats; the rest up to n_pad becomes zero.  A vector that is not
	 * sane gets zeros. */
	void (*round)(const float *x, size_t n, size_t n_pad, int8_t *q1, int8_t *q2, struct nk_round *r);
	/* 64 rows of n bytes turned into a panel. */
	void (*turn)(const uint8_t *rows, size_t n, uint8_t *panel);
	/* The exact product: 32 sums in double, each product exact, added in pairs. */
	double (*dot_f64)(const float *a, const float *b, size_t n);
};

const struct neuron_kernels *neuron_kernels(void);
extern const struct neuron_kernels *const neuron_kernel_tables[];
extern const size_t n_neuron_kernel_tables;

#endif
