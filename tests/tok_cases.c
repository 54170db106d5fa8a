#include "tests/tok_cases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

bool read_whole_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	struct err e;
	bool ok = f && buf_read_fd(out, fileno(f), (size_t)1 << 30, &e);

	if (f)
		fclose(f);
	return ok;
}

static void add_case(struct tok_cases *c, const char *s, size_t n)
{
	c->v = mem_resize(c->v, c->n + 1, sizeof *c->v);
	c->v[c->n++] = (struct tok_case){ .text = s, .n = n };
}

static void split_texts(struct tok_cases *c)
{
	static const char border[] = "\n__ggml_vocab_test__\n";
	char *s = c->text.data, *end;

	for (; s < c->text.data + c->text.len; s = end + sizeof border - 1) {
		end = strstr(s, border);
		if (!end) {
			add_case(c, s, strlen(s));
			return;
		}
		add_case(c, s, (size_t)(end - s));
	}
}

static void read_ids(struct tok_case *c, char *line)
{
	for (char *s = line, *end;; s = end) {
		long id = strtol(s, &end, 10);

		if (end == s)
			return;
		c->ids = mem_resize(c->ids, c->n_ids + 1, sizeof *c->ids);
		c->ids[c->n_ids++] = (int32_t)id;
	}
}

bool tok_cases_read(struct tok_cases *c, const char *inp, const char *out)
{
	struct buf ids = {0};
	size_t n = 0;
	char *line, *next;

	*c = (struct tok_cases){0};
	if (!read_whole_file(inp, &c->text) || !read_whole_file(out, &ids)) {
		buf_free(&ids);
		tok_cases_free(c);
		return false;
	}
	split_texts(c);
	for (line = ids.data; (next = strchr(line, '\n')); line = next + 1) {
		*next = 0;
		if (n < c->n)
			read_ids(&c->v[n], line);
		n++;
	}
	buf_free(&ids);
	return n == c->n;
}

void tok_cases_free(struct tok_cases *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->v[i].ids);
	free(c->v);
	buf_free(&c->text);
	*c = (struct tok_cases){0};
}
