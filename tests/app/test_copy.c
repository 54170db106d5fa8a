/*
 * What `copy` gives a clipboard, pane by pane; the clipboard is a buffer here.
 */
#include <stdlib.h>

#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/frame.h"
#include "engine/base/clock.h"
#include "engine/base/utf8.h"
#include "tests/fake_source.h"
#include "tests/test.h"

static struct buf clip;
static const char *clip_note;
static bool clip_fails;

static bool keep(const char *bytes, size_t n, const char **note, struct err *e)
{
	if (clip_fails)
		return err_set(e, ERR_USAGE, "%zu bytes are too many", n);
	buf_clear(&clip);
	buf_add(&clip, bytes, n);
	*note = clip_note;
	return true;
}

static struct app *open_app(bool wild)
{
	struct app *a;
	struct canvas c;
	struct news *n;
	struct err e;

	clock_fake(1000000000);
	a = app_new(&(struct app_options){ .source = fake_open(&(struct fake_options){ .wild = wild }) });
	a->clipboard = keep;
	CHECK(app_set_chain(a, SAMPLER_DEFAULT, &e));
	CHECK(app_line(a, "prompt Once upon a time,"));
	CHECK(app_line(a, "pause"));
	while ((n = source_take(a->source)))
		app_news(a, n);
	CHECK(canvas_new(&c, 60, 200));
	frame_draw(a, &c);
	canvas_free(&c);
	return a;
}

static void close_app(struct app *a)
{
	struct source *src = a->source;

	app_free(a);
	source_close(src);
	buf_free(&clip);
	clock_fake(0);
}

static const char *copied(struct app *a, const char *pane, const char *line)
{
	if (pane)
		app_show(a, (enum pane_id)pane_find(pane));
	if (!app_line(a, line))
		fail_msg("%s: %s", line, a->message);
	return clip.data;
}

static int count(const char *s, char of)
{
	int n = 0;

	for (; *s; s++)
		n += *s == of;
	return n;
}

static void y_copies_what_the_pane_is_about(void **state)
{
	struct app *a = open_app(false);

	(void)state;
	app_show(a, PANE_text);
	app_key(a, 'y');
	CHECK(strstr(clip.data, "Once upon a time, there was a little girl named Lily."));
	CHECK(strstr(clip.data, "park.\nOne day"));
	CHECK_STR(a->message, "copied: the text, 45 tokens");
	CHECK(app_line(a, "show heads") && app_line(a, "move down 2") && app_line(a, "move right 3"));
	app_key(a, 'y');
	CHECK_STR(clip.data, "L2.H3");
	CHECK_STR(a->message, "copied: L2.H3");
	CHECK_STR(copied(a, "layers", "copy"), "L0.resid");
	CHECK(!strncmp(copied(a, "candidates", "copy"), "1\t a\t", 4));
	CHECK_STR(a->message, "copied: row 1 of candidates");
	CHECK(!strncmp(copied(a, "timeline", "copy"), "position\tread\tcame\tentropy\tjsd\tsurprisal\tinstability\n0\t", 55));
	CHECK_INT(count(clip.data, '\n'), 45);
	close_app(a);
}

static void every_part_can_be_asked_for(void **state)
{
	struct app *a = open_app(false);

	(void)state;
	CHECK(!strncmp(copied(a, "heads", "copy table"), "layer\tH0\tH1\t", 12));
	CHECK_INT(count(clip.data, '\n'), 7);
	CHECK_INT(count(clip.data, '\t'), 7 * 8);
	CHECK(!strncmp(copied(a, "heads", "copy row"), "L0\t", 3));
	CHECK_STR(copied(a, "timeline", "copy row") ? "" : "no", "");
	CHECK_INT(count(clip.data, '\t'), 6);
	CHECK(!strncmp(copied(a, "text", "copy entropy"), "position\tentropy\n0\t", 19));
	CHECK(!strncmp(copied(a, "text", "copy attn_sink"), "L0\t", 3));
	CHECK_INT(count(clip.data, '\n'), 6);
	CHECK(strstr(copied(a, "log", "copy table"), "log\n"));
	app_key(a, 'Y');
	CHECK(strstr(clip.data, "log\n"));
	close_app(a);
}

/* Every table has as many values in each row as names in its head. */
static void every_pane_with_values_keeps_its_columns(void **state)
{
	struct app *a = open_app(true);
	struct buf b = { 0 };
	struct view v;
	int with = 0;

	(void)state;
	for (int p = 0; p < N_PANES; p++) {
		int tabs;

		if (!panes[p]->values)
			continue;
		with++;
		frame_view(a, &v);
		buf_clear(&b);
		CHECK(panes[p]->values(&v, -1, &b));
		tabs = count(b.data, '\t');
		for (int row = 0; row < 500; row++) {
			buf_clear(&b);
			if (!panes[p]->values(&v, row, &b))
				break;
			CHECK(row < 499);
			if (p != PANE_sampler && count(b.data ? b.data : "", '\t') != tabs)
				fail_msg("%s: %s", panes[p]->name, b.data);
			CHECK(!b.data || !strchr(b.data, '\n'));
		}
		for (const char *s = b.data ? b.data : ""; *s; s++)
			CHECK((unsigned char)*s >= ' ' || *s == '\t');
	}
	CHECK(with >= 9);
	buf_free(&b);
	close_app(a);
}

static void nothing_a_terminal_would_obey_is_copied(void **state)
{
	struct app *a = open_app(true);
	const char *s;

	(void)state;
	copied(a, "text", "copy text");
	CHECK(strstr(clip.data, "\\x1B") || strstr(clip.data, "\\u{1B}"));
	for (s = clip.data; *s;) {
		uint32_t cp = 0;
		int n = utf8_decode(s, strlen(s), &cp);

		CHECK(n > 0 && (utf8_is_printable(cp) || cp == '\n' || cp == '\t'));
		s += n;
	}
	close_app(a);
}

static void what_cannot_be_copied_is_said(void **state)
{
	struct app *a = open_app(false);

	(void)state;
	CHECK(!app_line(a, "copy moon"));
	CHECK(strstr(a->message, "not \"moon\""));
	app_show(a, PANE_log);
	CHECK(!app_line(a, "copy site"));
	CHECK_STR(a->message, "copy: there is no site to copy in log");
	clip_fails = true;
	CHECK(!app_line(a, "copy text"));
	CHECK(strstr(a->message, "too many"));
	clip_fails = false;
	clip_note = "perhaps";
	CHECK(app_line(a, "copy text"));
	CHECK(strstr(a->message, "; perhaps"));
	clip_note = NULL;
	a->clipboard = NULL;
	CHECK(!app_line(a, "copy text"));
	CHECK(strstr(a->message, "no terminal"));
	close_app(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(y_copies_what_the_pane_is_about),
		TEST(every_part_can_be_asked_for),
		TEST(every_pane_with_values_keeps_its_columns),
		TEST(nothing_a_terminal_would_obey_is_copied),
		TEST(what_cannot_be_copied_is_said),
	};

	return RUN(tests);
}
