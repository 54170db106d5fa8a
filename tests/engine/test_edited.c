/*
 * test_edited: every edit at every site of a model, against a float64 pass that
 * shares nothing with the engine (tests/reference/make_edits.py).
 */
#include <stdlib.h>
#include <unistd.h>

#include "engine/session.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

enum { MAX_TOKENS = 32, MAX_COLUMNS = 16 };

struct text {
	int32_t tokens[MAX_TOKENS];
	int columns[MAX_COLUMNS];
	int n_tokens, n_columns;
};

static int numbers(char *line, int32_t *out, int room)
{
	int n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \n", &save); (w = strtok_r(NULL, " \n", &save)) && n < room;)
		out[n++] = (int32_t)strtol(w, NULL, 10);
	return n;
}

/* The vector of the reference, v[i] = sin(i + 1), as the file that the edit wants. */
static char *vector_file(const struct model *m, const char *operation, int layer)
{
	struct err e = { 0 };
	struct address at = { .site = SITE_resid_post, .layer = layer, .head = -1, .index = -1 };
	float *v = calloc((size_t)m->hp.d_model, sizeof *v);
	char *path = tiny_temp_file("", 0, ".vec");

	for (int i = 0; i < m->hp.d_model; i++)
		v[i] = (float)sin(i + 1);
	struct vec *x = vec_new("v", operation, &at, 1, m->hp.d_model, v);
	if (!vec_write(x, path, &m->hp, "", &e))
		fail_msg("%s", e.msg);
	vec_unref(x);
	free(v);
	return path;
}

static void parse(const struct model *m, const char *line, struct edit *ed)
{
	struct err e = { 0 };
	const char *word = strstr(line, "VECTOR");
	char text[512];
	char *path = NULL;

	snprintf(text, sizeof text, "%s", line);
	if (word) {
		path = vector_file(m, strstr(line, "project") ? "project" : "add", line[1] - '0');
		snprintf(text, sizeof text, "%.*s%s%s", (int)(word - line), line, path, word + 6);
	}
	if (!edit_parse(text, &m->hp, ed, &e))
		fail_msg("%s: %s", line, e.msg);
	ed->number = 1;
	if (path) {
		unlink(path);
		free(path);
	}
}

/* Largest distance of the logits under `line` to those of the reference.  In one
 * piece or in three, since edits must not care. */
static double distance(const struct model *m, const struct text *t, const char *line, const char *expected, int piece)
{
	struct probe_plan plan = { 0 };
	struct err e = { 0 };
	struct session *s = session_new(m, &(struct session_options){ .n_threads = 2, .piece = piece, .plan = &plan }, &e);
	size_t v = (size_t)m->hp.n_vocab;
	float *logits = calloc((size_t)t->n_tokens * v, sizeof *logits);
	const struct edit_set *none = edit_set_empty();
	double most = 0;

	assert_non_null(s);
	if (strcmp(line, "none")) {
		struct edit ed;

		parse(m, line, &ed);
		const struct edit_set *set = edit_set_with(none, &ed, 1);
		edit_drop(&ed);
		session_edits(s, set);
		edit_set_unref(set);
	}
	assert_true(session_append(s, t->tokens, (size_t)t->n_tokens, &e));
	if (!session_logits(s, logits, &e))
		fail_msg("%s: %s", line, e.msg);
	for (int i = 0; i < 2 * t->n_columns; i++) {
		char *end;
		double x = strtod(expected, &end);
		int pos = t->n_tokens - 2 + i / t->n_columns;

		assert_true(end != expected);
		expected = end;
		most = fmax(most, fabs(x - (double)logits[(size_t)pos * v + (size_t)t->columns[i % t->n_columns]]));
	}
	/* An edit that is on and matched was applied. */
	if (strcmp(line, "none"))
		assert_true(session_edit_applied(s, 1) > 0);
	edit_set_unref(none);
	free(logits);
	session_free(s);
	return most;
}

static struct model *open_named(const char *name)
{
	char path[128];
	struct err e = { 0 };

	snprintf(path, sizeof path, "tests/reference/%.60s.gguf", name);
	struct model *m = model_open(path, NULL, &e);
	if (!m)
		fail_msg("%s", e.msg);
	return m;
}

static void every_edit_at_every_site_equals_the_float64_pass(void **state)
{
	FILE *f = fopen("tests/reference/edits.txt", "r");
	char line[1024], open_name[64] = "";
	struct text t = { .n_tokens = 0 };
	struct model *m = NULL;
	double most = 0;
	int n = 0;

	(void)state;
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof line, f));
	t.n_tokens = numbers(line, t.tokens, MAX_TOKENS);
	assert_non_null(fgets(line, sizeof line, f));
	int32_t columns[MAX_COLUMNS];
	t.n_columns = numbers(line, columns, MAX_COLUMNS);
	for (int i = 0; i < t.n_columns; i++)
		t.columns[i] = columns[i];
	while (fgets(line, sizeof line, f)) {
		char *bar = strstr(line, " | "), *second = bar ? strstr(bar + 3, " | ") : NULL;

		assert_non_null(second);
		*bar = *second = '\0';
		if (strcmp(line, open_name)) {
			model_close(m);
			m = open_named(line);
			snprintf(open_name, sizeof open_name, "%.60s", line);
		}
		double off = distance(m, &t, bar + 3, second + 3, n % 3 ? 0 : 4);
		if (off > 1e-4)
			fail_msg("%s, %s: off by %g", line, bar + 3, off);
		most = fmax(most, off);
		n++;
	}
	fclose(f);
	model_close(m);
	printf("%d edits, largest difference to float64 %.2g\n", n, most);
	assert_true(n > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(every_edit_at_every_site_equals_the_float64_pass) };

	return RUN(tests);
}
