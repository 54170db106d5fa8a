/* test_session_file: recorded, killed, replayed, verified, and refused (a threaded test). */
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/live.h"
#include "engine/record.h"
#include "engine/replay.h"
#include "engine/verify.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static void entropy(const struct site_view *at, float *out)
{
	*out = at->softmax->lse - at->softmax->mean;
}

static void head_entropy(const struct site_view *at, float *out)
{
	for (int h = 0; h < at->rows; h++)
		out[h] = at->softmax[h].lse - at->softmax[h].mean;
}

static const struct probe p_entropy = { "entropy", PROBE_SCALAR, SITE_logits, entropy, NULL, PROBE_ANY };
static const struct probe p_heads = { "attn_entropy", PROBE_HEADS, SITE_attn_probs, head_entropy, NULL, PROBE_ANY };
static const struct probe *const probes[] = { &p_entropy, &p_heads };

struct rig {
	struct tiny tiny;
	struct probe_plan *plan;
	struct source *src;
	char *path;
	int n_steps;            /* seen by whoever watched the live run */
};

static struct session_header header(const struct rig *r, const struct session_options *opt)
{
	struct session_header h = { .build = "test", .kernels = "k", .seed = opt->seed, .n_threads = opt->n_threads,
		.piece = 64, .n_ctx = r->src->info.n_ctx, .add_bos = true, .prompt_logits = opt->prompt_logits,
		.hp = r->tiny.model->hp };

	snprintf(h.model_name, sizeof h.model_name, "%s", r->tiny.model->name);
	snprintf(h.arch, sizeof h.arch, "%s", r->tiny.model->hp.arch->name);
	return h;
}

static void start(struct rig *r, int threads)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct err e = { 0 };
	struct session_options opt = { .n_threads = threads, .probes = true, .prompt_logits = true, .seed = 11 };

	memset(r, 0, sizeof *r);
	assert_true(tiny_open(&r->tiny, &spec, &e));
	opt.plan = r->plan = probe_plan_new(probes, 2, &r->tiny.model->hp);
	r->path = tiny_temp_file("", 0, ".session");
	if (!(r->src = live_open(r->tiny.model, &opt, true, &e)))
		fail_msg("%s", e.msg);
	struct session_header h = header(r, &opt);
	if (!(r->src = record_open(r->src, r->path, &h, r->tiny.model, &e)))
		fail_msg("%s", e.msg);
}

static void stop(struct rig *r)
{
	source_close(r->src);
	probe_plan_free(r->plan);
	tiny_close(&r->tiny);
	unlink(r->path);
	free(r->path);
}

static void send(struct rig *r, struct order o)
{
	struct err e = { 0 };

	if (!source_send(r->src, &o, &e))
		fail_msg("%s", e.msg);
}

/* Until the engine rests behind an order to run. */
static void watch(struct rig *r)
{
	for (bool ran = false, rest = false; !rest;) {
		struct pollfd p = { source_fd(r->src), POLLIN, 0 };
		struct news *n = source_take(r->src);

		if (!n) {
			assert_true(poll(&p, 1, 10000) > 0);
			continue;
		}
		if (n->kind == NEWS_ERROR)
			fail_msg("%s", n->text);
		r->n_steps += n->kind == NEWS_STEP;
		ran |= n->running;
		rest = ran && !n->running && (n->kind == NEWS_STATE || n->kind == NEWS_END);
		news_free(n);
	}
}

static void edit(struct rig *r, const char *line, uint32_t revision)
{
	struct err e = { 0 };
	struct edit ed;
	const struct edit_set *none = edit_set_empty(), *s;

	assert_true(edit_parse(line, &r->tiny.model->hp, &ed, &e));
	ed.number = 1;
	s = edit_set_with(none, &ed, revision);
	send(r, (struct order){ .kind = ORDER_EDITS, .edits = s });
	edit_set_unref(s);
	edit_set_unref(none);
}

static void sampler(struct rig *r, const char *text, uint32_t revision)
{
	struct err e = { 0 };
	const struct chain *c = chain_parse(text, revision, &e);

	assert_non_null(c);
	send(r, (struct order){ .kind = ORDER_CHAIN, .chain = c });
	chain_unref(c);
}

/* A value copied from elsewhere, put back in a scope that reaches back. */
static void patch(struct rig *r, uint32_t revision)
{
	struct err e = { 0 };
	struct edit ed;
	float values[256];
	const struct edit_set *none = edit_set_empty(), *s;

	assert_true(edit_parse("L1.attn_out + 1 in 2..40", &r->tiny.model->hp, &ed, &e));
	for (size_t i = 0; i < n_edit_defs; i++)
		if (!strcmp(edit_defs[i]->name, "patch"))
			ed.op = edit_defs[i];
	for (int i = 0; i < r->tiny.model->hp.d_model; i++)
		values[i] = 0.1f * (float)i - 1.7f;
	ed.number = 3;
	ed.vec = vec_new("5", "patch", &ed.at, 1, r->tiny.model->hp.d_model, values);
	s = edit_set_with(none, &ed, revision);
	edit_drop(&ed);
	send(r, (struct order){ .kind = ORDER_EDITS, .edits = s });
	send(r, (struct order){ .kind = ORDER_REREAD, .n = 2 });
	edit_set_unref(s);
	edit_set_unref(none);
}

/* Everything a person does: a prompt, a sampler, an edit, going back, a token by
 * hand, more text. */
static void live_a_little(struct rig *r)
{
	send(r, (struct order){ .kind = ORDER_RESTART, .text = "the cat sat" });
	send(r, (struct order){ .kind = ORDER_RUN, .n = 6 });
	watch(r);
	sampler(r, "top-k 20 | temp 1.2", 1);
	edit(r, "L0.mlp[5] = 3", 1);
	send(r, (struct order){ .kind = ORDER_RUN, .n = 5 });
	watch(r);
	send(r, (struct order){ .kind = ORDER_CUT, .n = 9 });
	send(r, (struct order){ .kind = ORDER_FORCE, .n = 42 });
	send(r, (struct order){ .kind = ORDER_SEED, .seed = 99 });
	send(r, (struct order){ .kind = ORDER_RUN, .n = 4 });
	watch(r);
	send(r, (struct order){ .kind = ORDER_APPEND, .text = " and then" });
	edit(r, "L1.H1.temp = 0.5", 2);
	send(r, (struct order){ .kind = ORDER_RUN, .n = 4 });
	watch(r);
	patch(r, 3);
	send(r, (struct order){ .kind = ORDER_RUN, .n = 3 });
	watch(r);
	record_command(r->src, "clamp L0.mlp[5] = 3");
	record_say(r->src, "look at this");
}

static void close_recording(struct rig *r)
{
	source_close(r->src);
	r->src = NULL;
}

static bool verify(struct rig *r, int threads, struct verify_result *out, struct err *e)
{
	struct session_file *f = session_file_open(r->path, e);
	bool ok = f && verify_session(f, r->tiny.model, r->plan, &(struct verify_options){ .n_threads = threads,
	    .build = "test", .kernels = "k" }, out, e);

	session_file_close(f);
	return ok;
}

static void a_session_that_uses_everything_verifies_bit_for_bit_on_any_threads(void **state)
{
	struct rig r;

	(void)state;
	start(&r, 2);
	live_a_little(&r);
	close_recording(&r);
	for (int threads = 1; threads <= 2; threads++) {
		struct verify_result v;
		struct err e = { 0 };

		if (!verify(&r, threads, &v, &e))
			fail_msg("%s", e.msg);
		assert_true(v.bitwise);
		CHECK_INT(v.n_steps, r.n_steps);
		assert_true(v.n_figures > 20L * r.n_steps);
	}
	stop(&r);
}

static struct buf slurp(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "rb");
	char piece[4096];

	for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
		buf_add(&b, piece, n);
	fclose(f);
	return b;
}

static void spill(const char *path, const char *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	CHECK_INT(fwrite(data, 1, n, f), n);
	fclose(f);
}

static void a_changed_figure_is_found_and_named(void **state)
{
	struct rig r;
	struct err e = { 0 };
	struct verify_result v;

	(void)state;
	start(&r, 1);
	live_a_little(&r);
	close_recording(&r);
	struct buf b = slurp(r.path);
	char *at = strstr(b.data, "\"step\":8,");
	at = strstr(at, "\"entropy\":");
	at[strlen("\"entropy\":")] = at[strlen("\"entropy\":")] == '9' ? '8' : '9';
	spill(r.path, b.data, b.len);
	assert_false(verify(&r, 1, &v, &e));
	CHECK_INT(e.code, ERR_MISMATCH);
	assert_non_null(strstr(e.msg, "step 8"));
	assert_non_null(strstr(e.msg, "entropy: recorded"));
	buf_free(&b);
	stop(&r);
}

static int count_replayed(const char *path, char *words, size_t room, struct err *e)
{
	struct source *s = replay_open(path, probes, 2, e);
	int n_steps = 0;

	if (!s)
		return -1;
	int expected = replay_n_steps(s);
	if (!source_send(s, &(struct order){ .kind = ORDER_RUN }, e))
		fail_msg("%s", e->msg);
	for (struct news *n; (n = source_take(s)); news_free(n)) {
		if (n->kind == NEWS_ERROR)
			fail_msg("%s", n->text);
		n_steps += n->kind == NEWS_STEP;
		if (n->kind == NEWS_WORDS)
			snprintf(words, room, "%s", n->text);
	}
	CHECK_INT(n_steps, expected);
	source_close(s);
	return n_steps;
}

static void a_recording_replays_without_the_model(void **state)
{
	struct rig r;
	struct err e = { 0 };
	char words[64] = "";

	(void)state;
	start(&r, 1);
	live_a_little(&r);
	close_recording(&r);
	CHECK_INT(count_replayed(r.path, words, sizeof words, &e), r.n_steps);
	CHECK_STR(words, "look at this");
	struct source *s = replay_open(r.path, probes, 2, &e);
	size_t n;
	assert_non_null(source_piece(s, 1, &n));        /* BOS, which no step draws */
	assert_false(source_send(s, &(struct order){ .kind = ORDER_CUT }, &e));
	source_close(s);
	stop(&r);
}

static void a_session_cut_at_any_byte_replays_to_its_last_whole_line(void **state)
{
	struct rig r;
	char words[64];

	(void)state;
	start(&r, 1);
	live_a_little(&r);
	close_recording(&r);
	struct buf b = slurp(r.path);
	size_t header_end = (size_t)(strchr(b.data, '\n') - b.data) + 1;
	int most = 0;
	/* Every byte behind the header, then strides that are prime to their length. */
	for (size_t cut = 0; cut <= b.len; cut += cut < header_end ? 61 : cut < header_end + 400 ? 1 : 4099) {
		struct err e = { 0 };

		spill(r.path, b.data, cut);
		int n = count_replayed(r.path, words, sizeof words, &e);
		if (cut < header_end) {
			CHECK_INT(n, -1);
			CHECK_INT(e.code, ERR_FILE);
			continue;
		}
		assert_true(n >= most);
		most = n;
	}
	spill(r.path, b.data, b.len);
	CHECK_INT(count_replayed(r.path, words, sizeof words, &(struct err){ 0 }), r.n_steps);
	assert_true(most >= r.n_steps - 2);
	buf_free(&b);
	stop(&r);
}

static void a_full_disk_is_told_and_the_run_goes_on(void **state)
{
	struct rig r;
	struct err e = { 0 };
	int told = 0, steps = 0;

	(void)state;
	start(&r, 1);
	source_close(r.src);
	r.src = live_open(r.tiny.model, &(struct session_options){ .n_threads = 1, .probes = true, .plan = r.plan }, true, &e);
	struct session_header h = header(&r, &(struct session_options){ .n_threads = 1 });
	r.src = record_open(r.src, "/dev/full", &h, NULL, &e);
	assert_non_null(r.src);
	send(&r, (struct order){ .kind = ORDER_RESTART, .text = "a" });
	send(&r, (struct order){ .kind = ORDER_RUN, .n = 3 });
	for (bool ran = false, rest = false; !rest;) {
		struct pollfd p = { source_fd(r.src), POLLIN, 0 };
		struct news *n = source_take(r.src);

		if (!n) {
			assert_true(poll(&p, 1, 10000) > 0);
			continue;
		}
		told += n->kind == NEWS_WARNING;
		steps += n->kind == NEWS_STEP;
		ran |= n->running;
		rest = ran && !n->running && n->kind == NEWS_STATE;
		news_free(n);
	}
	CHECK_INT(told, 1);
	assert_true(steps >= 3);
	stop(&r);
}

static void a_file_that_is_no_session_is_not_written_over(void **state)
{
	struct rig r;
	struct err e = { 0 };

	(void)state;
	start(&r, 1);
	source_close(r.src);
	spill(r.path, "my letters\n", 11);
	r.src = live_open(r.tiny.model, &(struct session_options){ .n_threads = 1, .probes = true, .plan = r.plan }, true, &e);
	struct session_header h = header(&r, &(struct session_options){ .n_threads = 1 });
	r.src = record_open(r.src, r.path, &h, NULL, &e);
	assert_null(r.src);
	assert_non_null(strstr(e.msg, "no session"));
	stop(&r);
}

#define HEAD "{\"clampmeter\":\"session\",\"version\":1,\"context\":64,\"threads\":1,\"piece\":8,\"model\":{\"architecture\":"\
	"\"llama\",\"n_layers\":2,\"n_heads\":4,\"n_kv_heads\":2,\"d_model\":64,\"d_head\":16,\"d_ff\":96,\"n_vocab\":320}}\n"

static void every_kind_of_bad_session_is_one_clear_line(void **state)
{
	static const struct {
		const char *bytes;
		enum err_code code;
		const char *word;
	} bad[] = {
		{ "", ERR_FILE, "" },
		{ "no json\n", ERR_FILE, ":1: not a JSON object" },
		{ "{\"clampmeter\":\"session\"}\n", ERR_FILE, "not a clampmeter session" },
		{ "{\"clampmeter\":\"session\",\"version\":7}\n", ERR_FILE, "version 7" },
		{ "{\"clampmeter\":\"session\",\"version\":1,\"model\":{\"n_layers\":100000000}}\n", ERR_FILE, "n_layers" },
		{ HEAD "[1]\n", ERR_FILE, ":2:" },
		{ HEAD "{\"nonsense\":1}\n", ERR_FILE, ":2: neither" },
		{ HEAD "{\"step\":0,\"pos\":5,\"input\":1}\n", ERR_FILE, "position 5" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":320}\n", ERR_FILE, "\"input\": expected a whole number from 0 to 319" },
		{ HEAD "{\"step\":0,\"pos\":-1,\"input\":1}\n", ERR_FILE, "\"pos\"" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"token\":99999999999999}\n", ERR_FILE, "\"token\"" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"top\":[[999,\"x\",1,1]]}\n", ERR_FILE, "\"top\"" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"attn_entropy\":[[1,2]]}\n", ERR_FILE, "attn_entropy" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"neurons\":[[\"L9.mlp[0]\",1,1]]}\n", ERR_FILE, "neurons" },
		{ HEAD "{\"order\":\"dance\"}\n", ERR_FILE, "dance" },
		{ HEAD "{\"order\":\"cut\",\"n\":-4}\n", ERR_FILE, "out of range" },
		{ HEAD "{\"order\":\"edits\",\"revision\":1,\"edits\":[{\"number\":1,\"edit\":\"L7.up[1] = 2\"}]}\n", ERR_FILE,
		    "layers 0 to 1" },
		{ HEAD "{\"order\":\"chain\",\"text\":\"magic\"}\n", ERR_FILE, "magic" },
		{ HEAD "{\"piece\":[400,\"x\"]}\n", ERR_FILE, "piece" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"logprob\":NaN}\n", ERR_FILE, ":2:" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"logprob\":1e999}\n", ERR_FILE, ":2:" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"branch\":-3}\n", ERR_FILE, "\"branch\"" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"neurons\":[[\"L1000000.mlp[0]\",1,1]]}\n", ERR_FILE, "neurons" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"stages\":[[99999,1]]}\n", ERR_FILE, "stages" },
		{ HEAD "{\"step\":0,\"pos\":0,\"input\":1,\"stages\":[[4,1,320]]}\n", ERR_FILE, "stages" },
		{ HEAD "{\"order\":\"cut\",\"n\":18446744073709551615}\n", ERR_FILE, ":2:" },
		{ HEAD "{\"order\":\"force\",\"n\":320}\n", ERR_FILE, "out of range" },
		{ HEAD "{\"order\":\"append\",\"text\":\"a\\u0000b\"}\n", ERR_FILE, "\"text\"" },
		{ HEAD "{\"piece\":[4,[256]]}\n", ERR_FILE, "0 to 255" },
		{ HEAD "{\"piece\":[4,[\"x\"]]}\n", ERR_FILE, "0 to 255" },
		{ HEAD "{\"say\":1,\"say\":2}\n", ERR_FILE, "duplicate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct err e = { 0 };
		char *path = tiny_temp_file(bad[i].bytes, strlen(bad[i].bytes), ".session");
		struct source *s = replay_open(path, probes, 2, &e);

		if (s)
			fail_msg("accepted: %s", bad[i].bytes);
		if (e.code != bad[i].code || !strstr(e.msg, bad[i].word))
			fail_msg("\"%s\" (code %d) for: %s", e.msg, e.code, bad[i].bytes);
		unlink(path);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_session_that_uses_everything_verifies_bit_for_bit_on_any_threads),
		TEST(a_changed_figure_is_found_and_named),
		TEST(a_recording_replays_without_the_model),
		TEST(a_session_cut_at_any_byte_replays_to_its_last_whole_line),
		TEST(a_full_disk_is_told_and_the_run_goes_on),
		TEST(a_file_that_is_no_session_is_not_written_over),
		TEST(every_kind_of_bad_session_is_one_clear_line),
	};

	return RUN(tests);
}
