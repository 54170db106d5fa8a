#include "engine/matmul.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/kernels.h"

enum {
	FEW = 6,                        /* vectors that rows serve one by one faster than panels do */
	TASK_BYTES = 40 << 10,          /* of stored weights: some microseconds of reading */
	MANY = 256,                     /* vectors of one tile */
	TILE_ROWS = 2 * PANEL_ROWS,     /* rows of one tile; its vectors stay in the second cache */
	ROUND_ROWS = 4,                 /* vectors rounded in one task */
	MAX_PRODUCTS = 8,
	EXACT_K = 4096,                 /* columns widened at a time; a multiple of every block */
};

/* What one worker needs besides its stack. */
struct scratch {
	_Alignas(64) unsigned char panels[TILE_ROWS / PANEL_ROWS][PANEL_BYTES];
	_Alignas(64) float rows[PANEL_ROWS][PANEL_K_F32];
};
_Static_assert(PANEL_ROWS * PANEL_K_F32 >= EXACT_K, "a widened stretch fits");

struct matmul {
	struct pool *pool;
	bool exact;
	struct scratch *scratch;        /* [pool_size] */
};

enum way { ROWS_INT, ROWS_FLOAT, ROWS_EXACT, TILES_INT, TILES_FLOAT };

struct part {
	enum way way;
	size_t tile_rows, n_row_tiles, n_tasks;
};

struct job {
	struct matmul *mm;
	const struct kernels *k;
	const struct acts *a;
	const struct product *products;
	struct part parts[MAX_PRODUCTS];
	int n_products;
};

/* Rows a large power of two apart fall on the same lines of a cache and push each
 * other out; both strides here avoid that. */
static size_t padded(size_t n)
{
	size_t pad = (n + ACT_PAD - 1) / ACT_PAD * ACT_PAD;

	return pad % 1024 ? pad : pad + ACT_PAD;
}

static size_t apart(size_t n)
{
	return (n + 1023) / 1024 * 1024 + 528;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

bool acts_new(struct acts *a, int max_m, int max_n, struct err *e)
{
	size_t m = (size_t)max_m, n = padded((size_t)max_n);

	*a = (struct acts){.room_m = m, .room_n = n};
	if ((a->q = mem_big(m, n, "8-bit activations", e)) &&
	    (a->d = mem_big(m, n / ACT_BLOCK * sizeof *a->d, "scales of activations", e)) &&
	    (a->sums = mem_big(m, n / ACT_GROUP * sizeof *a->sums, "sums of activations", e)) &&
	    (a->apart = mem_big(m, apart((size_t)max_n) * sizeof *a->apart, "activations", e)))
		return true;
	acts_free(a);
	return false;
}

void acts_free(struct acts *a)
{
	mem_big_free(a->apart);
	mem_big_free(a->sums);
	mem_big_free(a->d);
	mem_big_free(a->q);
	*a = (struct acts){0};
}

void acts_set(struct acts *a, const float *x, size_t stride_x, int m, int n)
{
	assert((size_t)m <= a->room_m && (size_t)n <= a->room_n);
	a->x = x;
	a->stride_x = stride_x;
	a->m = m;
	a->n = n;
	a->ready = a->is_apart = false;
}

struct matmul *matmul_new(struct pool *p, bool exact, struct err *e)
{
	struct matmul *mm = mem_zalloc(sizeof *mm);

	mm->pool = p;
	mm->exact = exact;
	mm->scratch = mem_big((size_t)pool_size(p), sizeof *mm->scratch, "tiles of the workers", e);
	if (!mm->scratch) {
		matmul_free(mm);
		return NULL;
	}
	return mm;
}

void matmul_free(struct matmul *mm)
{
	if (!mm)
		return;
	mem_big_free(mm->scratch);
	free(mm);
}

struct pool *matmul_pool(const struct matmul *mm)
{
	return mm->pool;
}

/* Vector j of the 8-bit form, and those after it. */
static struct acts8 acts8_from(const struct acts *a, size_t j)
{
	size_t pad = padded((size_t)a->n);

	return (struct acts8){
	    .q = a->q + j * pad,
	    .d = a->d + j * (pad / ACT_BLOCK),
	    .sums = a->sums + j * (pad / ACT_GROUP),
	    .n_pad = pad,
	};
}

static void round_task(void *job, int task, int worker)
{
	const struct acts *a = job;
	size_t n = (size_t)a->n, from = (size_t)task * ROUND_ROWS;

	(void)worker;
	for (size_t j = from; j < least(from + ROUND_ROWS, (size_t)a->m); j++) {
		struct acts8 row = acts8_from(a, j);
		size_t blocks = n / ACT_BLOCK, rest = row.n_pad / ACT_BLOCK - blocks;
		kernels()->round_acts(a->x + j * a->stride_x, n, row.q, row.d, row.sums);
		memset(row.q + n, 0, rest * ACT_BLOCK);
		memset(row.d + blocks, 0, rest * sizeof *row.d);
		memset(row.sums + 2 * blocks, 0, 2 * rest * sizeof *row.sums);
	}
}

static void round_acts(struct matmul *mm, struct acts *a)
{
	if (!a->ready)
		pool_run(mm->pool, round_task, a, (a->m + ROUND_ROWS - 1) / ROUND_ROWS);
	a->ready = true;
}

static void copy_task(void *job, int task, int worker)
{
	const struct acts *a = job;
	size_t n = (size_t)a->n, from = (size_t)task * ROUND_ROWS;

	(void)worker;
	for (size_t j = from; j < least(from + ROUND_ROWS, (size_t)a->m); j++)
		memcpy(a->apart + j * apart(n), a->x + j * a->stride_x, n * sizeof *a->x);
}

/* 72% of the peak instead of 97% without this, at a stride of 4096 bytes. */
static void move_apart(struct matmul *mm, struct acts *a)
{
	if (!a->is_apart)
		pool_run(mm->pool, copy_task, a, (a->m + ROUND_ROWS - 1) / ROUND_ROWS);
	a->is_apart = true;
}

static enum way choose(const struct tensor *w, const struct acts *a, bool exact)
{
	bool few = a->m <= FEW;

	if (dtypes[w->type]->is_float)
		return few ? ROWS_FLOAT : TILES_FLOAT;
	if (exact || a->exact)
		return few ? ROWS_EXACT : TILES_FLOAT;
	return few ? ROWS_INT : TILES_INT;
}

static struct part cut(const struct tensor *w, const struct acts *a, bool exact)
{
	struct part p = {.way = choose(w, a, exact)};
	bool tiles = p.way == TILES_INT || p.way == TILES_FLOAT;
	size_t m = tiles ? (size_t)a->m : 1;

	p.tile_rows = TILE_ROWS;
	if (!tiles) {
		/* A multiple of 8, for kernels that take several rows at once. */
		p.tile_rows = TASK_BYTES / w->row_bytes / 8 * 8;
		if (p.tile_rows < 8)
			p.tile_rows = 8;
	}
	p.n_row_tiles = (w->rows + p.tile_rows - 1) / p.tile_rows;
	p.n_tasks = p.n_row_tiles * ((m + MANY - 1) / MANY);
	return p;
}

static const unsigned char *at_column(const struct tensor *w, const unsigned char *row, size_t k)
{
	return row + k / (size_t)dtypes[w->type]->block * (size_t)dtypes[w->type]->bytes;
}

static void add_bias(const struct product *p, size_t r0, size_t n_rows, size_t j0, size_t m)
{
	if (!p->bias)
		return;
	for (size_t j = j0; j < j0 + m; j++)
		for (size_t r = r0; r < r0 + n_rows; r++)
			p->y[j * p->stride_y + r] += p->bias[r];
}

static void exact_rows(const struct job *job, const struct tensor *w, struct rows rows, const float *x, float *y,
    float *wide)
{
	for (size_t r = 0; r < rows.n_rows; r++) {
		const unsigned char *row = rows.data + r * rows.row_bytes;
		double sum = 0;
		for (size_t k = 0; k < w->cols; k += EXACT_K) {
			size_t n = least(EXACT_K, w->cols - k);
			job->k->dequantize[w->type](at_column(w, row, k), wide, n);
			sum += (double)job->k->dot_f32(wide, x + k, n);
		}
		y[r] = (float)sum;
	}
}

/* A stretch of rows with each of a few vectors. */
static void run_rows(const struct job *job, const struct product *p, enum way way, struct rows rows, size_t r0,
    struct scratch *scratch)
{
	const struct tensor *w = p->w;

	for (size_t j = 0; j < (size_t)job->a->m; j++) {
		const float *x = job->a->x + j * job->a->stride_x;
		float *y = p->y + j * p->stride_y + r0;
		struct acts8 a = acts8_from(job->a, j);
		if (way == ROWS_INT)
			job->k->gemv_int[w->type](rows, w->cols, &a, y);
		else if (way == ROWS_FLOAT)
			job->k->gemv_float[w->type](rows, w->cols, x, y);
		else
			exact_rows(job, w, rows, x, y, scratch->rows[0]);
	}
	add_bias(p, r0, rows.n_rows, 0, (size_t)job->a->m);
}

/* Panel i of a tile. */
static struct rows panel_rows(struct rows rows, size_t i)
{
	rows.data += i * PANEL_ROWS * rows.row_bytes;
	rows.n_rows = least(PANEL_ROWS, rows.n_rows - i * PANEL_ROWS);
	return rows;
}

/* TILE_ROWS rows with the vectors [j0, j0 + m), in 8 bits. */
static void run_tile_int(const struct job *job, const struct product *p, struct rows rows, size_t r0, size_t j0,
    size_t m, struct scratch *scratch)
{
	const struct tensor *w = p->w;
	struct acts8 a = acts8_from(job->a, j0);
	float *y = p->y + j0 * p->stride_y + r0;

	for (size_t k = 0; k < w->cols; k += PANEL_K) {
		size_t kn = least(PANEL_K, w->cols - k);
		for (size_t i = 0; i * PANEL_ROWS < rows.n_rows; i++)
			job->k->fill_int[w->type](panel_rows(rows, i), k, kn, scratch->panels[i]);
		job->k->mul_int[w->type](scratch->panels, rows.n_rows, k, kn, &a, m, y, p->stride_y, k == 0);
	}
}

/* Columns [k, k + kn) of a panel's rows as f32: where they lie, or widened. */
static struct rows wide_rows(const struct job *job, const struct tensor *w, struct rows rows, size_t k, size_t kn,
    struct scratch *scratch)
{
	rows.data = at_column(w, rows.data, k);
	if (w->type == DTYPE_F32)
		return rows;
	for (size_t r = 0; r < rows.n_rows; r++)
		job->k->dequantize[w->type](rows.data + r * rows.row_bytes, scratch->rows[r], kn);
	return (struct rows){(const unsigned char *)scratch->rows, sizeof scratch->rows[0], rows.n_rows};
}

static void run_tile_float(const struct job *job, const struct product *p, struct rows rows, size_t r0, size_t j0,
    size_t m, struct scratch *scratch)
{
	const struct tensor *w = p->w;
	size_t stride_x = job->a->is_apart ? apart(w->cols) : job->a->stride_x;
	const float *x = (job->a->is_apart ? job->a->apart : job->a->x) + j0 * stride_x;
	float *y = p->y + j0 * p->stride_y + r0;

	for (size_t k = 0; k < w->cols; k += PANEL_K_F32) {
		size_t kn = least(PANEL_K_F32, w->cols - k);
		for (size_t i = 0; i * PANEL_ROWS < rows.n_rows; i++)
			job->k->fill_f32(wide_rows(job, w, panel_rows(rows, i), k, kn, scratch), kn,
			    scratch->panels[i]);
		job->k->mul_f32(scratch->panels, rows.n_rows, kn, x + k, stride_x, m, y, p->stride_y, k == 0);
	}
}

static void run_task(void *arg, int task, int worker)
{
	const struct job *job = arg;
	struct scratch *scratch = &job->mm->scratch[worker];
	size_t t = (size_t)task;
	int i = 0;

	while (t >= job->parts[i].n_tasks)
		t -= job->parts[i++].n_tasks;

	const struct part *part = &job->parts[i];
	const struct product *p = &job->products[i];
	size_t r0 = t % part->n_row_tiles * part->tile_rows, j0 = t / part->n_row_tiles * MANY;
	size_t m = least(MANY, (size_t)job->a->m - j0);
	struct rows rows = {p->w->data + r0 * p->w->row_bytes, p->w->row_bytes,
	    least(part->tile_rows, p->w->rows - r0)};

	switch (part->way) {
	case ROWS_INT:
	case ROWS_FLOAT:
	case ROWS_EXACT:
		run_rows(job, p, part->way, rows, r0, scratch);
		break;
	case TILES_INT:
		run_tile_int(job, p, rows, r0, j0, m, scratch);
		add_bias(p, r0, rows.n_rows, j0, m);
		break;
	case TILES_FLOAT:
		run_tile_float(job, p, rows, r0, j0, m, scratch);
		add_bias(p, r0, rows.n_rows, j0, m);
		break;
	}
}

void matmul_run(struct matmul *mm, struct acts *a, const struct product *products, int n_products)
{
	while (n_products > 0) {
		struct job job = {.mm = mm, .k = kernels(), .a = a, .products = products};
		size_t n_tasks = 0;
		bool in_8_bits = false, in_tiles = false;

		for (; job.n_products < n_products && job.n_products < MAX_PRODUCTS; job.n_products++) {
			struct part *p = &job.parts[job.n_products];
			assert(products[job.n_products].w->cols == (size_t)a->n);
			*p = cut(products[job.n_products].w, a, mm->exact);
			n_tasks += p->n_tasks;
			in_8_bits |= p->way == ROWS_INT || p->way == TILES_INT;
			in_tiles |= p->way == TILES_FLOAT;
		}
		if (in_8_bits)
			round_acts(mm, a);
		if (in_tiles && a->stride_x % 128 == 0)
			move_apart(mm, a);
		pool_run(mm->pool, run_task, &job, (int)n_tasks);
		products += job.n_products;
		n_products -= job.n_products;
	}
}

const char *matmul_kernels(void)
{
	return kernels()->name;
}

const char *matmul_blas(void)
{
	return "own sgemm";
}
