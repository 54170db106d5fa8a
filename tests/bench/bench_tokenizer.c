/*
 * bench_tokenizer -- what a vocabulary costs: reading it, the first text, a long text.
 *
 * Prints lines `name value unit`, CPU time of this thread.  Without arguments the two
 * shared vocabularies and the sources of the engine as the text.
 *   bench_tokenizer [text [vocabulary.gguf...]]
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/gguf.h"
#include "engine/vocab.h"
#include "tests/test.h"
#include "tests/tok_cases.h"

static double ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec * 1e-6;
}

static void encode(const struct vocab *v, const char *text, size_t n)
{
	struct err e;
	int32_t *ids;
	size_t n_ids;

	if (vocab_encode(v, text, n, false, false, &ids, &n_ids, &e))
		free(ids);
	else
		fprintf(stderr, "%s\n", e.msg);
}

static void bench(const char *path, const struct buf *text)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct err e;
	struct gguf *g = gguf_open(path, &e);
	double t0 = ms();
	struct vocab *v = g ? vocab_from_gguf(g, 0, &e) : NULL;

	if (!v) {
		printf("tokenizer %s skipped: %s\n", name, e.msg);
		gguf_close(g);
		return;
	}
	double t1 = ms();

	encode(v, "a", 1);
	double t2 = ms();

	encode(v, text->data, text->len);
	double t3 = ms();

	printf("tokenizer.%s.read %.2f ms\n", name, t1 - t0);
	printf("tokenizer.%s.first_text %.2f ms\n", name, t2 - t1);
	printf("tokenizer.%s.encode %.1f MB/s\n", name, (double)text->len * 1e-3 / (t3 - t2));
	vocab_free(v);
	gguf_close(g);
}

int main(int argc, char **argv)
{
	struct buf text = {0};
	glob_t sources = {0};

	if (argc > 1) {
		if (!read_whole_file(argv[1], &text))
			return 1;
	} else if (glob("engine/*.[ch]", 0, NULL, &sources) == 0) {
		for (size_t i = 0; i < sources.gl_pathc; i++)
			if (!read_whole_file(sources.gl_pathv[i], &text))
				return 1;
	}
	globfree(&sources);
	if (argc > 2)
		for (int i = 2; i < argc; i++)
			bench(argv[i], &text);
	else {
		bench(SHARED "tokenizers/llama-spm.gguf", &text);
		bench(SHARED "tokenizers/gpt-2.gguf", &text);
	}
	buf_free(&text);
	return 0;
}
