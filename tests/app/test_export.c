/* Sessions as other files (a threaded test: the session comes from a live source). */
#include "app/export.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/script.h"
#include "tests/made_session.h"
#include "tests/test.h"

static struct buf exported(const char *session, export_fn *write)
{
	char *path = tiny_temp_file("", 0, ".out");
	struct export x;
	struct err e = { 0 };
	struct buf b;

	if (!export_open(&x, session, &e) || !export_to(&x, path, write, &e))
		fail_msg("%s", e.msg);
	export_close(&x);
	b = made_slurp(path);
	unlink(path);
	free(path);
	return b;
}

static void record_everything(struct made *m)
{
	struct err e = { 0 };

	made_open(m, 1);
	if (!made_run(m, made_script, &e))
		fail_msg("%s", e.msg);
	made_stop(m);
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *s = text; (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

static bool is_clean(const struct buf *b)
{
	for (size_t i = 0; i + 1 < b->len; i++)
		if ((unsigned char)b->data[i] < ' ' && b->data[i] != '\n')
			return false;
	return true;
}

static void the_report_is_one_file_with_text_charts_edits_and_commands(void **state)
{
	/* A short recording may end before its model's fingerprint is known; it then says so. */
	static const char *const words[] = { "<!doctype html>", "</html>", "<svg", "peak ", "clamp L1.mlp[7] = 2", "L0.H1 * 0",
		"<br>fingerprint ", "build test", "Branches that were left", "prefers-color-scheme:dark", "&lt;b&gt;watch&lt;/b&gt;",
		"aria-label=\"entropy by position\"", "aria-label=\"instability by position\"", "aria-label=\"surprisal by position\"" };
	struct made m;
	struct buf b;

	(void)state;
	record_everything(&m);
	b = exported(m.session, export_html);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strstr(b.data, words[i]))
			fail_msg("no \"%s\" in the report", words[i]);
	/* Nothing is fetched from anywhere. */
	CHECK(!strstr(b.data, "http://") && !strstr(b.data, "https://") && !strstr(b.data, " src=") && !strstr(b.data, "url("));
	buf_free(&b);
	made_close(&m);
}

static void nothing_a_session_says_becomes_markup_or_a_control_sequence(void **state)
{
	char *path = made_wild_session();
	struct buf b = exported(path, export_html);

	(void)state;
	CHECK_INT(count(b.data, "<script"), 2);         /* the data, and our own lines */
	CHECK_INT(count(b.data, "</script"), 2);
	CHECK_INT(count(b.data, "<img"), 0);
	CHECK_INT(count(b.data, "<i>="), 0);
	CHECK(strstr(b.data, "<title>&lt;/title&gt;&lt;script&gt;alert(1)"));
	CHECK(is_clean(&b));
	buf_free(&b);
	b = exported(path, export_csv);
	CHECK(is_clean(&b));
	buf_free(&b);
	b = exported(path, export_script);
	CHECK(is_clean(&b));
	buf_free(&b);
	b = exported(path, export_text);
	CHECK(!strchr(b.data, '\033'));
	buf_free(&b);
	b = exported(path, export_cast);
	CHECK(is_clean(&b));
	/* The terminal gets our own sequences only: no title, no clipboard, no bell. */
	CHECK(!strstr(b.data, "\\u001b]") && !strstr(b.data, "\\u0007") && !strstr(b.data, "\\u009b"));
	buf_free(&b);
	unlink(path);
	free(path);
}

static void every_row_of_the_table_has_its_columns(void **state)
{
	struct made m;
	struct buf b;
	int columns = 0, rows = 0;

	(void)state;
	record_everything(&m);
	b = exported(m.session, export_csv);
	for (char *line = b.data, *end; *line; line = end + 1, rows++) {
		int n = 1;
		bool quoted = false;

		end = strchr(line, '\n');
		CHECK(end != NULL);
		for (char *s = line; s < end; s++) {
			quoted ^= *s == '"';
			n += *s == ',' && !quoted;
		}
		columns = columns ? columns : n;
		CHECK_INT(n, columns);
	}
	CHECK(rows > 20);
	buf_free(&b);
	made_close(&m);
}

static void the_cast_plays_forward_and_shows_what_was_said(void **state)
{
	struct made m;
	struct buf b;
	double before = 0;
	int events = 0;

	(void)state;
	record_everything(&m);
	b = exported(m.session, export_cast);
	for (char *line = b.data, *end; *line; line = end + 1) {
		json_error_t je;
		json_t *v;

		end = strchr(line, '\n');
		CHECK(end != NULL);
		v = json_loadb(line, (size_t)(end - line), 0, &je);
		CHECK(v != NULL);
		if (line == b.data) {
			CHECK_INT(json_integer_value(json_object_get(v, "version")), 2);
			CHECK_INT(json_integer_value(json_object_get(v, "width")), 120);
		} else {
			double t = json_real_value(json_array_get(v, 0));

			CHECK(json_array_size(v) == 3 && t >= before);
			before = t;
			events++;
		}
		json_decref(v);
	}
	CHECK(events > 20 && before > 2);
	CHECK(strstr(b.data, "watch"));
	buf_free(&b);
	made_close(&m);
}

/* Lines of the trace without what counts revisions and milliseconds. */
static struct buf figures(const char *session)
{
	struct buf b = exported(session, export_trace), out = { 0 };

	for (char *line = b.data, *end; *line; line = end + 1) {
		char *revisions = strstr(line, ",\"receipts\":");

		end = strchr(line, '\n');
		buf_add(&out, line, (size_t)((revisions && revisions < end ? revisions : end) - line));
		buf_char(&out, '\n');
	}
	buf_free(&b);
	return out;
}

static void a_session_made_into_a_script_makes_the_same_session(void **state)
{
	struct made m, again;
	struct buf script, a, b;
	struct err e = { 0 };

	(void)state;
	record_everything(&m);
	script = exported(m.session, export_script);
	made_open(&again, 2);
	if (!made_run(&again, script.data, &e))
		fail_msg("%s\n%s", e.msg, script.data);
	made_stop(&again);
	a = figures(m.session);
	b = figures(again.session);
	CHECK_STR(a.data, b.data);
	buf_free(&a);
	buf_free(&b);
	buf_free(&script);
	made_close(&again);
	made_close(&m);
}

static void a_bad_session_leaves_no_file_behind(void **state)
{
	char *bad = tiny_temp_file("{\"clampmeter\":\"session\",\"version\":9}\n", 38, ".jsonl");
	struct export x;
	struct err e = { 0 };

	(void)state;
	CHECK(!export_open(&x, bad, &e));
	CHECK_INT(e.code, ERR_FILE);
	export_close(&x);
	unlink(bad);
	free(bad);
}

static void a_full_disk_is_an_error(void **state)
{
	char *path = made_wild_session();
	struct export x;
	struct err e = { 0 };

	(void)state;
	if (access("/dev/full", W_OK))
		SKIP("/dev/full is not there");
	CHECK(export_open(&x, path, &e));
	CHECK(!export_to(&x, "/dev/full", export_html, &e));
	CHECK_INT(e.code, ERR_RUN);
	CHECK(!export_to(&x, "/nonexistent/report.html", export_html, &e));
	export_close(&x);
	unlink(path);
	free(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_report_is_one_file_with_text_charts_edits_and_commands),
		TEST(nothing_a_session_says_becomes_markup_or_a_control_sequence),
		TEST(every_row_of_the_table_has_its_columns),
		TEST(the_cast_plays_forward_and_shows_what_was_said),
		TEST(a_session_made_into_a_script_makes_the_same_session),
		TEST(a_bad_session_leaves_no_file_behind),
		TEST(a_full_disk_is_an_error),
	};

	return RUN(tests);
}
