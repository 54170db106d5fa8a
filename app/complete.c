#include "app/complete.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "app/command.h"
#include "engine/base/utf8.h"
#include "engine/vocab.h"

enum { MOST = 400 };

static int offer(struct buf *out, const char *word, const char *typed, size_t n)
{
	if (strncmp(word, typed, n))
		return 0;
	buf_add(out, word, strlen(word) + 1);
	return 1;
}

static int complete_command(const char *typed, size_t n, struct buf *out)
{
	int found = 0;

	for (int i = 0; i < N_COMMANDS; i++)
		found += offer(out, commands[i].name, typed, n);
	return found;
}

static int offer_entry(struct buf *out, const char *dir, size_t n_dir, const char *name)
{
	struct buf path = { 0 };
	struct stat st;

	buf_add(&path, dir, n_dir);
	buf_str(&path, name);
	if (stat(path.data, &st) == 0 && S_ISDIR(st.st_mode))
		buf_char(&path, '/');
	buf_add(out, path.data, path.len + 1);
	buf_free(&path);
	return 1;
}

/* Names in the folder of what was typed; hidden ones only when asked for. */
static int complete_path(const char *typed, size_t n, struct buf *out)
{
	struct buf dir = { 0 };
	size_t n_dir = n;
	int found = 0;

	while (n_dir > 0 && typed[n_dir - 1] != '/')
		n_dir--;
	buf_add(&dir, typed, n_dir);
	DIR *d = opendir(n_dir ? dir.data : ".");

	for (struct dirent *en; d && found < MOST && (en = readdir(d));)
		if (strncmp(en->d_name, typed + n_dir, n - n_dir) == 0 && (en->d_name[0] != '.' || n > n_dir))
			found += offer_entry(out, typed, n_dir, en->d_name);
	if (d)
		closedir(d);
	buf_free(&dir);
	return found;
}

/* Tokens that can be typed as one word, without the blank that most begin with. */
static int complete_token(const struct vocab *v, const char *typed, size_t n, struct buf *out)
{
	struct buf word = { 0 };
	int found = 0;

	for (int id = 0; v && id < vocab_size(v) && found < MOST; id++) {
		size_t len;
		const char *s = vocab_bytes(v, id, &len);
		bool blank = len > 1 && *s == ' ';

		buf_clear(&word);
		if (vocab_kind(v, id) != TOKEN_NORMAL || memchr(s + blank, ' ', len - blank) || memchr(s, 0, len))
			continue;
		utf8_escape(s + blank, len - blank, &word);
		/* What had to be escaped cannot be typed either. */
		if (word.len == len - blank)
			found += offer(out, word.data, typed, n);
	}
	buf_free(&word);
	return found;
}

static int complete_argument(const struct app *a, enum arg_type type, const char *typed, size_t n, struct buf *out)
{
	struct buf word = { 0 };
	int found = 0;

	if (type == ARG_PATH)
		return complete_path(typed, n, out);
	if (type == ARG_TOKEN)
		return complete_token(a->source->info.tokens, typed, n, out);
	for (size_t i = 0; found < MOST; i++) {
		buf_clear(&word);
		if (!args_candidate(a, type, i, &word))
			break;
		found += offer(out, word.data, typed, n);
	}
	buf_free(&word);
	return found;
}

/* The command of a line and how many words stand before `start`. */
static const struct command *context(const char *line, size_t start, int *words)
{
	struct err e;
	size_t at = strspn(line, " :"), n = strcspn(line + at, " ");
	const struct command *c;

	*words = 0;
	if (start <= at)
		return NULL;
	c = command_find(line + at, n, &e);
	for (at += n; at < start; at += strcspn(line + at, " ")) {
		at += strspn(line + at, " ");
		if (at < start)
			(*words)++;
	}
	return c;
}

int complete_line(const struct app *a, const char *line, size_t start, size_t end, struct buf *out)
{
	struct arg_spec s;
	int words, i = 0;
	const struct command *c = context(line, start, &words);

	if (start <= strspn(line, " :"))
		return complete_command(line + start, end - start, out);
	if (!c)
		return 0;
	/* An argument that takes the rest stays itself however many words it has. */
	while (args_spec(c->args, i, &s) && i < words && !argtypes[s.type].rest)
		i++;
	if (!args_spec(c->args, i, &s))
		return 0;
	return complete_argument(a, s.type, line + start, end - start, out);
}

void complete_hint(const char *line, struct buf *out)
{
	struct arg_spec s;
	int words;
	size_t n = strlen(line);
	const struct command *c = n ? context(line, n, &words) : NULL;

	buf_clear(out);
	if (!c || (n && line[n - 1] != ' ') || !args_spec(c->args, words, &s))
		return;
	buf_printf(out, "%s: %s", s.name, argtypes[s.type].doc);
}
