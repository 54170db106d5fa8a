/* Where sessions go, what goes of them, and what a kill leaves (a threaded test). */
#include "app/recording.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/export.h"
#include "engine/record.h"
#include "tests/fake_source.h"
#include "tests/made_session.h"
#include "tests/test.h"

static void write_file(const char *folder, const char *name, size_t n)
{
	char path[300];
	int fd;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	CHECK((fd = open(path, O_WRONLY | O_CREAT, 0600)) >= 0);
	CHECK(ftruncate(fd, (off_t)n) == 0);
	close(fd);
}

static bool is_there(const char *folder, const char *name)
{
	char path[300];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static void the_oldest_go_first_and_what_is_not_ours_stays(void **state)
{
	static const char *const names[] = { "20260101-000000-1.jsonl", "20260102-000000-1.jsonl", "20260103-000000-1.jsonl",
		"notes.txt", "20250101-000000-1.jsonl.bak", "20250101-000000-.jsonl" };
	char folder[] = "/tmp/clampmeter-test-XXXXXX";
	char path[300];

	(void)state;
	CHECK(mkdtemp(folder) != NULL);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		write_file(folder, names[i], 1000);
	recording_prune(folder, 10000);
	CHECK(is_there(folder, names[0]));
	recording_prune(folder, 2000);
	CHECK(!is_there(folder, names[0]) && is_there(folder, names[1]));
	/* One that is being written stays, however old. */
	snprintf(path, sizeof path, "%s/%s", folder, names[1]);
	int fd = open(path, O_WRONLY);
	CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
	recording_prune(folder, 0);
	CHECK(is_there(folder, names[1]) && !is_there(folder, names[2]));
	close(fd);
	recording_prune(folder, 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		CHECK(is_there(folder, names[i]) == (i > 2));
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

static void the_folder_and_the_file_are_private(void **state)
{
	char home[] = "/tmp/clampmeter-test-XXXXXX", *old = getenv("XDG_STATE_HOME") ? strdup(getenv("XDG_STATE_HOME")) : NULL;
	struct buf folder = { 0 };
	struct err e = { 0 };
	struct stat st;

	(void)state;
	CHECK(mkdtemp(home) != NULL);
	setenv("XDG_STATE_HOME", home, 1);
	CHECK(recording_folder(&folder, &e));
	CHECK(strstr(folder.data, "/clampmeter/sessions"));
	CHECK(stat(folder.data, &st) == 0 && (st.st_mode & 0777) == 0700);
	rmdir(folder.data);
	folder.data[strlen(folder.data) - strlen("/sessions")] = 0;
	rmdir(folder.data);
	rmdir(home);
	buf_free(&folder);
	char *path = made_wild_session();
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	unlink(path);
	free(path);
	if (old)
		setenv("XDG_STATE_HOME", old, 1);
	else
		unsetenv("XDG_STATE_HOME");
	free(old);
}

static void two_programs_do_not_write_one_session(void **state)
{
	struct session_header h = { .n_threads = 1, .piece = 1, .n_ctx = 1, .hp = { .n_layers = 1, .n_heads = 1, .n_kv_heads = 1,
	    .d_model = 1, .d_head = 1, .d_ff = 1, .n_vocab = 1 } };
	char *path = tiny_temp_file("", 0, ".jsonl");
	struct err e = { 0 };
	struct recorder *a = recorder_open(path, &h, NULL, &e), *b;

	(void)state;
	CHECK(a != NULL);
	b = recorder_open(path, &h, NULL, &e);
	CHECK(!b && strstr(e.msg, "another program is recording"));
	recorder_close(a);
	CHECK((b = recorder_open(path, &h, NULL, &e)) != NULL);
	recorder_close(b);
	unlink(path);
	free(path);
}

static void a_recording_that_cannot_be_is_a_warning_not_an_end(void **state)
{
	struct source *s = fake_open(&(struct fake_options){ 0 });
	struct err why = { 0 }, e = { 0 };
	struct news *n;

	(void)state;
	err_set(&why, ERR_RUN, "no room");
	s = record_refused(s, &why);
	n = source_take(s);
	CHECK(n && n->kind == NEWS_WARNING);
	CHECK(strstr(n->text, "not recorded: no room"));
	news_free(n);
	record_command(s, "run");
	CHECK(source_send(s, &(struct order){ .kind = ORDER_RESTART, .text = "a" }, &e));
	CHECK((n = source_take(s)) && n->kind != NEWS_WARNING);
	news_free(n);
	source_close(s);
}

/* ---------------------------------------------------------------- kill */

/* In the child: records, and lets the parent know of every step. */
static void live_until_killed(const char *path, int tell)
{
	struct made m;
	struct news *n;
	struct err e = { 0 };

	made_open(&m, 1);
	struct session_header h = { .n_threads = 1, .piece = 64, .n_ctx = m.app->source->info.n_ctx, .hp = m.tiny.model->hp };
	snprintf(h.arch, sizeof h.arch, "llama");
	struct source *s = record_open(m.app->source, path, &h, m.tiny.model, &e);
	if (!s || !source_send(s, &(struct order){ .kind = ORDER_RESTART, .text = "a b c" }, &e) ||
	    !source_send(s, &(struct order){ .kind = ORDER_RUN, .n = 100 }, &e))
		_exit(1);
	unlink(m.session);
	for (;;)
		if ((n = source_take(s)) != NULL) {
			if (n->kind == NEWS_STEP && write(tell, "s", 1) < 0)
				_exit(1);
			news_free(n);
		}
}

static void killed_at_any_moment_it_replays_to_its_last_whole_line(void **state)
{
	(void)state;
	for (int kill_at = 1; kill_at < 60; kill_at += 5) {
		char *path = tiny_temp_file("", 0, ".jsonl"), seen;
		struct export x;
		struct err e = { 0 };
		int tell[2];
		pid_t child;

		CHECK(pipe(tell) == 0);
		fflush(NULL);
		if ((child = fork()) == 0) {
			close(tell[0]);
			live_until_killed(path, tell[1]);
		}
		close(tell[1]);
		for (int i = 0; i < kill_at; i++)
			CHECK(read(tell[0], &seen, 1) == 1);
		kill(child, SIGKILL);
		CHECK(waitpid(child, NULL, 0) == child);
		close(tell[0]);
		if (!export_open(&x, path, &e))
			fail_msg("killed after %d steps: %s", kill_at, e.msg);
		CHECK(x.n_steps >= kill_at);
		export_close(&x);
		unlink(path);
		free(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(killed_at_any_moment_it_replays_to_its_last_whole_line),
		TEST(the_oldest_go_first_and_what_is_not_ours_stays),
		TEST(the_folder_and_the_file_are_private),
		TEST(two_programs_do_not_write_one_session),
		TEST(a_recording_that_cannot_be_is_a_warning_not_an_end),
	};

	return RUN(tests);
}
