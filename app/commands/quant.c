/*
 * Commands about quantization: which method the map shows, whose inputs, which
 * tensor from within.
 */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/quanting.h"
#include "app/quantlab.h"
#include "engine/base/mem.h"

static bool has_weights(const struct app *a, struct err *e)
{
	return a->quant || err_set(e, ERR_USAGE, "there are no weights here: this is a recording");
}

/* The text so far, for methods that want more of the inputs than their moments. */
static void give_line(struct app *a)
{
	size_t n = (size_t)timeline_n_tokens(a->steps);
	int32_t *tokens = mem_array(n + 1, sizeof *tokens);
	size_t known = 0;

	while (known < n && timeline_token(a->steps, (int)known) >= 0) {
		tokens[known] = timeline_token(a->steps, (int)known);
		known++;
	}
	quantlab_line(a->quant, tokens, known);
	free(tokens);
}

bool cmd_quant(struct app *a, const struct args *args, struct err *e)
{
	if (!has_weights(a, e))
		return false;
	if (args->n && !strcmp(args->text[0], "toggle")) {
		quantlab_toggle(a->quant);
		return true;
	}
	give_line(a);
	if (args->n && !quantlab_method(a->quant, args->text[0], e))
		return false;
	if (!args->n)
		quanting_in_sight(a);
	app_show(a, PANE_quant);
	return true;
}

bool cmd_inside(struct app *a, const struct args *args, struct err *e)
{
	if (!args->n)
		return has_weights(a, e) && (quanting_leave(a) || true);
	return has_weights(a, e) && quantlab_into(a->quant, args->text[0], e);
}

bool cmd_calibrate(struct app *a, const struct args *args, struct err *e)
{
	if (!has_weights(a, e) || !quantlab_calibrate(a->quant, args->n ? args->text[0] : NULL, e))
		return false;
	if (args->n)
		app_say(a, "reading %.200s in the background", args->text[0]);
	else
		app_say(a, "errors at the output are of what the model reads here");
	return true;
}

bool cmd_figure(struct app *a, const struct args *args, struct err *e)
{
	const char *name = args->text[0];
	struct view_quant v;

	if (!has_weights(a, e))
		return false;
	v = quantlab_view(a->quant);
	for (int f = 0; f < N_QUANTMAP_FIGURES; f++)
		if (!strcmp(name, quantmap_figures[f].name) ||
		    (!strcmp(name, "next") && f == ((int)v.figure + 1) % N_QUANTMAP_FIGURES)) {
			quantlab_show(a->quant, (enum quantmap_figure)f);
			app_say(a, "%s, %s: %s", quantmap_figures[f].name, quantmap_figures[f].unit, quantmap_figures[f].doc);
			return true;
		}
	return err_set(e, ERR_USAGE, "no figure is called \"%.40s\"; sqnr, error, output, worst, bits or `next'", name);
}

bool cmd_worst(struct app *a, const struct args *args, struct err *e)
{
	struct choice *at = &a->choice[PANE_quant];
	struct view_quant v;
	bool found;

	(void)args;
	if (!has_weights(a, e))
		return false;
	v = quantlab_view(a->quant);
	found = v.inside ? quantinside_worst(v.inside, &at->row, &at->col) :
	    v.map && quantmap_worst(v.map, v.figure, &at->row, &at->col);
	return found || err_set(e, ERR_USAGE, "nothing has been measured yet");
}
