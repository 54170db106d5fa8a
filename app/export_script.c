/*
 * A session as a script: the same orders, each between the same tokens, so that
 * the same model writes the same text.  Orders say what was done; of the commands
 * only those that look are kept, with the captions: nothing in a session makes a
 * script write a file or run another.
 */
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "app/export.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"

enum { LINE_ROOM = 4000 };      /* a command line takes 4,096 bytes */

struct writer {
	struct export *x;
	struct buf *out;
	int to_run;             /* tokens drawn since the last line */
	int n_tokens;           /* of the text, as far as steps have shown it */
	const struct edit_set *edits;   /* in force; a reference */
	int *numbers;           /* [n_numbers] edit number of the session -> of the script, 0: none */
	int n_numbers, last_number;
};

static void settle(struct writer *w)
{
	if (w->to_run)
		buf_printf(w->out, "run %d\n", w->to_run);
	w->to_run = 0;
}

static void put_comment(struct writer *w, const char *what, const char *text)
{
	buf_printf(w->out, "# %s", what);
	utf8_escape(text, strlen(text), w->out);
	buf_char(w->out, '\n');
}

/* A text as the command line reads it back. */
static void put_text(struct writer *w, const char *verb, const char *text)
{
	static const char means[] = "\n\r\t\\", letters[] = "nrt\\";
	struct buf line = { 0 };
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i++) {
		const char *at = strchr(means, text[i]);

		if (at)
			buf_printf(&line, "\\%c", letters[at - means]);
		else if (text[i] == ' ' && (i == 0 || i + 1 == n))
			buf_str(&line, "\\s");
		else
			buf_char(&line, text[i]);
	}
	if (line.len > LINE_ROOM)
		put_comment(w, "too long for a command line: ", verb);
	buf_printf(w->out, "%s %s\n", verb, line.data ? line.data : "");
	buf_free(&line);
}

/* ---------------------------------------------------------------- edits */

static int number_in_script(const struct writer *w, int number)
{
	return number < w->n_numbers ? w->numbers[number] : 0;
}

static const struct edit *find_edit(const struct edit_set *set, int number)
{
	for (int i = 0; i < edit_set_n(set); i++)
		if (edit_set_at(set, i)->number == number)
			return edit_set_at(set, i);
	return NULL;
}

static void make_edit(struct writer *w, const struct edit *ed)
{
	char text[256];

	while (ed->number >= w->n_numbers) {
		w->numbers = mem_resize(w->numbers, (size_t)w->n_numbers + 1, sizeof *w->numbers);
		w->numbers[w->n_numbers++] = 0;
	}
	edit_format(ed, text, sizeof text);
	/* What was patched in stood in this very text, and will again. */
	if (ed->vec && strcmp(ed->op->name, "patch")) {
		put_comment(w, "an edit with a vector, which is in the session and in no file: ", text);
		return;
	}
	/* A swap begins with the name of its command. */
	buf_printf(w->out, "%s%s\n", ed->swap ? "" : ed->vec ? "patch " : "clamp ", text);
	w->numbers[ed->number] = ++w->last_number;
}

/* From the set in force to the next: what went, what came, what was switched. */
static void change_edits(struct writer *w, const struct edit_set *next)
{
	for (int i = 0; i < edit_set_n(w->edits); i++) {
		int number = edit_set_at(w->edits, i)->number;

		if (!find_edit(next, number) && number_in_script(w, number))
			buf_printf(w->out, "drop %d\n", number_in_script(w, number));
	}
	for (int i = 0; i < edit_set_n(next); i++) {
		const struct edit *ed = edit_set_at(next, i), *old = find_edit(w->edits, ed->number);

		if (!old)
			make_edit(w, ed);
		if (ed->on != (old ? old->on : true) && number_in_script(w, ed->number))
			buf_printf(w->out, "toggle-edit %d\n", number_in_script(w, ed->number));
	}
	edit_set_unref(w->edits);
	w->edits = edit_set_ref(next);
}

/* ---------------------------------------------------------------- lines */

static void put_order(struct writer *w, const struct order *o)
{
	settle(w);
	switch (o->kind) {
	case ORDER_RESTART:
		w->n_tokens = 0;
		put_text(w, "prompt", o->text);
		break;
	case ORDER_APPEND:
		put_text(w, "append", o->text);
		break;
	case ORDER_CHAT:
		put_text(w, "chat", o->text);
		break;
	case ORDER_CUT:
		w->n_tokens = o->n < w->n_tokens ? o->n : w->n_tokens;
		buf_printf(w->out, "keep %d\n", o->n);
		break;
	case ORDER_FORCE:
		buf_printf(w->out, "token %d\n", o->n);
		break;
	case ORDER_SEED:
		buf_printf(w->out, "seed %llu\n", (unsigned long long)o->seed);
		break;
	case ORDER_CHAIN:
		buf_printf(w->out, "sampler %s\n", chain_text(o->chain));
		break;
	case ORDER_EDITS:
		change_edits(w, o->edits);
		break;
	case ORDER_RUN:
	case ORDER_PAUSE:
	case ORDER_LOOK:
	case ORDER_REREAD:              /* follows from the edits */
		break;
	}
}

/* Commands go as they are only when they look and are one printable line. */
static void put_command(struct writer *w, const char *line)
{
	struct buf shown = { 0 };

	utf8_escape(line, strlen(line), &shown);
	if (command_only_looks(line) && !strcmp(shown.data ? shown.data : "", line)) {
		settle(w);
		buf_printf(w->out, "%s\n", line);
	}
	buf_free(&shown);
}

static void put_say(struct writer *w, const char *words)
{
	struct buf shown = { 0 };

	utf8_escape(words, strlen(words), &shown);
	settle(w);
	if (shown.len)
		put_text(w, "say", shown.data);
	buf_free(&shown);
}

/* A step that reads again what is there draws nothing. */
static void put_step(struct writer *w, const struct step *s)
{
	if (s->token < 0 || s->pos + 2 <= w->n_tokens)
		return;
	w->n_tokens = s->pos + 2;
	w->to_run += s->why == WHY_SAMPLED;
}

static void put_entry(struct writer *w, const struct session_entry *en)
{
	switch (en->kind) {
	case ENTRY_STEP:
		put_step(w, en->step);
		break;
	case ENTRY_ORDER:
		put_order(w, &en->order);
		break;
	case ENTRY_COMMAND:
		put_command(w, en->text);
		break;
	case ENTRY_SAY:
		put_say(w, en->text);
		break;
	case ENTRY_END:
		settle(w);
		break;
	case ENTRY_PIECE:
	case ENTRY_FINGERPRINT:
		break;
	}
}

bool export_script(struct export *x, struct err *e)
{
	struct writer w = { .x = x, .out = &x->text, .edits = edit_set_empty() };
	struct session_entry en;
	bool ok = true;

	put_comment(&w, "a session on ", x->header->model_name);
	put_comment(&w, "fingerprint ", *x->header->fingerprint ? x->header->fingerprint : "not known");
	buf_printf(&x->text, "seed %llu\n", (unsigned long long)x->header->seed);
	for (bool end = false; ok && !end;) {
		if (!(ok = export_next(x, &en, e)))
			break;
		end = en.kind == ENTRY_END;
		put_entry(&w, &en);
		session_entry_clear(&en);
		ok = x->text.len < 1 << 16 || export_flush(x, e);
	}
	edit_set_unref(w.edits);
	free(w.numbers);
	return ok;
}
