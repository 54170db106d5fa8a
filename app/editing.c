#include "app/editing.h"

#include <string.h>

#include "app/app.h"

const struct edit_set *app_edits(const struct app *a)
{
	return a->edit_past[a->n_edit_past - 1];
}

/* Models above this are not probed unless asked: it would take a minute. */
static const size_t probe_at_most = (size_t)2 << 30;

void app_probe(struct app *a)
{
	struct err none;

	if (a->lab && !a->hurry && a->model->file_bytes <= probe_at_most &&
	    (edit_set_n(app_edits(a)) || lab_probe_now(a->lab).works) && !lab_probe(a->lab, app_edits(a), false, &none))
		return;         /* the next change asks again */
}

bool app_send_edits(struct app *a, const struct edit_set *before, const struct edit_set *now, struct err *e)
{
	int stale = edit_sets_stale(before, now);

	if (!app_order(a, &(struct order){ .kind = ORDER_EDITS, .edits = now }, e) ||
	    (stale >= 0 && !app_order(a, &(struct order){ .kind = ORDER_REREAD, .n = stale }, e)))
		return false;
	if (stale >= 0 && stale < a->n_read)
		app_say(a, "the text is read again from position %d, as the edits want it; what was there is a branch", stale);
	return true;
}

bool app_set_edits(struct app *a, const struct edit_set *s, struct err *e)
{
	if (!app_send_edits(a, app_edits(a), s, e)) {
		edit_set_unref(s);
		return false;
	}
	while (a->n_edit_future > 0)
		edit_set_unref(a->edit_past[a->n_edit_past + --a->n_edit_future]);
	if (a->n_edit_past == APP_EDIT_HISTORY) {
		edit_set_unref(a->edit_past[0]);
		memmove(a->edit_past, a->edit_past + 1, (APP_EDIT_HISTORY - 1) * sizeof *a->edit_past);
		a->n_edit_past--;
	}
	a->edit_past[a->n_edit_past++] = s;
	app_probe(a);
	return true;
}

bool app_add_edit(struct app *a, struct edit *ed, struct err *e)
{
	bool again = ed->back && a->n_read > (ed->scope == SCOPE_RANGE ? ed->from : 0);
	char text[160];

	ed->number = a->edit_number + 1;
	ed->on = true;
	if (!app_set_edits(a, edit_set_with(app_edits(a), ed, a->edit_revision + 1), e))
		return false;
	a->edit_number++;
	a->edit_revision++;
	edit_format(ed, text, sizeof text);
	app_say(a, again ? "edit %d, and the text is read again under it: %s" : "edit %d from the next step: %s", ed->number,
	    text);
	return true;
}

bool app_set_chain(struct app *a, const char *text, struct err *e)
{
	const struct chain *c = chain_parse_for(text, a->chain_revision + 1, a->model, e);

	if (!c || !app_order(a, &(struct order){ .kind = ORDER_CHAIN, .chain = c }, e)) {
		chain_unref(c);
		return false;
	}
	a->chain_revision++;
	chain_unref(a->chain);
	a->chain = c;
	return true;
}

