/* threaded test: maps that are made behind one's back: looked at meanwhile, stopped, refused. */
#include "analysis/atlas.h"

#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/fingerprint.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

enum { LAYERS = 3, FF = 6000 };

struct rig {
	struct tiny t;
	struct atlas *a;
	char dir[64];
	struct err e;
};

static void start(struct rig *r, uint64_t seed, bool again)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);

	s.n_layers = LAYERS;
	s.d_ff = FF;
	s.seed = seed;
	if (!again) {
		snprintf(r->dir, sizeof r->dir, "/tmp/clampmeter-test-XXXXXX");
		CHECK(mkdtemp(r->dir) != NULL);
	}
	setenv("XDG_CACHE_HOME", r->dir, 1);
	if (!tiny_open(&r->t, &s, &r->e) || !(r->a = atlas_new(r->t.model, 2, &r->e)))
		fail_msg("%s", r->e.msg);
}

static void stop(struct rig *r)
{
	atlas_free(r->a);
	tiny_close(&r->t);
}

static void path_of(struct rig *r, enum neuron_site s, enum neuron_variant v, struct buf *out)
{
	char fingerprint[FINGERPRINT_TEXT];

	CHECK(model_fingerprint(r->t.model, NULL, NULL, fingerprint) && neuronmap_path(out, fingerprint, s, v));
}

static void clean(struct rig *r)
{
	char line[160];

	snprintf(line, sizeof line, "rm -r %s", r->dir);
	CHECK_INT(system(line), 0);
}

/* The next map that comes to its end. */
static struct atlas_sheet ended(struct rig *r, enum neuron_site want)
{
	struct pollfd p = { atlas_fd(r->a), POLLIN, 0 };
	enum neuron_variant v;
	enum neuron_site s;

	do {
		if (poll(&p, 1, 60000) <= 0)
			fail_msg("nothing happens");
	} while (!atlas_take(r->a, &s, &v));
	CHECK_INT(s, want);
	return atlas_sheet(r->a, s, v);
}

static void a_map_can_be_looked_at_while_it_is_made(void **state)
{
	struct rig r = { .a = NULL };
	struct neuron_labels labels;
	size_t seen = 0, before = 0, looks = 0;

	(void)state;
	start(&r, 1, false);
	CHECK(atlas_sheet(r.a, NEURON_UP, NEURON_RAW).phase == ATLAS_ASLEEP && !atlas_works(r.a));
	CHECK(atlas_want(r.a, NEURON_UP, NEURON_RAW, &r.e) && atlas_works(r.a));
	CHECK(atlas_want(r.a, NEURON_UP, NEURON_RAW, &r.e));
	while (seen < (size_t)LAYERS * FF) {
		struct atlas_sheet t = atlas_sheet(r.a, NEURON_UP, NEURON_RAW);

		CHECK(t.phase != ATLAS_FAILED && t.phase != ATLAS_STOPPED && t.done >= 0 && t.done <= 1);
		seen = t.map ? neuronmap_n_done(t.map) : 0;
		CHECK(seen >= before);
		before = seen;
		/* What is there is there whole. */
		for (int l = 0; t.map && l < LAYERS; l++)
			if (neuronmap_done(t.map, l)) {
				CHECK(neuronmap_get(t.map, l, neuronmap_done(t.map, l) - 1, &labels));
				CHECK(labels.id[0] >= 0 && labels.prob[0] > 0);
				looks++;
			}
	}
	CHECK(looks >= LAYERS);
	struct atlas_sheet t = ended(&r, NEURON_UP);
	CHECK(t.phase == ATLAS_COMPLETE && neuronmap_complete(t.map) && !atlas_works(r.a));
	CHECK(atlas_want(r.a, NEURON_UP, NEURON_RAW, &r.e) && !atlas_works(r.a));
	CHECK(!atlas_want(r.a, NEURON_UP, NEURON_WRITE, &r.e));
	stop(&r);
	clean(&r);
}

static void a_map_that_is_called_off_goes_on_later(void **state)
{
	struct rig r = { .a = NULL };

	(void)state;
	start(&r, 1, false);
	CHECK(!atlas_cancel(r.a));
	CHECK(atlas_want(r.a, NEURON_DOWN, NEURON_WRITE, &r.e) && atlas_cancel(r.a));
	struct atlas_sheet t = ended(&r, NEURON_DOWN);
	CHECK(t.phase == ATLAS_STOPPED || t.phase == ATLAS_COMPLETE);
	/* Wanted again before it has stopped: it begins again by itself. */
	CHECK(atlas_want(r.a, NEURON_GATE, NEURON_RAW, &r.e) && atlas_cancel(r.a));
	CHECK(atlas_want(r.a, NEURON_GATE, NEURON_RAW, &r.e));
	ended(&r, NEURON_GATE);
	CHECK(ended(&r, NEURON_GATE).phase == ATLAS_COMPLETE);
	/* Another one is wanted: this one gives way. */
	CHECK(atlas_want(r.a, NEURON_UP, NEURON_RAW, &r.e) && atlas_want(r.a, NEURON_DOWN, NEURON_WRITE, &r.e));
	ended(&r, NEURON_UP);
	CHECK(ended(&r, NEURON_DOWN).phase == ATLAS_COMPLETE);
	stop(&r);
	/* And what the program that ended had done is there for the next one. */
	start(&r, 1, true);
	CHECK(atlas_want(r.a, NEURON_DOWN, NEURON_WRITE, &r.e));
	t = ended(&r, NEURON_DOWN);
	CHECK(t.phase == ATLAS_COMPLETE && neuronmap_n_done(t.map) == (size_t)LAYERS * FF);
	stop(&r);
	clean(&r);
}

static void the_map_of_another_model_is_refused(void **state)
{
	struct rig one = { .a = NULL }, other = { .a = NULL };
	struct buf from = { 0 }, to = { 0 }, line = { 0 };

	(void)state;
	start(&one, 1, false);
	CHECK(atlas_want(one.a, NEURON_UP, NEURON_RAW, &one.e) && ended(&one, NEURON_UP).phase == ATLAS_COMPLETE);
	path_of(&one, NEURON_UP, NEURON_RAW, &from);
	memcpy(other.dir, one.dir, sizeof other.dir);
	start(&other, 2, true);
	path_of(&other, NEURON_UP, NEURON_RAW, &to);
	buf_printf(&line, "cp %s %s", from.data, to.data);
	CHECK_INT(system(line.data), 0);
	CHECK(atlas_want(other.a, NEURON_UP, NEURON_RAW, &other.e));
	struct atlas_sheet t = ended(&other, NEURON_UP);
	CHECK(t.phase == ATLAS_FAILED && !t.map && strstr(t.why, "another model"));
	stop(&other);
	stop(&one);
	clean(&one);
	buf_free(&from);
	buf_free(&to);
	buf_free(&line);
}

static void leaving_does_not_wait_for_a_map(void **state)
{
	struct rig r = { .a = NULL };

	(void)state;
	start(&r, 1, false);
	CHECK(atlas_want(r.a, NEURON_UP, NEURON_RAW, &r.e));
	stop(&r);
	clean(&r);
	atlas_free(NULL);
	CHECK_INT(atlas_fd(NULL), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_map_can_be_looked_at_while_it_is_made),
		TEST(a_map_that_is_called_off_goes_on_later),
		TEST(the_map_of_another_model_is_refused),
		TEST(leaving_does_not_wait_for_a_map),
	};

	return RUN(tests);
}
