#include "app/tee.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "engine/base/mem.h"
#include "tests/test.h"

/* A source that has `left` steps to give, then an end. */
struct fake {
	struct source source;
	struct probe_plan *plan;
	int given, n, orders;
	bool *closed;
};

static int fake_fd(struct source *s)
{
	(void)s;
	return 77;
}

static struct news *fake_take(struct source *s)
{
	struct fake *f = (struct fake *)s;
	struct news *n = mem_zalloc(sizeof *n);
	struct step *step;

	if (f->given == f->n) {
		n->kind = NEWS_END;
		return n;
	}
	step = step_new(f->plan);
	step->index = step->pos = f->given;
	step->token = f->given == 1 ? -1 : 5;
	f->given++;
	n->kind = NEWS_STEP;
	n->step = step;
	n->running = true;
	n->n_tokens = f->given + 1;
	return n;
}

static bool fake_send(struct source *s, const struct order *o, struct err *e)
{
	(void)o;
	(void)e;
	((struct fake *)s)->orders++;
	return true;
}

static const char *fake_piece(struct source *s, int32_t id, size_t *n)
{
	(void)s;
	(void)id;
	*n = 3;
	return "dog";
}

static void fake_close(struct source *s)
{
	struct fake *f = (struct fake *)s;

	*f->closed = true;
	probe_plan_free(f->plan);
	free(f);
}

static const struct source_ops fake_ops = {fake_fd, fake_take, fake_send, fake_piece, fake_close, NULL, NULL};

static struct source *fake_open(int n, bool *closed)
{
	struct hparams hp = {.n_layers = 1, .n_heads = 1, .d_model = 1, .d_ff = 1, .n_vocab = 10};
	struct fake *f = mem_zalloc(sizeof *f);

	*closed = false;
	f->source.ops = &fake_ops;
	f->source.info.n_ctx = 123;
	f->plan = lens_plan(&hp);
	f->n = n;
	f->closed = closed;
	return &f->source;
}

static int kind_taken(struct source *s)
{
	struct news *n = source_take(s);
	int kind = (int)n->kind;

	news_free(n);
	return kind;
}

static void steps_pass_and_leave_a_line_each(void **state)
{
	char path[] = "/tmp/clampmeter-tee-XXXXXX", line[1 << 16];
	int fd = mkstemp(path), n = 0;
	struct source *s;
	bool closed;
	struct err e;
	FILE *f;

	(void)state;
	CHECK(fd >= 0 && !close(fd));
	s = tee_open(fake_open(3, &closed), path, &e);
	CHECK(s != NULL);
	CHECK_INT(s->info.n_ctx, 123);
	CHECK_INT(source_fd(s), 77);
	for (int i = 0; i < 3; i++)
		CHECK_INT(kind_taken(s), NEWS_STEP);
	CHECK_INT(kind_taken(s), NEWS_END);
	source_close(s);
	CHECK(closed);
	f = fopen(path, "r");
	CHECK(f != NULL);
	for (; fgets(line, sizeof line, f); n++) {
		json_error_t je;
		json_t *o = json_loads(line, 0, &je);

		CHECK(o != NULL);
		CHECK_STR(json_string_value(json_object_get(o, "text")), "dog");
		json_decref(o);
	}
	/* The step without a token after it has no line. */
	CHECK_INT(n, 2);
	fclose(f);
	unlink(path);
}

static void orders_and_pieces_go_to_the_source_behind(void **state)
{
	struct source *behind, *s;
	bool closed;
	struct err e;
	size_t n;

	(void)state;
	behind = fake_open(0, &closed);
	s = tee_open(behind, "/dev/null", &e);
	CHECK(source_send(s, &(struct order){.kind = ORDER_PAUSE}, &e));
	CHECK_INT(((struct fake *)behind)->orders, 1);
	CHECK(!memcmp(source_piece(s, 5, &n), "dog", 3) && n == 3);
	source_close(s);
}

static void a_disk_that_fills_up_is_told_once_and_the_steps_go_on(void **state)
{
	struct source *s;
	struct news *n;
	bool closed;
	struct err e = { 0 };

	(void)state;
	if (access("/dev/full", W_OK))
		SKIP("/dev/full is not there");
	s = tee_open(fake_open(3, &closed), "/dev/full", &e);
	CHECK(s != NULL);
	CHECK(tee_whole(s, &e));
	CHECK_INT(kind_taken(s), NEWS_STEP);
	/* The run goes on, and the warning does not say otherwise. */
	n = source_take(s);
	CHECK_INT(n->kind, NEWS_WARNING);
	CHECK(strstr(n->text, "/dev/full") && n->running);
	CHECK_INT(n->n_tokens, 2);
	news_free(n);
	CHECK_INT(kind_taken(s), NEWS_STEP);
	CHECK_INT(kind_taken(s), NEWS_STEP);
	CHECK_INT(kind_taken(s), NEWS_END);
	CHECK(!tee_whole(s, &e) && strstr(e.msg, "/dev/full"));
	source_close(s);
}

static void a_file_that_cannot_be_made_closes_the_source(void **state)
{
	bool closed;
	struct err e;

	(void)state;
	CHECK(!tee_open(fake_open(0, &closed), "no/such/place", &e));
	CHECK(closed);
	CHECK_INT(e.code, ERR_RUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_pass_and_leave_a_line_each),
		TEST(orders_and_pieces_go_to_the_source_behind),
		TEST(a_disk_that_fills_up_is_told_once_and_the_steps_go_on),
		TEST(a_file_that_cannot_be_made_closes_the_source),
	};
	return RUN(tests);
}
