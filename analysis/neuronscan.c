#include "analysis/neuronscan_impl.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/kernels.h"

enum {
	PIECE_BYTES = 6 << 20,          /* of rounded head rows */
	BLOCK_BYTES = 32 << 20,         /* of rounded neurons */
	BLOCK_MOST = 4032,
};
_Static_assert(GROUP % NK_NEURONS == 0 && BLOCK_MOST % GROUP == 0, "tasks are full but the last");

void neuronscan_vectors(const struct scan *c, size_t from, size_t n, float *out)
{
	size_t d_ff = (size_t)c->s->m->hp.d_ff;

	for (size_t i = 0; i < n;) {
		size_t at = c->s->first + from + i, index = at % d_ff;
		size_t some = n - i < d_ff - index ? n - i : d_ff - index;
		neuron_vectors(c->s->m, c->s->site, c->s->variant, (int)(at / d_ff), (int)index, (int)some,
		    out + i * c->d);
		i += some;
	}
}

static size_t group_size(const struct scan *c, size_t task)
{
	size_t left = c->s->n - task * GROUP;

	return left < GROUP ? left : GROUP;
}

static int32_t sum_of(const int8_t *q, size_t n)
{
	int32_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += q[i];
	return sum;
}

static void round_neurons(void *arg, int task, int worker)
{
	struct scan *c = arg;
	size_t from = (size_t)task * GROUP, n = group_size(c, (size_t)task);
	float *w = wide_of(c, worker);

	neuronscan_vectors(c, from, n, w);
	for (size_t i = 0; i < n; i++) {
		struct neuron *u = &c->neuron[from + i];
		int8_t *q1 = c->w1 + (from + i) * c->stride, *q2 = c->w2 + (from + i) * c->stride;

		c->nk->round(w + i * c->d, c->d, c->pad, q1, q2, &u->r);
		u->sums[0] = sum_of(q1, c->pad);
		u->sums[1] = sum_of(q2, c->pad);
		u->ref = NAN;
	}
}

static void unsign(int8_t *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		q[i] = (int8_t)(q[i] ^ -128);
}

static void round_head(void *arg, int task, int worker)
{
	struct scan *c = arg;
	size_t at = (size_t)task * NK_TOKENS * c->pad;
	struct tile *t = &c->tile[task];
	float *row = wide_of(c, worker);

	t->t.panel = c->panel + at;
	t->q1 = c->q1 + at;
	t->q2 = c->q2 + at;
	for (size_t i = 0; i < NK_TOKENS; i++) {
		size_t v = c->piece_first + (size_t)task * NK_TOKENS + i;
		struct nk_round *r = &t->r[i];
		int8_t *q1 = (int8_t *)c->q1 + at + i * c->pad, *q2 = (int8_t *)c->q2 + at + i * c->pad;
		bool there = v < c->head->rows;

		if (there)
			kernels()->dequantize[c->head->type](tensor_row(c->head, v), row, c->d);
		c->nk->round(row, there ? c->d : 0, c->pad, q1, q2, r);
		unsign(q1, c->pad);
		unsign(q2, c->pad);
		t->left_out[i] = !there || (!r->sane && !isfinite(c->nk->dot_f64(row, row, c->d)));
		/* -inf + inf is no number: what is not sane passes every comparison. */
		t->t.bias[i] = t->left_out[i] || !r->sane ? -INFINITY : 0;
		t->t.err[i] = !t->left_out[i] && !r->sane ? INFINITY : (float)(r->err1 + LOSSES * r->norm);
		t->t.norm[i] = (float)r->norm;
		t->t.scale[i] = r->d;
	}
	c->nk->turn(t->q1, c->pad, c->panel + at);
}

/* What the kernel has to know of a neuron now.  `c` and `m` make 2^(logit log2 e - ref). */
static struct nk_neuron ask(const struct neuron *u)
{
	const struct nk_round *r = &u->r;
	double d = (double)r->d, least = floor_of(u) / d;

	if (!r->sane || r->d == 0)
		return (struct nk_neuron){.floor = INFINITY};
	return (struct nk_neuron){
	    .bias = -128 * u->sums[0],
	    .a = (float)((SLACK * r->err1 + LOSSES * r->norm) / d),
	    .b = (float)(SLACK * (r->norm + r->err1) / d),
	    .floor = least > -1e38 ? (float)(least - fabs(least) * 0x1p-22) : -3e38f,
	    .c = (float)(d * LOG2_E),
	    .m = isnan(u->ref) ? 0 : (float)u->ref,
	};
}

/* The first tile sets the reference of the sum of powers, from all its products. */
static void begin_sum(struct neuron *u, const struct tile *t, const struct nk_out *o)
{
	double x[NK_TOKENS], most = -INFINITY;

	for (int v = 0; v < NK_TOKENS; v++) {
		x[v] = t->left_out[v] || !t->r[v].sane ? -INFINITY
			: (double)u->r.d * (double)t->r[v].d * (double)o->dot[v];
		most = x[v] > most ? x[v] : most;
	}
	u->ref = most > -INFINITY ? most * LOG2_E : 0;
	/* As the kernel will see it, so that both add to the same sum. */
	u->ref = (double)(float)u->ref;
	for (int v = 0; v < NK_TOKENS; v++)
		if (x[v] > -INFINITY)
			neuronscan_add_power(u, x[v], 1);
}

/* A best token far above the reference would leave the kernel's range. */
static void raise(struct neuron *u)
{
	double most = u->n_low ? u->low[0] * LOG2_E : -INFINITY;

	if (isnan(u->ref) || !(most > u->ref + 20))
		return;
	u->sum *= exp2(u->ref - (double)(float)most);
	u->ref = (double)(float)most;
}

static void scan_six(struct scan *c, size_t j, const struct tile *t, int32_t id, int worker)
{
	struct nk_neuron p[NK_NEURONS];
	struct nk_out out[NK_NEURONS];

	for (size_t i = 0; i < NK_NEURONS; i++) {
		raise(&c->neuron[j + i]);
		p[i] = ask(&c->neuron[j + i]);
	}
	c->nk->scan(&t->t, c->pad, c->w1 + j * c->stride, c->stride, p, out);
	for (size_t i = 0; i < NK_NEURONS; i++) {
		struct neuron *u = &c->neuron[j + i];
		uint64_t pass = out[i].pass;

		if (!u->r.sane || u->r.d == 0)
			continue;
		if (isnan(u->ref))
			begin_sum(u, t, &out[i]);
		else
			u->sum += (double)out[i].sum;
		while (pass) {
			int v = __builtin_ctzll(pass);

			pass &= pass - 1;
			if (!t->left_out[v])
				neuronscan_look(c, j + i, t, (size_t)v, id + v, out[i].dot[v], worker);
		}
	}
}

static void scan_group(void *arg, int task, int worker)
{
	struct scan *c = arg;
	size_t from = (size_t)task * GROUP, n = group_size(c, (size_t)task);

	for (size_t t = 0; t < c->piece_tiles; t++)
		for (size_t j = 0; j < n; j += NK_NEURONS)
			scan_six(c, from + j, &c->tile[t], (int32_t)(c->piece_first + t * NK_TOKENS), worker);
}

static void label_group(void *arg, int task, int worker)
{
	struct scan *c = arg;
	size_t from = (size_t)task * GROUP, n = group_size(c, (size_t)task);

	neuronscan_vectors(c, from, n, wide_of(c, worker));
	for (size_t i = 0; i < n; i++)
		neuronscan_label(c, &c->neuron[from + i], wide_of(c, worker) + i * c->d, &c->out[from + i], worker);
}

size_t neuronscan_block(const struct model *m)
{
	size_t n = (size_t)BLOCK_BYTES / (2 * (size_t)m->hp.d_model) / GROUP * GROUP;

	return n < GROUP ? GROUP : n > BLOCK_MOST ? BLOCK_MOST : n;
}

static bool begin(struct scan *c, struct err *e)
{
	size_t workers = (size_t)pool_size(c->s->pool), tile_bytes, n = c->n_groups * GROUP;

	c->pad = (c->d + NK_PAD - 1) / NK_PAD * NK_PAD;
	c->stride = c->pad + NK_PAD + (c->pad / NK_PAD % 2 ? NK_PAD : 0);
	tile_bytes = NK_TOKENS * c->pad;
	c->room_tiles = PIECE_BYTES / (3 * tile_bytes);
	c->room_tiles = c->room_tiles < 2 ? 2 : c->room_tiles;
	return (c->panel = mem_big(c->room_tiles, tile_bytes, "head rows in 8 bits", e)) &&
	    (c->q1 = mem_big(c->room_tiles, tile_bytes, "head rows in 8 bits", e)) &&
	    (c->q2 = mem_big(c->room_tiles, tile_bytes, "head rows in 8 bits", e)) &&
	    (c->tile = mem_big(c->room_tiles, sizeof *c->tile, "head rows in 8 bits", e)) &&
	    (c->w1 = mem_big(n, c->stride, "neurons in 8 bits", e)) &&
	    (c->w2 = mem_big(n, c->stride, "neurons in 8 bits", e)) &&
	    (c->neuron = mem_big(n, sizeof *c->neuron, "candidates of neurons", e)) &&
	    (c->wide = mem_big(workers * (GROUP + 1), c->d * sizeof *c->wide, "neurons", e)) &&
	    (c->looked_twice = mem_array(workers, sizeof *c->looked_twice)) &&
	    (c->exact = mem_array(workers, sizeof *c->exact));
}

static void end(struct scan *c)
{
	free(c->exact);
	free(c->looked_twice);
	mem_big_free(c->wide);
	mem_big_free(c->neuron);
	mem_big_free(c->w2);
	mem_big_free(c->w1);
	mem_big_free(c->tile);
	mem_big_free(c->q2);
	mem_big_free(c->q1);
	mem_big_free(c->panel);
}

static double timed(const struct scan *c, pool_fn *fn, void *job, size_t n)
{
	uint64_t start = clock_ns();

	pool_run(c->s->pool, fn, job, (int)n);
	return (double)(clock_ns() - start) * 1e-9;
}

static bool run_pieces(struct scan *c, struct neuronscan_counts *n, struct err *e)
{
	size_t tiles = (c->head->rows + NK_TOKENS - 1) / NK_TOKENS;

	for (size_t t = 0; t < tiles; t += c->room_tiles) {
		c->piece_first = t * NK_TOKENS;
		c->piece_tiles = tiles - t < c->room_tiles ? tiles - t : c->room_tiles;
		if (c->s->go_on && !c->s->go_on(c->s->to, (double)t / (double)tiles))
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		n->round_s += timed(c, round_head, c, c->piece_tiles);
		n->scan_s += timed(c, scan_group, c, c->n_groups);
	}
	return true;
}

static void count(const struct scan *c, struct neuronscan_counts *n)
{
	n->pairs += (uint64_t)c->s->n * c->head->rows;
	for (int i = 0; i < pool_size(c->s->pool); i++) {
		n->looked_twice += c->looked_twice[i];
		n->exact += c->exact[i];
	}
}

bool neuronscan_run(const struct neuronscan *s, struct neuron_labels *out, struct neuronscan_counts *counts,
    struct err *e)
{
	struct scan c = {
	    .s = s, .nk = neuron_kernels(), .out = out, .d = (size_t)s->m->hp.d_model,
	    .head = s->m->w.lm_head ? s->m->w.lm_head : s->m->w.tok_embd,
	    .n_groups = (s->n + GROUP - 1) / GROUP,
	};
	struct neuronscan_counts n = {0};
	bool ok = neuron_check(&s->m->hp, s->site, s->variant, e) && begin(&c, e);

	if (ok) {
		n.round_s += timed(&c, round_neurons, &c, c.n_groups);
		ok = run_pieces(&c, &n, e);
	}
	if (ok) {
		n.rank_s += timed(&c, label_group, &c, c.n_groups);
		count(&c, &n);
		if (counts) {
			counts->pairs += n.pairs;
			counts->looked_twice += n.looked_twice;
			counts->exact += n.exact;
			counts->round_s += n.round_s;
			counts->scan_s += n.scan_s;
			counts->rank_s += n.rank_s;
		}
	}
	end(&c);
	return ok;
}
