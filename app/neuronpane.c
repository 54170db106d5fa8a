#include "app/neuronpane.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "app/neurons_text.h"
#include "app/script.h"
#include "engine/base/mem.h"

enum { STRONGEST = 12, BAR_MOVES_NS = 100000000 };

void neuronpane_start(struct neuronpane *n, const struct model *m, int n_threads)
{
	struct err none;

	*n = (struct neuronpane){ .page = { .site = NEURON_DOWN, .vocab = m ? m->vocab : NULL } };
	for (int s = 0; s < N_NEURON_SITES; s++)
		n->page.variant[s] = neuron_default_variant((enum neuron_site)s);
	n->page.tokens = &n->tokens;
	watch_start(&n->watch);
	if (m)
		n->atlas = atlas_new(m, n_threads, &none);
}

void neuronpane_free(struct neuronpane *n)
{
	atlas_free(n->atlas);
	watch_free(&n->watch);
	free(n->value);
	free(n->text);
	free(n->hit);
}

static struct choice *choice_of(struct app *a)
{
	return &a->choice[PANE_neurons];
}

/* The choice of the page that is left is kept for the way back. */
static void turn_to(struct app *a, enum neurons_shown shows)
{
	struct neuronpane *n = &a->neurons;

	if (n->page.shows != NEURONS_ONE)
		n->before[n->page.shows] = *choice_of(a);
	n->page.shows = shows;
	*choice_of(a) = (struct choice){ 0 };
	a->dirty = true;
}

bool neuronpane_back(struct app *a)
{
	struct neuronpane *n = &a->neurons;

	if (n->page.shows == NEURONS_STRONGEST)
		return false;
	turn_to(a, n->page.shows == NEURONS_ONE && n->from_found ? NEURONS_FOUND : NEURONS_STRONGEST);
	*choice_of(a) = n->before[n->page.shows];
	if (n->page.shows == NEURONS_STRONGEST)
		n->from_found = false;
	return true;
}

/* Looks the word up again where the map has grown. */
static void look_up(struct app *a)
{
	struct neuronpane *n = &a->neurons;
	struct neuron_page *p = &n->page;
	size_t there;

	if (!n->atlas || !n->text)
		return;
	p->sheet = atlas_sheet(n->atlas, p->site, p->variant[p->site]);
	there = p->sheet.map ? neuronmap_n_done(p->sheet.map) : 0;
	if (!n->tokens.found || (there == n->seen && p->sheet.map == n->seen_map))
		return;
	free(n->hit);
	n->hit = NULL;
	p->n_hits = p->sheet.map ? neuronfind(p->sheet.map, &n->tokens, &n->hit) : 0;
	p->hit = n->hit;
	n->seen = there;
	n->seen_map = p->sheet.map;
}

static bool want_map(struct app *a, struct err *e)
{
	struct neuron_page *p = &a->neurons.page;

	if (!a->neurons.atlas)
		return err_set(e, ERR_USAGE, "there is no model at hand to read");
	return atlas_want(a->neurons.atlas, p->site, p->variant[p->site], e);
}

static bool not_a_token(const struct neuronpane *n, struct err *e)
{
	struct buf near = { 0 };

	for (int i = 0; i < n->tokens.n; i++) {
		buf_str(&near, i ? ", " : "");
		neurons_text_token(&near, n->page.vocab, n->tokens.id[i]);
	}
	err_set(e, ERR_USAGE, "no token of this model is \"%.60s\"; nearest are %.200s", n->text,
	    near.len ? near.data : "none");
	buf_free(&near);
	return false;
}

/* As typed, or in quotes, which keep a blank in front in sight. */
static char *unquoted(const char *text)
{
	size_t n = strlen(text);
	bool quoted = n > 1 && text[0] == '"' && text[n - 1] == '"';
	char *out = mem_strdup(text + quoted);

	if (quoted)
		out[n - 2] = 0;
	return out;
}

bool neuronpane_search(struct app *a, const char *text, struct err *e)
{
	struct neuronpane *n = &a->neurons;

	app_show(a, PANE_neurons);
	if (!*text) {
		while (neuronpane_back(a))
			continue;
		return true;
	}
	if (!n->atlas)
		return err_set(e, ERR_USAGE, "there is no model at hand to read");
	free(n->text);
	n->page.text = n->text = unquoted(text);
	n->seen_map = NULL;
	n->page.n_hits = 0;
	neuronfind_tokens(n->page.vocab, n->text, strlen(n->text), &n->tokens);
	n->from_found = true;
	turn_to(a, NEURONS_FOUND);
	if (!n->tokens.found)
		return not_a_token(n, e);
	if (!want_map(a, e))
		return false;
	look_up(a);
	return true;
}

bool neuronpane_show(struct app *a, const char *site, struct err *e)
{
	struct neuronpane *n = &a->neurons;
	const struct hparams *hp = &a->source->info.hp;
	struct neuron_ref r;

	if (!*site)
		return neuronpane_search(a, "", e);
	if (!neuron_parse(site, hp, &r, e))
		return false;
	app_show(a, PANE_neurons);
	if (n->page.shows != NEURONS_ONE) {
		n->from_found = n->page.shows == NEURONS_FOUND;
		turn_to(a, NEURONS_ONE);
	}
	n->page.one = r;
	choice_of(a)->row = neuron_page_row(hp, r.site);
	watch_set(&n->watch, r.layer, r.index);
	return true;
}

/* The vector that the commands are about. */
static enum neuron_site site_now(const struct app *a)
{
	enum neuron_site s = a->neurons.page.site;

	if (a->neurons.page.shows == NEURONS_ONE)
		neuron_page_vector(&a->source->info.hp, a->choice[PANE_neurons].row, &s);
	return s;
}

/* What is chosen is in force: on the page of results another map is searched. */
static bool change(struct app *a, struct err *e)
{
	struct neuronpane *n = &a->neurons;
	enum neuron_site s = site_now(a);

	app_say(a, "%s, %s: %s", neuron_site_names[s], neuron_variant_names[n->page.variant[s]],
	    neuron_variant_docs[n->page.variant[s]]);
	if (n->page.shows != NEURONS_FOUND)
		return true;
	*choice_of(a) = (struct choice){ 0 };
	if (n->tokens.found && !want_map(a, e))
		return false;
	look_up(a);
	return true;
}

bool neuronpane_vector(struct app *a, const char *name, struct err *e)
{
	struct neuronpane *n = &a->neurons;
	const struct hparams *hp = &a->source->info.hp;
	enum neuron_site s = site_now(a);
	bool next = !strcmp(name, "next");
	int row;

	for (row = next ? neuron_page_row(hp, s) + 1 : 0; neuron_page_vector(hp, row, &s); row++)
		if (next || !strcmp(neuron_site_names[s], name))
			break;
	if (!neuron_page_vector(hp, row, &s) && (!next || !neuron_page_vector(hp, row = 0, &s)))
		return err_set(e, ERR_USAGE, "a neuron has the vectors down, up%s, not \"%.40s\"",
		    neuron_page_vector(hp, 2, &s) ? " and gate" : "", name);
	n->page.site = s;
	if (n->page.shows == NEURONS_ONE)
		choice_of(a)->row = row;
	return change(a, e);
}

bool neuronpane_variant(struct app *a, const char *name, struct err *e)
{
	enum neuron_site s = site_now(a);
	enum neuron_variant *now = &a->neurons.page.variant[s];
	const struct hparams *hp = &a->source->info.hp;
	struct err none;

	for (int i = 1; i <= N_NEURON_VARIANTS; i++) {
		enum neuron_variant v = (enum neuron_variant)(((int)*now + i) % N_NEURON_VARIANTS);

		if (!strcmp(name, "next") ? !neuron_check(hp, s, v, &none) : strcmp(neuron_variant_names[v], name) != 0)
			continue;
		if (!neuron_check(hp, s, v, e))
			return false;
		*now = v;
		return change(a, e);
	}
	return err_set(e, ERR_USAGE, "no variant is called \"%.40s\"; there are raw, gain, read and write", name);
}

static void say_state(struct app *a, const struct atlas_sheet *t)
{
	const struct neuron_page *p = &a->neurons.page;
	const char *site = neuron_site_names[p->site], *variant = neuron_variant_names[p->variant[p->site]];

	if (t->map)
		app_say(a, "the map of %s, %s has %zu of %zu neurons", site, variant, neuronmap_n_done(t->map),
		    (size_t)neuronmap_n_layers(t->map) * (size_t)neuronmap_d_ff(t->map));
	else
		app_say(a, "no map of %s, %s is open: `map build' makes it", site, variant);
}

bool neuronpane_map(struct app *a, const char *what, struct err *e)
{
	struct neuronpane *n = &a->neurons;
	struct atlas_sheet t;

	if (!strcmp(what, "build"))
		return want_map(a, e);
	if (!strcmp(what, "cancel"))
		return (n->atlas && atlas_cancel(n->atlas)) || err_set(e, ERR_USAGE, "no map is being made");
	if (*what)
		return err_set(e, ERR_USAGE, "`build', `cancel', or nothing: how far it is");
	if (!n->atlas)
		return err_set(e, ERR_USAGE, "there is no model at hand to read");
	t = atlas_sheet(n->atlas, n->page.site, n->page.variant[n->page.site]);
	say_state(a, &t);
	return true;
}

void neuronpane_take(struct app *a)
{
	struct neuronpane *n = &a->neurons;
	enum neuron_variant v;
	enum neuron_site s;

	while (atlas_take(n->atlas, &s, &v)) {
		struct atlas_sheet t = atlas_sheet(n->atlas, s, v);

		a->dirty = true;
		if (t.phase == ATLAS_FAILED) {
			app_complain(a, t.why);
			if (a->script)
				script_fail(a, ERR_RUN, "", t.why);
		} else if (t.phase == ATLAS_STOPPED) {
			say_state(a, &t);
		}
	}
	look_up(a);
	script_go_on(a);
}

bool neuronpane_awaited(const struct app *a)
{
	return atlas_works(a->neurons.atlas);
}

void neuronpane_tick(struct app *a, uint64_t *wait)
{
	if (!atlas_works(a->neurons.atlas))
		return;
	if (a->neurons.page.shows == NEURONS_FOUND)
		a->dirty = true;
	*wait = *wait < BAR_MOVES_NS ? *wait : BAR_MOVES_NS;
}

/* What a narrow pane leaves out is not computed: the answer comes sooner. */
static bool shows_rows(const struct app *a)
{
	for (int i = 0; i < a->placed.n; i++)
		if (a->placed.at[i].pane == PANE_neurons)
			return pane_inside(a->placed.at[i].rect, a->placed.at[i].line_left).cols >= NEURONS_ROWS_FROM;
	return false;
}

static int wish_strongest(const struct neuronpane *n, const struct step *s, bool rows, struct neuron_wish *out)
{
	struct step_neuron best[STRONGEST];
	int layer[STRONGEST], found = 0;

	for (int i = 0; s && i < s->n_layers * STEP_NEURONS; i++) {
		const struct step_neuron *x = &s->neurons[i];
		int at = found < STRONGEST ? found : STRONGEST - 1;

		if (x->index < 0 || isnan(x->contribution) ||
		    (found == STRONGEST && best[at].contribution >= x->contribution))
			continue;
		for (; at > 0 && best[at - 1].contribution < x->contribution; at--) {
			best[at] = best[at - 1];
			layer[at] = layer[at - 1];
		}
		best[at] = *x;
		layer[at] = i / STEP_NEURONS;
		found += found < STRONGEST;
	}
	for (int i = 0; i < found; i++) {
		out[i] = (struct neuron_wish){ { layer[i], NEURON_DOWN, best[i].index }, n->page.variant[NEURON_DOWN] };
		if (rows)
			out[found + i] = (struct neuron_wish){ { layer[i], NEURON_UP, best[i].index }, n->page.variant[NEURON_UP] };
	}
	return rows ? 2 * found : found;
}

static int wish_one(const struct neuronpane *n, const struct hparams *hp, struct neuron_wish *out)
{
	enum neuron_site s;
	int count = 0;

	for (int row = 0; neuron_page_vector(hp, row, &s); row++)
		out[count++] = (struct neuron_wish){ { n->page.one.layer, s, n->page.one.index }, n->page.variant[s] };
	/* Its length says what a clamp moves. */
	out[count++] = (struct neuron_wish){ { n->page.one.layer, NEURON_DOWN, n->page.one.index }, NEURON_RAW };
	return count;
}

/* The figures of the line, side by side. */
static void gather(struct app *a)
{
	struct neuronpane *n = &a->neurons;
	int count = timeline_n(a->steps);

	if (count > n->room) {
		n->room = 2 * count;
		n->value = mem_resize(n->value, (size_t)n->room, sizeof *n->value);
	}
	for (int i = 0; i < count; i++)
		n->value[i] = watch_at(&n->watch, a->steps, i);
	n->page.value = n->value;
	n->page.n_values = count;
}

static bool may_look(const struct app *a)
{
	return !a->engine_running || !a->follow;
}

void neuronpane_refresh(struct app *a, struct view *v, bool may_ask)
{
	struct neuronpane *n = &a->neurons;
	struct neuron_wish wish[2 * STRONGEST];
	int n_wishes = 0;

	look_up(a);
	if (n->page.shows == NEURONS_ONE) {
		watch_want(&n->watch, a->source, a->steps, v->at, may_ask);
		n->page.computing = n->watch.asked;
		gather(a);
		n_wishes = wish_one(n, &a->source->info.hp, wish);
	} else if (n->page.shows == NEURONS_STRONGEST && may_ask) {
		n_wishes = wish_strongest(n, v->step, shows_rows(a), wish);
	}
	words_want(a->words, wish, n_wishes);
}

void neuronpane_came(struct app *a, const struct look *k, int step)
{
	struct neuronpane *n = &a->neurons;

	watch_came(&n->watch, k, step);
	if (n->page.shows == NEURONS_ONE)
		watch_want(&n->watch, a->source, a->steps, app_at(a), may_look(a));
}
