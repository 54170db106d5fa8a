#include "app/branch.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "engine/base/mem.h"

bool branch_named(const struct app *a, const char *text, struct timeline_branch *out, struct err *e)
{
	char *end;
	long number = strtol(text, &end, 10);

	for (int i = 0; i < timeline_n_branches(a->steps); i++) {
		*out = timeline_branch(a->steps, i);
		if (*end ? out->name && !strcmp(out->name, text) : out->number == number)
			return true;
	}
	return err_set(e, ERR_USAGE, timeline_n_branches(a->steps) ? "there is no branch %.40s" :
	    "there is no branch %.40s: nothing was left yet", text);
}

bool branch_request(const struct app *a, int number, int pos, struct look_request *out, struct err *e)
{
	struct look_past *past;

	if (!timeline_branch_at(a->steps, number, pos))
		return err_set(e, ERR_USAGE, "branch %d has no step at position %d", number, pos);
	past = mem_array((size_t)pos + 1, sizeof *past);
	out->n_prompt = 1;
	for (int i = 0; i <= pos; i++) {
		const struct step *s = timeline_branch_at(a->steps, number, i);

		if (!s) {
			free(past);
			return err_set(e, ERR_USAGE, "the step at position %d of branch %d is no longer there", i, number);
		}
		past[i] = (struct look_past){ .step = s->index, .token = s->input, .edits = s->edits };
		if (s->token >= 0 && s->why == WHY_PROMPT)
			out->n_prompt = i + 2;
	}
	out->pos = pos;
	out->step = past[pos].step;
	out->past = past;
	return true;
}

bool cmd_name_branch(struct app *a, const struct args *args, struct err *e)
{
	const char *name = args->n > 1 ? args->text[1] : NULL;
	struct timeline_branch b, other;
	struct err none;

	if (!branch_named(a, args->text[0], &b, e))
		return false;
	if (name && (strpbrk(name, " \t\n") || strspn(name, "0123456789") == strlen(name)))
		return err_set(e, ERR_USAGE, "a name is one word, and not a number");
	if (name && branch_named(a, name, &other, &none) && other.number != b.number)
		return err_set(e, ERR_USAGE, "branch %d is called %.40s", other.number, name);
	timeline_name_branch(a->steps, b.number, name);
	return true;
}

bool cmd_drop_branch(struct app *a, const struct args *args, struct err *e)
{
	struct timeline_branch b;

	if (!branch_named(a, args->text[0], &b, e))
		return false;
	if (a->compared == b.number)
		a->compared = 0;
	timeline_forget_branch(a->steps, b.number);
	app_say(a, "branch %d is forgotten", b.number);
	return true;
}
