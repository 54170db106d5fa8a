#include "engine/chat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/gguf.h"
#include "engine/model.h"
#include "engine/vocab.h"

enum { CHAT_TRIM = 1, CHAT_JOIN = 2, CHAT_REBOS = 4, MAX_MARKS = 4, MAX_TEMPLATE = 1 << 20 };

struct around {
	const char *before, *after;
};

struct chat {
	const char *name;
	const char *marks[MAX_MARKS];
	struct around turn[N_CHAT_ROLES];
	const char *answer;
	unsigned flags;
};

/* A text being written, and where in it the texts of the turns lie. */
struct page {
	const struct chat *c;
	const struct vocab *v;
	struct buf *out;
	struct vocab_span *plain;       /* [turns], NULL: nobody asks */
	size_t n_plain;
};

#define MARKS(...) { __VA_ARGS__ }
#define TURN(before, after) { before, after }
#define CHAT(name, marks, system, user, assistant, answer, flags) \
	{ name, marks, { system, user, assistant }, answer, flags },
static const struct chat rows[] = {
#include "engine/chats.def"
};
#undef CHAT

const struct chat *chat_at(size_t i)
{
	return i < sizeof rows / sizeof *rows ? &rows[i] : NULL;
}

const char *chat_name(const struct chat *c)
{
	return c->name;
}

static bool contains(const char *s, size_t n, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = s; n >= len && (at = memchr(at, *word, (size_t)(s + n - len + 1 - at))); at++)
		if (!memcmp(at, word, len))
			return true;
	return false;
}

static bool fits(const struct chat *c, const char *s, size_t n)
{
	for (int i = 0; i < MAX_MARKS && c->marks[i]; i++) {
		bool unwanted = *c->marks[i] == '!';

		if (contains(s, n, c->marks[i] + unwanted) == unwanted)
			return false;
	}
	return true;
}

const struct chat *chat_recognise(const char *template, size_t n)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (fits(&rows[i], template, n))
			return &rows[i];
	return NULL;
}

const struct chat *chat_from_gguf(const struct gguf *g, struct err *e)
{
	const char *text;
	const struct chat *c = NULL;
	size_t n;

	if (!gguf_str(g, "tokenizer.chat_template", &text, &n, e))
		return NULL;
	if (!text)
		err_set(e, ERR_UNSUPPORTED, "the file has no chat template: it is not made for conversations");
	else if (n > MAX_TEMPLATE)
		err_set(e, ERR_FILE, "tokenizer.chat_template is %zu bytes long, at most %d are allowed", n, MAX_TEMPLATE);
	else if (!(c = chat_recognise(text, n)))
		err_set(e, ERR_UNSUPPORTED, "the file's chat template is none this program knows; write the turns yourself");
	return c;
}

const struct chat *chat_of_model(const struct model *m, struct err *e)
{
	if (m->gguf)
		return chat_from_gguf(m->gguf, e);
	err_set(e, ERR_UNSUPPORTED, "a llama2.c file has no chat template");
	return NULL;
}

const struct chat *chat_from_name(const char *name, struct err *e)
{
	struct buf names = {0};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (!strcmp(rows[i].name, name)) {
			buf_free(&names);
			return &rows[i];
		}
		buf_printf(&names, " %s", rows[i].name);
	}
	err_set(e, ERR_USAGE, "no chat template \"%.40s\"; there are:%s", name, names.data);
	buf_free(&names);
	return NULL;
}

static void add_piece(struct page *p, int id)
{
	size_t n;
	const char *s = id < 0 ? NULL : vocab_bytes(p->v, id, &n);

	if (s)
		buf_add(p->out, s, n);
}

/* A row's own words: \1 and \2 stand for BOS and EOS. */
static void add_words(struct page *p, const char *s)
{
	for (; *s; s++)
		if (*s == '\1')
			add_piece(p, vocab_bos(p->v));
		else if (*s == '\2')
			add_piece(p, vocab_eos(p->v));
		else
			buf_char(p->out, *s);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_text(struct page *p, const char *s)
{
	size_t n = strlen(s);

	if (p->c->flags & CHAT_TRIM) {
		for (; n && is_space(*s); n--)
			s++;
		while (n && is_space(s[n - 1]))
			n--;
	}
	if (p->plain)
		p->plain[p->n_plain++] = (struct vocab_span){ .at = p->out->len, .n = n };
	buf_add(p->out, s, n);
}

static void add_system(struct page *p, const char *text)
{
	add_words(p, p->c->turn[CHAT_SYSTEM].before);
	add_text(p, text);
	add_words(p, p->c->turn[CHAT_SYSTEM].after);
}

static void render(struct page *p, const struct chat_turn *turns, size_t n, bool answer)
{
	unsigned flags = p->c->flags;
	const char *system = NULL;      /* waits for the next user turn */
	bool first = true;

	buf_add(p->out, "", 0);
	for (size_t i = 0; i < n; i++) {
		const struct around *around = &p->c->turn[turns[i].role];
		bool user = turns[i].role == CHAT_USER;

		assert(turns[i].role < N_CHAT_ROLES);
		if (turns[i].role == CHAT_SYSTEM && flags & CHAT_JOIN) {
			system = turns[i].text;
			continue;
		}
		if (user && flags & CHAT_REBOS && !first)
			add_words(p, "\1");
		add_words(p, around->before);
		if (user && system) {
			add_system(p, system);
			system = NULL;
		}
		add_text(p, turns[i].text);
		add_words(p, around->after);
		first = false;
	}
	if (answer)
		add_words(p, p->c->answer);
}

void chat_render(const struct chat *c, const struct vocab *v, const struct chat_turn *turns, size_t n, bool answer,
    struct buf *out)
{
	render(&(struct page){ .c = c, .v = v, .out = out }, turns, n, answer);
}

bool chat_encode(const struct chat *c, const struct vocab *v, const struct chat_turn *turns, size_t n, bool answer,
    int32_t **ids, size_t *n_ids, struct err *e)
{
	struct buf text = {0};
	struct page p = { .c = c, .v = v, .out = &text, .plain = mem_array(n, sizeof *p.plain) };

	render(&p, turns, n, answer);
	bool ok = vocab_encode_spans(v, text.data, text.len, vocab_add_bos(v), p.plain, p.n_plain, ids, n_ids, e);

	free(p.plain);
	buf_free(&text);
	return ok;
}

/* Tokens of the end of an answer up to the one that ends a generation, which the
 * model has written itself; 0 where the template has no such token. */
static bool count_written(const struct chat *c, const struct vocab *v, size_t *n_written, struct err *e)
{
	struct buf text = {0};
	int32_t *ids = NULL;
	size_t n = 0;
	bool ok;

	add_words(&(struct page){ .c = c, .v = v, .out = &text }, c->turn[CHAT_ASSISTANT].after);
	ok = vocab_encode(v, text.len ? text.data : "", text.len, false, true, &ids, &n, e);
	*n_written = 0;
	for (size_t i = 0; ok && i < n && !*n_written; i++)
		if (vocab_is_end(v, ids[i]))
			*n_written = i + 1;
	free(ids);
	buf_free(&text);
	return ok;
}

bool chat_encode_next(const struct chat *c, const struct vocab *v, const char *said, bool ended, int32_t **ids,
    size_t *n_ids, struct err *e)
{
	struct buf text = {0};
	struct vocab_span plain;
	struct page p = { .c = c, .v = v, .out = &text, .plain = &plain };
	const struct around *user = &c->turn[CHAT_USER];
	size_t n_written = 0;
	bool ok;

	add_words(&p, c->turn[CHAT_ASSISTANT].after);
	add_words(&p, c->flags & CHAT_REBOS ? "\1" : "");
	add_words(&p, user->before);
	add_text(&p, said);
	add_words(&p, user->after);
	add_words(&p, c->answer);
	ok = (!ended || count_written(c, v, &n_written, e)) &&
	    vocab_encode_spans(v, text.data, text.len, false, &plain, p.n_plain, ids, n_ids, e);
	if (ok && n_written)
		memmove(*ids, *ids + n_written, (*n_ids -= n_written) * sizeof **ids);
	buf_free(&text);
	return ok;
}
