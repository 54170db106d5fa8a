#include "app/args.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "analysis/quantizer.h"
#include "app/app.h"
#include "app/command.h"
#include "app/quantlab.h"

const struct argtype argtypes[N_ARGTYPES] = {
#define ARGTYPE(id, text, all, words) [ARG_##id] = { .name = text, .doc = words, .rest = all },
#include "app/argtypes.def"
#undef ARGTYPE
};

static enum arg_type type_named(const char *s, size_t n)
{
	for (int i = 0; i < N_ARGTYPES; i++)
		if (strlen(argtypes[i].name) == n && !strncmp(argtypes[i].name, s, n))
			return (enum arg_type)i;
	return ARG_WORD;
}

bool args_spec(const char *spec, int i, struct arg_spec *out)
{
	size_t name, type;

	for (; i > 0 && *spec; i--) {
		spec += strcspn(spec, " ");
		spec += strspn(spec, " ");
	}
	if (!*spec)
		return false;
	name = strcspn(spec, ":");
	*out = (struct arg_spec){ 0 };
	memcpy(out->name, spec, name < sizeof out->name ? name : sizeof out->name - 1);
	spec += name + 1;
	type = strcspn(spec, " ?");
	out->type = type_named(spec, type);
	out->optional = spec[type] == '?';
	return true;
}

/* The next word, or the rest, copied into the room of `out`; *at moves on. */
static bool take(struct args *out, size_t *used, const char **at, bool rest, const char **text, struct err *e)
{
	size_t n;

	*at += strspn(*at, " \t");
	n = rest ? strlen(*at) : strcspn(*at, " \t");
	if (*used + n + 1 > sizeof out->room)
		return err_set(e, ERR_USAGE, "the line is longer than %d letters", ARGS_ROOM);
	memcpy(out->room + *used, *at, n);
	out->room[*used + n] = 0;
	*text = out->room + *used;
	*used += n + 1;
	*at += n;
	return true;
}

/* \n, \r, \t, \s (a blank, where one would be lost) and \\ in texts, in place. */
static void unescape(char *s)
{
	static const char letters[] = "nrts\\", means[] = "\n\r\t \\";
	char *out = s;

	for (; *s; s++) {
		const char *at = *s == '\\' && s[1] ? strchr(letters, s[1]) : NULL;

		if (at)
			s++;
		*out++ = at ? means[at - letters] : *s;
	}
	*out = 0;
}

static bool read_number(double *out, const char *s, enum arg_type type, const char *name, struct err *e)
{
	char *end;

	*out = strtod(s, &end);
	if (end == s || *end || !(*out > -1e15 && *out < 1e15))
		return err_set(e, ERR_USAGE, "%s is a number, not \"%.40s\"", name, s);
	if (type != ARG_NUMBER && *out != (double)(long long)*out)
		return err_set(e, ERR_USAGE, "%s is a whole number, not %.40s", name, s);
	if (type != ARG_NUMBER && (*out < -2147483647 || *out > 2147483647))
		return err_set(e, ERR_USAGE, "%s is too large: %.40s", name, s);
	return true;
}

static bool check(struct args *out, int i, const struct arg_spec *spec, struct err *e)
{
	char *text = (char *)(uintptr_t)out->text[i];

	switch (spec->type) {
	case ARG_INT:
	case ARG_NUMBER:
	case ARG_POSITION:
		return read_number(&out->number[i], text, spec->type, spec->name, e);
	case ARG_TEXT:
		unescape(text);
		return true;
	case ARG_PANE:
		return pane_find(text) >= 0 || err_set(e, ERR_USAGE, "no pane is called \"%.40s\"", text);
	default:
		return true;
	}
}

bool args_parse(struct args *out, const char *spec, const char *text, struct err *e)
{
	struct arg_spec s;
	size_t used = 0;

	out->n = 0;
	for (int i = 0; i < ARGS_MAX; i++) {
		out->text[i] = "";
		out->number[i] = 0;
	}
	for (int i = 0; i < ARGS_MAX && args_spec(spec, i, &s); i++) {
		if (!take(out, &used, &text, argtypes[s.type].rest, &out->text[i], e))
			return false;
		if (!*out->text[i]) {
			if (s.optional)
				return true;
			return err_set(e, ERR_USAGE, "%s is missing: %s", s.name, argtypes[s.type].doc);
		}
		out->n++;
		if (!check(out, i, &s, e))
			return false;
	}
	text += strspn(text, " \t");
	return !*text || err_set(e, ERR_USAGE, "\"%.40s\" is too much", text);
}

static bool add(struct buf *out, const char *s)
{
	buf_str(out, s);
	return true;
}

/* Lenses with the axes wanted, then `next`. */
static bool lens_candidate(enum probe_axes axes, size_t i, bool with_next, struct buf *out)
{
	for (int id = 0; id < N_LENSES; id++)
		if (lenses[id]->probe.axes == axes && i-- == 0)
			return add(out, lenses[id]->probe.name);
	return with_next && i == 0 && add(out, "next");
}

/* Every place of every layer, of all layers at once, and those of no layer. */
static bool site_candidate(const struct app *a, size_t i, struct buf *out)
{
	const struct hparams *hp = &a->source->info.hp;
	size_t heads = (size_t)hp->n_heads, per = heads, nth;

	for (int s = 0; s < N_SITES; s++)
		per += !sites[s].global;
	if (i >= ((size_t)hp->n_layers + 1) * per) {
		i -= ((size_t)hp->n_layers + 1) * per;
		return i < 3 && add(out, i == 0 ? "final_norm" : i == 1 ? "logits" : "logit[\"");
	}
	if (i / per == (size_t)hp->n_layers)
		buf_str(out, "L*.");
	else
		buf_printf(out, "L%zu.", i / per);
	nth = i % per;
	if (nth < heads)
		buf_printf(out, "H%zu", nth);
	for (int s = 0; nth >= heads && s < N_SITES; s++)
		if (!sites[s].global && nth-- == heads)
			return add(out, sites[s].text);
	return true;
}

static bool matrix_of(const struct app *a, enum weight which)
{
	const struct tensor *t = a->model ? weights_get(&a->model->w, 0, which) : NULL;

	return t && t->rows > 1 && t->cols > 1;
}

/* Matrices and layers of the model, then methods. */
static bool swap_candidate(const struct app *a, size_t i, struct buf *out)
{
	size_t n_layers = (size_t)a->source->info.hp.n_layers;

	if (i < 2)
		return add(out, i ? "stop" : "all");
	i -= 2;
	for (int w = 0; w < N_WEIGHTS; w++) {
		const struct weight_def *d = &weight_defs[w];
		size_t n = d->layered ? n_layers + 1 : 1;

		if (!matrix_of(a, (enum weight)w))
			continue;
		if (i < n) {
			if (d->layered)
				buf_printf(out, i < n_layers ? "L%zu." : "L*.", i);
			buf_add(out, d->name, strcspn(d->name, "."));
			return true;
		}
		i -= n;
	}
	/* Those that work on inputs have none here; the one of the types goes by their names. */
	for (size_t q = 0; q < n_quantizers; q++)
		if (quantizers[q]->needs == QUANT_BLIND && strcmp(quantizers[q]->name, "gguf") && i-- == 0)
			return add(out, quantizers[q]->name);
	for (int t = 0; t < N_DTYPES; t++)
		if (dtypes[t]->quantize && i-- == 0) {
			for (const char *c = dtypes[t]->name; *c; c++)
				buf_char(out, (char)tolower((unsigned char)*c));
			return true;
		}
	return false;
}

static bool tensor_candidate(const struct app *a, size_t i, struct buf *out)
{
	const struct quantmap *m = a->quant ? quantlab_view(a->quant).map : NULL;
	char name[2 * QUANTMAP_NAME];

	for (int r = 0; m && r < quantmap_rows(m); r++)
		for (int c = 0; c < quantmap_cols(m); c++)
			if (quantmap_cell(m, r, c) && quantmap_cell(m, r, c)->t && i-- == 0) {
				quantmap_name(m, r, c, name);
				return add(out, name);
			}
	return false;
}

static bool branch_candidate(const struct app *a, size_t i, struct buf *out)
{
	struct timeline_branch b;

	if (i >= (size_t)timeline_n_branches(a->steps))
		return false;
	b = timeline_branch(a->steps, (int)i);
	if (b.name)
		buf_str(out, b.name);
	else
		buf_printf(out, "%d", b.number);
	return true;
}

static bool figure_candidate(size_t i, struct buf *out)
{
	if (i < N_QUANTMAP_FIGURES)
		return add(out, quantmap_figures[i].name);
	i -= N_QUANTMAP_FIGURES;
	return i < N_LOCK_FIGURES ? add(out, lock_figures[i].name) : i == N_LOCK_FIGURES && add(out, "next");
}

/* The words behind a place, branches, then places. */
static bool patch_candidate(const struct app *a, size_t i, struct buf *out)
{
	static const char *const words[] = { "from", "branch", "step", "in" };
	enum { N_WORDS = sizeof words / sizeof *words };
	size_t n = N_WORDS + (size_t)timeline_n_branches(a->steps);

	if (i < N_WORDS)
		return add(out, words[i]);
	return i < n ? branch_candidate(a, i - N_WORDS, out) : site_candidate(a, i - n, out);
}

static bool topic_candidate(size_t i, struct buf *out)
{
	if (i < N_PANES)
		return add(out, panes[i]->name);
	if (i - N_PANES < N_COMMANDS)
		return add(out, commands[i - N_PANES].name);
	i -= N_PANES + N_COMMANDS;
	if (i < N_LENSES)
		return add(out, lenses[i]->probe.name);
	i -= N_LENSES;
	return i < n_samplers ? add(out, samplers[i]->name) : i == n_samplers && add(out, "samplers");
}

static bool copy_candidate(size_t i, struct buf *out)
{
	static const char *const parts[] = { "text", "site", "row", "table" };

	if (i < 4)
		return add(out, parts[i]);
	return i - 4 < N_LENSES && add(out, lenses[i - 4]->probe.name);
}

bool args_candidate(const struct app *a, enum arg_type type, size_t i, struct buf *out)
{
	switch (type) {
	case ARG_LENS:
		return lens_candidate(PROBE_SCALAR, i, true, out);
	case ARG_SERIES:
		return lens_candidate(PROBE_SCALAR, i, false, out);
	case ARG_GRID:
		return lens_candidate(PROBE_HEADS, i, true, out);
	case ARG_STEER:
		return i == 0 ? add(out, "learn") : site_candidate(a, i - 1, out);
	case ARG_EDIT:
		return site_candidate(a, i, out);
	case ARG_PATCH:
		return patch_candidate(a, i, out);
	case ARG_BRANCH:
		return branch_candidate(a, i, out);
	case ARG_SWAP:
		return swap_candidate(a, i, out);
	case ARG_NEURON:
		return i < (size_t)a->source->info.hp.n_layers && (buf_printf(out, "L%zu.mlp[", i), true);
	case ARG_VECTOR:
		return i < N_NEURON_SITES ? add(out, neuron_site_names[i]) : i == N_NEURON_SITES && add(out, "next");
	case ARG_VARIANT:
		return i < N_NEURON_VARIANTS ? add(out, neuron_variant_names[i]) : i == N_NEURON_VARIANTS && add(out, "next");
	case ARG_MAP:
		return i < 2 && add(out, i ? "cancel" : "build");
	case ARG_CHAIN:
		return i < n_samplers && add(out, samplers[i]->name);
	case ARG_METHOD:
		return quantlab_candidate(i, out);
	case ARG_TENSOR:
		return tensor_candidate(a, i, out);
	case ARG_FIGURE:
		return figure_candidate(i, out);
	case ARG_SECOND:
		return i < 4 ? add(out, (const char *[]){ "edits", "threshold", "stop", "off" }[i]) : quantlab_candidate(i - 4, out);
	case ARG_PANE:
	case ARG_LAYOUT:
		return i < N_PANES && add(out, panes[i]->name);
	case ARG_THEME:
		return i < (size_t)n_themes && add(out, themes[i].name);
	case ARG_TOPIC:
		return topic_candidate(i, out);
	case ARG_COPY:
		return copy_candidate(i, out);
	case ARG_LINE:
		return i < N_COMMANDS && add(out, commands[i].name);
	default:
		return false;
	}
}
