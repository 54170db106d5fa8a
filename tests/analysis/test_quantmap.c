/* The map of a model under a method, and a tensor from within.  threaded test */
#include <stdlib.h>

#include "analysis/quantinside.h"
#include "analysis/quantmap.h"
#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static struct quant_spec spec_of(const char *text)
{
	struct quant_spec s;
	struct err e;

	if (!quant_parse(&s, text, &e))
		fail_msg("%s", e.msg);
	return s;
}

static void open_tiny(struct tiny *t, bool own_head)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);
	struct err e;

	s.own_head = own_head;
	if (!tiny_open(t, &s, &e))
		fail_msg("%s", e.msg);
}

static void measure_all(struct quantmap *m, const struct quanterr_options *opt)
{
	struct err e = { 0 };

	for (int i = 0; i < quantmap_n_cells(m); i++)
		if (m->cells[i].t && !quant_cell_measure(&m->cells[i], &m->spec, opt, &e))
			fail_msg("%s", e.msg);
}

/* The same sums, written down without the map. */
static void sum_by_hand(const struct tensor_dir *dir, const struct quant_spec *spec, const char *part, double *err, double *ref)
{
	struct err e;

	*err = *ref = 0;
	for (size_t i = 0; i < dir->n; i++) {
		struct quanterr q;

		if (dir->t[i].rows < 2 || !strstr(dir->t[i].name, part))
			continue;
		CHECK(quanterr_measure(&q, &dir->t[i], spec, &(struct quanterr_options){ .pool = NULL }, &e));
		*err += q.err_sq;
		*ref += q.ref_sq;
	}
}

static void sums_are_those_of_their_tensors(void **state)
{
	struct quant_spec spec = spec_of("q4_0");
	struct quantmap *m;
	struct tiny t;
	double err, ref;
	int last, all;

	(void)state;
	open_tiny(&t, true);
	m = quantmap_new(t.model->dir, t.model->hp.n_layers, &spec);
	CHECK_INT(m->n_layers, 2);
	CHECK_INT(m->n_kinds, 7);
	CHECK_INT(m->n_outside, 2);
	last = quantmap_rows(m) - 1;
	all = quantmap_cols(m) - 1;
	CHECK(isnan(quantmap_value(m, last, all, QUANTMAP_SQNR)));
	measure_all(m, &(struct quanterr_options){ .pool = NULL });
	sum_by_hand(t.model->dir, &spec, "", &err, &ref);
	CHECK_NEAR(quantmap_value(m, last, all, QUANTMAP_ERROR), 100 * err / ref, 1e-12);
	sum_by_hand(t.model->dir, &spec, "blk.1.", &err, &ref);
	CHECK_NEAR(quantmap_value(m, 1, all, QUANTMAP_SQNR), -10 * log10(err / ref), 1e-10);
	sum_by_hand(t.model->dir, &spec, "ffn_down", &err, &ref);
	for (int k = 0; k < m->n_kinds; k++)
		if (!strcmp(m->kinds[k], "ffn_down"))
			CHECK_NEAR(quantmap_value(m, last, k, QUANTMAP_ERROR), 100 * err / ref, 1e-12);
	CHECK_NEAR(quantmap_value(m, last, all, QUANTMAP_BITS), 4.5, 1e-12);
	CHECK(isnan(quantmap_value(m, 0, all, QUANTMAP_OUTPUT)));
	quantmap_free(m);
	tiny_close(&t);
}

static void places_have_names_and_the_worst_is_found(void **state)
{
	struct quant_spec spec = spec_of("q8_0");
	char name[2 * QUANTMAP_NAME];
	struct quantmap *m;
	struct tiny t;
	int row = -1, col = -1;

	(void)state;
	open_tiny(&t, false);
	m = quantmap_new(t.model->dir, t.model->hp.n_layers, &spec);
	CHECK(!quantmap_worst(m, QUANTMAP_SQNR, &row, &col));
	measure_all(m, &(struct quanterr_options){ .pool = NULL });
	quantmap_name(m, 1, 0, name);
	CHECK_STR(name, "L1.attn_q");
	quantmap_name(m, 1, m->n_kinds, name);
	CHECK_STR(name, "L1");
	quantmap_name(m, 2, m->n_kinds, name);
	CHECK_STR(name, "token_embd");
	quantmap_name(m, 3, 1, name);
	CHECK_STR(name, "L*.attn_k");
	quantmap_name(m, 3, m->n_kinds, name);
	CHECK_STR(name, "all");
	m->cells[m->n_kinds + 2].q.err_sq *= 50;
	CHECK(quantmap_worst(m, QUANTMAP_SQNR, &row, &col));
	CHECK_INT(row, 1);
	CHECK_INT(col, 2);
	CHECK(quantmap_worst(m, QUANTMAP_ERROR, &row, &col));
	CHECK_INT(row, 1);
	CHECK_INT(col, 2);
	quantmap_free(m);
	tiny_close(&t);
}

/* Moments that come later weigh the errors of the channels as if they had been
 * there, and on any number of threads to the same bits. */
static void new_inputs_need_no_weights(void **state)
{
	struct quant_spec spec = spec_of("rtn bits=3 group=32");
	struct quant_cell cells[3] = { { .t = NULL } };
	const struct tensor *up;
	float *moments;
	struct tiny t;
	struct err e;

	(void)state;
	open_tiny(&t, false);
	up = t.model->w.layers[0].up;
	moments = mem_array(up->cols, sizeof *moments);
	for (size_t i = 0; i < up->cols; i++)
		moments[i] = (float)rng_uniform(3, i, 0) + 0.1f;
	for (int k = 0; k < 3; k++) {
		struct pool *pool = pool_new(k + 1, &e);
		struct quanterr_options opt = { .pool = pool };

		CHECK(pool != NULL);
		cells[k].t = up;
		if (k == 2)
			opt.in = (struct quant_inputs){ .moments = moments, .n_tokens = 9 };
		CHECK(quant_cell_measure(&cells[k], &spec, &opt, &e));
		pool_free(pool);
	}
	CHECK(isnan(cells[0].q.out_err));
	CHECK(!memcmp(cells[0].col_err, cells[1].col_err, up->cols * sizeof(double)));
	CHECK(!memcmp(cells[0].col_err, cells[2].col_err, up->cols * sizeof(double)));
	quant_cell_inputs(&cells[0], moments, 9);
	CHECK_INT(cells[0].n_tokens, 9);
	CHECK_NEAR(quanterr_output(&cells[0].q), quanterr_output(&cells[2].q), 1e-12 * quanterr_output(&cells[2].q));
	CHECK(quanterr_output(&cells[0].q) != quanterr_rel(&cells[0].q));
	quant_cell_inputs(&cells[0], NULL, 0);
	CHECK(isnan(cells[0].q.out_err));
	for (int k = 0; k < 3; k++)
		quant_cell_clear(&cells[k]);
	free(moments);
	tiny_close(&t);
}

static void what_does_not_fit_is_an_answer(void **state)
{
	struct quant_spec spec = spec_of("q4_k"), gptq = spec_of("gptq");
	struct quanterr_options blind = { .pool = NULL };
	atomic_bool stop = true;
	struct quant_cell c;
	struct tiny t;
	struct err e;

	(void)state;
	open_tiny(&t, false);
	c = (struct quant_cell){ .t = t.model->w.layers[0].up, .state = QUANT_WAITS };
	CHECK(quant_cell_measure(&c, &spec, &blind, &e));
	CHECK_INT(c.state, QUANT_UNFIT);
	CHECK(strstr(c.why, "not whole blocks of 256"));
	CHECK(quant_cell_measure(&c, &gptq, &blind, &e));
	CHECK_INT(c.state, QUANT_UNFIT);
	spec = spec_of("q4_0");
	CHECK(!quant_cell_measure(&c, &spec, &(struct quanterr_options){ .stop = &stop }, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	CHECK_INT(c.state, QUANT_WAITS);
	quant_cell_clear(&c);
	tiny_close(&t);
}

/* A file may hold a tensor of a layer that the model has not. */
static void a_layer_beyond_the_model_is_left_out(void **state)
{
	static float w[64];
	struct tensor strange[2] = {
		{ .name = "blk.2000000000.ffn_up.weight", .rows = 2, .cols = 32, .ne = { 32, 2, 1, 1 }, .data = (unsigned char *)w },
		{ .name = "blk.99999999999999999999.x", .rows = 2, .cols = 32, .ne = { 32, 2, 1, 1 }, .data = (unsigned char *)w },
	};
	struct tensor_dir dir = { strange, 2 };
	struct quant_spec spec = spec_of("q4_0");
	struct quantmap *m = quantmap_new(&dir, 2, &spec);

	(void)state;
	CHECK_INT(m->n_kinds, 0);
	CHECK(quantmap_n_cells(m) <= 2);
	quantmap_free(m);
}

static void a_tensor_from_within_adds_up(void **state)
{
	struct quant_spec spec = spec_of("q4_0");
	const struct tensor *down;
	struct quantinside in;
	double err = 0, ref = 0, n = 0, worst = 0;
	int row = -1, col = -1;
	struct tiny t;
	struct err e;

	(void)state;
	open_tiny(&t, false);
	down = t.model->w.layers[1].down;
	CHECK(quantinside_measure(&in, down, &spec, &(struct quanterr_options){ .pool = NULL }, &e));
	CHECK_INT(in.q.map_cols, down->cols / 32);
	CHECK_INT(in.q.map_rows, down->rows < 64 ? down->rows : 64);
	for (int i = 0; i < in.q.map_rows * in.q.map_cols; i++) {
		err += in.q.map_err[i];
		ref += in.q.map_ref[i];
		worst = fmax(worst, in.q.map_err[i] / in.q.map_ref[i]);
	}
	for (int i = 0; i < QUANTINSIDE_BINS; i++)
		n += in.histogram[i];
	CHECK_NEAR(err, in.q.err_sq, 1e-12 * in.q.err_sq);
	CHECK_NEAR(ref, in.q.ref_sq, 1e-12 * in.q.ref_sq);
	CHECK_INT((int)n, (int)(down->rows * down->cols));
	CHECK(quantinside_worst(&in, &row, &col));
	CHECK_NEAR(quantinside_at(&in, row, col), worst, 0);
	CHECK_INT(quantinside_first(down->rows, in.q.map_rows, in.q.map_rows), down->rows);
	CHECK_INT(quantinside_first(100, 64, 0), 0);
	CHECK_INT(quantinside_first(100, 64, 1), 2);    /* rows 0 and 1 share the first */
	quantinside_free(&in);
	tiny_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sums_are_those_of_their_tensors),
		TEST(places_have_names_and_the_worst_is_found),
		TEST(new_inputs_need_no_weights),
		TEST(what_does_not_fit_is_an_answer),
		TEST(a_layer_beyond_the_model_is_left_out),
		TEST(a_tensor_from_within_adds_up),
	};

	return RUN(tests);
}
