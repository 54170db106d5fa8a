#include "app/asking.h"

#include <math.h>
#include <stdio.h>

#include "app/app.h"
#include "app/editing.h"
#include "app/script.h"
#include "engine/base/utf8.h"

/* The step at `pos` with and without its edits. */
static enum answered compared(struct app *a, int pos, const struct look **k)
{
	const struct step *s = timeline_at(a->steps, pos);

	*k = NULL;
	if (!s || !a->source->info.live || a->looks.failed == s->index)
		return ANSWER_NONE;
	*k = looks_get(&a->looks, a->source, s, LOOK_COMPARE, 0, true);
	return *k ? ANSWER_KNOWN : ANSWER_PENDING;
}

/* Perplexity of the probe text under the edits in force, over that without. */
static enum answered probed(struct app *a, double *v)
{
	struct lab_probe p = lab_probe_now(a->lab);
	struct err e;

	if (!a->lab)
		return ANSWER_NONE;
	*v = p.after / p.before;
	if (!p.works && !isnan(p.after) && p.revision == edit_set_revision(app_edits(a)))
		return ANSWER_KNOWN;
	return p.works || lab_probe(a->lab, app_edits(a), true, &e) ? ANSWER_PENDING : ANSWER_NONE;
}

enum answered asking_holds(struct app *a, const struct condition *c, int pos, bool *holds, struct buf *found)
{
	enum condition_needs needs = condition_needs(c);
	enum answered is = ANSWER_KNOWN;
	const struct look *k = NULL;
	double v = NAN;

	*holds = false;
	if (needs == NEEDS_STEP) {
		*holds = condition_holds(c, a->steps, a->source, pos, found);
		return ANSWER_KNOWN;
	}
	is = needs == NEEDS_PROBE ? probed(a, &v) : compared(a, pos, &k);
	if (k)
		v = condition_of_look(c, k);
	if (is == ANSWER_KNOWN)
		*holds = condition_compare(c, v, found);
	else if (is == ANSWER_NONE)
		buf_str(found, "nothing measured");
	return is;
}

static void tell_tracked(struct app *a, const struct look *k)
{
	static const char *const names[LOOK_TRACK][2] = { { "ln_p_with", "ln_p_without" },
		{ "second_ln_p_with", "second_ln_p_without" } };
	struct figure f[FIGURES];
	struct buf text = { 0 };
	int n = 0;

	f[n++] = (struct figure){ "position", a->asking.pos };
	buf_printf(&text, "position %d:", a->asking.pos);
	for (int i = 0; i < k->asked.n_track; i++) {
		size_t len = 0;
		const char *s = source_piece(a->source, k->asked.track[i], &len);

		f[n++] = (struct figure){ names[i][0], (double)k->tracked[i][0] };
		f[n++] = (struct figure){ names[i][1], (double)k->tracked[i][1] };
		buf_str(&text, i ? "; ln p \"" : " ln p \"");
		utf8_escape(s ? s : "", s ? len : 0, &text);
		buf_printf(&text, "\" %.4g with the edits, %.4g without", (double)k->tracked[i][0], (double)k->tracked[i][1]);
	}
	f[n++] = (struct figure){ "jsd", (double)k->jsd };
	f[n++] = (struct figure){ "kl", (double)k->kl };
	buf_printf(&text, "; JSD %.4g, KL %.4g nats", (double)k->jsd, (double)k->kl);
	app_answer(a, "track", text.data, f, n);
	buf_free(&text);
}

static bool may_ask(const struct app *a, struct err *e)
{
	return !a->asking.waits || err_set(e, ERR_USAGE, "another question still waits for its answer");
}

bool asking_expect(struct app *a, const struct condition *c, const char *text, struct err *e)
{
	struct buf found = { 0 };
	int pos = app_at(a);
	bool holds, ok = may_ask(a, e);
	enum answered is = ok ? asking_holds(a, c, pos, &holds, &found) : ANSWER_NONE;

	if (ok && is == ANSWER_PENDING) {
		a->asking = (struct asking){ .waits = true, .expects = true, .condition = *c, .pos = pos };
		snprintf(a->asking.text, sizeof a->asking.text, "%s", text);
	} else if (ok && !holds) {
		ok = err_set(e, ERR_MISMATCH, "%.120s: found %.200s at position %d", text, found.data, pos);
	}
	buf_free(&found);
	return ok;
}

bool asking_track(struct app *a, struct err *e)
{
	if (!may_ask(a, e))
		return false;
	a->asking = (struct asking){ .waits = true, .pos = app_at(a) };
	asking_go_on(a);
	return true;
}

static void go_on_tracking(struct app *a)
{
	const struct look *k;
	enum answered is = compared(a, a->asking.pos, &k);

	if (is == ANSWER_PENDING)
		return;
	a->asking.waits = false;
	if (is == ANSWER_KNOWN)
		tell_tracked(a, k);
}

static void go_on_expecting(struct app *a)
{
	struct buf found = { 0 };
	bool holds;

	if (asking_holds(a, &a->asking.condition, a->asking.pos, &holds, &found) != ANSWER_PENDING) {
		struct err e;

		a->asking.waits = false;
		if (!holds) {
			err_set(&e, ERR_MISMATCH, "expect: %.120s: found %.200s at position %d", a->asking.text, found.data,
			    a->asking.pos);
			script_fail(a, ERR_MISMATCH, "", e.msg);
		}
	}
	buf_free(&found);
}

void asking_go_on(struct app *a)
{
	if (a->asking.waits && a->asking.expects)
		go_on_expecting(a);
	else if (a->asking.waits)
		go_on_tracking(a);
}
