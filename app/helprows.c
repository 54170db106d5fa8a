#include "app/helprows.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/keymap.h"
#include "engine/base/mem.h"
#include "views/key.h"

struct row {
	char *left, *right;
};

struct rows_of {
	struct app *app;
	struct row *row;
	size_t n;
};

static void add(struct rows_of *r, const char *left, const char *right)
{
	r->row = mem_resize(r->row, r->n + 1, sizeof *r->row);
	r->row[r->n++] = (struct row){ mem_strdup(left), mem_strdup(right) };
}

static void clear(struct rows_of *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->row[i].left);
		free(r->row[i].right);
	}
	free(r->row);
	r->row = NULL;
	r->n = 0;
}

/* Keys whose line begins with the command's name, as "x  y". */
static void keys_of(struct rows_of *r, const char *command, struct buf *out)
{
	struct binding b;
	size_t n = strlen(command);
	char name[24];

	for (size_t i = 0; keymap_at(r->app->keys, i, &b); i++)
		if (!strcmp(b.line, command) || (!strncmp(b.line, command, n) && b.line[n] == ' ')) {
			buf_printf(out, "%s%s", out->len ? "  " : "", key_text(b.key, name, sizeof name));
			if (b.line[n])
				buf_printf(out, " (%s%s%s)", b.line + n + 1, b.pane >= 0 ? ", in " : "",
				    b.pane >= 0 ? panes[b.pane]->name : "");
		}
}

static void add_command(struct rows_of *r, const struct command *c)
{
	struct buf left = { 0 };
	struct arg_spec s;

	buf_str(&left, c->name);
	for (int i = 0; args_spec(c->args, i, &s); i++)
		buf_printf(&left, s.optional ? " [%s]" : " %s", s.name);
	add(r, left.data, c->help);
	buf_free(&left);
}

static void about_command(struct rows_of *r, const struct command *c)
{
	struct buf keys = { 0 };
	struct arg_spec s;

	add_command(r, c);
	for (int i = 0; args_spec(c->args, i, &s); i++)
		add(r, s.name, argtypes[s.type].doc);
	keys_of(r, c->name, &keys);
	if (keys.len)
		add(r, "keys", keys.data);
	buf_free(&keys);
}

/* A line of a key that is a bare command is explained by the command's sentence. */
static const char *meaning(const char *line)
{
	struct err e;
	const struct command *c = command_find(line, strlen(line), &e);

	return c ? c->help : line;
}

/* Keys that run the same line share a row. */
static bool told_already(const struct rows_of *r, size_t i, const struct binding *b)
{
	struct binding before;

	for (size_t k = 0; k < i && keymap_at(r->app->keys, k, &before); k++)
		if (before.pane == b->pane && !strcmp(before.line, b->line))
			return true;
	return false;
}

static void add_keys(struct rows_of *r, int pane)
{
	struct binding b, other;
	char name[24];

	for (size_t i = 0; keymap_at(r->app->keys, i, &b); i++) {
		struct buf keys = { 0 };

		if (b.pane != pane || !*b.line || told_already(r, i, &b))
			continue;
		buf_str(&keys, key_text(b.key, name, sizeof name));
		for (size_t k = i + 1; keymap_at(r->app->keys, k, &other); k++)
			if (other.pane == pane && !strcmp(other.line, b.line))
				buf_printf(&keys, "  %s", key_text(other.key, name, sizeof name));
		add(r, keys.data, meaning(b.line));
		buf_free(&keys);
	}
}

static void about_pane(struct rows_of *r, const struct pane_def *p, int id)
{
	add(r, p->title, "");
	add(r, "", p->doc);
	add(r, "", "");
	add(r, "", p->read_it);
	add(r, "", "");
	add_keys(r, id);
}

static void about_lens(struct rows_of *r, const struct lens_def *d)
{
	add(r, d->probe.name, "");
	add(r, "", d->doc);
	add(r, "", "");
	add(r, "", d->read_it ? d->read_it : "");
	add(r, "", "");
	add(r, "unit", *d->unit ? d->unit : "none");
	add(r, "source", d->source ? d->source : "");
}

/* A pane also explains the signal it shows now. */
static void signals_of(struct rows_of *r, int pane)
{
	const struct app *a = r->app;

	if (pane == PANE_text)
		about_lens(r, lenses[a->text_lens]);
	if (pane == PANE_heads)
		about_lens(r, lenses[a->grid_lens]);
	for (int i = 0; pane == PANE_timeline && i < a->n_series; i++)
		about_lens(r, lenses[a->series[i]]);
	for (int i = 0; pane == PANE_layers && i < N_LENSES; i++)
		if (lenses[i]->probe.axes == PROBE_LAYERS)
			about_lens(r, lenses[i]);
}

/* A stage: as it is typed, what it does, what it shows, where it is from. */
static void about_stage(struct rows_of *r, const struct sampler_def *d)
{
	struct buf left = { 0 }, shows = { 0 };
	char usage[200];

	buf_printf(&left, "%s%s", d->name, sampler_usage(d, usage, sizeof usage));
	add(r, left.data, "");
	add(r, "", d->doc);
	for (int i = 0; i < d->n_params; i++) {
		struct buf range = { 0 };

		buf_printf(&range, "%.9g to %.9g", d->params[i].lo, d->params[i].hi);
		if (i >= d->n_required)
			buf_printf(&range, "; %g when not said", d->params[i].initial);
		add(r, d->params[i].name, range.data);
		buf_free(&range);
	}
	for (int i = 0; i < SAMPLER_SHOWS && d->shows[i]; i++)
		buf_printf(&shows, "%s%s", i ? ", " : "", d->shows[i]);
	if (shows.len)
		add(r, "shows", shows.data);
	add(r, "source", d->source);
	buf_free(&left);
	buf_free(&shows);
}

static void all_stages(struct rows_of *r)
{
	add(r, "", "A sampler is stages with | between them, from left to right: top-k 40 | temp 0.8.  What stands in [brackets] "
	    "may be left out.");
	for (size_t i = 0; i < n_samplers; i++) {
		add(r, "", "");
		about_stage(r, samplers[i]);
	}
}

static void everything(struct rows_of *r)
{
	add(r, "keys", "");
	add_keys(r, -1);
	add(r, "", "");
	add(r, "commands, after :", "");
	for (int i = 0; i < N_COMMANDS; i++)
		add_command(r, &commands[i]);
	add(r, "", "");
	add(r, "panes", "");
	for (int i = 0; i < N_PANES; i++)
		add(r, panes[i]->name, panes[i]->doc);
	add(r, "", "");
	add(r, "signals", "");
	for (int i = 0; i < N_LENSES; i++)
		add(r, lenses[i]->probe.name, lenses[i]->doc);
	add(r, "", "");
	add(r, "sampler stages (more under `help samplers')", "");
	for (size_t i = 0; i < n_samplers; i++)
		add(r, samplers[i]->name, samplers[i]->doc);
	add(r, "", "");
	add(r, "edits", "");
	for (size_t i = 0; i < n_edit_defs; i++)
		add(r, edit_defs[i]->symbol, edit_defs[i]->doc);
	add(r, edit_swap.symbol, edit_swap.doc);
}

static void make(struct rows_of *r, const char *topic)
{
	struct err e;
	int pane = pane_find(topic), lens = lens_find(topic);
	const struct sampler_def *stage = sampler_find(topic, strlen(topic));
	const struct command *c = *topic ? command_find(topic, strlen(topic), &e) : NULL;

	if (pane >= 0) {
		about_pane(r, panes[pane], pane);
		signals_of(r, pane);
	} else if (lens >= 0) {
		about_lens(r, lenses[lens]);
	} else if (!strcmp(topic, "samplers")) {
		all_stages(r);
	} else if (stage) {
		about_stage(r, stage);
	} else if (c) {
		about_command(r, c);
	} else {
		everything(r);
	}
}

static bool help_row(void *of, const char *topic, size_t i, const char **left, const char **right)
{
	struct rows_of *r = of;

	if (i == 0) {
		clear(r);
		make(r, topic ? topic : "");
	}
	if (i >= r->n)
		return false;
	*left = r->row[i].left;
	*right = r->row[i].right;
	return true;
}

struct host helprows_host(struct app *a)
{
	struct rows_of *r = mem_zalloc(sizeof *r);

	r->app = a;
	return (struct host){ .help_row = help_row, .of = r };
}

void helprows_free(struct host *h)
{
	if (h->of)
		clear(h->of);
	free(h->of);
	h->of = NULL;
}
