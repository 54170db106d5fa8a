/*
 * Sorting only as far as somebody looks, and sums in vectors.  Tokens with equal
 * logits are ordered by id, so the order is total and the same list always
 * sorts the same way.
 */
#include "engine/candidates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	FEW = 256,              /* so many are sorted or picked without a second thought */
	BUCKETS = 4096,
	LANES = 8,
	LOOKS = 16,             /* lanes of comparisons */
};

static bool before(const struct candidate *a, const struct candidate *b)
{
	return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static int compare(const void *a, const void *b)
{
	return before(a, b) ? -1 : before(b, a);
}

static bool key_before(const struct candidate *a, const struct candidate *b)
{
	return a->key > b->key || (a->key == b->key && a->id < b->id);
}

static int compare_key(const void *a, const void *b)
{
	return key_before(a, b) ? -1 : key_before(b, a);
}

static void swap(struct candidate *a, struct candidate *b)
{
	struct candidate t = *a;

	*a = *b;
	*b = t;
}

/*
 * exp(x) = 2^k exp(r) with k = round(x / ln 2) and |r| <= ln(2) / 2, exp(r) by its
 * series to r^12 (remainder 2e-16).  Adding 1.5 * 2^52 rounds to an integer that
 * then stands in the low bits; ln 2 comes in two parts so that k * ln 2 is exact.
 */
static inline double exp_one(double x)
{
	const double round = 0x1.8p52, ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33;
	double in = x < -708 ? -708 : x > 708 ? 708 : x;
	double shifted = in * 1.4426950408889634074 + round, k = shifted - round;
	double r = (in - k * ln2_high) - k * ln2_low;
	double p = 1.0 / 479001600;
	uint64_t bits;
	double scale;

	p = p * r + 1.0 / 39916800;
	p = p * r + 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * r + 1;
	p = p * r + 1;
	memcpy(&bits, &shifted, sizeof bits);
	bits = (bits + 1023) << 52;
	memcpy(&scale, &bits, sizeof scale);
	return x < -708 ? 0 : p * scale;
}

#define INLINE static inline __attribute__((always_inline))

/* e = exp(x), and their sum lane by lane. */
INLINE void exp_lanes(const double *x, size_t n, double *e, double sum[LANES])
{
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			e[i + j] = exp_one(x[i + j]);
	for (; i < n; i++)
		e[i] = exp_one(x[i]);
	for (i = 0; i + LANES <= n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			sum[j] += e[i + j];
	for (size_t j = 0; i < n; i++, j++)
		sum[j] += e[i];
}

static void exp_any(const double *x, size_t n, double *e, double sum[LANES])
{
	exp_lanes(x, n, e, sum);
}

#if defined(__x86_64__)
/* Four or eight lanes at a time instead of two; no fused products, so the same bits. */
__attribute__((target("avx2"))) static void exp_avx2(const double *x, size_t n, double *e, double sum[LANES])
{
	exp_lanes(x, n, e, sum);
}

__attribute__((target("avx512f,avx512dq"))) static void exp_avx512(const double *x, size_t n, double *e,
    double sum[LANES])
{
	exp_lanes(x, n, e, sum);
}
#endif

static void exp_sum(const double *x, size_t n, double *e, double sum[LANES])
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("avx512dq"))
		exp_avx512(x, n, e, sum);
	else if (__builtin_cpu_supports("avx2"))
		exp_avx2(x, n, e, sum);
	else
#endif
		exp_any(x, n, e, sum);
}

void exp_block(const double *x, size_t n, double *e)
{
	double sum[LANES] = { 0 };

	exp_sum(x, n, e, sum);
}

static void p_block(const struct candidates *c, size_t from, size_t n, double lse, double *p, double sum[LANES])
{
	double x[CANDIDATES_BLOCK];

	for (size_t i = 0; i < n; i++)
		x[i] = (double)c->c[from + i].logit - lse;
	exp_sum(x, n, p, sum);
}

void candidates_p(const struct candidates *c, size_t from, size_t n, double lse, double *p)
{
	double sum[LANES] = { 0 };

	p_block(c, from, n, lse, p, sum);
}

static size_t block_at(const struct candidates *c, size_t i)
{
	return c->n - i < CANDIDATES_BLOCK ? c->n - i : CANDIDATES_BLOCK;
}

static double add_lanes(const double s[LANES])
{
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}

double candidates_lse(const struct candidates *c, double *max)
{
	double top = (double)c->c[candidates_best(c)].logit, sum[LANES] = { 0 }, p[CANDIDATES_BLOCK];

	for (size_t i = 0; i < c->n; i += CANDIDATES_BLOCK)
		p_block(c, i, block_at(c, i), top, p, sum);
	if (max)
		*max = top;
	return top + log(add_lanes(sum));
}

/* With x the logits less the largest: H = ln S - (1/S) sum x e^x, S = sum e^x. */
double candidates_entropy(const struct candidates *c, double *lse, double *weight)
{
	double top = (double)c->c[candidates_best(c)].logit, sum[LANES] = { 0 }, mean[LANES] = { 0 };
	double x[CANDIDATES_BLOCK], e[CANDIDATES_BLOCK];

	for (size_t i = 0; i < c->n; i += CANDIDATES_BLOCK) {
		size_t n = block_at(c, i);

		for (size_t j = 0; j < n; j++)
			x[j] = (double)c->c[i + j].logit - top;
		exp_sum(x, n, e, sum);
		if (weight)
			memcpy(weight + i, e, n * sizeof *e);
		for (size_t j = 0; j < n; j++)
			x[j] = x[j] < -708 ? 0 : x[j] * e[j];   /* 0 ln 0 = 0 */
		for (size_t j = 0; j < n; j++)
			mean[j % LANES] += x[j];
	}
	double all = add_lanes(sum), h = log(all) - add_lanes(mean) / all;
	*lse = top + log(all);
	return h > 0 ? h : 0;
}

size_t candidates_best(const struct candidates *c)
{
	size_t best = 0;

	for (size_t i = 1; i < (c->n_sorted ? 1 : c->n); i++)
		if (c->c[i].logit >= c->c[best].logit && before(&c->c[i], &c->c[best]))
			best = i;
	return best;
}

void candidates_only(struct candidates *c, size_t i)
{
	c->c[0] = c->c[i];
	c->n = c->n_sorted = 1;
}

void candidates_sift(struct candidate *heap, size_t n, struct candidate x)
{
	size_t i = 0;

	for (size_t child; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && before(&heap[child], &heap[child + 1]))
			child++;
		if (before(&heap[child], &x))
			break;
		heap[i] = heap[child];
	}
	heap[i] = x;
}

/* The k-th best of n, 0 < k <= FEW: a heap of k, which most candidates never enter. */
static struct candidate kth(const struct candidate *c, size_t n, size_t k)
{
	struct candidate heap[FEW];

	for (size_t i = 0; i < k; i++)
		heap[i] = (struct candidate){ .id = INT32_MAX, .logit = -INFINITY };
	for (size_t i = 0; i < n; i++)
		if (c[i].logit >= heap[0].logit && before(&c[i], &heap[0]))
			candidates_sift(heap, k, c[i]);
	return heap[0];
}

/* Moves the k best of c[0..n) to the front, in no order. */
static void front_few(struct candidate *c, size_t n, size_t k)
{
	struct candidate line = kth(c, n, k);

	for (size_t i = 0, to = 0; to < k; i++)
		if (!before(&line, &c[i]))
			swap(&c[i], &c[to++]);
}

/* The same for any k (Hoare's selection). */
static void select_best(struct candidate *c, size_t n, size_t k)
{
	while (n > 1 && k > 0 && k < n) {
		struct candidate *mid = &c[n / 2], *last = &c[n - 1];
		size_t i = 0;

		if (k <= FEW && n > 4 * k) {
			front_few(c, n, k);
			return;
		}
		/* Median of three to the end, as pivot. */
		if (before(mid, &c[0]))
			swap(mid, &c[0]);
		if (before(last, &c[0]))
			swap(last, &c[0]);
		if (before(mid, last))
			swap(mid, last);
		for (size_t j = 0; j + 1 < n; j++)
			if (before(&c[j], last))
				swap(&c[j], &c[i++]);
		swap(&c[i], last);
		if (k <= i) {
			n = i;
		} else {
			k -= i + 1;
			c += i + 1;
			n -= i + 1;
		}
	}
}

void candidates_sort(struct candidates *c, size_t want)
{
	if (want > c->n)
		want = c->n;
	if (want <= c->n_sorted)
		return;
	/* A reader that goes on asks again soon: look ahead. */
	if (want < 64)
		want = 64;
	if (want < c->n_sorted * 4)
		want = c->n_sorted * 4;
	if (want > c->n)
		want = c->n;
	select_best(c->c + c->n_sorted, c->n - c->n_sorted, want - c->n_sorted);
	qsort(c->c + c->n_sorted, want - c->n_sorted, sizeof *c->c, compare);
	c->n_sorted = want;
}

void candidates_keep(struct candidates *c, size_t k)
{
	if (k >= c->n)
		return;
	if (k > c->n_sorted)
		select_best(c->c + c->n_sorted, c->n - c->n_sorted, k - c->n_sorted);
	c->n = k;
	if (c->n_sorted > k)
		c->n_sorted = k;
}

static bool passes(double sum, double mark, bool past)
{
	return past ? sum > mark : sum >= mark;
}

/* Sorts by key as far as needed: it takes the place of the logit for a moment. */
static void nucleus_sorted(struct candidates *c, double mass, bool past)
{
	double lse = candidates_lse(c, NULL), sum = 0, p;
	size_t n = c->n;

	for (size_t i = 0; i < c->n; i++) {
		float logit = c->c[i].logit;

		c->c[i].logit = c->c[i].key;
		c->c[i].key = logit;
	}
	c->n_sorted = 0;
	for (size_t i = 0; i < n; i++) {
		candidates_sort(c, i + 1);
		exp_block(&(double){ (double)c->c[i].key - lse }, 1, &p);
		sum += p;
		if (passes(sum, mass, past))
			n = i + 1;
	}
	c->n = n;
	for (size_t i = 0; i < n; i++)
		c->c[i].logit = c->c[i].key;
	c->n_sorted = 0;
}

/*
 * Where the row ends is found without sorting: weight by bucket of key, then the
 * same inside the bucket in which the sum passes the mark, until few are left.
 */
struct search {
	const struct candidates *c;
	const double *weight;   /* [n] exp(logit - top); NULL: not known */
	float *key;             /* [n] the candidates' keys, side by side */
	uint16_t *at;           /* [n] their buckets, of the first look */
	double top;             /* weights are exp(logit - top) */
	double mark;            /* weight to reach, or to pass */
	bool past;
	/* The keys among which the row ends, and the weight of those above. */
	double lo, hi, above;
	size_t n;               /* candidates between */
	struct candidate few[FEW];      /* they, when they are few */
	double held[BUCKETS];
};

/* What a comparison of many waits for is the one before it: in lanes they do not wait. */
struct extent {
	float lo[LOOKS], hi[LOOKS], top[LOOKS];
	uint32_t real[LOOKS];
};

static void look_at_block(struct extent *x, const float *key, const float *logit)
{
	for (size_t j = 0; j < LOOKS; j++) {
		float k = key[j], low = k > -INFINITY ? k : INFINITY;

		x->real[j] += k > -INFINITY;
		x->lo[j] = low < x->lo[j] ? low : x->lo[j];
		x->hi[j] = k > x->hi[j] ? k : x->hi[j];
		x->top[j] = logit[j] > x->top[j] ? logit[j] : x->top[j];
	}
}

static void look_at_all(struct search *s, const struct candidates *c)
{
	float key[LOOKS], logit[LOOKS], lo = INFINITY, hi = -INFINITY, top = -INFINITY;
	struct extent x;
	size_t n = 0;

	for (size_t j = 0; j < LOOKS; j++) {
		x.lo[j] = INFINITY;
		x.hi[j] = x.top[j] = -INFINITY;
		x.real[j] = 0;
	}
	for (size_t i = 0; i < c->n; i += LOOKS) {
		for (size_t j = 0; j < LOOKS; j++) {
			bool there = i + j < c->n;

			key[j] = there ? c->c[i + j].key : -INFINITY;
			logit[j] = there ? c->c[i + j].logit : -INFINITY;
		}
		memcpy(s->key + i, key, (c->n - i < LOOKS ? c->n - i : LOOKS) * sizeof *key);
		look_at_block(&x, key, logit);
	}
	for (size_t j = 0; j < LOOKS; j++) {
		lo = x.lo[j] < lo ? x.lo[j] : lo;
		hi = x.hi[j] > hi ? x.hi[j] : hi;
		top = x.top[j] > top ? x.top[j] : top;
		n += x.real[j];
	}
	s->c = c;
	s->top = (double)top;
	s->lo = (double)lo;
	s->hi = (double)hi;
	s->n = n;
	s->above = 0;
}

/* Bucket of a key between lo and hi; falls as the key rises. */
static inline size_t bucket(const struct search *s, double scale, float key)
{
	double at = (s->hi - (double)key) * scale;

	return at < BUCKETS - 1 ? (size_t)at : BUCKETS - 1;
}

/* The same for n keys. */
static void buckets(const float *key, size_t n, double hi, double scale, uint16_t *at)
{
	for (size_t j = 0; j < n; j++) {
		double x = (hi - (double)key[j]) * scale;

		at[j] = (uint16_t)(int32_t)(x < BUCKETS - 1 ? x : BUCKETS - 1);
	}
}

static void fill_from_all(struct search *s, double scale)
{
	double e[CANDIDATES_BLOCK], all[LANES] = { 0 };

	for (size_t i = 0; i < s->c->n; i += CANDIDATES_BLOCK) {
		size_t n = block_at(s->c, i);

		if (s->weight)
			memcpy(e, s->weight + i, n * sizeof *e);
		else
			p_block(s->c, i, n, s->top, e, all);
		buckets(s->key + i, n, s->hi, scale, s->at + i);
		/* One without a key holds nothing, and adding 0 changes no sum. */
		for (size_t j = 0; j < n; j++)
			s->held[s->at[i + j]] += s->key[i + j] > -INFINITY ? e[j] : 0;
	}
}

/* Collects the candidates of bucket b of the first look. */
static void collect(struct search *s, size_t b)
{
	float lo = INFINITY, hi = -INFINITY;

	s->n = 0;
	for (size_t i = 0; i < s->c->n; i += CANDIDATES_BLOCK) {
		size_t n = block_at(s->c, i);
		uint16_t any = 0;

		for (size_t j = 0; j < n; j++)
			any |= (uint16_t)-(s->at[i + j] == b);
		for (size_t j = i; any && j < i + n; j++) {
			if (s->at[j] != b || !(s->key[j] > -INFINITY))
				continue;
			lo = s->key[j] < lo ? s->key[j] : lo;
			hi = s->key[j] > hi ? s->key[j] : hi;
			if (s->n < FEW)
				s->few[s->n] = s->c->c[j];
			s->n++;
		}
	}
	s->lo = (double)lo;
	s->hi = (double)hi;
}

static void fill_from_some(struct search *s, double scale)
{
	for (size_t i = 0; i < s->c->n; i++) {
		const struct candidate *x = &s->c->c[i];

		if ((double)x->key >= s->lo && (double)x->key <= s->hi)
			s->held[bucket(s, scale, x->key)] += exp_one((double)x->logit - s->top);
	}
}

/* Goes on with the bucket in which the row ends.  `mass`: at the first time, the share
 * of the whole weight that is the mark; later NAN.  False when rounding leaves even
 * all of them below it. */
static bool narrow(struct search *s, double mass)
{
	double scale = BUCKETS / (s->hi - s->lo), lo = INFINITY, hi = -INFINITY, all = 0;
	size_t b = 0;

	memset(s->held, 0, sizeof s->held);
	if (isnan(mass)) {
		fill_from_some(s, scale);
	} else {
		fill_from_all(s, scale);
		for (size_t i = 0; i < BUCKETS; i++)
			all += s->held[i];
		s->mark = mass * all;
	}
	while (b < BUCKETS && !passes(s->above + s->held[b], s->mark, s->past))
		s->above += s->held[b++];
	if (b == BUCKETS)
		return false;
	if (!isnan(mass)) {
		collect(s, b);
		return true;
	}
	/* The bucket and one on either side: most keys need no closer look. */
	float from = (float)fmax(s->lo, s->hi - ((double)b + 2) / scale), to = (float)(s->hi - ((double)b - 1) / scale);
	s->n = 0;
	for (size_t i = 0; i < s->c->n; i++) {
		float key = s->c->c[i].key;

		if (!(key >= from && key <= to) || (double)key > s->hi || bucket(s, scale, key) != b)
			continue;
		lo = (double)key < lo ? (double)key : lo;
		hi = (double)key > hi ? (double)key : hi;
		if (s->n < FEW)
			s->few[s->n] = s->c->c[i];
		s->n++;
	}
	s->lo = lo;
	s->hi = hi;
	return true;
}

/* The last candidate of the row, among the few. */
static struct candidate last_of(struct search *s)
{
	double sum = s->above;
	size_t i = 0;

	qsort(s->few, s->n, sizeof *s->few, compare_key);
	for (; i + 1 < s->n; i++) {
		sum += exp_one((double)s->few[i].logit - s->top);
		if (passes(sum, s->mark, s->past))
			break;
	}
	return s->few[i];
}

/* Keeps what stands at `last` or in front of it. */
static void keep_row(struct candidates *c, const float *key, struct candidate last)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i += LANES) {
		size_t n = c->n - i < LANES ? c->n - i : LANES;
		int any = 0;

		for (size_t j = 0; j < n; j++)
			any |= key[i + j] >= last.key;
		for (size_t j = i; any && j < i + n; j++) {
			bool in = key[j] > last.key || (key[j] == last.key && c->c[j].id <= last.id);

			c->c[kept] = c->c[j];
			kept += in;
		}
	}
	c->n = kept;
	c->n_sorted = 0;
}

void candidates_nucleus(struct candidates *c, double mass, bool past, const double *e, void *room)
{
	struct search s = { .past = past, .weight = e, .key = room, .at = (void *)((float *)room + c->n) };
	size_t n = 0;

	if (c->n > FEW)
		look_at_all(&s, c);
	if (s.n <= FEW || !(s.hi > s.lo)) {
		nucleus_sorted(c, mass, past);
		return;
	}
	for (double share = mass; s.n > FEW && s.n != n && s.hi > s.lo; share = NAN) {
		n = s.n;
		if (!narrow(&s, share))
			return;
	}
	if (s.n > FEW) {                /* many alike */
		nucleus_sorted(c, mass, past);
		return;
	}
	keep_row(c, s.key, last_of(&s));
}
