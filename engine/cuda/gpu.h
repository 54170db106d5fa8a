/*
 * gpu -- the forward pass on a device, behind a table of plain C functions.
 *
 * engine/backend_cuda.c opens the shared object and takes the table from
 * clampmeter_gpu(); the tests take the same table from the emulated build.  What
 * crosses the border is plain: shapes, pointers into the model's mapping, edits
 * as rows of numbers; results lie in memory of the gpu and hold until its next
 * call.
 *
 * A pass of one token that nobody looks into is recorded once and launched as a
 * whole from then on; what changes (token, position, edits' values) is in device
 * memory.  Everything else goes the general way, place by place.
 *
 * Owns     device memory, from open() to close(); the model is borrowed
 * Threads  one at a time
 */
#ifndef ENGINE_CUDA_GPU_H
#define ENGINE_CUDA_GPU_H

#include <stdint.h>

#include "engine/base/err.h"
#include "engine/dtype.h"
#include "engine/kernels.h"
#include "engine/site.h"

enum { GPU_ABI = 1, GPU_NEURONS = 4 };

struct gpu;

/* A matrix as it lies in the file. */
struct gpu_matrix {
	enum dtype type;
	size_t rows, cols;
	const unsigned char *data;      /* NULL: there is none */
};

struct gpu_layer {
	struct gpu_matrix q, k, v, attn_out, gate, up, down;
	const float *attn_norm, *attn_norm_b, *mlp_norm, *mlp_norm_b;
	const float *q_b, *k_b, *v_b, *attn_out_b, *up_b, *down_b;      /* NULL where there is none */
};

struct gpu_model {
	const struct hparams *hp;
	const struct gpu_layer *layers;         /* [n_layers] */
	struct gpu_matrix tok_embd, pos_embd, lm_head;
	bool tied_head;
	const float *final_norm, *final_norm_b;
	const double *rope_freq;                /* [n_rot / 2], radians a position */
};

struct gpu_options {
	int n_ctx, max_m;
	int n_layers;           /* on the device; -1: as many as fit */
	/* Told how far the upload is, 0 to 1; false: give up.  May be NULL. */
	bool (*progress)(void *of, double done);
	void *of;
};

struct gpu_about {
	char device[96];        /* "NVIDIA H200, compute 9.0" */
	size_t memory, free, used;      /* bytes: of the card, before, taken by us */
	int n_layers;           /* on the device; the rest is for the caller */
	bool head;              /* the final norm and the LM head too */
};

enum gpu_op { GPU_HOLD, GPU_SCALE, GPU_ADD, GPU_AT_LEAST, GPU_AT_MOST, GPU_ADD_VEC, GPU_PROJECT, GPU_PATCH };
enum gpu_scope { GPU_ALL, GPU_PROMPT, GPU_GENERATED, GPU_RANGE };

struct gpu_edit {
	int op, scope;
	int site, layer;        /* layer EVERY_LAYER or NO_LAYER as in addresses */
	int first, n;           /* values it writes */
	int from, to;
	float value;
	int64_t vec;            /* where its vector begins among the vectors */
};

struct gpu_head {
	struct softmax_stats softmax;
	float first;            /* probability of key 0 */
};

struct gpu_neuron {
	int32_t index;
	float activation, contribution;
};

/* What the always-on probes want of one layer. */
struct gpu_watch {
	float attn_out, mlp_out, resid;         /* lengths */
	float silent;           /* share of neurons at most PROBE_SILENT of the largest */
	struct gpu_neuron strongest[GPU_NEURONS];
};

/* How an edit changed one position: squared lengths, see struct receipt. */
struct gpu_receipt {
	double change, before;
};

/* Shown x: [m][width] on the way, as floats of this side. */
enum { GPU_SEE_QKV_IN = N_SITES, GPU_SEE_MLP_IN, N_GPU_SEE };
typedef void gpu_see(void *to, int place, int layer, const float *x, int m, int width);

struct gpu_pass {
	const int32_t *tokens;
	int m, pos0, n_prompt;
	bool watch;             /* heads, watches and receipts are wanted */
	bool head;              /* logits of the last position follow */
	uint32_t see_mask;      /* bit per place: enum site, or GPU_SEE_... */
	gpu_see *see;
	void *to;
	int attention_layer;    /* with `attention`, m = 1 */
	float *attention;       /* [n_heads][pos0 + 1] or NULL */
};

struct gpu_result {
	const struct gpu_head *heads;           /* [n_layers][m][n_heads] */
	const struct gpu_watch *watches;        /* [n_layers][m] */
	const struct gpu_receipt *receipts;     /* [n_edits][n_layers + 1][m], row 0 for sites without a layer */
	const float *resid;     /* [m][d_model] behind the last layer here, when the head is not */
};

/* How fast the card is, measured: bytes read and written per second by a copy,
 * operations per second of f16 products. */
struct gpu_speed {
	double copy_gbs, gemm_tflops;
};

struct gpu_api {
	int abi;
	struct gpu *(*open)(const struct gpu_model *m, const struct gpu_options *o, struct err *e);
	void (*close)(struct gpu *g);
	void (*about)(const struct gpu *g, struct gpu_about *out);
	/* Products of many vectors in f16: both sides rounded once, or what that leaves of
	 * them too (the beginning), which takes two or three times as long and is as good
	 * as f32. */
	void (*split)(struct gpu *g, bool split);
	/* The edits of the passes to come. */
	bool (*edit)(struct gpu *g, const struct gpu_edit *edits, int n, const float *vecs, size_t n_vecs, struct err *e);
	bool (*run)(struct gpu *g, const struct gpu_pass *p, struct gpu_result *out, struct err *e);
	/* Rows [row0, row0 + n) of the last pass: logits[n][n_vocab] and their statistics. */
	bool (*logits)(struct gpu *g, int row0, int n, const float **logits, const struct softmax_stats **stats, struct err *e);
	/* The final norm and the LM head on n vectors: [n][n_vocab]. */
	bool (*lens)(struct gpu *g, const float *resid, int n, const float **logits, struct err *e);
	/* Rows of n positions, [n_layers][2][n][row]: out of the cache, or back into it. */
	bool (*rows)(struct gpu *g, int pos, int n, float *rows, bool back, struct err *e);
	bool (*speed)(struct gpu *g, struct gpu_speed *out, struct err *e);
};

#ifdef __cplusplus
extern "C" __attribute__((visibility("default")))
#endif
const struct gpu_api *clampmeter_gpu(void);

#endif
