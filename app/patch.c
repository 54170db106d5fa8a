#include "app/patch.h"

#include <stdio.h>

#include "app/app.h"
#include "app/editing.h"
#include "app/script.h"

void patch_drop(struct patch *p)
{
	edit_drop(&p->edit);
	p->waits = false;
}

bool patch_ask(struct app *a, const struct edit *edit, int pos, struct err *e)
{
	const struct step *s = timeline_at(a->steps, pos);
	struct look_request want = { .what = LOOK_SITE, .pos = pos, .at = edit->at };

	if (!s)
		return err_set(e, ERR_USAGE, "there is no step at position %d", pos);
	if (a->patch.waits)
		return err_set(e, ERR_USAGE, "another value is still being copied");
	want.step = s->index;
	if (!app_order(a, &(struct order){ .kind = ORDER_LOOK, .look = want }, e))
		return false;
	a->patch = (struct patch){ .waits = true, .edit = *edit, .pos = pos };
	return true;
}

static const struct vec *copied(const struct edit *ed, int pos, const struct look *k, const struct hparams *hp)
{
	int first = 0, n = k->n_site;
	char name[16];

	if (ed->at.head >= 0) {
		first = ed->at.head * hp->d_head;
		n = hp->d_head;
	}
	if (ed->at.index >= 0) {
		first += ed->at.index;
		n = 1;
	}
	snprintf(name, sizeof name, "%d", pos);
	return vec_new(name, "patch", &ed->at, 1, n, k->site + first);
}

static bool make(struct app *a, const struct look *k, struct err *e)
{
	a->patch.edit.vec = copied(&a->patch.edit, a->patch.pos, k, &a->source->info.hp);
	return app_add_edit(a, &a->patch.edit, e);
}

bool patch_came(struct app *a, const struct look *k, const char *why, struct err *e)
{
	bool ok;

	if (!a->patch.waits)
		return true;
	ok = k ? make(a, k, e) : err_set(e, ERR_USAGE, "patch: %.300s", why ? why : "the value cannot be had");
	patch_drop(&a->patch);
	if (!ok && a->script)
		script_fail(a, ERR_USAGE, "", e->msg);
	return ok;
}
