/*
 * kernels_amx -- AVX-512 with products of panels in tiles.
 *
 * One instruction adds 16 x 16 sums of 32 products (16 where a group of columns has
 * sixteen): sixteen vectors from the rows of their 8-bit form, as they lie, and
 * sixteen rows of the panel, whose words of four columns are just what the second
 * factor wants.  The sums of a group leave the tile through memory and are scaled
 * and added in float, in the order the other AVX-512 table does it: same bits.
 *
 * A process has to ask Linux for the tiles' state; every call sets them up for the
 * thread it runs on and lets them go, so that no thread carries 8 KB around.
 */
#include "engine/kernels.h"

#if defined(__linux__) && defined(__AVX512VNNI__) && defined(__AVX512VBMI__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PANEL_FLIP 0u
#include "engine/kernels_avx512.inc"

enum {
	TILE = 16,
	TILES_WAIT = 3,         /* groups between a product and its reading */
	RING = 4,               /* groups whose sums are in memory */
};

/* What ldtilecfg reads: sums in 0 and 1, vectors in 4 and 6, weights in 5 and 7. */
struct tiles {
	uint8_t palette, start, none[14];
	uint16_t row_bytes[16];
	uint8_t rows[16];
};
#define TILES(group)                                                                              \
	{                                                                                         \
		.palette = 1, .row_bytes = {64, 64, 0, 0, (group), 64, (group), 64},              \
		.rows = {TILE, TILE, 0, 0, TILE, (group) / 4, TILE, (group) / 4}                  \
	}
static const struct tiles tiles_16 = TILES(ACT_GROUP), tiles_32 = TILES(ACT_BLOCK);

/*
 * Sums start from the bits of 1.5 * 2^23: below 2^22 in magnitude they then are, read
 * as a float, that number plus the sum, and one multiply-add takes it off and scales.
 * ZERO_AS_FLOAT times a scale is exact: scales are an f16 times some eight bits.
 */
#define ZERO_AS_FLOAT 0x1.8p23f
enum { ZERO_BITS = 0x4b400000 };

/* Sixteen vectors over the columns of a panel. */
struct block {
	_Alignas(64) int32_t zero[TILE][TILE];
	const int8_t *q;
	size_t stride;
	_Alignas(64) float d[PANEL_K / ACT_GROUP][TILE];        /* of a group, vector by vector */
	_Alignas(64) float dsum[PANEL_K / ACT_GROUP][TILE];
	_Alignas(64) int8_t padded[TILE][PANEL_K];              /* for fewer than sixteen */
};

/* Sums of the products of a group of columns: a sum for each vector (rows of the tile)
 * and row of the panel. */
#define TILE_DOT(sums, vectors, weights, q, stride, w, zero)                                      \
	__asm__ volatile("tileloadd (%4,%5,1), %%tmm" #sums "\n\t"                                \
			 "tileloadd (%0,%1,1), %%tmm" #vectors "\n\t"                             \
			 "tileloadd (%2,%3,1), %%tmm" #weights "\n\t"                             \
			 "tdpbssd %%tmm" #weights ", %%tmm" #vectors ", %%tmm" #sums              \
			 :                                                                        \
			 : "r"(q), "r"(stride), "r"(w), "r"((size_t)4 * PANEL_ROWS), "r"(zero), "r"((size_t)64) \
			 : "memory")
#define TILE_STORE(sums, out) \
	__asm__ volatile("tilestored %%tmm" #sums ", (%0,%1,1)" : : "r"(out), "r"((size_t)64) : "memory")

INLINE void add_scaled(__m512 *acc, int32_t (*sums)[TILE], const float *scale, const float *offset,
    const float *d, const float *dsum)
{
	__m512 s = _mm512_loadu_ps(scale), off = _mm512_mul_ps(s, _mm512_set1_ps(-ZERO_AS_FLOAT));

#pragma GCC unroll 16
	for (int j = 0; j < TILE; j++) {
		__m512 v = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_load_si512(sums[j])), s, off);
		acc[j] = _mm512_fmadd_ps(v, _mm512_set1_ps(d[j]), acc[j]);
	}
	if (!offset)
		return;
	__m512 o = _mm512_loadu_ps(offset);
#pragma GCC unroll 16
	for (int j = 0; j < TILE; j++)
		acc[j] = _mm512_fmadd_ps(o, _mm512_set1_ps(dsum[j]), acc[j]);
}

/* Sixteen rows of the panel, from row r on.  The way from a product through memory is
 * long: a tile is stored while the next is computed, and read two groups later. */
INLINE void block_rows(const struct panel_int *p, size_t r, size_t kn, size_t group, bool has_offset,
    const struct block *b, __m512 *acc)
{
	_Alignas(64) int32_t sums[RING][TILE][TILE];
	size_t n = kn / group;

#pragma GCC unroll 16
	for (int j = 0; j < TILE; j++)
		acc[j] = _mm512_setzero_ps();
	for (size_t g = 0; g < n + TILES_WAIT; g++) {
		const int8_t *q = b->q + g * group;
		if (g % 2) {
			if (g < n)
				TILE_DOT(1, 6, 7, q, b->stride, p->q[g * group / 4][r], b->zero);
			if (g <= n)
				TILE_STORE(0, sums[(g - 1) % RING]);
		} else {
			if (g < n)
				TILE_DOT(0, 4, 5, q, b->stride, p->q[g * group / 4][r], b->zero);
			if (g && g <= n)
				TILE_STORE(1, sums[(g - 1) % RING]);
		}
		if (g < TILES_WAIT)
			continue;
		size_t at = g - TILES_WAIT;
		add_scaled(acc, sums[at % RING], p->scale[at] + r, has_offset ? p->offset[at] + r : NULL, b->d[at],
		    b->dsum[at]);
	}
}

/* y (+)= the sums, for as many vectors and rows as there are. */
INLINE void put(const __m512 *acc, size_t m, size_t n_rows, float *y, size_t stride_y, bool first)
{
	__mmask16 some = n_rows < TILE ? (__mmask16)((1u << n_rows) - 1) : 0xffff;

#pragma GCC unroll 16
	for (size_t j = 0; j < TILE; j++) {
		float *out = y + j * stride_y;
		if (j >= m)
			break;
		_mm512_mask_storeu_ps(out, some, first ? acc[j] : _mm512_add_ps(_mm512_maskz_loadu_ps(some, out), acc[j]));
	}
}

/* Sixteen rows of floats, `stride` apart, to columns. */
INLINE void turn_floats(const float *from, size_t stride, size_t m, size_t n, float (*to)[TILE])
{
	for (size_t i = 0; i < n; i += TILE) {
		__mmask16 some = n - i < TILE ? (__mmask16)((1u << (n - i)) - 1) : 0xffff;
		__m512i v[TILE];
		for (size_t j = 0; j < TILE; j++)
			v[j] = j < m ? _mm512_maskz_loadu_epi32(some, from + j * stride + i) : _mm512_setzero_si512();
		turn_16(v);
		for (size_t c = 0; c < TILE; c++)
			_mm512_store_si512(to[i + c], v[c]);
	}
}

static void block_set(struct block *b, const struct acts8 *a, size_t j0, size_t m, size_t k0, size_t kn,
    size_t group, bool has_offset)
{
	b->q = a->q + j0 * a->n_pad + k0;
	b->stride = a->n_pad;
	if (m < TILE) {
		memset(b->padded, 0, sizeof b->padded);
		for (size_t j = 0; j < m; j++)
			memcpy(b->padded[j], b->q + j * a->n_pad, kn);
		b->q = b->padded[0];
		b->stride = PANEL_K;
	}
	if (group == ACT_BLOCK && !has_offset) {
		size_t stride = a->n_pad / ACT_BLOCK;
		turn_floats(a->d + j0 * stride + k0 / ACT_BLOCK, stride, m, kn / group, b->d);
		return;
	}
	struct side side[TILE];
	for (size_t j = 0; j < m; j++)
		side_set(&side[j], a, j0 + j, k0, kn, group);
	turn_floats(side[0].d, sizeof *side / sizeof(float), m, kn / group, b->d);
	turn_floats(side[0].dsum, sizeof *side / sizeof(float), m, kn / group, b->dsum);
}

static void panel_mul(const void *panel, size_t n_rows, size_t k0, size_t kn, size_t group, bool has_offset,
    const struct acts8 *a, size_t m, float *y, size_t stride_y, bool first)
{
	struct block b;
	__m512 acc[TILE];

	for (int j = 0; j < TILE; j++)
		_mm512_store_si512(b.zero[j], _mm512_set1_epi32(ZERO_BITS));
	__asm__ volatile("ldtilecfg %0" : : "m"(*(group == ACT_BLOCK ? &tiles_32 : &tiles_16)));
	for (size_t j = 0; j < m; j += TILE) {
		size_t n = m - j < TILE ? m - j : TILE;
		block_set(&b, a, j, n, k0, kn, group, has_offset);
		for (size_t r = 0; r < n_rows; r += TILE) {
			const struct panel_int *p = panel_of(panel, r);
			if (group == ACT_BLOCK && has_offset)
				block_rows(p, r % PANEL_ROWS, kn, ACT_BLOCK, true, &b, acc);
			else if (group == ACT_BLOCK)
				block_rows(p, r % PANEL_ROWS, kn, ACT_BLOCK, false, &b, acc);
			else if (has_offset)
				block_rows(p, r % PANEL_ROWS, kn, ACT_GROUP, true, &b, acc);
			else
				block_rows(p, r % PANEL_ROWS, kn, ACT_GROUP, false, &b, acc);
			put(acc, n, n_rows - r, y + j * stride_y + r, stride_y, first);
		}
	}
	__asm__ volatile("tilerelease");
}

/* The processor has tiles of bytes, and Linux lets this process have their state. */
static bool usable(void)
{
	enum { TILES_AND_BYTES = 1 << 24 | 1 << 25, ASK = 0x1023, TILE_DATA = 18 };
	unsigned a, b, c, d;

	return has_avx512() && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
	    (d & TILES_AND_BYTES) == TILES_AND_BYTES && syscall(SYS_arch_prctl, ASK, TILE_DATA) == 0;
}

#define TABLE_NAME kernels_amx
#define TABLE_TEXT "amx"
#include "engine/kernels_table.inc"
#else
typedef int kernels_amx_needs_its_flags;
#endif
