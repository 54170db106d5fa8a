#include "engine/pretok.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"

enum {
	MAX_STAGES = 8,
	/* Far above what any text needs (a few steps a byte over the longest run of one
	 * kind), low enough to end within a second or two. */
	STEP_LIMIT = 200 * 1000 * 1000,
	HEAP_LIMIT_KIB = 256 * 1024,
	JIT_STACK_START = 32 * 1024,
	JIT_STACK_LIMIT = 16 * 1024 * 1024,
};

#define SPLIT(id, ...) static const char *const split_##id[] = { __VA_ARGS__, NULL };
#define PRETOK(name, id, flags)
#include "engine/pretoks.def"
#undef SPLIT
#undef PRETOK

static const struct pretok_row rows[] = {
#define SPLIT(id, ...)
#define PRETOK(name, id, flags) { name, split_##id, flags },
#include "engine/pretoks.def"
#undef SPLIT
#undef PRETOK
};

struct stage {
	pcre2_code *code;
	bool jit;
	bool by_threes;         /* cut matches in threes from the right */
};

struct pretok {
	int n;
	struct stage stage[MAX_STAGES];
};

struct pretok_run {
	const struct pretok *p;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
	pcre2_match_data *match[MAX_STAGES];
	pretok_fn *fn;
	void *ctx;
};

const struct pretok_row *pretok_at(size_t i)
{
	return i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

const struct pretok_row *pretok_find(const char *name, size_t n, struct err *e)
{
	struct buf shown = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strlen(rows[i].name) == n && !memcmp(rows[i].name, name, n))
			return &rows[i];
	utf8_escape(name, n < 60 ? n : 60, &shown);
	err_set(e, ERR_UNSUPPORTED,
	    "tokenizer.ggml.pre is \"%s\", a pre-tokenizer this program does not know; "
	    "engine/pretoks.def has the %zu it does", shown.data, sizeof rows / sizeof *rows);
	buf_free(&shown);
	return NULL;
}

/* Unicode 15, PropList.txt: White_Space. */
#define SPACES "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* Writes \s and \S out; PCRE2's own take U+180E for a space, tokenizers do not. */
static void write_spaces_out(const char *pattern, struct buf *out)
{
	bool in_class = false;

	for (const char *s = pattern; *s; s++) {
		if (s[0] == '\\' && s[1] == 's') {
			buf_str(out, in_class ? SPACES : "[" SPACES "]");
			s++;
		} else if (s[0] == '\\' && s[1] == 'S') {
			buf_str(out, "[^" SPACES "]");
			s++;
		} else if (s[0] == '\\') {
			buf_add(out, s++, 2);
		} else {
			if (*s == '[' || *s == ']')
				in_class = *s == '[';
			buf_char(out, *s);
		}
	}
}

static bool compile(struct stage *st, const char *pattern, struct err *e)
{
	struct buf text = {0};
	PCRE2_SIZE at;
	int code;

	st->by_threes = !strncmp(pattern, "3:", 2);
	write_spaces_out(pattern + (st->by_threes ? 2 : 0), &text);
	st->code = pcre2_compile((PCRE2_SPTR)text.data, text.len, PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
	if (st->code)
		st->jit = pcre2_jit_compile(st->code, PCRE2_JIT_COMPLETE) == 0;
	else
		err_set(e, ERR_UNSUPPORTED, "this PCRE2 does not compile \"%.80s\" (error %d at %zu)", text.data,
		    code, (size_t)at);
	buf_free(&text);
	return st->code != NULL;
}

struct pretok *pretok_new(const struct pretok_row *row, struct err *e)
{
	struct pretok *p = mem_zalloc(sizeof *p);

	for (; row->patterns[p->n]; p->n++)
		if (!compile(&p->stage[p->n], row->patterns[p->n], e)) {
			err_wrap(e, "pre-tokenizer %s", row->name);
			pretok_free(p);
			return NULL;
		}
	return p;
}

void pretok_free(struct pretok *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->n; i++)
		pcre2_code_free(p->stage[i].code);
	free(p);
}

struct pretok_run *pretok_begin(const struct pretok *p)
{
	struct pretok_run *r = mem_zalloc(sizeof *r);

	r->p = p;
	r->context = pcre2_match_context_create(NULL);
	r->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_LIMIT, NULL);
	if (r->context) {
		pcre2_set_match_limit(r->context, STEP_LIMIT);
		pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
		if (r->stack)
			pcre2_jit_stack_assign(r->context, NULL, r->stack);
	}
	for (int i = 0; i < p->n; i++)
		r->match[i] = pcre2_match_data_create(1, NULL);
	return r;
}

void pretok_end(struct pretok_run *r)
{
	if (!r)
		return;
	for (int i = 0; i < r->p->n; i++)
		pcre2_match_data_free(r->match[i]);
	pcre2_jit_stack_free(r->stack);
	pcre2_match_context_free(r->context);
	free(r);
}

/* Without the UTF check: the text was checked once, and checking the rest of it
 * at every match would make the run quadratic. */
static int next_match(struct pretok_run *r, int k, const char *s, size_t n, size_t from)
{
	const struct stage *st = &r->p->stage[k];
	PCRE2_SPTR subject = (PCRE2_SPTR)s;
	int rc = PCRE2_ERROR_JIT_BADOPTION;

	if (st->jit)
		rc = pcre2_jit_match(st->code, subject, n, from, PCRE2_NO_UTF_CHECK, r->match[k], r->context);
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		rc = pcre2_match(st->code, subject, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, r->match[k],
		    r->context);
	return rc;
}

static bool split(struct pretok_run *r, int k, const char *s, size_t n, struct err *e);

static size_t char_len(const char *s)
{
	unsigned char c = (unsigned char)*s;

	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* 1234567 -> 1 234 567: what is left over comes first. */
static bool split_threes(struct pretok_run *r, int k, const char *s, size_t n, struct err *e)
{
	size_t n_chars = 0, len = 0, start = 0;

	for (size_t i = 0; i < n; i += char_len(s + i))
		n_chars++;
	for (size_t i = 0; i < n; i += len) {
		len = char_len(s + i);
		if (--n_chars % 3 == 0) {
			if (!split(r, k, s + start, i + len - start, e))
				return false;
			start = i + len;
		}
	}
	return true;
}

/* Cuts s by pattern k and hands every part, matched or between matches, to the next pattern. */
static bool split(struct pretok_run *r, int k, const char *s, size_t n, struct err *e)
{
	size_t done = 0, from = 0;

	if (k == r->p->n)
		return r->fn(r->ctx, s, n, e);
	while (from < n) {
		int rc = next_match(r, k, s, n, from);
		const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->match[k]);
		size_t start = at[0], end = at[1];

		if (rc == PCRE2_ERROR_NOMATCH)
			break;
		if (rc < 0)
			return err_set(e, ERR_RUN, "the pre-tokenizer gave up %zu bytes into a piece of %zu (PCRE2 error %d)",
			    from, n, rc);
		if (start > done && !split(r, k + 1, s + done, start - done, e))
			return false;
		if (end > start && !(r->p->stage[k].by_threes ? split_threes : split)(r, k + 1, s + start, end - start, e))
			return false;
		done = end;
		from = end > start ? end : end < n ? end + char_len(s + end) : n;
	}
	return done >= n || split(r, k + 1, s + done, n - done, e);
}

bool pretok_split(struct pretok_run *r, const char *text, size_t n, pretok_fn *fn, void *ctx, struct err *e)
{
	r->fn = fn;
	r->ctx = ctx;
	for (int i = 0; i < r->p->n; i++)
		if (!r->match[i] || !r->context)
			return err_set(e, ERR_RUN, "no memory for the pre-tokenizer");
	return n == 0 || split(r, 0, text, n, e);
}
