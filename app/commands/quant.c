/*
 * Commands about quantization: which method the map shows, whose inputs, which
 * tensor from within.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/pairing.h"
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

/* The number of an edit that swaps the same for the same; -1. */
static int swapped_already(const struct app *a, const char *words)
{
	char other[SWAP_TEXT];

	for (int i = 0; i < edit_set_n(app_edits(a)); i++) {
		const struct edit *ed = edit_set_at(app_edits(a), i);

		if (ed->swap && !strcmp(swap_format(ed->swap, other), words))
			return ed->number;
	}
	return -1;
}

/* What is chosen in the map, under its method; again, and it is put back. */
static bool swap_chosen(struct app *a, struct err *e)
{
	const struct choice *at = app_choice(a, PANE_quant);
	struct view_quant v = quantlab_view(a->quant);
	char name[2 * QUANTMAP_NAME], line[SWAP_TEXT + 16];
	int number, layer;

	if (!v.map)
		return err_set(e, ERR_USAGE, "choose a method first: quant q4_0");
	quantmap_name(v.map, at->row, at->col, name);
	if (v.inside) {
		char kind[QUANTMAP_NAME];

		layer = quantmap_kind(v.inside->t->name, kind);
		if (layer < 0)
			snprintf(name, sizeof name, "%s", kind);
		else
			snprintf(name, sizeof name, "L%d.%s", layer, kind);
	}
	if (!*name)
		return err_set(e, ERR_USAGE, "there is no tensor");
	snprintf(line, sizeof line, "swap %s %s", name, v.map->spec.text);
	number = swapped_already(a, line + strlen("swap "));
	if (number >= 0)
		snprintf(line, sizeof line, "toggle-edit %d", number);
	return command_line(a, line, e);
}

bool cmd_quant(struct app *a, const struct args *args, struct err *e)
{
	if (!has_weights(a, e))
		return false;
	if (args->n && !strcmp(args->text[0], "swap"))
		return swap_chosen(a, e);
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

/* The figures of the map and those of the lockstep, in one list. */
static const char *figure_name(int f)
{
	return f < N_QUANTMAP_FIGURES ? quantmap_figures[f].name : lock_figures[f - N_QUANTMAP_FIGURES].name;
}

/* `next' is of the pane that has the keys. */
static int figure_behind(const struct app *a)
{
	if (a->focus == PANE_lockstep)
		return N_QUANTMAP_FIGURES + ((int)a->lock_figure + 1) % N_LOCK_FIGURES;
	return ((int)quantlab_view(a->quant).figure + 1) % N_QUANTMAP_FIGURES;
}

bool cmd_figure(struct app *a, const struct args *args, struct err *e)
{
	const char *name = args->text[0];
	int f = 0;

	if (!has_weights(a, e))
		return false;
	if (!strcmp(name, "next"))
		f = figure_behind(a);
	else
		while (f < N_QUANTMAP_FIGURES + N_LOCK_FIGURES && strcmp(name, figure_name(f)) != 0)
			f++;
	if (f == N_QUANTMAP_FIGURES + N_LOCK_FIGURES)
		return err_set(e, ERR_USAGE, "no figure is called \"%.40s\"; sqnr, error, output, worst, bits of the quant pane, drift, "
		    "cosine, entropy of lockstep, or `next'", name);
	if (f < N_QUANTMAP_FIGURES)
		quantlab_show(a->quant, (enum quantmap_figure)f);
	else
		a->lock_figure = (enum lock_figure)(f - N_QUANTMAP_FIGURES);
	app_say(a, "%s: %s", figure_name(f), f < N_QUANTMAP_FIGURES ? quantmap_figures[f].doc :
	    lock_figures[f - N_QUANTMAP_FIGURES].doc);
	return true;
}

/* Where the two models come apart first. */
static bool go_to_first(struct app *a, struct err *e)
{
	struct view_lockstep v = pairing_view(a->pair);

	if (!v.k || v.k->first_token < 0)
		return err_set(e, ERR_USAGE, v.k ? "the drift stays within the threshold" : "nothing has been read yet");
	a->cursor = (int)v.k->first_token;
	a->follow = false;
	a->choice[PANE_lockstep].col = v.k->first_layer;
	return true;
}

bool cmd_worst(struct app *a, const struct args *args, struct err *e)
{
	struct choice *at = &a->choice[PANE_quant];
	struct view_quant v;
	bool found;

	(void)args;
	if (!has_weights(a, e))
		return false;
	if (a->focus == PANE_lockstep && a->pair)
		return go_to_first(a, e);
	v = quantlab_view(a->quant);
	found = v.inside ? quantinside_worst(v.inside, &at->row, &at->col) :
	    v.map && quantmap_worst(v.map, v.figure, &at->row, &at->col);
	return found || err_set(e, ERR_USAGE, "nothing has been measured yet");
}
