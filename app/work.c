#include "app/work.h"

#include <math.h>
#include <stdio.h>

#include "analysis/atlas.h"
#include "app/app.h"
#include "app/pairing.h"
#include "app/quantlab.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/warm.h"

enum { TICK_NS = 250000000, JUST_NOW_NS = 1000000000 };

static double part_of(double part, double all)
{
	return all > 0 ? part / all : (double)NAN;
}

static bool work_loading(const struct app *a, struct work *w)
{
	struct warm_state s = warm_now(a->warm);

	snprintf(w->words, sizeof w->words, "loading: %.1f of %.1f GB", (double)s.done / 1e9, (double)s.of / 1e9);
	w->done = part_of((double)s.done, (double)s.of);
	return s.works;
}

static void work_stop_loading(struct app *a)
{
	warm_free(a->warm);
	a->warm = NULL;
	app_say(a, "loading stopped; the rest of the file comes when it is needed");
}

static bool work_reading(const struct app *a, struct work *w)
{
	if (running_state(a) != STATE_READING)
		return false;
	snprintf(w->words, sizeof w->words, "read %d of %d tokens", a->n_read, a->n_tokens);
	w->done = part_of(a->n_read, a->n_tokens);
	return true;
}

static void work_stop_reading(struct app *a)
{
	app_stop(a);
	a->read_stopped = true;
}

static bool work_look(const struct app *a, struct work *w)
{
	const struct look_watch *watch = source_watch(a->source);

	if (!watch || !atomic_load(&watch->works))
		return false;
	snprintf(w->words, sizeof w->words, "looking closely at a step");
	w->done = (double)atomic_load(&watch->done);
	return true;
}

static void work_stop_look(struct app *a)
{
	atomic_store(&source_watch(a->source)->stop, true);
}

static bool work_lab(const struct app *a, struct work *w)
{
	return lab_work(a->lab, w->words, sizeof w->words, &w->done);
}

static void work_stop_lab(struct app *a)
{
	lab_stop(a->lab);
}

/* One map is made at a time, whichever it is. */
static bool work_map(const struct app *a, struct work *w)
{
	if (!atlas_works(a->neurons.atlas))
		return false;
	for (int s = 0; s < N_NEURON_SITES; s++)
		for (int v = 0; v < N_NEURON_VARIANTS; v++) {
			struct atlas_sheet t = atlas_sheet(a->neurons.atlas, (enum neuron_site)s, (enum neuron_variant)v);

			if (t.phase != ATLAS_HASHING && t.phase != ATLAS_BUILDING)
				continue;
			snprintf(w->words, sizeof w->words, t.phase == ATLAS_HASHING ? "reading the model's fingerprint" :
			    "map of %s, %s", neuron_site_names[s], neuron_variant_names[v]);
			w->done = t.done;
			return true;
		}
	return false;
}

static void work_stop_map(struct app *a)
{
	atlas_cancel(a->neurons.atlas);
}

static bool work_quant(const struct app *a, struct work *w)
{
	struct view_quant q;

	if (!quantlab_busy(a->quant))
		return false;
	q = quantlab_view(a->quant);
	snprintf(w->words, sizeof w->words, "quant %.80s", q.doing);
	w->done = (double)q.done;
	return *q.doing;
}

static void work_stop_quant(struct app *a)
{
	quantlab_stop(a->quant);
}

static bool work_pair(const struct app *a, struct work *w)
{
	struct view_lockstep k;

	if (!a->pair || !pairing_busy(a->pair))
		return false;
	k = pairing_view(a->pair);
	snprintf(w->words, sizeof w->words, "in step: %.80s", k.other ? k.other : "");
	w->done = (double)k.done;
	return k.works && k.other;
}

static void work_stop_pair(struct app *a)
{
	pairing_stop(a->pair);
}

static const struct {
	bool (*now)(const struct app *a, struct work *w);
	void (*stop)(struct app *a);
} kinds[] = {
#define WORK(id, words) { work_##id, work_stop_##id },
#include "app/work.def"
#undef WORK
};

static enum work_kind look(const struct app *a, struct work *w)
{
	for (int k = 0; k < N_WORKS; k++)
		if (kinds[k].now(a, w))
			return (enum work_kind)k;
	return WORK_NONE;
}

void work_tick(struct app *a, uint64_t now, uint64_t *wait)
{
	struct work w = { .done = (double)NAN };

	w.kind = look(a, &w);
	if (w.kind == WORK_NONE) {
		a->dirty = a->dirty || a->work.shown;
		w.over_ns = a->work.shown ? now : a->work.over_ns;
		a->work = w;
		return;
	}
	if (w.kind == a->work.kind)
		w.pace = a->work.pace;
	pace_at(&w.pace, w.done, now);
	w.shown = pace_is_slow(&w.pace, now);
	a->work = w;
	a->dirty = a->dirty || w.shown;
	*wait = *wait > TICK_NS ? TICK_NS : *wait;
}

bool work_cancel(struct app *a)
{
	if (a->work.kind == WORK_NONE)
		return a->work.over_ns && clock_ns() - a->work.over_ns < JUST_NOW_NS;
	/* The probe text is read after each edit without being asked for: until it is
	 * shown, the key was not meant for it. */
	if (a->work.kind == WORK_lab && !a->work.shown && !lab_awaited(a->lab))
		return false;
	a->work.over_ns = clock_ns();
	kinds[a->work.kind].stop(a);
	return true;
}

const char *work_key(const struct app *a)
{
	bool nearer = a->zoomed || a->find || a->focus == PANE_quant || a->focus == PANE_neurons;

	for (int p = 0; p < N_PANES; p++)
		nearer = nearer || (a->stand_in[p] == a->focus && p != (int)a->focus);
	return nearer ? "^C" : "Esc";
}

void work_rested(struct app *a)
{
	if (!a->read_stopped || a->engine_running)
		return;
	a->read_stopped = false;
	app_say(a, "stopped: %d of %d tokens are read and kept; Space goes on", a->n_read, a->n_tokens);
}
