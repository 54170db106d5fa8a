/* gpu_state -- what gpu.h keeps closed, for the files that work on it. */
#ifndef ENGINE_CUDA_GPU_STATE_H
#define ENGINE_CUDA_GPU_STATE_H

#include "engine/cuda/attend.h"
#include "engine/cuda/dev.h"
#include "engine/cuda/gemv.h"
#include "engine/cuda/gpu.h"
#include "engine/cuda/steps.h"
#include "engine/cuda/weights.h"

enum {
	GPU_LOGITS = 16,        /* rows of logits at a time */
	GPU_FEW = 4,            /* vectors up to which products go one by one */
};

/* A layer's weights on the device; vectors are NULL where there are none. */
struct layer_on {
	struct weights q, k, v, attn_out, gate, up, down;
	const float *attn_norm, *attn_norm_b, *mlp_norm, *mlp_norm_b;
	const float *q_b, *k_b, *v_b, *attn_out_b, *up_b, *down_b;
};

struct gpu {
	struct dev *d;
	struct dev_about about;
	const struct gpu_model *model;  /* only while it is opened */
	struct hparams hp;
	enum norm norm;
	bool gated, split, head;        /* head: all layers are here */
	int n_layers;           /* here */
	int n_ctx, max_m, splits;
	size_t row;             /* of the cache */
	size_t weight_bytes;
	struct layer_on *layers;
	struct weights tok_embd, pos_embd, lm_head;
	bool tied;
	const float *final_norm, *final_norm_b;
	float *vectors;         /* norms and biases */
	float *cos, *sin;       /* [n_ctx][n_rot / 2] */
	float *k, *v;           /* [n_layers][n_ctx][row] */
	struct ctrl *ctrl, *ctrl_here;  /* followed by the tokens, [max_m] */
	/* Scratch, [max_m][...]; what one token leaves behind in every layer, [n_layers][...],
	 * so that it is looked at once at the end. */
	float *pre, *normed, *q, *z, *temp, *gate, *up;
	float *attn_out, *mid, *mlp, *mlp_out, *resid;
	float *final;           /* [max_m][d_model] what the head reads */
	float *logits;          /* [GPU_LOGITS][n_vocab] */
	struct stats_part *stats_part;
	float *part_z;
	struct attend_part *part;
	float *neuron_norm;     /* [n_layers][d_ff] */
	bool neurons_measured;
	void *tile;             /* a piece of a matrix, widened */
	size_t tile_bytes;
	uint16_t *rounded;      /* [2][max_m][widest] halves */
	float *row_scale;       /* [max_m] */
	float *bounce;          /* device: probabilities of one layer, [n_heads][n_ctx] */
	/* Edits: */
	struct gpu_edit *edits;
	float *vecs;
	int n_edits;
	size_t room_edits, room_vecs, room_receipts;
	uint32_t *touched;      /* [n_layers of the model + 1]: bit per site; 0 is for sites without a layer */
	struct gpu_receipt *receipts, *receipts_here;
	/* Results: stats of logits, heads, watches; device and here. */
	unsigned char *result, *result_here;
	float *logits_here, *resid_here, *see_here;
	/* The pass at work, and the recorded one. */
	struct gpu_pass pass;
	struct dev_graph *graph;
	bool graph_watch;
	bool logits_done;
};

struct gpu *gpu_open(const struct gpu_model *m, const struct gpu_options *o, struct err *e);
void gpu_close(struct gpu *g);

/* Parts of the result block of a pass of m positions, as bytes from its start. */
size_t result_heads(void);
size_t result_watches(const struct gpu *g, int m);
size_t result_size(const struct gpu *g, int m);

/* The whole pass as calls on the device; what comes back is downloaded, not waited for. */
void pass_run(struct gpu *g);
/* Logits of rows of the last pass, edited and measured, into g->logits. */
void pass_logits(struct gpu *g, const float *x, int row0, int n, bool edit);
void pass_norm_final(struct gpu *g, const float *x, float *out, int m);
void pass_measure_neurons(struct gpu *g);

#endif
