/*
 * Commands that move the cursor through time, and search.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "engine/base/mem.h"

static void look_at(struct app *a, int pos)
{
	int last = timeline_n(a->steps) - 1;

	a->cursor = pos < 0 ? 0 : pos;
	a->follow = pos >= last;
	a->dirty = true;
}

bool cmd_cursor(struct app *a, const struct args *args, struct err *e)
{
	bool relative = *args->text[0] == '+' || *args->text[0] == '-';

	if (!timeline_n(a->steps))
		return err_set(e, ERR_USAGE, "there are no steps yet");
	look_at(a, (int)args->number[0] + (relative ? app_at(a) : 0));
	return true;
}

bool cmd_follow(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	(void)e;
	a->follow = true;
	return true;
}

static float signal_at(const struct app *a, int pos)
{
	return timeline_why(a->steps, pos + 1) != WHY_PROMPT ? timeline_scalar(a->steps, pos, a->series[0]) : NAN;
}

/* Larger than both neighbours and than the mean of what is around it by half. */
static bool is_peak(const struct app *a, int pos)
{
	float v = signal_at(a, pos), before = signal_at(a, pos - 1), after = signal_at(a, pos + 1);

	return v > 0 && !(v < before) && !(v < after) && (v > before || v > after);
}

static int highest(const struct app *a)
{
	int best = -1;

	for (int pos = 0; pos < timeline_n(a->steps); pos++)
		if (!isnan(signal_at(a, pos)) && (best < 0 || signal_at(a, pos) > signal_at(a, best)))
			best = pos;
	return best;
}

bool cmd_peak(struct app *a, const struct args *args, struct err *e)
{
	int way = !strcmp(args->text[0], "previous") ? -1 : 1, n = timeline_n(a->steps);

	if (!strcmp(args->text[0], "highest") && highest(a) >= 0) {
		look_at(a, highest(a));
		return true;
	}
	for (int pos = app_at(a) + way; pos >= 0 && pos < n; pos += way)
		if (is_peak(a, pos)) {
			look_at(a, pos);
			return true;
		}
	return err_set(e, ERR_USAGE, "no peak that way");
}

/* The text of all tokens, and where each begins. */
static size_t *whole_text(const struct app *a, struct buf *out)
{
	int n = timeline_n_tokens(a->steps);
	size_t *begin = mem_array((size_t)n + 1, sizeof *begin);

	for (int i = 0; i < n; i++) {
		size_t len = 0;
		const char *bytes = source_piece(a->source, timeline_token(a->steps, i), &len);

		begin[i] = out->len;
		if (bytes)
			buf_add(out, bytes, len);
	}
	begin[n] = out->len;
	buf_add(out, "", 0);
	return begin;
}

/* The token in which the next match in the direction begins, or -1. */
static int match(const struct app *a, int from, int way)
{
	struct buf text = { 0 };
	size_t *begin = whole_text(a, &text);
	int found = -1, n = timeline_n_tokens(a->steps);

	for (int i = from; i >= 0 && i < n && found < 0; i += way)
		for (size_t at = begin[i]; at < begin[i + 1] && found < 0; at++)
			if (!strncmp(text.data + at, a->find, strlen(a->find)))
				found = i;
	free(begin);
	buf_free(&text);
	return found;
}

/* Token i is made by the step before it. */
static bool go_to_match(struct app *a, int way, struct err *e)
{
	int token;

	if (!a->find || !*a->find)
		return err_set(e, ERR_USAGE, "nothing is searched for; / asks");
	token = match(a, app_at(a) + 1 + way, way);
	if (token < 0)
		return err_set(e, ERR_USAGE, "\"%.60s\" is not there", a->find);
	look_at(a, token - 1);
	return true;
}

bool cmd_find(struct app *a, const struct args *args, struct err *e)
{
	int token;

	free(a->find);
	a->find = NULL;
	if (!args->n)
		return true;
	a->find = mem_strdup(args->text[0]);
	token = match(a, app_at(a) + 1, 1);
	token = token < 0 ? match(a, 0, 1) : token;
	if (token < 0)
		return err_set(e, ERR_USAGE, "\"%.60s\" is not there", a->find);
	look_at(a, token - 1);
	return true;
}

bool cmd_next(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	return go_to_match(a, 1, e);
}

bool cmd_previous(struct app *a, const struct args *args, struct err *e)
{
	(void)args;
	return go_to_match(a, -1, e);
}
