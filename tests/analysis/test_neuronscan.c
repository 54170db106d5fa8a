/* threaded test: the labels of every neuron are those of brute force in double. */
#include "tests/test.h"

#include <stdlib.h>

#include "analysis/neuronscan.h"
#include "engine/base/half.h"
#include "engine/base/mem.h"
#include "engine/neuron_kernels.h"
#include "tests/tiny_model.h"

/* Weights in memory, and nothing else of a model. */
struct fake {
	struct model m;
	struct layer_weights layers[2];
	struct tensor head, up, gate, down, final_norm, mlp_norm;
	struct arch arch;
	float *data;
};

static uint64_t seed = 1;

static double uniform(void)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (double)(seed >> 11) * 0x1p-53;
}

static float normal(void)
{
	return (float)(sqrt(-2 * log(uniform() + 1e-300)) * cos(6.283185307179586 * uniform()));
}

static struct tensor matrix(float *x, size_t rows, size_t cols)
{
	return (struct tensor){.type = DTYPE_F32, .rows = rows, .cols = cols, .row_bytes = cols * sizeof(float),
	    .data = (const unsigned char *)x};
}

static void fake_open(struct fake *f, int d, int d_ff, int n_vocab)
{
	size_t n_head = (size_t)n_vocab * (size_t)d, n_mat = (size_t)d_ff * (size_t)d;
	float *x;

	*f = (struct fake){.arch = {.name = "fake", .mlp = MLP_GATED_SILU}};
	x = f->data = mem_array(n_head + 3 * n_mat + 2 * (size_t)d, sizeof *x);
	for (size_t i = 0; i < n_head + 3 * n_mat + 2 * (size_t)d; i++)
		x[i] = normal();
	f->head = matrix(x, (size_t)n_vocab, (size_t)d);
	f->up = matrix(x += n_head, (size_t)d_ff, (size_t)d);
	f->gate = matrix(x += n_mat, (size_t)d_ff, (size_t)d);
	f->down = matrix(x += n_mat, (size_t)d, (size_t)d_ff);
	f->final_norm = matrix(x += n_mat, 1, (size_t)d);
	f->mlp_norm = matrix(x + d, 1, (size_t)d);
	f->m.hp = (struct hparams){.arch = &f->arch, .n_layers = 2, .d_model = d, .d_ff = d_ff, .n_vocab = n_vocab};
	for (int l = 0; l < 2; l++)
		f->layers[l] = (struct layer_weights){.up = &f->up, .gate = &f->gate, .down = &f->down,
		    .mlp_norm = &f->mlp_norm};
	f->m.w.layers = f->layers;
	f->m.w.tok_embd = &f->head;
	f->m.w.final_norm = &f->final_norm;
}

static float *head_row(struct fake *f, size_t v)
{
	return f->data + v * f->head.cols;
}

static float *up_row(struct fake *f, size_t i)
{
	return f->data + f->head.rows * f->head.cols + i * f->head.cols;
}

/* The definition: every product in double, one after another. */
static int brute(const struct model *m, const float *w, int32_t *id, double *logit, double *lse)
{
	const struct tensor *head = m->w.lm_head ? m->w.lm_head : m->w.tok_embd;
	float *row = mem_array(head->cols, sizeof *row);
	double *s = mem_array(head->rows, sizeof *s), most = -INFINITY, sum = 0;
	int n = 0;

	for (size_t v = 0; v < head->rows; v++) {
		tensor_row_f32(head, v, row);
		for (size_t i = 0; i < head->cols; i++)
			s[v] += (double)row[i] * (double)w[i];
		most = isfinite(s[v]) && s[v] > most ? s[v] : most;
	}
	for (size_t v = 0; v < head->rows; v++) {
		int i;
		if (!isfinite(s[v]))
			continue;
		sum += exp(s[v] - most);
		for (i = n; i > 0 && logit[i - 1] < s[v]; i--)
			;
		if (i == NEURON_LABELS)
			continue;
		n += n < NEURON_LABELS;
		memmove(logit + i + 1, logit + i, (size_t)(n - 1 - i) * sizeof *logit);
		memmove(id + i + 1, id + i, (size_t)(n - 1 - i) * sizeof *id);
		logit[i] = s[v];
		id[i] = (int32_t)v;
	}
	*lse = most + log(sum);
	free(row);
	free(s);
	return n;
}

static int mismatches(const struct model *m, const float *w, const struct neuron_labels *got)
{
	int32_t id[NEURON_LABELS];
	double logit[NEURON_LABELS], lse;
	int n = brute(m, w, id, logit, &lse), bad = 0;

	for (int i = 0; i < NEURON_LABELS; i++)
		bad += i < n ? got->id[i] != id[i] || !(fabs((double)got->logit[i] - logit[i]) <= 1e-6 * fabs(logit[i]) + 1e-30)
			     : got->id[i] != -1;
	/* Where logits spread over a few units, as those of neurons do. */
	if (n && logit[0] < 10 && logit[0] - logit[n - 1] > 1e-9)
		bad += !(fabs((double)got->prob[0] / exp(logit[0] - lse) - 1) <= 1e-3);
	return bad;
}

static struct neuron_labels *labels_of(const struct model *m, int threads, enum neuron_site s, enum neuron_variant v,
    struct neuronscan_counts *counts)
{
	size_t n = (size_t)m->hp.n_layers * (size_t)m->hp.d_ff;
	struct neuron_labels *out = mem_array(n, sizeof *out);
	struct err e = {0};
	struct neuronscan job = {.m = m, .pool = pool_new(threads, &e), .site = s, .variant = v, .n = n};

	CHECK(neuronscan_run(&job, out, counts, &e));
	pool_free(job.pool);
	return out;
}

static int all_mismatches(const struct model *m, enum neuron_site s, enum neuron_variant v)
{
	struct neuron_labels *got = labels_of(m, 2, s, v, NULL);
	float *w = mem_array((size_t)m->hp.d_model, sizeof *w);
	int bad = 0;

	for (int l = 0; l < m->hp.n_layers; l++)
		for (int i = 0; i < m->hp.d_ff; i++) {
			neuron_vectors(m, s, v, l, i, 1, w);
			bad += mismatches(m, w, &got[l * m->hp.d_ff + i]);
		}
	free(w);
	free(got);
	return bad;
}

static void random_weights_have_the_labels_of_brute_force(void **state)
{
	static const int shapes[][3] = {{80, 20, 3001}, {64, 101, 700}, {7, 33, 5}, {300, 7, 1500}, {1, 50, 200}};
	struct fake f;

	(void)state;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
		fake_open(&f, shapes[i][0], shapes[i][1], shapes[i][2]);
		CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
		CHECK_INT(all_mismatches(&f.m, NEURON_DOWN, NEURON_WRITE), 0);
		CHECK_INT(all_mismatches(&f.m, NEURON_GATE, NEURON_READ), 0);
		free(f.data);
	}
}

static void equal_logits_go_to_the_lower_id(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, 24, 40, 1300);
	/* Small integers: thousands of equal sums, all exact. */
	for (size_t i = 0; i < f.head.rows * f.head.cols + f.up.rows * f.up.cols; i++)
		f.data[i] = (float)(int)(3 * uniform()) - 1;
	CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
	/* Rows that are copies of others, more than a list of candidates holds. */
	for (size_t v = 200; v < 1200; v++)
		memcpy(head_row(&f, v), head_row(&f, v % 7), f.head.row_bytes);
	CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
	free(f.data);
}

static void near_ties_are_told_apart(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, 48, 30, 900);
	for (size_t v = 1; v < 900; v++) {
		memcpy(head_row(&f, v), head_row(&f, 0), f.head.row_bytes);
		head_row(&f, v)[v % 48] = nextafterf(head_row(&f, v)[v % 48], v % 2 ? 9.0f : -9.0f);
	}
	CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
	free(f.data);
}

static void strange_rows_are_ranked_where_they_belong(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, 50, 60, 777);
	head_row(&f, 3)[7] = NAN;
	head_row(&f, 70)[1] = INFINITY;
	for (size_t i = 0; i < 50; i++) {
		head_row(&f, 5)[i] *= 1e-30f;
		head_row(&f, 64)[i] = 0;
		head_row(&f, 100)[i] *= 1e-42f;
		head_row(&f, 776)[i] *= 1e4f;
		up_row(&f, 2)[i] = 0;
		up_row(&f, 4)[i] *= 1e-35f;
		up_row(&f, 6)[i] *= 1e3f;
		up_row(&f, 9)[i] *= 1e-20f;
	}
	CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
	up_row(&f, 8)[0] = NAN;
	for (size_t i = 0; i < 50; i++)
		head_row(&f, 333)[i] *= 1e25f;
	struct neuron_labels *got = labels_of(&f.m, 1, NEURON_UP, NEURON_RAW, NULL);
	for (int i = 0; i < NEURON_LABELS; i++)
		CHECK_INT(got[8].id[i], -1);
	CHECK(got[0].id[0] == 333 || got[1].id[0] == 333 || got[2].id[0] == 333 || got[3].id[0] == 333);
	free(got);
	free(f.data);
}

/* One coordinate far above the others is what 8 bits are worst at. */
static void outliers_cost_time_and_nothing_else(void **state)
{
	struct fake f;
	struct neuronscan_counts n = {0};

	(void)state;
	fake_open(&f, 96, 24, 2000);
	for (size_t v = 0; v < 2000; v++)
		head_row(&f, v)[11] *= 60;
	for (size_t i = 0; i < 24; i++)
		up_row(&f, i)[11] *= 60;
	CHECK_INT(all_mismatches(&f.m, NEURON_UP, NEURON_RAW), 0);
	free(labels_of(&f.m, 1, NEURON_UP, NEURON_RAW, &n));
	CHECK(n.exact < n.looked_twice && n.looked_twice <= n.pairs);
	free(f.data);
}

static void whole_models_of_every_kind_agree(void **state)
{
	static const struct { const char *arch; enum dtype type; bool own_head; } kinds[] = {
		{"llama", DTYPE_F32, true}, {"llama", DTYPE_F16, false}, {"llama", DTYPE_Q8_0, true},
		{"llama", DTYPE_Q4_0, false}, {"qwen2", DTYPE_Q5_1, true}, {"gpt2", DTYPE_F32, false},
		{"gpt2", DTYPE_Q4_1, true}, {"llama", DTYPE_BF16, true}, {"llama", DTYPE_Q6_K, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		struct tiny_spec s = tiny_spec(kinds[i].arch, kinds[i].type);
		struct err e = {0};
		struct tiny t;

		s.own_head = kinds[i].own_head;
		CHECK(tiny_open(&t, &s, &e));
		CHECK_INT(all_mismatches(t.model, NEURON_UP, NEURON_RAW), 0);
		CHECK_INT(all_mismatches(t.model, NEURON_UP, NEURON_GAIN), 0);
		CHECK_INT(all_mismatches(t.model, NEURON_DOWN, NEURON_WRITE), 0);
		if (t.model->hp.arch->mlp == MLP_GATED_SILU)
			CHECK_INT(all_mismatches(t.model, NEURON_GATE, NEURON_READ), 0);
		tiny_close(&t);
	}
}

/* Double, in eight sums that a compiler can take together. */
static double product(const float *a, const float *b, size_t n)
{
	double sum[8] = {0};
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		for (size_t k = 0; k < 8; k++)
			sum[k] += (double)a[i + k] * (double)b[i + k];
	for (; i < n; i++)
		sum[0] += (double)a[i] * (double)b[i];
	return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

/* How many tokens are better than each of the ten, counted over the vocabulary. */
static int misplaced(const float *head, size_t n_vocab, const float *w, size_t d, const struct neuron_labels *got)
{
	double *s = mem_array(n_vocab, sizeof *s);
	int bad = 0;

	for (size_t v = 0; v < n_vocab; v++)
		s[v] = product(head + v * d, w, d);
	for (int k = 0; k < NEURON_LABELS; k++) {
		int32_t id = got->id[k];
		int better = 0;
		for (size_t v = 0; v < n_vocab; v++)
			better += s[v] > s[id] || (s[v] == s[id] && (int32_t)v < id);
		bad += better != k;
	}
	free(s);
	return bad;
}

static void the_built_in_model_agrees_for_every_neuron(void **state)
{
	struct err e = {0};
	struct model *m = model_open("app/demo/demo.gguf", NULL, &e);
	int bad = 0;

	(void)state;
	if (!m)
		SKIP("app/demo/demo.gguf is not there");
	const struct tensor *h = m->w.lm_head ? m->w.lm_head : m->w.tok_embd;
	float *head = mem_array(h->rows * h->cols, sizeof *head), *w = mem_array(h->cols, sizeof *w);
	struct neuron_labels *got = labels_of(m, 2, NEURON_UP, NEURON_RAW, NULL);
	for (size_t v = 0; v < h->rows; v++)
		tensor_row_f32(h, v, head + v * h->cols);
	for (int l = 0; l < m->hp.n_layers; l++)
		for (int i = 0; i < m->hp.d_ff; i++) {
			neuron_vectors(m, NEURON_UP, NEURON_RAW, l, i, 1, w);
			bad += misplaced(head, h->rows, w, h->cols, &got[l * m->hp.d_ff + i]);
		}
	CHECK_INT(bad, 0);
	free(got);
	free(w);
	free(head);
	model_close(m);
}

static void threads_change_no_bit(void **state)
{
	struct fake f;

	(void)state;
	fake_open(&f, 72, 130, 1000);
	size_t n = 260;
	struct neuron_labels *one = labels_of(&f.m, 1, NEURON_UP, NEURON_RAW, NULL);
	struct neuron_labels *four = labels_of(&f.m, 4, NEURON_UP, NEURON_RAW, NULL);
	CHECK(!memcmp(one, four, n * sizeof *one));
	free(one);
	free(four);
	free(f.data);
}

static void every_kernel_table_counts_the_same(void **state)
{
	enum { N = 192 };
	static _Alignas(64) uint8_t rows[NK_TOKENS * N], panel[NK_TOKENS * N], want[NK_TOKENS * N];
	static int8_t w[NK_NEURONS * N];
	static struct nk_tile t;
	const struct neuron_kernels *ref = neuron_kernel_tables[0];
	struct nk_neuron p[NK_NEURONS];
	struct nk_out a[NK_NEURONS], b[NK_NEURONS];

	(void)state;
	for (size_t i = 0; i < sizeof rows; i++)
		rows[i] = (uint8_t)(1 + (int)(255 * uniform()));
	for (size_t i = 0; i < sizeof w; i++)
		w[i] = (int8_t)((int)(255 * uniform()) - 127);
	memset(rows, 255, N);
	memset(w, 127, N);
	memset(w + N, -127, N);
	for (int v = 0; v < NK_TOKENS; v++) {
		t.scale[v] = (float)uniform() * 1e-4f;
		t.norm[v] = t.err[v] = (float)uniform();
	}
	t.bias[9] = -INFINITY;
	t.bias[10] = -INFINITY;
	t.err[10] = INFINITY;
	t.panel = panel;
	for (size_t j = 0; j < NK_NEURONS; j++) {
		int32_t sum = 0;
		for (size_t i = 0; i < N; i++)
			sum += w[j * N + i];
		p[j] = (struct nk_neuron){.bias = -128 * sum, .a = 0.1f, .b = 0.2f, .floor = j == 5 ? -3e38f : 3, .c = 1, .m = 2};
	}
	ref->turn(rows, N, want);
	memcpy(panel, want, sizeof want);
	ref->scan(&t, N, w, N, p, a);
	for (size_t k = 1; k < n_neuron_kernel_tables; k++) {
		const struct neuron_kernels *nk = neuron_kernel_tables[k];
		if (!nk->usable())
			continue;
		nk->turn(rows, N, panel);
		CHECK(!memcmp(panel, want, sizeof want));
		nk->scan(&t, N, w, N, p, b);
		for (int j = 0; j < NK_NEURONS; j++) {
			CHECK(a[j].pass == b[j].pass);
			for (int v = 0; v < NK_TOKENS; v++)
				if (a[j].pass >> v & 1)
					CHECK_INT(a[j].dot[v], b[j].dot[v]);
			CHECK_NEAR(b[j].sum, a[j].sum, 1e-5 * fabs((double)a[j].sum));
		}
		CHECK(!(a[5].pass >> 9 & 1) && a[5].pass >> 10 & 1);
		for (size_t j = 0; j + 1 < NK_NEURONS; j++) {
			int32_t x[2], y[2], sums[2] = {p[j].bias / -128, p[j + 1].bias / -128};
			ref->refine(rows, rows + N, w + j * N, w + (j + 1) * N, N, sums, x);
			nk->refine(rows, rows + N, w + j * N, w + (j + 1) * N, N, sums, y);
			CHECK(x[0] == y[0] && x[1] == y[1]);
		}
	}
}

static void roundings_leave_what_they_say(void **state)
{
	enum { N = 101, PAD = 128 };
	float x[N], y[N];
	int8_t q1[PAD], q2[PAD];

	(void)state;
	for (size_t k = 0; k < n_neuron_kernel_tables; k++) {
		const struct neuron_kernels *nk = neuron_kernel_tables[k];
		struct nk_round r;
		double err1 = 0, err2 = 0;
		if (!nk->usable())
			continue;
		for (int i = 0; i < N; i++) {
			x[i] = normal();
			y[i] = normal();
		}
		nk->round(x, N, PAD, q1, q2, &r);
		CHECK(r.sane);
		for (int i = 0; i < PAD; i++) {
			double v = i < N ? (double)x[i] : 0, a = (double)r.d * q1[i], b = (double)r.d2 * q2[i];
			err1 += (v - a) * (v - a);
			err2 += (v - a - b) * (v - a - b);
		}
		CHECK_NEAR(r.err1, sqrt(err1), 1e-6 * r.norm);
		CHECK_NEAR(r.err2, sqrt(err2), 1e-6 * r.norm);
		CHECK(r.err1 < 0.02 * r.norm && r.err2 < 1e-4 * r.norm);
		double one = nk->dot_f64(x, y, N), ref = neuron_kernel_tables[0]->dot_f64(x, y, N);
		CHECK(!memcmp(&one, &ref, sizeof one));
		x[50] = NAN;
		nk->round(x, N, PAD, q1, q2, &r);
		CHECK(!r.sane && !q1[0] && !q2[PAD - 1]);
	}
}

static bool stop_at_once(void *to, double done)
{
	(void)done;
	++*(int *)to;
	return false;
}

static void it_stops_when_told(void **state)
{
	struct fake f;
	struct err e = {0};
	int asked = 0;

	(void)state;
	fake_open(&f, 64, 10, 500);
	struct neuron_labels out[20];
	struct neuronscan job = {.m = &f.m, .pool = pool_new(1, &e), .variant = NEURON_RAW, .n = 20, .go_on = stop_at_once,
	    .to = &asked};
	CHECK(!neuronscan_run(&job, out, NULL, &e));
	CHECK_INT(e.code, ERR_INTERRUPTED);
	CHECK_INT(asked, 1);
	pool_free(job.pool);
	free(f.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(random_weights_have_the_labels_of_brute_force),
		TEST(equal_logits_go_to_the_lower_id),
		TEST(near_ties_are_told_apart),
		TEST(strange_rows_are_ranked_where_they_belong),
		TEST(outliers_cost_time_and_nothing_else),
		TEST(whole_models_of_every_kind_agree),
		TEST(the_built_in_model_agrees_for_every_neuron),
		TEST(threads_change_no_bit),
		TEST(every_kernel_table_counts_the_same),
		TEST(roundings_leave_what_they_say),
		TEST(it_stops_when_told),
	};

	return RUN(tests);
}
