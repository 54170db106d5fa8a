#include "engine/chat.h"

#include <assert.h>
#include <string.h>

#include "engine/gguf.h"
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

static void add_piece(const struct vocab *v, int id, struct buf *out)
{
	size_t n;
	const char *s = id < 0 ? NULL : vocab_bytes(v, id, &n);

	if (s)
		buf_add(out, s, n);
}

/* A row's own words: \1 and \2 stand for BOS and EOS. */
static void add_words(const struct vocab *v, const char *s, struct buf *out)
{
	for (; *s; s++)
		if (*s == '\1')
			add_piece(v, vocab_bos(v), out);
		else if (*s == '\2')
			add_piece(v, vocab_eos(v), out);
		else
			buf_char(out, *s);
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void add_text(const struct chat *c, const char *s, struct buf *out)
{
	size_t n = strlen(s);

	if (c->flags & CHAT_TRIM) {
		for (; n && is_space(*s); n--)
			s++;
		while (n && is_space(s[n - 1]))
			n--;
	}
	buf_add(out, s, n);
}

static void add_system(const struct chat *c, const struct vocab *v, const char *text, struct buf *out)
{
	add_words(v, c->turn[CHAT_SYSTEM].before, out);
	add_text(c, text, out);
	add_words(v, c->turn[CHAT_SYSTEM].after, out);
}

void chat_render(const struct chat *c, const struct vocab *v, const struct chat_turn *turns, size_t n, bool answer,
    struct buf *out)
{
	const char *system = NULL;      /* waits for the next user turn */
	bool first = true;

	buf_add(out, "", 0);
	for (size_t i = 0; i < n; i++) {
		const struct around *around = &c->turn[turns[i].role];

		assert(turns[i].role < N_CHAT_ROLES);
		if (turns[i].role == CHAT_SYSTEM) {
			if (c->flags & CHAT_JOIN)
				system = turns[i].text;
			else
				add_system(c, v, turns[i].text, out);
			continue;
		}
		if (turns[i].role == CHAT_USER && c->flags & CHAT_REBOS && !first)
			add_words(v, "\1", out);
		add_words(v, around->before, out);
		if (turns[i].role == CHAT_USER && system) {
			add_system(c, v, system, out);
			system = NULL;
		}
		add_text(c, turns[i].text, out);
		add_words(v, around->after, out);
		first = false;
	}
	if (answer)
		add_words(v, c->answer, out);
}
