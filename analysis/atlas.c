#include "analysis/atlas.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/resource.h>
#endif

#include "analysis/analyst.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/fingerprint.h"

enum { GIVES_WAY = 19 };        /* nice */

struct sheet {
	struct atlas *of;
	enum neuron_site site;
	enum neuron_variant variant;
	bool asked, again;                      /* the UI thread's: with the analyst; wanted once more behind that */
	atomic_bool off;                        /* no longer wanted */
	atomic_int phase;
	_Atomic(struct neuronmap *) map;
	_Atomic float done, left_s;
	uint64_t start_ns;                      /* of the phase; the analyst's, as `first` */
	double first;
	struct err err;                         /* written before the phase says FAILED */
};

struct atlas {
	const struct model *m;
	int n_threads;
	struct analyst *analyst;
	struct sheet sheet[N_NEURON_SITES][N_NEURON_VARIANTS];
	char fingerprint[FINGERPRINT_TEXT];     /* the analyst's; "" until it is known */
};

struct atlas *atlas_new(const struct model *m, int n_threads, struct err *e)
{
	struct atlas *a = mem_zalloc(sizeof *a);

	if (!(a->analyst = analyst_new(e))) {
		free(a);
		return NULL;
	}
	a->m = m;
	a->n_threads = n_threads > 0 ? n_threads : 1;
	for (int s = 0; s < N_NEURON_SITES; s++)
		for (int v = 0; v < N_NEURON_VARIANTS; v++)
			a->sheet[s][v] = (struct sheet){ .of = a, .site = (enum neuron_site)s, .variant = (enum neuron_variant)v };
	return a;
}

void atlas_free(struct atlas *a)
{
	if (!a)
		return;
	atlas_cancel(a);
	analyst_free(a->analyst, NULL);
	for (int s = 0; s < N_NEURON_SITES; s++)
		for (int v = 0; v < N_NEURON_VARIANTS; v++)
			neuronmap_close(atomic_load(&a->sheet[s][v].map));
	free(a);
}

struct atlas_sheet atlas_sheet(const struct atlas *a, enum neuron_site s, enum neuron_variant v)
{
	const struct sheet *t = &a->sheet[s][v];
	enum atlas_phase phase = (enum atlas_phase)atomic_load(&t->phase);

	return (struct atlas_sheet){ .phase = phase, .map = atomic_load(&t->map), .done = (double)atomic_load(&t->done),
		.left_s = (double)atomic_load(&t->left_s), .why = phase == ATLAS_FAILED ? t->err.msg : "" };
}

static void begin(struct sheet *t, enum atlas_phase phase, double first)
{
	t->start_ns = clock_ns();
	t->first = first;
	atomic_store(&t->done, (float)first);
	atomic_store(&t->left_s, NAN);
	atomic_store(&t->phase, phase);
}

static bool goes_on(void *of, double done)
{
	struct sheet *t = of;
	double took = (double)(clock_ns() - t->start_ns) * 1e-9;

	atomic_store(&t->done, (float)done);
	if (done > t->first && took > 0.5)
		atomic_store(&t->left_s, (float)(took * (1 - done) / (done - t->first)));
	return !atomic_load(&t->off);
}

static struct neuronmap *open_map(struct sheet *t, struct err *e)
{
	struct atlas *a = t->of;
	struct neuronmap *map;
	struct buf path = { 0 };

	if (!*a->fingerprint && !model_fingerprint(a->m, goes_on, t, a->fingerprint)) {
		*a->fingerprint = 0;
		err_set(e, ERR_INTERRUPTED, "stopped");
		return NULL;
	}
	bool kept = neuronmap_path(&path, a->fingerprint, t->site, t->variant);

	map = neuronmap_open(kept ? path.data : NULL, a->m, a->fingerprint, t->site, t->variant, e);
	buf_free(&path);
	return map;
}

static bool make(struct sheet *t, struct err *e)
{
	struct atlas *a = t->of;
	struct neuronmap *map = atomic_load(&t->map);
	struct pool *pool;
	bool ok;

	begin(t, ATLAS_HASHING, 0);
	if (!map && !(map = open_map(t, e)))
		return false;
	atomic_store(&t->map, map);
	if (neuronmap_complete(map))
		return true;
	begin(t, ATLAS_BUILDING, (double)neuronmap_n_done(map) /
	    ((double)neuronmap_n_layers(map) * (double)neuronmap_d_ff(map)));
	if (!(pool = pool_new(a->n_threads, e)))
		return false;
	ok = neuronmap_build(map, a->m, pool, goes_on, t, e);
	pool_free(pool);
	return ok;
}

static void answer(void *question, struct analyst_desk *desk)
{
	struct sheet *t = question;

	(void)desk;
#ifdef __linux__
	/* Of this thread alone here, and of the workers it starts. */
	setpriority(PRIO_PROCESS, 0, GIVES_WAY);
#endif
	if (atomic_load(&t->off))
		atomic_store(&t->phase, ATLAS_STOPPED);
	else if (make(t, &t->err))
		atomic_store(&t->phase, ATLAS_COMPLETE);
	else
		atomic_store(&t->phase, t->err.code == ERR_INTERRUPTED ? ATLAS_STOPPED : ATLAS_FAILED);
}

static bool ask(struct sheet *t, struct err *e)
{
	t->again = false;
	atomic_store(&t->off, false);
	begin(t, ATLAS_HASHING, 0);
	t->asked = analyst_ask(t->of->analyst, answer, t);
	if (!t->asked)
		atomic_store(&t->phase, ATLAS_STOPPED);
	return t->asked || err_set(e, ERR_RUN, "too much is being computed already");
}

bool atlas_want(struct atlas *a, enum neuron_site s, enum neuron_variant v, struct err *e)
{
	struct sheet *t = &a->sheet[s][v];

	if (!neuron_check(&a->m->hp, s, v, e))
		return false;
	if (atomic_load(&t->phase) == ATLAS_COMPLETE || (t->asked && !atomic_load(&t->off)))
		return true;
	atlas_cancel(a);
	if (t->asked) {                         /* it is about to stop, and begins again then */
		t->again = true;
		return true;
	}
	return ask(t, e);
}

bool atlas_cancel(struct atlas *a)
{
	bool any = false;

	for (int s = 0; s < N_NEURON_SITES; s++)
		for (int v = 0; v < N_NEURON_VARIANTS; v++)
			if (a->sheet[s][v].asked) {
				atomic_store(&a->sheet[s][v].off, true);
				a->sheet[s][v].again = false;
				any = true;
			}
	return any;
}

bool atlas_works(const struct atlas *a)
{
	return a && analyst_pending(a->analyst) > 0;
}

int atlas_fd(const struct atlas *a)
{
	return a ? analyst_fd(a->analyst) : -1;
}

bool atlas_take(struct atlas *a, enum neuron_site *s, enum neuron_variant *v)
{
	struct sheet *t = a ? analyst_take(a->analyst) : NULL;
	struct err none;

	if (!t)
		return false;
	t->asked = false;
	if (t->again && !ask(t, &none))
		t->again = false;
	*s = t->site;
	*v = t->variant;
	return true;
}
