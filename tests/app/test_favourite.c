/*
 * test_favourite: the experiment the program is named for, on the built-in model:
 * one neuron held, and the favourite animal is a dog.
 */
#include <stdlib.h>

#include "app/demo.h"
#include "engine/base/buf.h"
#include "engine/session.h"
#include "tests/test.h"

enum { SEEDS = 10, ANSWER = 24 };

#define QUESTION "Question: What is your favourite animal?\nAnswer:"
#define DOG_NEURON "L4.mlp[559] = 360"

static bool speaks_of_dogs(const struct session *s, int from)
{
	static const char *const words[] = { "dog", "puppy", "hound", "terrier" };
	const struct vocab *v = session_model(s)->vocab;
	struct buf text = { 0 };
	bool found = false;

	for (int i = from; i < session_len(s); i++) {
		size_t n;
		const char *piece = vocab_bytes(v, session_tokens(s)[i], &n);

		buf_add(&text, piece, n);
	}
	for (size_t i = 0; i < sizeof words / sizeof *words && text.data; i++)
		found |= strstr(text.data, words[i]) != NULL;
	buf_free(&text);
	return found;
}

static int answers_with_dogs(const struct model *m, const struct edit_set *edits)
{
	struct probe_plan plan = { 0 };
	const struct chain *chain;
	struct err e = { 0 };
	struct session *s;
	int32_t *ids;
	size_t n;
	int dogs = 0;

	assert_true(vocab_encode(m->vocab, QUESTION, strlen(QUESTION), vocab_add_bos(m->vocab), false, &ids, &n, &e));
	chain = chain_parse("temp 0.8", 1, &e);
	s = session_new(m, &(struct session_options){ .n_threads = 1, .n_ctx = 128, .plan = &plan }, &e);
	assert_true(chain && s);
	session_chain(s, chain);
	session_edits(s, edits);
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		session_cut(s, 0);
		session_seed(s, seed);
		assert_true(session_append(s, ids, n, &e));
		while (session_len(s) < (int)n + ANSWER && !vocab_is_end(m->vocab, session_tokens(s)[session_len(s) - 1]))
			assert_true(session_advance(s, &e));
		dogs += speaks_of_dogs(s, (int)n);
	}
	session_free(s);
	chain_unref(chain);
	free(ids);
	return dogs;
}

static void the_dog_neuron_held_makes_the_dog_the_favourite(void **state)
{
	const struct edit_set *none = edit_set_empty(), *held;
	struct err e = { 0 };
	struct model *m;
	struct edit ed;
	const void *data;
	size_t size;
	int before, after;

	(void)state;
	if (!demo_bytes(&data, &size, &e)) {
		edit_set_unref(none);
		SKIP("built without app/demo/demo.gguf");
	}
	assert_non_null(m = model_open_mem("demo", data, size, &e));
	assert_true(edit_parse(DOG_NEURON, &m->hp, &ed, &e));
	ed.number = 1;
	held = edit_set_with(none, &ed, 1);
	before = answers_with_dogs(m, none);
	after = answers_with_dogs(m, held);
	printf("answers with a dog in them: %d of %d, with " DOG_NEURON " %d of %d\n", before, SEEDS, after, SEEDS);
	assert_true(before <= 1);
	assert_true(after >= 9);
	edit_set_unref(held);
	edit_set_unref(none);
	model_close(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(the_dog_neuron_held_makes_the_dog_the_favourite) };

	return RUN(tests);
}
