/*
 * bench -- how fast this machine runs a model, beside what it could do at best.
 *
 * Decoding reads every weight once per token, so the limit is the speed at which
 * this machine reads a buffer of that size (small models stay in the last
 * cache).  Rounds with the probes off and on take turns, so that a machine that
 * drifts drifts for both; medians are shown with their range.
 */
#include <math.h>
#include <stdlib.h>

#include "app/out.h"
#include "app/process.h"
#include "app/report.h"
#include "app/setup.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/machine.h"
#include "engine/matmul.h"

enum {
	SHALLOW = 16, DEEP = 1920,      /* positions before the tokens timed for the cost of depth */
	MAX_BUFFER = 1 << 30,
	READ_ROUNDS = 5,
};

struct series {
	double *v;              /* tokens per second, one a round */
	int n;
};

struct bench {
	const struct options *o;
	struct setup setup;
	struct session *with, *without; /* probes */
	int32_t *text;          /* [n_text] random tokens */
	int n_text;
	int n_prefill;          /* tokens of a round: as asked for, or what the context leaves */
	struct series prefill[2], decode[2];    /* [0] probes off, [1] on */
	double load_s, first_s; /* opening; from nothing to the first token */
	double shallow, deep;   /* decode at two depths, tokens/s */
	double read_gbs;        /* GB/s (1e9) at which this machine reads what a token needs; on a device, of a copy */
	double gemm_tflops;     /* of a device's f16 products; 0 without one */
	size_t peak;
};

static double seconds_since(uint64_t start)
{
	return (double)(clock_ns() - start) * 1e-9;
}

static struct session *open_session(struct bench *b, bool probes, struct err *e)
{
	struct session_options opt = b->setup.session;
	struct session *s;

	opt.probes = probes;
	if (!(s = session_new(b->setup.model, &opt, e)))
		return NULL;
	session_chain(s, b->setup.chain);
	return s;
}

/* Any token may come: speed does not depend on which. */
static void make_text(struct bench *b)
{
	b->n_text = b->n_prefill > DEEP ? b->n_prefill : DEEP;
	b->text = mem_array((size_t)b->n_text, sizeof *b->text);
	for (int i = 0; i < b->n_text; i++)
		b->text[i] = (int32_t)(rng_bits(1, (uint64_t)i, 0) % (uint64_t)b->setup.model->hp.n_vocab);
}

/* Starts again with n tokens, read; the token after them is drawn. */
static bool prefill(struct bench *b, struct session *s, int n, struct err *e)
{
	session_cut(s, 0);
	if (!session_append(s, b->text, (size_t)n, e))
		return false;
	while (session_len(s) == n)
		if (out_interrupted())
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		else if (!session_advance(s, e))
			return false;
	return true;
}

/* Tokens per second of n more tokens. */
static bool decode(struct session *s, int n, double *per_s, struct err *e)
{
	uint64_t start = clock_ns();

	for (int i = 0; i < n; i++)
		if (out_interrupted())
			return err_set(e, ERR_INTERRUPTED, "%s", "");
		else if (!session_advance(s, e))
			return false;
	*per_s = n / seconds_since(start);
	return true;
}

static bool one_round(struct bench *b, bool probes, bool keep, struct err *e)
{
	struct session *s = probes ? b->with : b->without;
	uint64_t start = clock_ns();
	double prefill_per_s, decode_per_s = 0;

	if (!prefill(b, s, b->n_prefill, e))
		return false;
	prefill_per_s = b->n_prefill / seconds_since(start);
	if (!decode(s, b->o->decode, &decode_per_s, e))
		return false;
	if (keep) {
		b->prefill[probes].v[b->prefill[probes].n++] = prefill_per_s;
		b->decode[probes].v[b->decode[probes].n++] = decode_per_s;
	}
	return true;
}

static bool rounds(struct bench *b, struct err *e)
{
	/* A first round with the probes on touches every page; after it the peak is
	 * that of plain use, before the second session doubles the cache. */
	out_progress("warming up");
	if (!(b->with = open_session(b, true, e)) || !one_round(b, true, false, e))
		return false;
	b->peak = process_peak_memory();
	if (!(b->without = open_session(b, false, e)))
		return false;
	for (int i = 0; i < 2; i++) {
		b->prefill[i].v = mem_array((size_t)b->o->rounds, sizeof(double));
		b->decode[i].v = mem_array((size_t)b->o->rounds, sizeof(double));
	}
	for (int i = 0; i < b->o->rounds; i++) {
		out_progress("round %d of %d", i + 1, b->o->rounds);
		if (!one_round(b, false, true, e) || !one_round(b, true, true, e))
			return false;
	}
	return true;
}

/* Decode speed behind `depth` positions; a hole when the context is too small. */
static bool at_depth(struct bench *b, int depth, double *per_s, struct err *e)
{
	int n = b->o->decode < 32 ? b->o->decode : 32;

	*per_s = (double)NAN;
	if (depth + n > session_n_ctx(b->with))
		return true;
	out_progress("decoding at depth %d", depth);
	return prefill(b, b->with, depth, e) && decode(b->with, n, per_s, e);
}

/* A model with a small context is measured on what it can hold. */
static bool fit_rounds(struct bench *b, const struct session *s, struct err *e)
{
	int room = session_n_ctx(s) - b->o->decode;

	if (room < 1)
		return err_set(e, ERR_USAGE, "--decode %d does not fit a context of %d", b->o->decode,
		    session_n_ctx(s));
	b->n_prefill = b->o->prefill < room ? b->o->prefill : room;
	return true;
}

/* The first token of a program that has just started, its file already in memory. */
static bool time_start(struct bench *b, struct err *e)
{
	uint64_t start = clock_ns();
	struct session *s;
	double ignored;
	bool ok;

	if (!setup_open(&b->setup, b->o, e))
		return false;
	b->load_s = seconds_since(start);
	b->text = mem_array(1, sizeof *b->text);
	s = open_session(b, true, e);
	ok = s && session_append(s, b->text, 1, e) && decode(s, 1, &ignored, e) && fit_rounds(b, s, e);
	b->first_s = seconds_since(start);
	session_free(s);
	free(b->text);
	b->text = NULL;
	return ok;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the series. */
static double median(struct series *s)
{
	qsort(s->v, (size_t)s->n, sizeof *s->v, by_size);
	return s->n % 2 ? s->v[s->n / 2] : (s->v[s->n / 2 - 1] + s->v[s->n / 2]) / 2;
}

static double show_series(struct report *r, const char *key, struct series *s)
{
	double m = median(s);

	report_row(r, key);
	report_num(r, "median_per_s", m, 1, "tokens/s");
	report_num(r, "from_per_s", s->v[0], 1, "");
	report_num(r, "to_per_s", s->v[s->n - 1], 1, "");
	report_end(r);
	return m;
}

static void show_setup(struct report *r, const struct bench *b)
{
	char cpu[80];

	report_group(r, "machine");
	report_str(r, "processor", process_cpu(cpu, sizeof cpu));
	report_int(r, "threads", session_threads(b->with), "");
	report_int(r, "cores", pool_cores(), "");
	report_str(r, "kernels", session_kernels(b->with));
	report_str(r, "matrix_products", matmul_blas());
	report_num(r, "memory_read", b->read_gbs, 1, "GB/s");
	if (b->gemm_tflops > 0)
		report_num(r, "f16_products", b->gemm_tflops, 1, "TFLOP/s");
	report_end(r);
	report_group(r, "model");
	report_str(r, "file", b->setup.model->path);
	report_str(r, "name", b->setup.model->name);
	report_bytes(r, "size_bytes", b->setup.model->file_bytes);
	report_int(r, "weights", (int64_t)model_n_params(b->setup.model), "");
	report_bool(r, "exact", b->o->exact);
	report_end(r);
}

/* Weights that a prompt token is multiplied with: neither the embedding nor the head. */
static double prompt_weights(const struct model *m)
{
	const struct weights *w = &m->w;
	double embedding = (double)(w->tok_embd->rows * w->tok_embd->cols);

	if (w->pos_embd)
		embedding += (double)(w->pos_embd->rows * w->pos_embd->cols);
	return (double)model_n_params(m) - embedding - (w->tied_head ? 0 : (double)(w->lm_head->rows * w->lm_head->cols));
}

static void show_speed(struct report *r, struct bench *b)
{
	double bytes = (double)model_bytes_per_token(b->setup.model), off, on;

	report_group(r, "speed");
	report_int(r, "prefill_tokens", b->n_prefill, "");
	report_int(r, "decode_tokens", b->o->decode, "");
	report_int(r, "rounds", b->o->rounds, "");
	show_series(r, "prefill_probes_off", &b->prefill[0]);
	on = show_series(r, "prefill_probes_on", &b->prefill[1]);
	if (b->gemm_tflops > 0)
		report_num(r, "share_of_matrix_peak", 100 * on * 2e-12 * prompt_weights(b->setup.model) / b->gemm_tflops, 0,
		    "%");
	off = show_series(r, "decode_probes_off", &b->decode[0]);
	on = show_series(r, "decode_probes_on", &b->decode[1]);
	report_num(r, "probes_cost", 100 * (1 - on / off), 1, "% of decode");
	report_bytes(r, "per_token_bytes", model_bytes_per_token(b->setup.model));
	report_num(r, "memory_used", on * bytes * 1e-9, 1, "GB/s");
	report_num(r, "share_of_read_limit", 100 * on * bytes * 1e-9 / b->read_gbs, 0, "%");
	report_num(r, "decode_at_depth_16_per_s", b->shallow, 1, "tokens/s");
	report_num(r, "decode_at_depth_1920_per_s", b->deep, 1, "tokens/s");
	report_end(r);
}

static void show_rest(struct report *r, const struct bench *b)
{
	report_group(r, "start_and_memory");
	report_num(r, "load_ms", b->load_s * 1e3, 1, "ms");
	report_num(r, "first_token_ms", b->first_s * 1e3, 1, "ms");
	report_bytes(r, "peak_bytes", b->peak);
	report_bytes(r, "file_bytes", b->setup.model->file_bytes);
	report_bytes(r, "session_bytes", session_bytes(b->with));
	report_end(r);
}

static bool measure(struct bench *b, struct err *e)
{
	size_t bytes = model_bytes_per_token(b->setup.model);
	struct pool *pool;

	make_text(b);
	if (!rounds(b, e) || !at_depth(b, SHALLOW, &b->shallow, e) || !at_depth(b, DEEP, &b->deep, e))
		return false;
	out_progress("measuring memory");
	if (session_device_speed(b->with, &b->read_gbs, &b->gemm_tflops, e))
		return true;
	if (!(pool = pool_new(b->setup.session.n_threads, e)))
		return false;
	b->read_gbs = machine_read_gbs(pool, bytes < MAX_BUFFER ? bytes : MAX_BUFFER, READ_ROUNDS, e);
	pool_free(pool);
	return b->read_gbs > 0;
}

static bool show(struct bench *b, struct err *e)
{
	struct report r;
	bool ok;

	out_progress_end();
	report_start(&r, b->o->json);
	show_setup(&r, b);
	show_speed(&r, b);
	show_rest(&r, b);
	ok = report_write(&r, e);
	report_free(&r);
	return ok;
}

bool job_bench(const struct options *o, struct err *e)
{
	struct bench b = {.o = o};
	bool ok;

	out_catch_interrupt();
	ok = time_start(&b, e) && measure(&b, e) && show(&b, e);
	for (int i = 0; i < 2; i++) {
		free(b.prefill[i].v);
		free(b.decode[i].v);
	}
	free(b.text);
	session_free(b.without);
	session_free(b.with);
	setup_close(&b.setup);
	return ok;
}
