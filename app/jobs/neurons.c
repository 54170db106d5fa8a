/*
 * neurons -- the whole model read through its LM head: build the map, find a word
 * in it, show a neuron, compare two models.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "app/neurons_text.h"
#include "app/out.h"
#include "app/setup.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/fingerprint.h"

enum { SHOWN = 10, LISTED = 20 };

/* A model, its map, and where that is kept. */
struct mapped {
	const struct options *o;
	struct model *model;
	struct pool *pool;
	struct neuronmap *map;
	struct buf path;
	char fingerprint[FINGERPRINT_TEXT];
	bool built;
};

static enum neuron_variant variant_of(const struct options *o)
{
	return options_given(o, OPT_variant) ? (enum neuron_variant)o->variant
		: neuron_default_variant((enum neuron_site)o->site);
}

static bool open_model(struct mapped *x, const struct options *o, const char *path, struct err *e)
{
	struct options mine = *o;

	*x = (struct mapped){.o = o};
	mine.model = path;
	return (x->model = setup_model(&mine, e)) && (x->pool = pool_new(setup_threads(o), e));
}

static void close_mapped(struct mapped *x)
{
	neuronmap_close(x->map);
	buf_free(&x->path);
	pool_free(x->pool);
	model_close(x->model);
}

static const char *name_of(const struct mapped *x)
{
	return x->model->name && *x->model->name ? x->model->name : "the model";
}

static bool progress(void *to, double done)
{
	(void)to;
	out_bar(done, "reading neurons");
	return !out_interrupted();
}

static size_t n_neurons(const struct mapped *x)
{
	return (size_t)x->model->hp.n_layers * (size_t)x->model->hp.d_ff;
}

static bool open_map(struct mapped *x, struct err *e)
{
	enum neuron_site site = (enum neuron_site)x->o->site;
	bool kept;

	if (!neuron_check(&x->model->hp, site, variant_of(x->o), e))
		return false;
	if (!model_fingerprint(x->model, out_hashing, NULL, x->fingerprint))
		return err_set(e, ERR_INTERRUPTED, "interrupted while the model was read");
	kept = neuronmap_path(&x->path, x->fingerprint, site, variant_of(x->o));
	if (!kept)
		out_note("there is no folder to keep the map in (XDG_CACHE_HOME, HOME); it is made for this once");
	x->map = neuronmap_open(kept ? x->path.data : NULL, x->model, x->fingerprint, site, variant_of(x->o), e);
	out_progress_end();
	return x->map != NULL;
}

static bool complete_map(struct mapped *x, struct err *e)
{
	bool ok;

	if (neuronmap_complete(x->map))
		return true;
	x->built = true;
	ok = neuronmap_build(x->map, x->model, x->pool, progress, x, e);
	out_progress_end();
	if (!ok && e->code == ERR_INTERRUPTED)
		err_set(e, ERR_INTERRUPTED, "interrupted; %zu of %zu neurons are kept, and the next time goes on from there",
		    neuronmap_n_done(x->map), n_neurons(x));
	return ok;
}

/* For those who came to read it. */
static bool have_map(struct mapped *x, struct err *e)
{
	if (!open_map(x, e))
		return false;
	if (!neuronmap_complete(x->map))
		out_note("%s map of %.100s (%s, %s)%s", neuronmap_n_done(x->map) ? "finishing the" : "making the",
		    name_of(x), neuron_site_names[neuronmap_site(x->map)], neuron_variant_names[neuronmap_variant(x->map)],
		    x->path.data ? "; it is kept" : "");
	return complete_map(x, e);
}

static void report_build(struct buf *out, const struct mapped *x, double seconds, size_t n)
{
	const char *path = x->path.data ? x->path.data : "";

	if (!x->o->json) {
		if (!n)
			buf_printf(out, "the map is complete: %s\n", path);
		else
			buf_printf(out, "%zu neurons of %zu read in %.1f s, %.0f a second: %s\n", n, n_neurons(x), seconds,
			    (double)n / seconds, path);
		return;
	}
	buf_str(out, "{\"path\":");
	buf_json(out, path, strlen(path));
	buf_str(out, ",\"model\":");
	buf_json(out, name_of(x), strlen(name_of(x)));
	buf_printf(out, ",\"fingerprint\":\"%s\",\"site\":\"%s\",\"variant\":\"%s\",\"layers\":%d,\"neurons\":%zu,"
	    "\"read_now\":%zu,\"seconds\":%.3f,\"complete\":true}\n", x->fingerprint,
	    neuron_site_names[neuronmap_site(x->map)], neuron_variant_names[neuronmap_variant(x->map)],
	    neuronmap_n_layers(x->map), n_neurons(x), n, seconds);
}

static bool do_build(const struct options *o, const char *model, struct buf *out, struct err *e)
{
	struct mapped x;
	bool ok = open_model(&x, o, model, e) && open_map(&x, e);
	size_t before = ok ? neuronmap_n_done(x.map) : 0;
	uint64_t start = clock_ns();

	if (ok && !x.path.data)
		ok = err_set(e, ERR_RUN, "there is no folder to keep the map in; set XDG_CACHE_HOME");
	ok = ok && complete_map(&x, e);
	if (ok)
		report_build(out, &x, (double)(clock_ns() - start) * 1e-9, neuronmap_n_done(x.map) - before);
	close_mapped(&x);
	return ok;
}

static bool not_a_token(const struct vocab *v, const char *text, const struct neuronfind_tokens *t, struct err *e)
{
	struct buf near = {.data = NULL};

	for (int i = 0; i < t->n; i++) {
		buf_str(&near, i ? ", " : "");
		neurons_text_token(&near, v, t->id[i]);
	}
	err_set(e, ERR_USAGE, "no token of this model is '%.60s'; nearest are %.200s", text, t->n ? near.data : "none");
	buf_free(&near);
	return false;
}

static bool do_find(const struct options *o, const char *text, const char *model, struct buf *out, struct err *e)
{
	struct neuronfind_hit *hit = NULL;
	struct neuronfind_tokens t;
	struct mapped x;
	bool ok = open_model(&x, o, model, e);

	if (ok) {
		neuronfind_tokens(x.model->vocab, text, strlen(text), &t);
		ok = t.found || not_a_token(x.model->vocab, text, &t, e);
	}
	if (ok && (ok = have_map(&x, e))) {
		size_t most = options_given(o, OPT_top) ? (size_t)o->top : LISTED;
		struct neurons_found f = {.vocab = x.model->vocab, .map = x.map, .text = text, .tokens = &t};

		f.n = neuronfind(x.map, &t, &hit);
		f.hit = hit;
		f.shown = f.n < most ? f.n : most;
		(o->json ? neurons_json_find : neurons_text_find)(out, &f);
	}
	free(hit);
	close_mapped(&x);
	return ok;
}

/* The other vectors of the same neuron, each in the variant that suits it. */
static int read_beside(const struct neuron_head *h, struct neuron_ref r, struct pool *pool, struct neuron_reading *out)
{
	struct err ignored = {.code = ERR_NONE};
	int n = 0;

	for (int s = 0; s < N_NEURON_SITES; s++) {
		enum neuron_variant v = neuron_default_variant((enum neuron_site)s);

		if ((int)r.site == s || !neuron_check(&h->m->hp, (enum neuron_site)s, v, &ignored))
			continue;
		n += neuron_read(h, &(struct neuron_ref){r.layer, (enum neuron_site)s, r.index}, 1, v, SHOWN, pool,
		    &out[n], &ignored);
	}
	return n;
}

static bool do_show(const struct options *o, const char *where, const char *model, struct buf *out, struct err *e)
{
	struct neuron_head *head = NULL;
	struct neuron_reading r, beside[N_NEURON_SITES];
	struct neuron_ref ref;
	struct mapped x;
	bool ok = open_model(&x, o, model, e) && neuron_parse(where, &x.model->hp, &ref, e);

	if (ok && options_given(o, OPT_site) && (int)ref.site != o->site)
		ok = err_set(e, ERR_USAGE, "%.60s is a place of its own; leave --site out", where);
	if (ok && options_given(o, OPT_top) && o->top > NEURON_TOP)
		ok = err_set(e, ERR_USAGE, "--top is at most %d for a neuron", NEURON_TOP);
	if (ok && (ok = (head = neuron_head_new(x.model, x.pool, e)) != NULL)) {
		enum neuron_variant v = options_given(o, OPT_variant) ? (enum neuron_variant)o->variant
			: neuron_default_variant(ref.site);
		int k = options_given(o, OPT_top) ? o->top : SHOWN;

		ok = neuron_read(head, &ref, 1, v, k, x.pool, &r, e);
	}
	if (ok && o->json)
		neurons_json_show(out, x.model->vocab, &r);
	else if (ok)
		neurons_text_show(out, x.model->vocab, &r, beside, read_beside(head, ref, x.pool, beside));
	neuron_head_free(head);
	close_mapped(&x);
	return ok;
}

static bool do_compare(const struct options *o, const char *other, const char *model, struct buf *out, struct err *e)
{
	struct neurons_compared c = {.site = (enum neuron_site)o->site, .variant = variant_of(o)};
	struct neuron_share *layers = NULL, all;
	struct mapped a, b = {.o = o};
	bool ok = open_model(&a, o, model, e) && open_model(&b, o, other, e);

	if (ok && (a.model->hp.n_layers != b.model->hp.n_layers || a.model->hp.d_ff != b.model->hp.d_ff))
		ok = err_set(e, ERR_MISMATCH, "the models differ in shape: %d layers of %d neurons, %d of %d",
		    a.model->hp.n_layers, a.model->hp.d_ff, b.model->hp.n_layers, b.model->hp.d_ff);
	if (ok && (ok = have_map(&a, e) && have_map(&b, e))) {
		layers = mem_array((size_t)a.model->hp.n_layers, sizeof *layers);
		ok = neuroncompare((struct neuron_names){a.map, a.model->vocab},
		    (struct neuron_names){b.map, b.model->vocab}, layers, &all, e);
	}
	if (ok) {
		c.name[0] = name_of(&a);
		c.name[1] = name_of(&b);
		c.hubness[0] = neuroncompare_hubness(a.map, a.model->hp.n_vocab);
		c.hubness[1] = neuroncompare_hubness(b.map, b.model->hp.n_vocab);
		c.n_layers = a.model->hp.n_layers;
		c.layers = layers;
		c.all = &all;
		(o->json ? neurons_json_compare : neurons_text_compare)(out, &c);
	}
	free(layers);
	close_mapped(&b);
	close_mapped(&a);
	return ok;
}

typedef bool action_fn(const struct options *o, const char *what, const char *model, struct buf *out, struct err *e);

static const struct action {
	const char *name, *what;
	action_fn *run;
} actions[] = {
	{ "find", "a word, as in: neurons find ' dog'", do_find },
	{ "show", "a neuron, as in: neurons show 'L4.up[219]'", do_show },
	{ "compare", "another model, as in: neurons compare other.gguf", do_compare },
};

static bool is_file(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode);
}

/* ACTION [WHAT] [MODEL]; of two words, a file in the first place and none in the second
 * were said in the other order. */
static bool dispatch(const struct options *o, struct buf *out, struct err *e)
{
	const char *const *w = o->words.item;
	const char *model = o->model;
	int n = o->words.n;

	if (n && !strcmp(w[0], "build")) {
		if (n > 2 || (n == 2 && model))
			return err_set(e, ERR_USAGE, "neurons build takes one model, not '%.100s' as well", w[n - 1]);
		return do_build(o, n == 2 ? w[1] : model, out, e);
	}
	for (size_t i = 0; n && i < sizeof actions / sizeof *actions; i++) {
		if (strcmp(w[0], actions[i].name))
			continue;
		if (n < 2)
			return err_set(e, ERR_USAGE, "neurons %s needs %s", actions[i].name, actions[i].what);
		if (n > 3 || (n == 3 && model))
			return err_set(e, ERR_USAGE, "neurons %s: '%.100s' is one word too many", actions[i].name, w[n - 1]);
		if (n == 3 && actions[i].run != do_compare && is_file(w[1]) && !is_file(w[2]))
			return actions[i].run(o, w[2], w[1], out, e);
		return actions[i].run(o, w[1], n == 3 ? w[2] : model, out, e);
	}
	return err_set(e, ERR_USAGE, "%s%.60s%sneurons takes build, find, show or compare", n ? "'" : "", n ? w[0] : "",
	    n ? "' is nothing it does: " : "");
}

bool job_neurons(const struct options *o, struct err *e)
{
	struct buf out = {.data = NULL};
	bool ok;

	out_catch_interrupt();
	ok = dispatch(o, &out, e) && out_write(out.data, out.len, e);
	buf_free(&out);
	return ok;
}
