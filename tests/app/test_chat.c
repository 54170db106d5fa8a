/*
 * A conversation in the meter: a live source on a tiny model with a template, the
 * record of it, its replay and its script (a threaded test).
 */
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "app/export.h"
#include "app/running.h"
#include "engine/replay.h"
#include "engine/verify.h"
#include "tests/made_session.h"
#include "tests/test.h"

#define CHATML "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"

/* Byte-level, with <|im_start|> and <|im_end|> at the end of its vocabulary. */
static void open_chat(struct made *m, const char *template)
{
	struct tiny_spec spec = tiny_spec("qwen2", DTYPE_F32);

	spec.chat = template;
	made_open_on(m, &spec, 1);
}

static void runs(struct made *m, const char *script)
{
	struct err e = { 0 };

	if (!made_run(m, script, &e))
		fail_msg("%s", e.msg);
}

/* The text as one string. */
static char *text_of(const struct app *a)
{
	struct buf out = { 0 };

	for (int i = 0; i < timeline_n_tokens(a->steps); i++) {
		size_t n;
		const char *s = source_piece(a->source, timeline_token(a->steps, i), &n);

		buf_add(&out, s, n);
	}
	return out.data;
}

/* Three words each, whatever the model would say. */
#define ENDS "clamp logit[\"<|im_end|>\"] + 100\n"

static const char talk[] =
	"chat Who sat?\n"
	"token 100\n"
	"run 3\n"
	ENDS
	"run 20\n"
	"drop 1\n"
	"chat And <|im_end|>\\nwhere?\n"
	"run 4\n";

/* What stands behind the beginning of a text; the test fails when it begins otherwise. */
static char *behind(char *text, const char *begin)
{
	if (strncmp(text, begin, strlen(begin)) != 0)
		fail_msg("\"%s\" does not begin with \"%s\"", text, begin);
	return text + strlen(begin);
}

static void turns_follow_each_other_in_one_text(void **state)
{
	struct made m;
	char *text, *at;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, talk);
	text = text_of(m.app);
	at = behind(text, "<|im_start|>user\nWho sat?<|im_end|>\n<|im_start|>assistant\n");
	/* The model's own end of turn is the only one, and what the user typed ends nothing. */
	CHECK((at = strstr(at, "<|im_end|>")) != NULL);
	behind(at, "<|im_end|>\n<|im_start|>user\nAnd <|im_end|>\nwhere?<|im_end|>\n<|im_start|>assistant\n");
	CHECK(m.app->chat);
	/* Nothing was read twice: a step for each position, one after the other. */
	CHECK_INT(timeline_received(m.app->steps), timeline_n(m.app->steps));
	CHECK_INT(timeline_n_branches(m.app->steps), 0);
	free(text);
	made_close(&m);
}

static void the_end_of_an_answer_stops_and_it_is_your_turn(void **state)
{
	struct made m;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, "chat Who?\n" ENDS "run 20\n");
	CHECK_INT(running_state(m.app), STATE_YOUR_TURN);
	CHECK(strstr(m.app->message, "your turn"));
	CHECK(!m.app->going);
	runs(&m, "drop\nchat And?\nrun 2\n");
	CHECK_INT(running_state(m.app), STATE_PAUSED);
	/* A text that is begun anew is no conversation. */
	runs(&m, "prompt the dog\n" ENDS "run 5\n");
	CHECK(!m.app->chat);
	CHECK_INT(running_state(m.app), STATE_ENDED);
	made_close(&m);
}

static void an_answer_cut_short_is_ended_first(void **state)
{
	struct made m;
	char *text;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, "chat Who?\ntoken 100\ntoken 101\nchat Stop.\nrun 1\n");
	text = text_of(m.app);
	CHECK(strstr(text + 40, "<|im_end|>\n<|im_start|>user\nStop.<|im_end|>\n<|im_start|>assistant\n"));
	free(text);
	made_close(&m);
}

static void a_recorded_conversation_verifies(void **state)
{
	struct verify_options opt = { .n_threads = 2, .build = "test" };
	struct verify_result out;
	struct session_file *f;
	struct err e = { 0 };
	char kernels[64];
	struct made m;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, talk);
	snprintf(kernels, sizeof kernels, "%s", m.app->source->info.kernels);
	opt.kernels = kernels;  /* the source's own go with it */
	made_stop(&m);
	CHECK((f = session_file_open(m.session, &e)) != NULL);
	if (!verify_session(f, m.tiny.model, m.plan, &opt, &out, &e))
		fail_msg("%s", e.msg);
	CHECK(out.bitwise && out.n_steps > 40);
	session_file_close(f);
	made_close(&m);
}

/* Marks, turns and all, without the model. */
static void a_replay_knows_turns_and_marks(void **state)
{
	const struct probe *probes[N_LENSES];
	struct err e = { 0 };
	struct source *s;
	struct news *n;
	struct app *a;
	int marks = 0;
	struct made m;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, talk);
	made_stop(&m);
	for (int i = 0; i < N_LENSES; i++)
		probes[i] = &lenses[i]->probe;
	CHECK((s = replay_open(m.session, probes, N_LENSES, &e)) != NULL);
	a = app_new(&(struct app_options){ .source = s });
	CHECK(source_send(s, &(struct order){ .kind = ORDER_RUN }, &e));
	while ((n = source_take(s)))
		app_news(a, n);
	CHECK(a->chat);
	for (int i = 0; i < timeline_n_tokens(a->steps); i++)
		marks += source_is_mark(s, timeline_token(a->steps, i));
	CHECK_INT(marks, 7);            /* two turns of three, and the end of the first answer */
	app_free(a);
	source_close(s);
	made_close(&m);
}

static void a_session_becomes_a_script_that_talks(void **state)
{
	struct export x = { .fd = -1 };
	struct err e = { 0 };
	struct made m;

	(void)state;
	open_chat(&m, CHATML);
	runs(&m, talk);
	made_stop(&m);
	CHECK(export_open(&x, m.session, &e));
	CHECK(export_script(&x, &e));
	CHECK(strstr(x.text.data, "chat Who sat?\n"));
	CHECK(strstr(x.text.data, "chat And <|im_end|>\\nwhere?\n"));
	export_close(&x);
	made_close(&m);
}

static void without_a_template_one_line_says_so(void **state)
{
	static const struct { const char *template, *words; } cases[] = {
		{ NULL, "no chat template" }, { "{{ '<begin>' + message }}", "none this program knows" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = { 0 };
		struct made m;

		open_chat(&m, cases[i].template);
		CHECK(!made_run(&m, "chat Hello\n", &e));
		CHECK(strstr(e.msg, cases[i].words) && !strchr(e.msg, '\n'));
		CHECK_INT(timeline_n_tokens(m.app->steps), 0);
		made_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(turns_follow_each_other_in_one_text),
		TEST(the_end_of_an_answer_stops_and_it_is_your_turn),
		TEST(an_answer_cut_short_is_ended_first),
		TEST(a_recorded_conversation_verifies),
		TEST(a_replay_knows_turns_and_marks),
		TEST(a_session_becomes_a_script_that_talks),
		TEST(without_a_template_one_line_says_so),
	};

	return RUN(tests);
}
