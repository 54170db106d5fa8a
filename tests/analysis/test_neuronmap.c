/* threaded test: a map survives being stopped, cut short and confused with another; words and models in it. */
#include "tests/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/neuroncompare.h"
#include "analysis/neuronfind.h"
#include "engine/base/mem.h"
#include "engine/fingerprint.h"
#include "engine/safetensors.h"
#include "tests/tiny_model.h"

enum { LAYERS = 3, FF = 2100 };        /* more than a block of neurons */

struct place {
	struct tiny t;
	struct pool *pool;
	char *path;
	char fingerprint[FINGERPRINT_TEXT];
	struct err e;
};

static void open_place(struct place *p, uint64_t seed)
{
	struct tiny_spec s = tiny_spec("llama", DTYPE_F32);

	*p = (struct place){.path = NULL};
	s.n_layers = LAYERS;
	s.d_ff = FF;
	s.seed = seed;
	if (!tiny_open(&p->t, &s, &p->e) || !(p->pool = pool_new(2, &p->e)))
		fail_msg("%s", p->e.msg);
	CHECK(model_fingerprint(p->t.model, NULL, NULL, p->fingerprint));
	p->path = tiny_temp_file("", 0, ".safetensors");
}

static void close_place(struct place *p)
{
	unlink(p->path);
	free(p->path);
	pool_free(p->pool);
	tiny_close(&p->t);
}

static struct neuronmap *map_at(struct place *p, const char *path)
{
	return neuronmap_open(path, p->t.model, p->fingerprint, NEURON_UP, NEURON_RAW, &p->e);
}

static struct neuronmap *whole_map(struct place *p)
{
	struct neuronmap *map = map_at(p, NULL);

	CHECK(map && neuronmap_build(map, p->t.model, p->pool, NULL, NULL, &p->e) && neuronmap_complete(map));
	return map;
}

static void check_same(const struct neuronmap *a, const struct neuronmap *b)
{
	struct neuron_labels x, y;

	for (int l = 0; l < LAYERS; l++)
		for (int i = 0; i < FF; i++) {
			CHECK(neuronmap_get(a, l, i, &x) && neuronmap_get(b, l, i, &y));
			CHECK(!memcmp(&x, &y, sizeof x));
		}
}

static bool until(void *share, double done)
{
	return done < *(double *)share;
}

static void a_map_goes_on_where_it_was_stopped(void **state)
{
	struct place p;
	double share = 0.5;

	(void)state;
	open_place(&p, 1);
	struct neuronmap *want = whole_map(&p), *map = map_at(&p, p.path);
	CHECK(map && !neuronmap_n_done(map));
	CHECK(!neuronmap_build(map, p.t.model, p.pool, until, &share, &p.e));
	CHECK_INT(p.e.code, ERR_INTERRUPTED);
	size_t done = neuronmap_n_done(map);
	CHECK(done > 0 && done < LAYERS * FF);
	neuronmap_close(map);
	map = map_at(&p, p.path);
	CHECK(map && neuronmap_n_done(map) == done);
	CHECK(neuronmap_build(map, p.t.model, p.pool, NULL, NULL, &p.e));
	check_same(map, want);
	neuronmap_close(map);
	map = map_at(&p, p.path);
	CHECK(map && neuronmap_complete(map));
	check_same(map, want);
	neuronmap_close(map);
	neuronmap_close(want);
	close_place(&p);
}

static void build_file(struct place *p)
{
	struct neuronmap *map = map_at(p, p->path);

	CHECK(map && neuronmap_build(map, p->t.model, p->pool, NULL, NULL, &p->e));
	neuronmap_close(map);
}

static off_t size_of(const char *path)
{
	int fd = open(path, O_RDONLY);
	off_t n = lseek(fd, 0, SEEK_END);

	close(fd);
	return n;
}

static void a_map_that_was_cut_short_is_rebuilt_from_there(void **state)
{
	struct place p;

	(void)state;
	open_place(&p, 1);
	build_file(&p);
	struct neuronmap *want = whole_map(&p), *map;
	off_t whole = size_of(p.path);
	const off_t cuts[] = {whole - 1, whole * 2 / 3, whole / 2, whole / 9, 200, 5, 0};
	for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
		CHECK(!truncate(p.path, cuts[i]));
		map = map_at(&p, p.path);
		CHECK(map && !neuronmap_complete(map));
		if (cuts[i] * 2 > whole)
			CHECK(neuronmap_n_done(map) >= FF);
		if (i % 2 || i == 0) {
			CHECK(neuronmap_build(map, p.t.model, p.pool, NULL, NULL, &p.e));
			check_same(map, want);
		}
		neuronmap_close(map);
		CHECK(i % 2 == 0 || size_of(p.path) == whole);
	}
	neuronmap_close(want);
	close_place(&p);
}

static void spoil(const char *path, off_t at, const void *with, size_t n)
{
	int fd = open(path, O_WRONLY);

	CHECK(pwrite(fd, with, n, at) == (ssize_t)n);
	close(fd);
}

static bool dies(void *share, double done)
{
	if (done >= *(double *)share)
		raise(SIGKILL);
	return true;
}

/* Builds in a process that is killed when `share` is done; true when it was. */
static bool killed_at(struct place *p, double share)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct err e;
		struct pool *alone = pool_new(1, &e);   /* the workers did not come along */
		struct neuronmap *map = map_at(p, p->path);

		_exit(!map || !alone || !neuronmap_build(map, p->t.model, alone, dies, &share, &e));
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void a_builder_that_is_killed_loses_only_the_block_in_work(void **state)
{
	static const double shares[] = {0, 0.1, 0.3, 0.35, 0.5, 0.7, 0.9, 0.99};
	struct place p;
	size_t done = 0, kills = 0, rises = 0;

	(void)state;
	open_place(&p, 1);
	struct neuronmap *want = whole_map(&p), *map;
	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
		kills += killed_at(&p, shares[i]);
		map = map_at(&p, p.path);
		CHECK(map && neuronmap_n_done(map) >= done);
		rises += neuronmap_n_done(map) > done;
		done = neuronmap_n_done(map);
		neuronmap_close(map);
	}
	if (kills < 4 || rises < 1)
		fail_msg("%zu kills, %zu rises", kills, rises);
	CHECK(!killed_at(&p, 2));
	map = map_at(&p, p.path);
	CHECK(map && neuronmap_complete(map));
	check_same(map, want);
	neuronmap_close(map);
	neuronmap_close(want);
	close_place(&p);
}

static void numbers_that_cannot_be_are_computed_again(void **state)
{
	struct place p;

	(void)state;
	open_place(&p, 1);
	build_file(&p);
	struct neuronmap *want = whole_map(&p), *map;
	off_t data = size_of(p.path) - (off_t)(LAYERS * sizeof(int32_t)) - (off_t)LAYERS * FF * 160;
	int32_t id = TINY_VOCAB, done = FF + 1;

	/* An id of layer 1 that no token has; a mark above what there is. */
	spoil(p.path, data + (off_t)(LAYERS * sizeof(int32_t)) + (off_t)FF * 160 + 40 * 50, &id, sizeof id);
	spoil(p.path, data + 8, &done, sizeof done);
	map = map_at(&p, p.path);
	CHECK(map && neuronmap_done(map, 0) == FF && neuronmap_done(map, 1) == 50 && neuronmap_done(map, 2) == 0);
	CHECK(neuronmap_build(map, p.t.model, p.pool, NULL, NULL, &p.e));
	check_same(map, want);
	neuronmap_close(map);
	neuronmap_close(want);
	close_place(&p);
}

static void another_file_is_refused_in_words(void **state)
{
	struct place p, other;

	(void)state;
	open_place(&p, 1);
	open_place(&other, 2);
	build_file(&p);
	CHECK(!map_at(&other, p.path) && other.e.code == ERR_FILE && strstr(other.e.msg, "another model"));
	CHECK(strstr(other.e.msg, p.fingerprint) != NULL);
	CHECK(!neuronmap_open(p.path, p.t.model, p.fingerprint, NEURON_GATE, NEURON_RAW, &p.e) &&
	    strstr(p.e.msg, "another site"));
	CHECK(!neuronmap_open(p.path, p.t.model, p.fingerprint, NEURON_UP, NEURON_WRITE, &p.e));
	spoil(p.path, 0, "hello, world", 12);
	CHECK(!map_at(&p, p.path) && strstr(p.e.msg, "no neuron map"));
	CHECK(!map_at(&p, "/"));
	close_place(&other);
	close_place(&p);
}

static void two_builders_do_not_meet(void **state)
{
	struct place p;
	double share = 0.5;

	(void)state;
	open_place(&p, 1);
	struct neuronmap *one = map_at(&p, p.path), *two = map_at(&p, p.path);
	CHECK(!neuronmap_build(one, p.t.model, p.pool, until, &share, &p.e));
	CHECK(!neuronmap_build(two, p.t.model, p.pool, NULL, NULL, &p.e) && strstr(p.e.msg, "another clampmeter"));
	neuronmap_close(one);
	CHECK(neuronmap_build(two, p.t.model, p.pool, NULL, NULL, &p.e));
	neuronmap_close(two);
	close_place(&p);
}

static void the_file_is_a_safetensors_file(void **state)
{
	struct place p;
	struct neuron_labels want;
	int32_t id[NEURON_LABELS];

	(void)state;
	open_place(&p, 1);
	build_file(&p);
	struct neuronmap *map = map_at(&p, p.path);
	struct safetensors *s = safetensors_open(p.path, &p.e);
	if (!s)
		fail_msg("%s", p.e.msg);
	CHECK_STR(safetensors_meta(s, "fingerprint"), p.fingerprint);
	CHECK_STR(safetensors_meta(s, "site"), "up");
	CHECK_STR(safetensors_meta(s, "variant"), "raw");
	CHECK_INT(safetensors_find(s, "done")->dim[0], LAYERS);
	const struct st_entry *t = safetensors_find(s, "L2.id");
	CHECK(t && t->type == ST_I32 && t->dim[0] == FF && t->dim[1] == NEURON_LABELS);
	CHECK(neuronmap_get(map, 2, 1000, &want));
	memcpy(id, (const char *)t->data + 1000 * sizeof id, sizeof id);
	CHECK(!memcmp(id, want.id, sizeof id));
	CHECK(safetensors_find(s, "L0.probability")->type == ST_F32 && safetensors_find(s, "L1.cosine"));
	safetensors_close(s);
	neuronmap_close(map);
	close_place(&p);
}

static void a_place_in_the_cache_folder(void **state)
{
	char dir[] = "/tmp/clampmeter-test-XXXXXX";
	const char *had = getenv("XDG_CACHE_HOME");
	char *before = had ? mem_strdup(had) : NULL;
	struct buf want = {.data = NULL}, got = {.data = NULL};

	(void)state;
	CHECK(mkdtemp(dir) != NULL);
	buf_printf(&want, "%s/a/b", dir);
	setenv("XDG_CACHE_HOME", want.data, 1);
	CHECK(neuronmap_path(&got, "sha256:0123456789abcdef0123", NEURON_DOWN, NEURON_WRITE));
	buf_str(&want, "/clampmeter/neurons-0123456789abcdef-down-write.safetensors");
	CHECK_STR(got.data, want.data);
	*strrchr(got.data, '/') = 0;
	for (char *slash; strlen(got.data) >= strlen(dir); *slash = 0) {
		CHECK(!rmdir(got.data));
		slash = strrchr(got.data, '/');
	}
	if (before)
		setenv("XDG_CACHE_HOME", before, 1);
	else
		unsetenv("XDG_CACHE_HOME");
	free(before);
	buf_free(&want);
	buf_free(&got);
}

static void a_word_is_folded(void **state)
{
	static const char *const cases[][2] = {{" Dog", "dog"}, {"dog", "dog"}, {"  x", " x"}, {" ", " "}, {"", ""},
	    {"\xc3\x84rger", "\xc3\xa4rger"}, {"\xff", "\xff"}};
	struct buf b = {.data = NULL};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		buf_clear(&b);
		buf_str(&b, "");
		neuronfind_fold(cases[i][0], strlen(cases[i][0]), &b);
		CHECK_STR(b.data, cases[i][1]);
	}
	buf_free(&b);
}

static void a_word_finds_its_neurons(void **state)
{
	struct neuronfind_tokens t;
	struct neuronfind_hit *hit;
	struct neuron_labels labels;
	struct place p;
	size_t n = 0, found;

	(void)state;
	open_place(&p, 1);
	struct neuronmap *map = whole_map(&p);
	neuronfind_tokens(p.t.model->vocab, " T", 2, &t);
	CHECK(t.found && t.n >= 2);
	found = neuronfind(map, &t, &hit);
	for (int l = 0; l < LAYERS; l++)
		for (int i = 0; i < FF; i++) {
			bool there = false;
			CHECK(neuronmap_get(map, l, i, &labels));
			for (int k = 0; k < NEURON_LABELS * t.n; k++)
				there |= labels.id[k % NEURON_LABELS] == t.id[k / NEURON_LABELS];
			n += there;
		}
	CHECK(found == n && n > 0);
	for (size_t i = 0; i < found; i++) {
		CHECK(neuronmap_get(map, hit[i].layer, hit[i].index, &labels));
		CHECK(labels.id[hit[i].rank] == hit[i].id && labels.prob[hit[i].rank] == hit[i].prob);
		CHECK(!i || hit[i].prob <= hit[i - 1].prob);
	}
	free(hit);
	neuronfind_tokens(p.t.model->vocab, "tq", 2, &t);
	CHECK(!t.found && t.n == 5);
	CHECK(vocab_bytes(p.t.model->vocab, t.id[0], &n)[n - 1] == 't' || n == 1);
	neuronmap_close(map);
	close_place(&p);
}

static void models_are_compared_neuron_by_neuron(void **state)
{
	struct neuron_share layers[LAYERS], all;
	struct place a, b;
	struct neuron_labels x, y;
	int same = 0;

	(void)state;
	open_place(&a, 1);
	open_place(&b, 2);
	struct neuron_names p = {whole_map(&a), a.t.model->vocab}, q = {whole_map(&b), b.t.model->vocab};
	CHECK(neuroncompare(p, p, layers, &all, &a.e));
	CHECK(all.n == LAYERS * FF && all.same == 1 && all.control > 0 && all.control < 0.1);
	CHECK(neuroncompare(p, q, layers, &all, &a.e));
	for (int i = 0; i < FF; i++) {
		CHECK(neuronmap_get(p.map, 1, i, &x) && neuronmap_get(q.map, 1, i, &y));
		same += x.id[0] == y.id[0];
	}
	CHECK_NEAR(layers[1].same, (double)same / FF, 1e-12);
	/* Random models agree as often as chance has it. */
	CHECK_NEAR(all.same, all.control, 0.005);
	double hubness = neuroncompare_hubness(p.map, TINY_VOCAB);
	CHECK(hubness > 100.0 / TINY_VOCAB && hubness <= 1);
	struct neuronmap *gate = neuronmap_open(NULL, a.t.model, a.fingerprint, NEURON_GATE, NEURON_RAW, &a.e);
	CHECK(!neuroncompare(p, (struct neuron_names){gate, p.vocab}, layers, &all, &a.e) && a.e.code == ERR_USAGE);
	neuronmap_close(gate);
	neuronmap_close((struct neuronmap *)(size_t)p.map);
	neuronmap_close((struct neuronmap *)(size_t)q.map);
	close_place(&b);
	close_place(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_map_goes_on_where_it_was_stopped),
		TEST(a_map_that_was_cut_short_is_rebuilt_from_there),
		TEST(a_builder_that_is_killed_loses_only_the_block_in_work),
		TEST(numbers_that_cannot_be_are_computed_again),
		TEST(another_file_is_refused_in_words),
		TEST(two_builders_do_not_meet),
		TEST(the_file_is_a_safetensors_file),
		TEST(a_place_in_the_cache_folder),
		TEST(a_word_is_folded),
		TEST(a_word_finds_its_neurons),
		TEST(models_are_compared_neuron_by_neuron),
	};

	return RUN(tests);
}
