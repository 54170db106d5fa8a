#include "app/patch.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/app.h"
#include "app/branch.h"
#include "app/editing.h"
#include "app/script.h"

void patch_drop(struct patch *p)
{
	edit_drop(&p->edit);
	p->waits = false;
}

bool patch_ask(struct app *a, const struct edit *edit, int branch, int pos, struct err *e)
{
	const struct step *s = timeline_at(a->steps, pos);
	struct look_request want = { .what = LOOK_SITE, .pos = pos, .at = edit->at };
	bool ok;

	if (!branch && !s)
		return err_set(e, ERR_USAGE, "there is no step at position %d", pos);
	if (a->patch.waits)
		return err_set(e, ERR_USAGE, "another value is still being copied");
	if (branch && !branch_request(a, branch, pos, &want, e))
		return false;
	if (!branch)
		want.step = s->index;
	ok = app_order(a, &(struct order){ .kind = ORDER_LOOK, .look = want }, e);
	free((void *)(uintptr_t)want.past);
	if (ok)
		a->patch = (struct patch){ .waits = true, .edit = *edit, .branch = branch, .pos = pos };
	return ok;
}

static const struct vec *copied(const struct patch *p, const struct look *k, const struct hparams *hp)
{
	const struct edit *ed = &p->edit;
	int first = 0, n = k->n_site;
	char name[40];

	if (ed->at.head >= 0) {
		first = ed->at.head * hp->d_head;
		n = hp->d_head;
	}
	if (ed->at.index >= 0) {
		first += ed->at.index;
		n = 1;
	}
	if (p->branch)
		snprintf(name, sizeof name, "branch %d step %d", p->branch, p->pos);
	else
		snprintf(name, sizeof name, "%d", p->pos);
	return vec_new(name, "patch", &ed->at, 1, n, k->site + first);
}

static bool make(struct app *a, const struct look *k, struct err *e)
{
	a->patch.edit.vec = copied(&a->patch, k, &a->source->info.hp);
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
