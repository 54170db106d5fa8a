/* test_topw: the set against the definition in double, and what is known about its corners. */
#include "engine/base/rng.h"
#include "engine/tensor.h"
#include "tests/engine/sampler_rig.h"
#include "tests/tiny_model.h"

enum { V = TINY_VOCAB, D = 96 };

/* Probabilities with a heavy tail. */
static void tail(float *z, int n, uint64_t seed)
{
	for (int i = 0; i < n; i++)
		z[i] = (float)(6 * pow(rng_uniform(seed, (uint64_t)i, 0), 3));
}

/* Embeddings in a few clumps, so that geometry has something to say. */
static struct tensor clumps(float *e, uint64_t seed)
{
	for (int i = 0; i < V; i++)
		for (int k = 0; k < D; k++)
			e[i * D + k] = (float)(3 + k % 5 + 2 * rng_uniform(seed, (uint64_t)(i % 7), (uint64_t)k) +
			    rng_uniform(seed + 1, (uint64_t)i, (uint64_t)k));
	return (struct tensor){ .name = "token_embd.weight", .type = DTYPE_F32, .n_dims = 2, .ne = { D, V, 1, 1 },
		.rows = V, .cols = D, .row_bytes = D * sizeof *e, .data = (const unsigned char *)e };
}

static void whiten(const float *e, double *out)
{
	for (int k = 0; k < D; k++) {
		double mean = 0, var = 0;

		for (int i = 0; i < V; i++)
			mean += (double)e[i * D + k] / V;
		for (int i = 0; i < V; i++)
			var += ((double)e[i * D + k] - mean) * ((double)e[i * D + k] - mean) / V;
		for (int i = 0; i < V; i++)
			out[i * D + k] = ((double)e[i * D + k] - mean) / sqrt(var);
	}
	for (int i = 0; i < V; i++) {
		double length = 0;

		for (int k = 0; k < D; k++)
			length += out[i * D + k] * out[i * D + k];
		for (int k = 0; k < D; k++)
			out[i * D + k] /= sqrt(length);
	}
}

struct settings {
	int m, turns;
	double warm, scale, lambda, beta;
};

/* As METHODS writes it, over all pairs. */
static int reference(const float *z, const double *white, struct settings o, bool in[V])
{
	double p[V], all = 0, mass = 0, phi[V];
	int order[V], turns = 0;

	for (int i = 0; i < V; i++) {
		all += p[i] = exp((double)z[i]);
		order[i] = i;
		in[i] = false;
	}
	for (int i = 0; i < V; i++)
		p[i] /= all;
	for (int i = 0; i < V; i++)
		for (int j = i + 1; j < V; j++)
			if (p[order[j]] > p[order[i]]) {
				int t = order[i];
				order[i] = order[j];
				order[j] = t;
			}
	all = 0;
	for (int i = 0; i < o.m; i++)
		all += p[order[i]];
	for (int i = 0; i < o.m && mass < o.warm * all; i++) {
		in[order[i]] = true;
		mass += p[order[i]];
	}
	for (bool moved = true; moved && turns < o.turns; turns++) {
		int by[V];
		double sum = 0, most = -INFINITY;
		int best = 0;

		for (int i = 0; i < o.m; i++) {
			int a = order[i];
			double near = -1;

			for (int j = 0; j < V; j++) {
				double dot = 0;

				if (!in[j])
					continue;
				for (int k = 0; k < D; k++)
					dot += white[a * D + k] * white[j * D + k];
				near = dot > near ? dot : near;
			}
			phi[a] = o.scale * -(1 - near) + o.lambda * log(p[a]);
			by[i] = a;
		}
		for (int i = 0; i < o.m; i++)
			for (int j = i + 1; j < o.m; j++)
				if (phi[by[j]] > phi[by[i]]) {
					int t = by[i];
					by[i] = by[j];
					by[j] = t;
				}
		mass = 0;
		for (int i = 0; i < o.m; i++) {
			mass += p[by[i]];
			sum += p[by[i]] * phi[by[i]];
			double j = sum / mass + (o.beta - o.lambda) * log(mass);
			if (j > most + 1e-12) {
				most = j;
				best = i + 1;
			}
		}
		moved = false;
		for (int i = 0; i < o.m; i++) {
			moved |= in[by[i]] != (i < best);
			in[by[i]] = i < best;
		}
	}
	return turns;
}

static void the_set_is_that_of_the_definition(void **state)
{
	static const struct settings all[] = { { 320, 9, .999, .6, 2.2, 2.8 }, { 200, 9, .9, 3, 2.2, 4 },
		{ 100, 1, .5, 10, 1, 3 }, { 320, 9, .3, 6, .5, 3 }, { 7, 9, .999, .6, 2.2, 5 } };
	float *e = calloc(V * D, sizeof *e), z[V];
	double *white = calloc(V * D, sizeof *white);
	int lifted = 0;

	(void)state;
	for (uint64_t seed = 0; seed < 15; seed++) {
		struct settings o = all[seed % 5];
		struct tensor t = clumps(e, seed);
		char chain[96];
		bool want[V];
		int n = 0;

		tail(z, V, seed);
		whiten(e, white);
		int turns = reference(z, white, o, want);
		snprintf(chain, sizeof chain, "top-w %d %g %d %g %g %g", o.m, o.warm, o.turns, o.scale, o.lambda, o.beta);
		struct rig *r = rig_new(chain, NULL, z, V);
		r->cx.tok_embd = &t;
		const struct step *st = rig_look(r, -1);
		for (int i = 0; i < V; i++)
			n += want[i];
		CHECK_INT(st->stages[0].kept, n);
		CHECK_NEAR(st->stages[0].shown[0], turns, 0);
		for (int i = 0; i < st->n_top; i++)
			CHECK((st->top[i].p_final > 0) == want[st->top[i].id]);
		lifted += st->stages[0].shown[3] > 0;
		rig_free(r);
	}
	CHECK(lifted >= 3);     /* geometry did something */
	free(white);
	free(e);
}

static void without_geometry_the_set_is_a_prefix_by_probability(void **state)
{
	float z[200];
	int fewest = 200, most = 0, most_wide = 0;      /* p: squares of exponential numbers */

	(void)state;
	for (uint64_t seed = 0; seed < 30; seed++) {
		for (int i = 0; i < 200; i++)
			z[i] = (float)(2 * log(-log(1 - rng_uniform(seed, (uint64_t)i, 1))));
		for (int how = 0; how < 2; how++) {
			struct rig *r = rig_new(how ? "top-w 200 0.999 9 0 2.2 4" : "top-w 200 0.999 9 0", NULL, z, 200);
			const struct step *st = rig_look(r, -1);
			int kept = st->stages[0].kept;

			for (int i = 0; i < st->n_top; i++)
				CHECK((st->top[i].p_final > 0) == (i < kept));
			CHECK_NEAR(st->stages[0].shown[3], 0, 0);
			if (how)
				most_wide = kept > most_wide ? kept : most_wide;
			else
				most = kept > most ? kept : most;
			fewest = kept < fewest ? kept : fewest;
			rig_free(r);
		}
	}
	printf("kept %d to %d by default, up to %d at beta 4\n", fewest, most, most_wide);
	CHECK(fewest >= 1 && most <= 12 && most_wide > 12);
}

static void where_beta_does_not_exceed_lambda_one_token_is_left(void **state)
{
	float *e = calloc(V * D, sizeof *e), z[V];
	struct tensor t = clumps(e, 3);

	(void)state;
	for (int k = 0; k < 4; k++) {
		static const char *const chains[] = { "top-w 300 0.999 9 0 2.2 2.2", "top-w 300 0.999 9 0.6 2.2 2.2",
			"top-w 300 0.999 9 0 2.2 1", "top-w 300 0.999 9 0.6 2.2 0" };

		for (uint64_t seed = 0; seed < 5; seed++) {
			tail(z, V, seed);
			if (seed == 4)          /* all alike */
				memset(z, 0, sizeof z);
			struct rig *r = rig_new(chains[k], NULL, z, V);
			r->cx.tok_embd = &t;
			CHECK_INT(rig_look(r, -1)->stages[0].kept, 1);
			rig_free(r);
		}
	}
	free(e);
}

static void impossible_tokens_stay_out_of_the_pool(void **state)
{
	float *e = calloc(V * D, sizeof *e), z[V];
	struct tensor t = clumps(e, 3);

	(void)state;
	for (int i = 0; i < V; i++)
		z[i] = i % 100 ? -INFINITY : 1;
	struct rig *r = rig_new("top-w 300 1 9 0.6 0 10", NULL, z, V);
	r->cx.tok_embd = &t;
	const struct step *st = rig_look(r, -1);
	CHECK_INT(st->stages[0].kept, 4);
	CHECK_NEAR(st->stages[0].mass, 1, 1e-6);
	rig_free(r);
	free(e);
}

static void any_stored_type_of_embeddings_will_do(void **state)
{
	static const enum dtype types[] = { DTYPE_F32, DTYPE_F16, DTYPE_Q8_0, DTYPE_Q4_K };
	float z[V];

	(void)state;
	tail(z, V, 1);
	for (int i = 0; i < 4; i++) {
		struct tiny_spec spec = tiny_spec("llama", types[i]);
		struct tiny tiny;
		struct err e = { 0 };

		assert_true(tiny_open(&tiny, &spec, &e));
		struct rig *r = rig_new("top-w 300 0.999 9 2 2.2 4", NULL, z, V);
		r->cx.tok_embd = tiny.model->w.tok_embd;
		const struct step *st = rig_look(r, -1);
		CHECK(st->stages[0].kept >= 1 && st->stages[0].kept < 300);
		CHECK(rig_look(r, -1)->stages[0].kept == st->stages[0].kept);
		rig_free(r);
		tiny_close(&tiny);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_set_is_that_of_the_definition),
		TEST(without_geometry_the_set_is_a_prefix_by_probability),
		TEST(where_beta_does_not_exceed_lambda_one_token_is_left),
		TEST(impossible_tokens_stay_out_of_the_pool),
		TEST(any_stored_type_of_embeddings_will_do),
	};

	return RUN(tests);
}
