/*
 * bench_decode -- whole passes of a model with the body of SmolLM2-135M (random
 * weights, a small vocabulary), so that no model file is needed: decode and
 * prefill with the probes off and on in turns, and decode behind many positions.
 *
 * Prints lines `name median unit (from - to)`.
 *   bench_decode [types] [threads]           e.g. bench_decode Q8_0,Q4_0 2
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "engine/base/clock.h"
#include "engine/base/pool.h"
#include "engine/session.h"
#include "tests/tiny_model.h"

enum { PREFILL = 256, DECODE = 48, ROUNDS = 5, DEEP = 1920, N_CTX = 2048 };

struct bench {
	const char *type;
	struct tiny tiny;
	struct probe_plan *plan;
	struct session *s[2];           /* probes off, on */
};

static int32_t text[N_CTX];

static double seconds_since(uint64_t start)
{
	return (double)(clock_ns() - start) * 1e-9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void say(const struct bench *b, const char *what, double *v)
{
	qsort(v, ROUNDS, sizeof *v, by_size);
	printf("%s.%s.t%d %.1f tokens/s (%.1f - %.1f)\n", what, b->type, session_threads(b->s[0]), v[ROUNDS / 2], v[0],
	    v[ROUNDS - 1]);
}

/* Tokens per second of reading n tokens from the start. */
static bool read_text(struct session *s, int n, double *per_s, struct err *e)
{
	uint64_t start = clock_ns();

	session_cut(s, 0);
	if (!session_append(s, text, (size_t)n, e))
		return false;
	while (session_len(s) == n)
		if (!session_advance(s, e))
			return false;
	*per_s = n / seconds_since(start);
	return true;
}

static bool write_text(struct session *s, int n, double *per_s, struct err *e)
{
	uint64_t start = clock_ns();

	for (int i = 0; i < n; i++)
		if (!session_advance(s, e))
			return false;
	*per_s = n / seconds_since(start);
	return true;
}

static bool measure(struct bench *b, struct err *e)
{
	double prefill[2][ROUNDS], decode[2][ROUNDS], deep[ROUNDS], ignored;

	for (int i = 0; i < ROUNDS; i++)
		for (int on = 0; on < 2; on++)
			if (!read_text(b->s[on], PREFILL, &prefill[on][i], e) ||
			    !write_text(b->s[on], DECODE, &decode[on][i], e))
				return false;
	if (!read_text(b->s[1], DEEP, &ignored, e))
		return false;
	for (int i = 0; i < ROUNDS; i++)
		if (!write_text(b->s[1], DECODE / 4, &deep[i], e))
			return false;
	say(b, "prefill.off", prefill[0]);
	say(b, "prefill.on", prefill[1]);
	say(b, "decode.off", decode[0]);
	say(b, "decode.on", decode[1]);
	say(b, "decode.deep", deep);
	return true;
}

static bool run(const char *type, int n_threads, struct err *e)
{
	struct bench b = {.type = type};
	struct session_options opt = {.n_threads = n_threads, .n_ctx = N_CTX};
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	bool ok;

	if (dtype_find(type) < 0)
		return err_set(e, ERR_USAGE, "no type is called '%s'", type);
	spec.type = (enum dtype)dtype_find(type);
	spec.n_layers = 30;
	spec.d_model = 576;
	spec.n_heads = 9;
	spec.n_kv_heads = 3;
	spec.d_ff = 1536;
	spec.n_ctx = N_CTX;
	ok = tiny_open(&b.tiny, &spec, e);
	if (ok) {
		opt.plan = b.plan = lens_plan(&b.tiny.model->hp);
		ok = (b.s[0] = session_new(b.tiny.model, &opt, e)) != NULL;
		opt.probes = true;
		ok = ok && (b.s[1] = session_new(b.tiny.model, &opt, e)) && measure(&b, e);
	}
	session_free(b.s[1]);
	session_free(b.s[0]);
	probe_plan_free(b.plan);
	tiny_close(&b.tiny);
	return ok;
}

int main(int argc, char **argv)
{
	char types[200], *save = NULL;
	int n_threads = argc > 2 ? atoi(argv[2]) : pool_cores();
	struct err e = {.code = ERR_NONE};

	snprintf(types, sizeof types, "%s", argc > 1 ? argv[1] : "F16,Q8_0,Q4_0");
	for (int i = 0; i < N_CTX; i++)
		text[i] = 3 + i % (TINY_VOCAB - 3);
	for (char *t = strtok_r(types, ",", &save); t; t = strtok_r(NULL, ",", &save))
		if (!run(t, n_threads, &e)) {
			fprintf(stderr, "bench_decode: %s\n", e.msg);
			return (int)e.code;
		}
	return 0;
}
