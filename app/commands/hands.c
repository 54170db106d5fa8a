/*
 * Commands that steer, patch, track and compare: hands on the model beyond one
 * clamp.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/compare.h"
#include "app/app.h"
#include "app/branch.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/patch.h"
#include "app/swap.h"
#include "engine/base/mem.h"

/* A bare L6 is the residual stream leaving the layer. */
static void whole_place(const char *text, struct buf *out)
{
	size_t n = 0;

	text += strspn(text, " \t");
	if (*text == 'L')
		n = text[1] == '*' ? 2 : 1 + strspn(text + 1, "0123456789");
	buf_add(out, text, n);
	if (n > 1 && text[n] != '.')
		buf_str(out, ".resid");
	buf_str(out, text + n);
}

/* The next word, or what stands in quotation marks. */
static bool take_word(const char **p, struct buf *out)
{
	size_t n;
	bool quoted;

	buf_clear(out);
	*p += strspn(*p, " \t");
	quoted = **p == '"';
	*p += quoted;
	n = strcspn(*p, quoted ? "\"" : " \t");
	buf_add(out, *p, n);
	*p += n + (quoted && (*p)[n] == '"');
	return n > 0;
}

/* A.txt B.txt SITE -o FILE */
static bool learn(struct app *a, const char *p, struct err *e)
{
	struct buf w[5] = { { 0 } }, at = { 0 };
	struct address place;
	const char *text;
	bool ok = true;

	for (int i = 0; i < 5 && ok; i++)
		ok = take_word(&p, &w[i]) && (i != 3 || !strcmp(w[i].data, "-o"));
	if (!ok)
		err_set(e, ERR_USAGE, "wants two files of prompts, a place and a file to write: learn A.txt B.txt L6 -o dog.vec");
	else if (!a->lab)
		ok = err_set(e, ERR_USAGE, "there is no model here to learn from");
	if (ok) {
		whole_place(w[2].data, &at);
		text = at.data;
		ok = address_parse(&text, &a->source->info.hp, &place, e) &&
		    (!*text || err_set(e, ERR_USAGE, "does not understand \"%.40s\" behind the place", text)) &&
		    lab_learn(a->lab, w[0].data, w[1].data, &place, w[4].data, e);
	}
	if (ok)
		app_say(a, "learning %s in the background", w[4].data);
	buf_free(&at);
	for (int i = 0; i < 5; i++)
		buf_free(&w[i]);
	return ok;
}

bool cmd_steer(struct app *a, const struct args *args, struct err *e)
{
	const char *text = args->text[0];
	struct args whole = { .n = 1 };
	struct buf line = { 0 };
	bool ok;

	if (!strncmp(text, "learn", 5) && isspace((unsigned char)text[5]))
		return learn(a, text + 5, e);
	whole_place(text, &line);
	whole.text[0] = line.data ? line.data : "";
	ok = cmd_clamp(a, &whole, e);
	buf_free(&line);
	return ok;
}

static const struct edit_def *operation(const char *name)
{
	for (size_t i = 0; i < n_edit_defs; i++)
		if (!strcmp(edit_defs[i]->name, name))
			return edit_defs[i];
	return NULL;
}

/* Behind `from': POSITION, or branch N step POSITION. */
static bool read_origin(struct app *a, const char **p, int *branch, int *pos, struct err *e)
{
	struct timeline_branch b;
	struct buf word = { 0 };
	char *end;
	bool ok = true;

	*branch = 0;
	*p += strspn(*p, " \t");
	if (!strncmp(*p, "branch", 6) && isspace((unsigned char)(*p)[6])) {
		*p += 6;
		ok = take_word(p, &word) && branch_named(a, word.data, &b, e);
		*branch = ok ? b.number : 0;
		ok = ok && take_word(p, &word) && (!strcmp(word.data, "step") || !strcmp(word.data, "position"));
	}
	buf_free(&word);
	*pos = (int)strtol(*p, &end, 10);
	if (ok && end != *p && (!*end || isspace((unsigned char)*end))) {
		*p = end;
		return true;
	}
	return e->code ? false : err_set(e, ERR_USAGE, "`from' wants the position of a step, as in L3.attn_out from 12, or "
	    "from branch 2 step 12");
}

static bool read_patch(struct app *a, const char *p, struct edit *ed, int *branch, int *pos, struct err *e)
{
	const struct source_info *info = &a->source->info;

	*ed = (struct edit){ .op = operation("patch"), .value = 1, .on = true };
	if (!address_parse_in(&p, &info->hp, info->tokens, &ed->at, e))
		return false;
	p += strspn(p, " \t");
	if (strncmp(p, "from", 4) || !isspace((unsigned char)p[4]))
		return err_set(e, ERR_USAGE, "behind the place comes `from' and a position, as in L3.attn_out from 12");
	p += 4;
	if (!read_origin(a, &p, branch, pos, e) || !edit_parse_scope(&p, ed, e))
		return false;
	p += strspn(p, " \t");
	return !*p || err_set(e, ERR_USAGE, "does not understand \"%.40s\" at the end", p);
}

bool cmd_patch(struct app *a, const struct args *args, struct err *e)
{
	struct buf line = { 0 };
	struct edit ed;
	int branch = 0, pos = 0;
	bool ok;

	whole_place(args->text[0], &line);
	ok = read_patch(a, line.data ? line.data : "", &ed, &branch, &pos, e) && patch_ask(a, &ed, branch, pos, e);
	buf_free(&line);
	return ok;
}

bool cmd_swap(struct app *a, const struct args *args, struct err *e)
{
	const struct source_info *info = &a->source->info;
	struct buf line = { 0 };
	struct edit ed;
	bool ok;
	int n;

	if (!strcmp(args->text[0], "stop")) {
		n = swap_stop(a);
		return n || err_set(e, ERR_USAGE, "no swap is being made");
	}
	buf_printf(&line, "swap %s", args->text[0]);
	ok = edit_parse_in(line.data, &info->hp, info->tokens, &ed, e);
	buf_free(&line);
	if (!ok)
		return false;
	ok = swap_ask(a, &ed, e);
	edit_drop(&ed);
	return ok;
}

/* "text" as in an address, or an id. */
static bool read_token(struct app *a, const char **p, int32_t *out, struct err *e)
{
	const struct source_info *info = &a->source->info;
	struct buf at = { 0 };
	struct address place;
	const char *text;
	size_t n = 0;
	bool ok;

	*p += strspn(*p, " \t");
	if (**p == '"') {
		for (n = 1; (*p)[n] && (*p)[n] != '"'; n++)
			n += (*p)[n] == '\\' && (*p)[n + 1];
		n += (*p)[n] == '"';
	} else {
		n = strcspn(*p, " \t");
	}
	buf_str(&at, "logit[");
	buf_add(&at, *p, n);
	buf_str(&at, "]");
	text = at.data;
	ok = address_parse_in(&text, &info->hp, info->tokens, &place, e);
	buf_free(&at);
	*p += n;
	*out = place.index;
	return ok;
}

bool cmd_track(struct app *a, const struct args *args, struct err *e)
{
	const char *p = args->text[0];
	int32_t track[LOOK_TRACK];
	int n = 0;

	for (p += strspn(p, " \t"); *p; p += strspn(p, " \t")) {
		if (n == LOOK_TRACK)
			return err_set(e, ERR_USAGE, "at most %d tokens", LOOK_TRACK);
		if (!read_token(a, &p, &track[n++], e))
			return false;
	}
	a->looks.n_track = n;
	memcpy(a->looks.track, track, (size_t)n * sizeof *track);
	/* Without a screen there is no pane that tells it: it is an answer. */
	if (n && a->hurry && timeline_n(a->steps))
		return asking_track(a, e);
	if (n)
		app_say(a, "the edits pane tells how probable %s", n == 1 ? "it is, with and without the edits" :
		    "they are, with and without the edits");
	else
		app_say(a, "no token is tracked");
	return true;
}

bool cmd_probe(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	if (!a->lab)
		return err_set(e, ERR_USAGE, "there is no model here to probe");
	return lab_probe(a->lab, app_edits(a), true, e);
}

/* The set without one of its edits. */
static const struct edit_set *set_without(struct app *a, const struct args *args, struct err *e)
{
	int number = (int)args->number[0];

	if (!args->n)
		return edit_set_empty();
	for (int i = 0; i < edit_set_n(app_edits(a)); i++)
		if (edit_set_at(app_edits(a), i)->number == number)
			return edit_set_without(app_edits(a), number, edit_set_revision(app_edits(a)));
	err_set(e, ERR_USAGE, "there is no edit %d", number);
	return NULL;
}

bool cmd_receipt(struct app *a, const struct args *args, struct err *e)
{
	int n = timeline_n_tokens(a->steps), n_prompt = 1;
	const struct edit_set *without;
	int32_t *tokens;
	bool ok = true;

	if (!a->lab)
		return err_set(e, ERR_USAGE, "there is no model here to read the text again");
	if (n < 1)
		return err_set(e, ERR_USAGE, "there is no text yet");
	if (!edit_set_n(app_edits(a)))
		return err_set(e, ERR_USAGE, "there are no edits");
	if (!(without = set_without(a, args, e)))
		return false;
	tokens = mem_array((size_t)n, sizeof *tokens);
	for (int i = 0; i < n; i++) {
		tokens[i] = timeline_token(a->steps, i);
		ok = ok && tokens[i] >= 0;
		if (timeline_why(a->steps, i) == WHY_PROMPT)
			n_prompt = i + 1;
	}
	ok = ok ? lab_receipt(a->lab, tokens, n, n_prompt, app_edits(a), without, e) :
	    err_set(e, ERR_USAGE, "the text is not known as a whole yet");
	free(tokens);
	edit_set_unref(without);
	if (ok)
		app_say(a, "reading the text with and without %s, in the background", args->n ? "the edit" : "the edits");
	return ok;
}

bool cmd_compare(struct app *a, const struct args *args, struct err *e)
{
	struct timeline_branch b;
	struct compare c;
	char text[200];
	int number;

	if (!args->n) {
		a->compared = 0;
		return true;
	}
	if (!branch_named(a, args->text[0], &b, e))
		return false;
	number = b.number;
	if (!compare_open(&c, a->steps, number))
		return err_set(e, ERR_USAGE, "branch %d holds no steps", number);
	a->compared = number;
	app_show(a, PANE_compare);
	if (c.first < 0)
		snprintf(text, sizeof text, "branch %d and the line have the same tokens as far as both go", number);
	else
		snprintf(text, sizeof text, "branch %d and the line part at position %d; mean KL %.3g nats over %d steps, of the "
		    "%d likeliest tokens made to sum to 1", number, c.first, c.mean_kl, c.n_compared, STEP_TOP);
	app_answer(a, "compare", text, (struct figure[]){ { "branch", number }, { "part_at", c.first < 0 ? (double)NAN : c.first },
	    { "mean_kl", c.mean_kl }, { "steps", c.n_compared } }, 4);
	return true;
}
