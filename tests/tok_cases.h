/*
 * tok_cases -- texts with the ids another program makes of them.
 *
 * The pairs X.inp and X.out are those of llama.cpp's tokenizer tests: texts
 * separated by a line "__ggml_vocab_test__", and one line of ids a text.
 *
 * Owns     everything, until tok_cases_free()
 */
#ifndef TESTS_TOK_CASES_H
#define TESTS_TOK_CASES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

struct tok_case {
	const char *text;
	size_t n;
	int32_t *ids;
	size_t n_ids;
};

struct tok_cases {
	struct tok_case *v;
	size_t n;
	struct buf text;                /* what the cases point into */
};

/* False when the files are not there or do not fit together. */
bool tok_cases_read(struct tok_cases *c, const char *inp, const char *out);
void tok_cases_free(struct tok_cases *c);

/* A whole file, false when it is not there. */
bool read_whole_file(const char *path, struct buf *out);

#endif
