#include <stdlib.h>

#include "analysis/distrib.h"
#include "analysis/lens.h"
#include "engine/base/rng.h"
#include "engine/step.h"
#include "tests/test.h"

enum { KEYS = 12, HEADS = 3, WIDTH = 40 };

/* Softmax of each row in place, in double, and what the kernels say about it. */
static void softmax_row(float *row, int n, struct softmax_stats *st)
{
	double lse = distrib_lse(row, (size_t)n), mean = 0, mean_sq = 0, max = -INFINITY;

	for (int i = 0; i < n; i++) {
		double p = exp((double)row[i] - lse);

		max = fmax(max, (double)row[i]);
		mean += p * (double)row[i];
		mean_sq += p * ((double)row[i] - lse) * ((double)row[i] - lse);
		row[i] = (float)p;
	}
	*st = (struct softmax_stats){ (float)max, (float)lse, (float)mean, (float)mean_sq };
}

static void fill(float *x, int n, uint64_t seed, double scale)
{
	for (int i = 0; i < n; i++)
		x[i] = (float)(scale * (2 * rng_uniform(seed, (uint64_t)i, 1) - 1));
}

struct attention {
	float p[HEADS][KEYS + 3];       /* rows are wider than what is visible */
	struct softmax_stats st[HEADS];
	struct site_view at;
};

static void attention_fill(struct attention *a, int cols, uint64_t seed, double scale)
{
	for (int h = 0; h < HEADS; h++) {
		fill(a->p[h], KEYS + 3, seed + (uint64_t)h, scale);
		softmax_row(a->p[h], cols, &a->st[h]);
	}
	a->at = (struct site_view){ .site = SITE_attn_probs, .pos = cols - 1, .rows = HEADS, .cols = cols,
		.stride = KEYS + 3, .data = a->p[0], .softmax = a->st };
}

static void reduce(enum lens_id id, const struct site_view *at, float *out)
{
	lenses[id]->probe.reduce(at, out);
}

static float derive(enum lens_id id, const struct step *s, const struct step *prev)
{
	float out = 12345;

	lenses[id]->probe.derive(s, prev, &out);
	return out;
}

static float layer_value(enum lens_id id, const float *x, int n)
{
	struct site_view at = { .site = lenses[id]->probe.site, .rows = 1, .cols = n, .stride = (size_t)n, .data = x };
	float out;

	reduce(id, &at, &out);
	return out;
}

static void every_lens_says_what_it_is(void **state)
{
	(void)state;
	for (int i = 0; i < N_LENSES; i++) {
		const struct lens_def *d = lenses[i];

		CHECK(d->doc[0] && d->unit[0] && d->source[0]);
		CHECK(strlen(d->read_it) > 40 && d->read_it[strlen(d->read_it) - 1] == '.');
		CHECK(isfinite(d->lo) && (isnan(d->hi) || d->hi > d->lo));
		CHECK((d->probe.site == SITE_NONE) == (d->probe.reduce == NULL));
		CHECK((d->probe.site == SITE_NONE) == (d->probe.derive != NULL));
		CHECK((d->probe.axes == PROBE_HEADS) == (d->probe.site == SITE_attn_probs));
		CHECK_INT(lens_find(d->probe.name), i);
	}
	CHECK_INT(lens_find("no such lens"), -1);
}

static bool in_range(const struct lens_def *d, float v)
{
	return isfinite(v) && v >= d->lo && (isnan(d->hi) || v <= d->hi);
}

static int by_falling_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x < y) - (x > y);
}

static void random_step(struct step *s, uint64_t seed)
{
	float z[80];
	struct softmax_stats st;

	*s = (struct step){ .has_logits = true, .n_top = STEP_TOP };
	fill(z, 80, seed, 5);
	softmax_row(z, 80, &st);
	qsort(z, 80, sizeof *z, by_falling_value);
	for (int i = 0; i < STEP_TOP; i++)
		s->top[i] = (struct step_candidate){ .id = (int32_t)(seed % 7) * 10 + i, .p_raw = z[i] };
}

/* Whatever it is shown, a lens answers within its range and writes nothing else. */
static void every_lens_is_finite_and_in_its_range(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 200; seed++) {
		for (int i = 0; i < N_LENSES; i++) {
			const struct lens_def *d = lenses[i];
			double scale = exp(rng_uniform(seed, 0, 9) * 6 - 3);
			float out[HEADS + 1] = { 0, 0, 0, 777 }, x[WIDTH];
			struct attention a;
			struct step s, prev;
			struct softmax_stats st;

			if (d->probe.site == SITE_NONE) {
				random_step(&s, seed);
				random_step(&prev, seed + 5);
				CHECK(in_range(d, derive((enum lens_id)i, &s, &prev)));
			} else if (d->probe.site == SITE_attn_probs) {
				attention_fill(&a, 2 + (int)(seed % (KEYS - 2)), seed, scale);
				reduce((enum lens_id)i, &a.at, out);
				for (int h = 0; h < HEADS; h++)
					CHECK(in_range(d, out[h]) || isnan(out[h]));
				CHECK(out[HEADS] == 777);
			} else {
				fill(x, WIDTH, seed, scale);
				if (d->probe.site == SITE_logits)
					softmax_row(x, WIDTH, &st);
				struct site_view at = { .site = d->probe.site, .rows = 1, .cols = WIDTH,
					.stride = WIDTH, .data = x, .softmax = &st };
				reduce((enum lens_id)i, &at, out);
				CHECK(in_range(d, out[0]) && out[1] == 0);
			}
		}
	}
}

static void logit_lenses_agree_with_the_definition(void **state)
{
	float z[WIDTH], out;
	double p[WIDTH];
	struct softmax_stats st;
	struct site_view at = { .site = SITE_logits, .rows = 1, .cols = WIDTH, .stride = WIDTH, .data = z, .softmax = &st };

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		fill(z, WIDTH, seed, 6);
		distrib_softmax(z, WIDTH, p);
		softmax_row(z, WIDTH, &st);
		reduce(LENS_entropy, &at, &out);
		CHECK_NEAR(out, distrib_entropy(p, WIDTH), 2e-6);
		reduce(LENS_varentropy, &at, &out);
		CHECK_NEAR(out, distrib_varentropy(p, WIDTH), 1e-5);
	}
}

static void attention_lenses_agree_with_the_whole_row(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		int cols = 2 + (int)(seed % (KEYS - 1));
		struct attention a;
		float h[HEADS], norm[HEADS], rest[HEADS], sink[HEADS];

		attention_fill(&a, cols, seed, 4);
		reduce(LENS_attn_entropy, &a.at, h);
		reduce(LENS_attn_entropy_norm, &a.at, norm);
		reduce(LENS_attn_entropy_nosink, &a.at, rest);
		reduce(LENS_attn_sink, &a.at, sink);
		for (int i = 0; i < HEADS; i++) {
			double want = distrib_entropy_f32(a.p[i], (size_t)cols), tail[KEYS], mass = 0;

			for (int t = 1; t < cols; t++)
				mass += (double)a.p[i][t];
			for (int t = 1; t < cols; t++)
				tail[t - 1] = (double)a.p[i][t] / mass;
			CHECK_NEAR(h[i], want, 2e-6);
			CHECK_NEAR(norm[i], want / log(cols), 3e-6);
			CHECK(sink[i] == a.p[i][0]);
			if (mass > 1.1e-3)
				CHECK_NEAR(rest[i], distrib_entropy(tail, (size_t)cols - 1), 5e-6 / mass);
		}
	}
}

static void the_first_position_has_nothing_to_choose_from(void **state)
{
	struct attention a;
	float out[HEADS];

	(void)state;
	attention_fill(&a, 1, 1, 1);
	reduce(LENS_attn_entropy, &a.at, out);
	CHECK_NEAR(out[0], 0, 0);
	reduce(LENS_attn_entropy_norm, &a.at, out);
	CHECK(isnan(out[0]));
	reduce(LENS_attn_entropy_nosink, &a.at, out);
	CHECK(isnan(out[0]));
	reduce(LENS_attn_sink, &a.at, out);
	CHECK(out[0] == 1);
}

static void a_head_that_only_rests_has_no_entropy_beside_the_sink(void **state)
{
	struct attention a;
	float out[HEADS];

	(void)state;
	attention_fill(&a, KEYS, 3, 1);
	a.p[1][0] = 30;
	for (int t = 1; t < KEYS; t++)
		a.p[1][t] = 0;
	softmax_row(a.p[1], KEYS, &a.st[1]);
	reduce(LENS_attn_entropy_nosink, &a.at, out);
	CHECK(!isnan(out[0]) && isnan(out[1]) && !isnan(out[2]));
}

static void what_is_not_a_number_stays_visible(void **state)
{
	struct attention a;
	float out[HEADS];

	(void)state;
	attention_fill(&a, KEYS, 3, 1);
	a.st[1].mean = NAN;
	reduce(LENS_attn_entropy, &a.at, out);
	CHECK(isnan(out[1]) && !isnan(out[0]));
	reduce(LENS_attn_entropy_norm, &a.at, out);
	CHECK(isnan(out[1]) && !isnan(out[0]));
}

static void norms_are_lengths(void **state)
{
	const float x[] = { 3, -4, 12 };

	(void)state;
	CHECK_NEAR(layer_value(LENS_resid_norm, x, 3), 13, 1e-6);
	CHECK_NEAR(layer_value(LENS_attn_norm, x, 3), 13, 1e-6);
	CHECK_NEAR(layer_value(LENS_mlp_norm, x, 3), 13, 1e-6);
}

static void sparsity_counts_what_a_hundredth_hides(void **state)
{
	const float x[] = { 10, .05f, -.05f, .2f, -9 }, none[4] = { 0 };

	(void)state;
	CHECK_NEAR(layer_value(LENS_mlp_sparsity, x, 5), .4, 1e-7);
	CHECK_NEAR(layer_value(LENS_mlp_sparsity, none, 4), 1, 0);
	CHECK(isnan(layer_value(LENS_mlp_sparsity, (const float[]){ 1, NAN, 0 }, 3)));
}

static void derived_lenses_by_hand(void **state)
{
	struct step a = { .has_logits = true, .n_top = 2, .top = { { 1, .5f, 0 }, { 2, .5f, 0 } } };
	struct step b = { .has_logits = true, .n_top = 2, .top = { { 2, .5f, 0 }, { 3, .5f, 0 } } };

	(void)state;
	CHECK_NEAR(derive(LENS_margin, &a, NULL), 0, 0);
	CHECK_NEAR(derive(LENS_entropy_topk, &a, NULL), log(2), 1e-7);
	CHECK_NEAR(derive(LENS_jsd, &b, &a), log(2) / 2, 1e-7);
	CHECK_NEAR(derive(LENS_instability, &b, &a), 1.5 * log(2), 1e-7);
	b.top[0].p_raw = .75f;
	b.top[1].p_raw = .125f;
	CHECK_NEAR(derive(LENS_margin, &b, &a), .625, 1e-7);
}

static void the_first_step_of_a_text_has_not_changed(void **state)
{
	struct step a = { .has_logits = true, .n_top = 2, .top = { { 1, .5f, 0 }, { 2, .5f, 0 } } };

	(void)state;
	CHECK(derive(LENS_jsd, &a, NULL) == 0);
	CHECK_NEAR(derive(LENS_instability, &a, NULL), log(2), 1e-7);
}

static void a_missing_distribution_is_a_hole(void **state)
{
	struct step with = { .has_logits = true, .n_top = 1, .top = { { 1, 1, 0 } } }, without = { .n_top = 0 };

	(void)state;
	CHECK(isnan(derive(LENS_jsd, &with, &without)) && isnan(derive(LENS_jsd, &without, &with)));
	CHECK(isnan(derive(LENS_instability, &with, &without)) && isnan(derive(LENS_instability, &without, NULL)));
	CHECK(isnan(derive(LENS_entropy_topk, &without, NULL)) && isnan(derive(LENS_margin, &without, NULL)));
	CHECK(derive(LENS_entropy_topk, &with, &without) == 0);
}

static void lens_i_is_probe_i_of_the_plan(void **state)
{
	const struct hparams hp = { .n_layers = 2, .n_heads = 3 };
	struct probe_plan *plan = lens_plan(&hp);
	struct step *s = step_new(plan);

	(void)state;
	CHECK_INT(plan->n, N_LENSES);
	for (int i = 0; i < N_LENSES; i++) {
		CHECK(plan->probes[i] == &lenses[i]->probe);
		CHECK_INT(lens_in_plan(plan, (enum lens_id)i), i);
	}
	CHECK(isnan(lens_scalar(s, LENS_entropy)));
	s->values[plan->offset[LENS_jsd]] = .25f;
	CHECK(lens_scalar(s, LENS_jsd) == .25f);
	CHECK(isnan(lens_scalar(s, LENS_attn_sink)));
	step_unref(s);
	probe_plan_free(plan);
}

/* A recording knows lenses by name, perhaps fewer and in another order. */
static void a_lens_is_found_by_name_in_a_foreign_plan(void **state)
{
	static const struct probe other = { .name = "other" }, jsd = { .name = "jsd" };
	const struct probe *const probes[] = { &other, &jsd };
	const struct hparams hp = { .n_layers = 2, .n_heads = 3 };
	struct probe_plan *plan = probe_plan_new(probes, 2, &hp);
	struct step *s = step_new(plan);

	(void)state;
	s->values[1] = .5f;
	CHECK_INT(lens_in_plan(plan, LENS_jsd), 1);
	CHECK_INT(lens_in_plan(plan, LENS_entropy), -1);
	CHECK(lens_scalar(s, LENS_jsd) == .5f);
	CHECK(isnan(lens_scalar(s, LENS_entropy)));
	step_unref(s);
	probe_plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_lens_says_what_it_is),
		TEST(every_lens_is_finite_and_in_its_range),
		TEST(logit_lenses_agree_with_the_definition),
		TEST(attention_lenses_agree_with_the_whole_row),
		TEST(the_first_position_has_nothing_to_choose_from),
		TEST(a_head_that_only_rests_has_no_entropy_beside_the_sink),
		TEST(what_is_not_a_number_stays_visible),
		TEST(norms_are_lengths),
		TEST(sparsity_counts_what_a_hundredth_hides),
		TEST(derived_lenses_by_hand),
		TEST(the_first_step_of_a_text_has_not_changed),
		TEST(a_missing_distribution_is_a_hole),
		TEST(lens_i_is_probe_i_of_the_plan),
		TEST(a_lens_is_found_by_name_in_a_foreign_plan),
	};

	return RUN(tests);
}
