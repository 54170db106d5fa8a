#include "tests/test.h"

#include "analysis/adadim_sides.h"
#include "analysis/requantized.h"
#include "tests/tiny_model.h"

/* This is a threaded test: layers run on a pool. */

enum { N = 50, D = 64 };

struct rig {
	struct tiny t;
	struct pool *pool;
	struct quant_spec spec;
	int32_t tokens[N];
	struct calibration_text text;
	int sides[64];
};

static void rig_open(struct rig *r, const char *arch)
{
	struct tiny_spec s = tiny_spec(arch, DTYPE_F32);
	struct err e;

	CHECK(tiny_open(&r->t, &s, &e) && (r->pool = pool_new(2, &e)));
	CHECK(quant_parse(&r->spec, "adadim bits=3 group=32", &e));
	for (int i = 0; i < N; i++)
		r->tokens[i] = 3 + i * 29 % 300;
	r->text = (struct calibration_text){ .tokens = r->tokens, .n = N, .n_ctx = 30, .pool = r->pool };
	CHECK(r->t.model->dir->n <= 64);
}

static void rig_close(struct rig *r)
{
	pool_free(r->pool);
	tiny_close(&r->t);
}

struct taken {
	float x[N * D];
	size_t n;
};

/* Behind the first layer. */
static void see(void *to, enum place place, int layer, const float *x, int m, int width)
{
	struct taken *t = to;

	if (place != PLACE_RESID || layer)
		return;
	memcpy(t->x + t->n, x, (size_t)m * (size_t)width * sizeof *x);
	t->n += (size_t)m * (size_t)width;
}

static void read_all(struct rig *r, const struct model *m, struct taken *to)
{
	struct onlooker look = { see, to };
	struct err e;
	struct reader *reader = reader_new(m, r->pool, true, 30, NULL, &e);

	to->n = 0;
	reader_read(reader, r->tokens, 30, 0, &look, NULL);
	reader_read(reader, r->tokens + 30, N - 30, 0, &look, NULL);
	reader_free(reader);
	CHECK_INT(to->n, N * D);
}

static void put(struct rig *r, struct requantized *q, const struct tensor *t, int side)
{
	struct quant_spec spec = r->spec;
	struct err e;

	spec.p[4] = side;
	CHECK(requantized_put(q, t, &spec, &(struct quanterr_options){ .pool = r->pool }, NULL, &e));
}

/* Squared distance behind the first layer of the whole model, its matrices up to
 * `last` as they were chosen, `last` by `side`, from the same with `last` as it is. */
static double error_of(struct rig *r, const struct tensor *last, int side)
{
	static struct taken ref, got;
	const struct layer_weights *w = &r->t.model->w.layers[0];
	const struct tensor *before[] = { w->q, w->k, w->v, w->qkv, w->attn_out, w->gate, w->up };
	struct requantized *q = requantized_new(r->t.model);
	double sum = 0;

	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (before[i])
			put(r, q, before[i], r->sides[before[i] - r->t.model->dir->t]);
	read_all(r, requantized_model(q), &ref);
	put(r, q, last, side);
	read_all(r, requantized_model(q), &got);
	requantized_free(q);
	for (int i = 0; i < N * D; i++)
		sum += ((double)got.x[i] - (double)ref.x[i]) * ((double)got.x[i] - (double)ref.x[i]);
	return sum;
}

static void sides_are_those_that_lose_less_in_the_whole_model(void **state)
{
	static const char *const names[] = { "llama", "gpt2" };
	int sides[64];
	struct err e;

	(void)state;
	for (int a = 0; a < 2; a++) {
		struct rig r;

		rig_open(&r, names[a]);
		CHECK(adadim_choose(r.t.model, &r.spec, &r.text, r.sides, &e));
		for (size_t i = 0; i < r.t.model->dir->n; i++) {
			const struct tensor *t = &r.t.model->dir->t[i];
			bool in_layer = !strncmp(t->name, "blk.", 4) && t->rows > 1;

			CHECK(in_layer ? r.sides[i] == ADADIM_ROWS || r.sides[i] == ADADIM_CHANNELS : r.sides[i] == ADADIM_OWN);
		}
		const struct tensor *down = r.t.model->w.layers[0].down;
		int side = r.sides[down - r.t.model->dir->t];

		CHECK(error_of(&r, down, side) <= error_of(&r, down, 3 - side));
		/* And again the same. */
		memcpy(sides, r.sides, sizeof sides);
		CHECK(adadim_choose(r.t.model, &r.spec, &r.text, r.sides, &e));
		CHECK(!memcmp(sides, r.sides, r.t.model->dir->n * sizeof *sides));
		rig_close(&r);
	}
}

static void a_stop_ends_it(void **state)
{
	struct rig r;
	atomic_bool stop = true;
	struct err e;

	(void)state;
	rig_open(&r, "llama");
	r.text.stop = &stop;
	CHECK(!adadim_choose(r.t.model, &r.spec, &r.text, r.sides, &e) && e.code == ERR_INTERRUPTED);
	rig_close(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(sides_are_those_that_lose_less_in_the_whole_model), TEST(a_stop_ends_it),
	};

	return RUN(tests);
}
