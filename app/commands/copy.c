/*
 * copy: what is shown, or a part of it, into the clipboard of the terminal.
 *
 * A clipboard is pasted into shells, so nothing goes there that a terminal would
 * obey: tokens are escaped as on the screen, and line ends and tabs are the only
 * control characters.
 */
#include <stdio.h>
#include <string.h>

#include "analysis/reading.h"
#include "app/app.h"
#include "app/command.h"
#include "app/frame.h"
#include "engine/base/utf8.h"

/* More than any clipboard takes (views/clipboard.h); gathering stops there. */
enum { CLIPBOARD_LIMIT = 1 << 20 };

/* Filled in by each way of copying: the bytes, and what to call them. */
struct copied {
	struct buf bytes;
	char name[96];
};

static void copy_text(const struct view *v, struct copied *to)
{
	struct buf all = { 0 };
	int n = timeline_n_tokens(v->steps);

	for (int i = 0; i < n; i++) {
		size_t len = 0;
		int32_t id = timeline_token(v->steps, i);
		const char *piece = id >= 0 ? source_piece(v->source, id, &len) : NULL;

		if (piece)
			buf_add(&all, piece, len);
	}
	for (size_t from = 0, len; from < all.len; from += len + 1) {
		for (len = 0; from + len < all.len && all.data[from + len] != '\n' && all.data[from + len] != '\t';)
			len++;
		utf8_escape(all.data + from, len, &to->bytes);
		if (from + len < all.len)
			buf_char(&to->bytes, all.data[from + len]);
	}
	buf_free(&all);
	snprintf(to->name, sizeof to->name, "the text, %d tokens", n);
}

static bool copy_site(struct app *a, const struct view *v, struct copied *to)
{
	const struct pane_def *p = panes[a->focus];

	if (p->subject)
		p->subject(v, app_choice(a, a->focus), &to->bytes);
	snprintf(to->name, sizeof to->name, "%s", to->bytes.len ? to->bytes.data : "");
	return to->bytes.len > 0;
}

/* The row that is chosen; of a pane along time, that of the cursor. */
static bool copy_row(struct app *a, const struct view *v, struct copied *to)
{
	const struct pane_def *p = panes[a->focus];
	int row = p->extent ? app_choice(a, a->focus)->row : v->at;

	snprintf(to->name, sizeof to->name, "row %d of %s", row + (p->extent ? 1 : 0), p->title);
	return p->values && row >= 0 && p->values(v, row, &to->bytes);
}

static bool copy_table(struct app *a, const struct view *v, struct copied *to)
{
	const struct pane_def *p = panes[a->focus];
	int n = 0;
	size_t end;

	if (!p->values || !p->values(v, -1, &to->bytes))
		return false;
	for (;; n++) {
		end = to->bytes.len;
		buf_char(&to->bytes, '\n');
		if (to->bytes.len > CLIPBOARD_LIMIT || !p->values(v, n, &to->bytes))
			break;
	}
	if (to->bytes.len <= CLIPBOARD_LIMIT)
		to->bytes.len = end + 1;
	snprintf(to->name, sizeof to->name, "%s, %d rows of values between tabs", p->title, n);
	return n > 0;
}

/* One value a step: all positions.  Else of the step under the cursor. */
static bool copy_signal(const struct view *v, enum lens_id id, struct copied *to)
{
	struct reading r = { 0 };
	const char *name = lenses[id]->probe.name;
	int n = 0;

	if (lenses[id]->probe.axes == PROBE_SCALAR) {
		buf_printf(&to->bytes, "position\t%s\n", name);
		for (n = 0; n < timeline_n(v->steps); n++) {
			buf_printf(&to->bytes, "%d", n);
			pane_figure(&to->bytes, timeline_scalar(v->steps, n, id));
			buf_char(&to->bytes, '\n');
		}
		snprintf(to->name, sizeof to->name, "%s, %d positions", name, n);
		return n > 0;
	}
	if (v->step)
		r = reading_of_step(v->step, id);
	for (int l = 0; l < r.n_rows; l++) {
		buf_printf(&to->bytes, "L%d", l);
		for (int h = 0; h < r.n_cols; h++)
			pane_figure(&to->bytes, r.values[(size_t)l * (size_t)r.n_cols + (size_t)h]);
		buf_char(&to->bytes, '\n');
	}
	snprintf(to->name, sizeof to->name, "%s at position %d, %d layers", name, v->at, r.n_rows);
	return r.n_rows > 0;
}

/* What y means in the focused pane. */
static const char *usual(struct app *a, const struct view *v)
{
	const struct pane_def *p = panes[a->focus];
	struct copied site = { 0 };
	bool has_site;

	if (a->focus == PANE_text)
		return "text";
	has_site = copy_site(a, v, &site);
	buf_free(&site.bytes);
	return has_site ? "site" : p->extent ? "row" : "table";
}

static bool gather(struct app *a, const char *what, struct copied *to, struct err *e)
{
	struct view v;
	int lens = lens_find(what);
	bool ok;

	frame_view(a, &v);
	if (!*what)
		what = usual(a, &v);
	if (lens >= 0) {
		ok = copy_signal(&v, (enum lens_id)lens, to);
	} else if (!strcmp(what, "text")) {
		copy_text(&v, to);
		ok = to->bytes.len > 0;
	} else if (!strcmp(what, "site")) {
		ok = copy_site(a, &v, to);
	} else if (!strcmp(what, "row")) {
		ok = copy_row(a, &v, to);
	} else if (!strcmp(what, "table")) {
		ok = copy_table(a, &v, to);
	} else {
		return err_set(e, ERR_USAGE, "`text', `site', `row', `table' or a signal, not \"%.40s\"", what);
	}
	return ok || err_set(e, ERR_USAGE, "there is no %s to copy%s%s", what, lens < 0 ? " in " : "",
	    lens < 0 ? panes[a->focus]->title : "");
}

bool cmd_copy(struct app *a, const struct args *args, struct err *e)
{
	struct copied c = { 0 };
	const char *note = NULL;
	bool ok;

	if (!a->clipboard)
		return err_set(e, ERR_USAGE, "there is no terminal here whose clipboard could be asked");
	ok = gather(a, args->text[0], &c, e) && a->clipboard(c.bytes.data, c.bytes.len, &note, e);
	if (ok)
		app_say(a, "copied: %s%s%s", c.name, note ? "; " : "", note ? note : "");
	buf_free(&c.bytes);
	return ok;
}
