/* test_demo: the built-in model in our engine and in PyTorch, from one file. */
#include <stdlib.h>

#include "engine/session.h"
#include "tests/test.h"

enum { MAX_IDS = 128 };

struct expected {
	char prompt[512];
	int32_t ids[MAX_IDS];
	int n_ids;
};

static void read_head(FILE *f, struct expected *x)
{
	int n = 0, id;

	assert_int_equal(fscanf(f, "prompt %511[^\n]\n", x->prompt), 1);
	assert_int_equal(fscanf(f, "ids %d", &n), 1);
	assert_true(n > 0 && n <= MAX_IDS);
	for (x->n_ids = 0; x->n_ids < n; x->n_ids++) {
		assert_int_equal(fscanf(f, "%d", &id), 1);
		x->ids[x->n_ids] = id;
	}
}

static double farthest(FILE *f, const float *logits, int n_vocab, int n_ids)
{
	double most = 0, want;
	int pos;

	while (fscanf(f, " pos %d", &pos) == 1) {
		assert_true(pos >= 0 && pos < n_ids);
		for (int v = 0; v < n_vocab; v++) {
			assert_int_equal(fscanf(f, "%lf", &want), 1);
			most = fmax(most, fabs(want - (double)logits[(size_t)pos * (size_t)n_vocab + (size_t)v]));
		}
	}
	return most;
}

static void its_logits_are_those_of_pytorch(void **state)
{
	struct probe_plan plan = { 0 };
	struct expected x = { .n_ids = 0 };
	struct err e = { 0 };
	struct model *m = model_open("app/demo/demo.gguf", NULL, &e);
	FILE *f = fopen("app/demo/logits.ref", "r");
	int32_t *ids = NULL;
	size_t n = 0;

	(void)state;
	if (!m)
		fail_msg("%s", e.msg);
	assert_non_null(f);
	read_head(f, &x);
	/* Tokenizer first: the same text is the same ids. */
	assert_true(vocab_encode(m->vocab, x.prompt, strlen(x.prompt), true, true, &ids, &n, &e));
	assert_int_equal(n, x.n_ids);
	assert_memory_equal(ids, x.ids, n * sizeof *ids);
	struct session *s = session_new(m, &(struct session_options){ .n_threads = 1, .plan = &plan }, &e);
	float *logits = calloc(n * (size_t)m->hp.n_vocab, sizeof *logits);
	assert_true(session_append(s, ids, n, &e) && session_logits(s, logits, &e));
	double off = farthest(f, logits, m->hp.n_vocab, x.n_ids);
	printf("largest difference to PyTorch in float64: %.2g\n", off);
	assert_true(off < 1e-3);
	free(logits);
	free(ids);
	session_free(s);
	model_close(m);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(its_logits_are_those_of_pytorch) };

	return RUN(tests);
}
