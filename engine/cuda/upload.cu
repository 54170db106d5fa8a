#include "engine/cuda/upload.h"

#include <string.h>

enum { BLOCK = 256, ALIGN = 256 };

const struct upload_def *upload_def(enum dtype t)
{
	/* By name of the part; see the layouts in engine/dtypes. */
	static const struct upload_def F32 = { 1, 4, { { 0, 4 } } }, F16 = { 1, 2, { { 0, 2 } } }, BF16 = F16;
	static const struct upload_def Q4_0 = { 32, 18, { { 2, 16 }, { 0, 2 } } };
	static const struct upload_def Q4_1 = { 32, 20, { { 4, 16 }, { 0, 4 } } };
	static const struct upload_def Q5_0 = { 32, 22, { { 6, 16 }, { 2, 4 }, { 0, 2 } } };
	static const struct upload_def Q5_1 = { 32, 24, { { 8, 16 }, { 4, 4 }, { 0, 4 } } };
	static const struct upload_def Q8_0 = { 32, 34, { { 2, 16 }, { 18, 16 }, { 0, 2 } } };
	static const struct upload_def Q2_K = { 256, 84, { { 16, 64 }, { 0, 16 }, { 80, 4 } } };
	static const struct upload_def Q3_K = { 256, 110, { { 32, 64 }, { 0, 32 }, { 96, 12 }, { 108, 2 } } };
	static const struct upload_def Q4_K = { 256, 144, { { 16, 128 }, { 0, 16 } } };
	static const struct upload_def Q5_K = { 256, 176, { { 48, 128 }, { 0, 16 }, { 16, 32 } } };
	static const struct upload_def Q6_K = { 256, 210, { { 0, 128 }, { 128, 64 }, { 192, 16 }, { 208, 2 } } };

	switch (t) {
#define DTYPE(id, name)                                                                       \
	case DTYPE_##name:                                                                    \
		return &name;
#include "engine/dtypes/dtypes.def"
#undef DTYPE
	case N_DTYPES:
		break;
	}
	return NULL;
}

static bool is_float(enum dtype t)
{
	return upload_def(t)->block == 1;
}

static size_t aligned(size_t n)
{
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

/* Weights from row to row of a float matrix: 16 bytes are read at a time. */
static size_t stride_of(const struct gpu_matrix *m)
{
	size_t per = 16 / (size_t)upload_def(m->type)->bytes;

	return (m->cols + per - 1) / per * per;
}

static size_t blocks_of(const struct gpu_matrix *m)
{
	return m->rows * m->cols / (size_t)upload_def(m->type)->block;
}

size_t upload_bytes(const struct gpu_matrix *m)
{
	const struct upload_def *def;
	size_t sum = 0;

	if (!m->data)
		return 0;
	def = upload_def(m->type);
	if (is_float(m->type))
		return aligned(m->rows * stride_of(m) * (size_t)def->bytes);
	for (int i = 0; i < N_PLANES; i++)
		sum += aligned(blocks_of(m) * (size_t)def->plane[i].n);
	return sum;
}

struct split {
	const unsigned char *from;
	size_t n, first;        /* bytes; the block they begin with */
	int bytes;              /* of a block */
	struct plane_def plane[N_PLANES];
	unsigned char *to[N_PLANES];
};

KERNEL(split_blocks, struct split)
{
	for (size_t i = (size_t)BLOCK_X * BLOCK + (size_t)THREAD; i < a.n; i += (size_t)GRID_X * BLOCK) {
		size_t block = a.first + i / (size_t)a.bytes;
		int at = (int)(i % (size_t)a.bytes);

		UNROLL
		for (int p = 0; p < N_PLANES; p++)
			if (at >= a.plane[p].at && at < a.plane[p].at + a.plane[p].n)
				a.to[p][block * (size_t)a.plane[p].n + (size_t)(at - a.plane[p].at)] = a.from[i];
	}
}

static bool tell(const struct upload *up)
{
	return !up->go || up->go(up->of, up->total ? (double)up->moved / (double)up->total : 1);
}

static bool upload_float(struct upload *up, const struct gpu_matrix *m, struct weights *out)
{
	size_t bytes = (size_t)upload_def(m->type)->bytes, row = m->cols * bytes, step = out->stride * bytes;
	size_t per = up->room / row ? up->room / row : 1;

	/* What pads a row is multiplied by zeros; it must not be NaN. */
	if (step != row)
		dev_zero(up->d, (void *)(uintptr_t)out->plane[0], m->rows * step);
	for (size_t r = 0; r < m->rows; r += per) {
		size_t n = m->rows - r < per ? m->rows - r : per;

		dev_copy_rows(up->d, (unsigned char *)(uintptr_t)out->plane[0] + r * step, step, m->data + r * row, row, row, n);
		up->moved += n * row;
		if (!tell(up))
			return false;
	}
	return true;
}

static bool upload_blocks(struct upload *up, const struct gpu_matrix *m, const struct weights *out)
{
	const struct upload_def *def = upload_def(m->type);
	size_t n = blocks_of(m), per = up->room / (size_t)def->bytes;
	struct split a;

	memset(&a, 0, sizeof a);
	a.from = up->stage;
	a.bytes = def->bytes;
	for (int i = 0; i < N_PLANES; i++) {
		a.plane[i] = def->plane[i];
		a.to[i] = (unsigned char *)(uintptr_t)out->plane[i];
	}
	for (a.first = 0; a.first < n; a.first += per) {
		size_t blocks = n - a.first < per ? n - a.first : per;

		a.n = blocks * (size_t)def->bytes;
		dev_upload(up->d, up->stage, m->data + a.first * (size_t)def->bytes, a.n);
		LAUNCH(up->d, split_blocks, (a.n + BLOCK - 1) / BLOCK < 4096 ? (a.n + BLOCK - 1) / BLOCK : 4096, 1, BLOCK, 0, a);
		up->moved += a.n;
		if (!tell(up))
			return false;
	}
	return true;
}

bool upload_matrix(struct upload *up, const struct gpu_matrix *m, struct weights *out)
{
	const struct upload_def *def = upload_def(m->type);
	unsigned char *at;

	memset(out, 0, sizeof *out);
	if (!m->data)
		return true;
	out->type = m->type;
	out->rows = m->rows;
	out->cols = m->cols;
	out->stride = is_float(m->type) ? stride_of(m) : 0;
	if (!(at = (unsigned char *)dev_alloc(up->d, upload_bytes(m), "weights")))
		return true;
	for (int i = 0; i < N_PLANES && (i == 0 || def->plane[i].n); i++) {
		out->plane[i] = at;
		at += aligned(blocks_of(m) * (size_t)def->plane[i].n);
	}
	return is_float(m->type) ? upload_float(up, m, out) : upload_blocks(up, m, out);
}

void upload_free(struct dev *d, struct weights *w)
{
	dev_free(d, (void *)(uintptr_t)w->plane[0]);
	memset(w, 0, sizeof *w);
}
