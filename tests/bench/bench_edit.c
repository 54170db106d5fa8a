/*
 * bench_edit -- what edits cost a decode: a few tokens without, a few with, in
 * turns, so that a slow moment of the machine meets both.  With all probes, as in
 * the meter.
 *
 * Prints lines `name median % (quartiles)`: how much longer a token takes than one
 * without edits, over the rounds, and the tokens a second of both.
 *   bench_edit [model.gguf ...]              without: the built-in model, and the
 *                                            shape of SmolLM2-135M in random Q8_0
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "app/demo.h"
#include "engine/base/clock.h"
#include "engine/session.h"
#include "tests/tiny_model.h"

enum { CHUNK = 4, ROUNDS = 60, N_CTX = 512, PROMPT = 16, WAYS = 4 };

struct way {
	const char *name;
	const struct edit_set *set;
	double per_token[ROUNDS], over[ROUNDS];
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static const struct edit_set *with(const struct edit_set *set, const struct model *m, const char *line, int number)
{
	const struct edit_set *more;
	struct edit ed;
	struct err e;

	if (!edit_parse(line, &m->hp, &ed, &e)) {
		fprintf(stderr, "bench_edit: %s: %s\n", line, e.msg);
		exit(2);
	}
	ed.number = number;
	more = edit_set_with(set, &ed, (uint32_t)number);
	edit_set_unref(set);
	return more;
}

static void make_ways(struct way *w, const struct model *m)
{
	char line[64];
	int l = m->hp.n_layers / 2;

	w[0] = (struct way){ .name = "none", .set = edit_set_empty() };
	snprintf(line, sizeof line, "L%d.mlp[7] = 2", l);
	w[1] = (struct way){ .name = "clamp", .set = with(edit_set_empty(), m, line, 1) };
	w[2] = (struct way){ .name = "clamps.10", .set = edit_set_empty() };
	for (int i = 0; i < 10; i++) {
		snprintf(line, sizeof line, "L%d.mlp[%d] = 2", i % m->hp.n_layers, 7 + i);
		w[2].set = with(w[2].set, m, line, i + 1);
	}
	w[3] = (struct way){ .name = "resid.all", .set = with(edit_set_empty(), m, "L*.resid * 1", 1) };
}

static bool begin(struct session *s, struct err *e)
{
	int32_t text[PROMPT];

	for (int i = 0; i < PROMPT; i++)
		text[i] = 3 + i;
	session_cut(s, 0);
	return session_append(s, text, PROMPT, e) && session_advance(s, e);
}

static bool measure(struct session *s, struct way *ways, struct err *e)
{
	for (int r = -2; r < ROUNDS; r++) {
		if ((r + 2) % 20 == 0 && !begin(s, e))
			return false;
		for (int i = 0; i < WAYS; i++) {
			struct way *w = &ways[(i + r + WAYS) % WAYS];

			session_edits(s, w->set);
			uint64_t start = clock_ns();
			for (int k = 0; k < CHUNK; k++)
				if (!session_advance(s, e))
					return false;
			if (r >= 0)
				w->per_token[r] = (double)(clock_ns() - start) * 1e-9 / CHUNK;
		}
		for (int i = 0; i < WAYS && r >= 0; i++)
			ways[i].over[r] = 100 * (ways[i].per_token[r] / ways[0].per_token[r] - 1);
	}
	return true;
}

static bool run(const char *name, const struct model *m, struct err *e)
{
	struct way ways[WAYS];
	struct probe_plan *plan = lens_plan(&m->hp);
	struct session *s = session_new(m, &(struct session_options){ .n_ctx = N_CTX, .probes = true, .plan = plan }, e);
	bool ok;

	make_ways(ways, m);
	ok = s && measure(s, ways, e);
	for (int i = 0; i < WAYS; i++) {
		struct way *w = &ways[i];

		qsort(w->per_token, ROUNDS, sizeof(double), by_size);
		qsort(w->over, ROUNDS, sizeof(double), by_size);
		if (ok && i == 0)
			printf("edit.%s.%s %.1f tokens/s (%.1f - %.1f)\n", name, w->name, 1 / w->per_token[ROUNDS / 2],
			    1 / w->per_token[3 * ROUNDS / 4], 1 / w->per_token[ROUNDS / 4]);
		else if (ok)
			printf("edit.%s.%s %+.2f %% (%+.2f - %+.2f)\n", name, w->name, w->over[ROUNDS / 2], w->over[ROUNDS / 4],
			    w->over[3 * ROUNDS / 4]);
		edit_set_unref(w->set);
	}
	session_free(s);
	probe_plan_free(plan);
	return ok;
}

static bool run_demo(struct err *e)
{
	const void *data;
	size_t size;
	struct model *m = demo_bytes(&data, &size, e) ? model_open_mem("demo", data, size, e) : NULL;
	bool ok = m && run("demo", m, e);

	model_close(m);
	return ok;
}

static bool run_shape(struct err *e)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_Q8_0);
	struct tiny t;
	bool ok;

	spec.n_layers = 30;
	spec.d_model = 576;
	spec.n_heads = 9;
	spec.n_kv_heads = 3;
	spec.d_ff = 1536;
	spec.n_ctx = N_CTX;
	ok = tiny_open(&t, &spec, e) && run("135m", t.model, e);
	tiny_close(&t);
	return ok;
}

int main(int argc, char **argv)
{
	struct err e = { .code = ERR_NONE };
	bool ok = argc > 1 || (run_demo(&e) && run_shape(&e));

	for (int i = 1; ok && i < argc; i++) {
		struct model *m = model_open(argv[i], NULL, &e);
		const char *slash = strrchr(argv[i], '/');

		ok = m && run(slash ? slash + 1 : argv[i], m, &e);
		model_close(m);
	}
	if (!ok)
		fprintf(stderr, "bench_edit: %s\n", e.msg);
	return ok ? 0 : 1;
}
