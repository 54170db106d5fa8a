/* The history file: where it is, who may read it, what is kept. */
#include "app/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>

#include "tests/test.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/clampmeter-history-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	struct buf line = { 0 };
	int rc;

	(void)state;
	clear_history();
	buf_printf(&line, "rm -rf %s", dir);
	rc = system(line.data);
	buf_free(&line);
	return rc;
}

static void path_is(const char *xdg, const char *home, const char *want)
{
	struct buf got = { 0 };

	xdg ? setenv("XDG_STATE_HOME", xdg, 1) : unsetenv("XDG_STATE_HOME");
	home ? setenv("HOME", home, 1) : unsetenv("HOME");
	if (want) {
		CHECK(history_path(&got));
		CHECK_STR(got.data, want);
	} else {
		CHECK(!history_path(&got));
	}
	buf_free(&got);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	CHECK(stat(path, &st) == 0);
	return st.st_mode & 0777;
}

static void it_lives_in_the_state_folder_and_only_the_user_reads_it(void **state)
{
	char want[200], folder[200];

	(void)state;
	snprintf(want, sizeof want, "%s/state/clampmeter/history", dir);
	snprintf(folder, sizeof folder, "%s/state", dir);
	path_is(folder, "/nonexistent", want);
	history_load(want);
	CHECK_INT(mode_of(want), 0600);
	*strrchr(want, '/') = 0;
	CHECK_INT(mode_of(want), 0700);
	snprintf(want, sizeof want, "%s/.local/state/clampmeter/history", dir);
	path_is(NULL, dir, want);
	path_is("relative", dir, want);         /* the XDG rule: relative ones are ignored */
	path_is(NULL, NULL, NULL);
	path_is("/proc/none", NULL, NULL);
}

static void lines_come_back_the_next_day(void **state)
{
	char path[200];

	(void)state;
	clear_history();
	snprintf(path, sizeof path, "%s/h", dir);
	history_load(path);
	CHECK_INT(history_length, 0);
	history_add_line(path, "step 3");
	history_add_line(path, "step 3");       /* again: kept once */
	history_add_line(path, "");
	history_add_line(path, "clamp L2.H3 * 0");
	history_add_line(path, "step 3");
	CHECK_INT(history_length, 3);
	clear_history();
	history_load(path);
	CHECK_INT(history_length, 3);
	CHECK_STR(history_get(history_base)->line, "step 3");
	CHECK_STR(history_get(history_base + 1)->line, "clamp L2.H3 * 0");
	CHECK_INT(mode_of(path), 0600);
}

static void without_a_file_memory_is_enough(void **state)
{
	(void)state;
	clear_history();
	history_add_line(NULL, "step");
	CHECK_INT(history_length, 1);
	history_load("/proc/none/history");     /* cannot be: empty, and no complaint */
	CHECK_INT(history_length, 1);
}

static void a_file_that_grew_is_cut_to_the_newest_lines(void **state)
{
	char path[200], line[64];
	FILE *f;

	(void)state;
	clear_history();
	snprintf(path, sizeof path, "%s/long", dir);
	f = fopen(path, "w");
	CHECK(f != NULL);
	for (int i = 0; i < HISTORY_LINES + 500; i++)
		fprintf(f, "say %d\n", i);
	fclose(f);
	history_load(path);
	CHECK_INT(history_length, HISTORY_LINES);
	snprintf(line, sizeof line, "say %d", HISTORY_LINES + 499);
	CHECK_STR(history_get(history_base + history_length - 1)->line, line);
	clear_history();
	history_load(path);
	CHECK_STR(history_get(history_base)->line, "say 500");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_lives_in_the_state_folder_and_only_the_user_reads_it),
		TEST(lines_come_back_the_next_day),
		TEST(without_a_file_memory_is_enough),
		TEST(a_file_that_grew_is_cut_to_the_newest_lines),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
