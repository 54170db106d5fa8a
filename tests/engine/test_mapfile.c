#include "tests/test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/mapfile.h"
#include "tests/tiny_model.h"

static void a_file_is_mapped_whole(void **state)
{
	struct err e = { .code = ERR_NONE };
	char *path = tiny_temp_file("hello", 5, ".txt");
	struct mapfile m;

	(void)state;
	CHECK(path && mapfile_open(&m, path, &e));
	CHECK(m.size == 5 && !memcmp(m.data, "hello", 5));
	mapfile_close(&m);
	CHECK(!m.data);
	mapfile_close(&m);
	unlink(path);
	free(path);
}

static void refuses(const char *path, const char *word)
{
	struct err e = { .code = ERR_NONE };
	struct mapfile m;

	CHECK(!mapfile_open(&m, path, &e));
	if (e.code != ERR_FILE || !strstr(e.msg, path) || !strstr(e.msg, word))
		fail_msg("%d: %s", e.code, e.msg);
	CHECK(!m.data);
}

static void what_is_no_file_is_refused_by_name(void **state)
{
	struct buf fifo = { .data = NULL };
	char *path = tiny_temp_file("", 0, "");

	(void)state;
	CHECK(path);
	refuses(path, "is empty (0 bytes)");
	refuses("/", "is a directory");
	refuses("/dev/null", "is a device");
	refuses("/nonexistent/model.gguf", "No such file");
	buf_printf(&fifo, "%s.fifo", path);
	CHECK_INT(mkfifo(fifo.data, 0600), 0);
	refuses(fifo.data, "is a pipe");
	unlink(fifo.data);
	unlink(path);
	buf_free(&fifo);
	free(path);
}

static void an_unreadable_file_says_why(void **state)
{
	char *path;

	(void)state;
	if (geteuid() == 0)
		SKIP("root reads everything");
	path = tiny_temp_file("x", 1, "");
	CHECK(path && !chmod(path, 0));
	refuses(path, "Permission denied");
	unlink(path);
	free(path);
}

static void other_formats_are_recognized(void **state)
{
	static const struct { const char *bytes; size_t n; const char *word; } files[] = {
		{ "PK\3\4....", 8, "zip" }, { "\x1f\x8b....", 6, "gzip" }, { "\x80\4\x95", 3, "pickle" },
		{ "\x40\0\0\0\0\0\0\0{\"a\":", 13, "safetensors" }, { "\xef\xbb\xbfGGUF", 7, "byte order mark" },
		{ "FUGG\3\0\0\0", 8, "swapped" }, { "version https://git-lfs.github.com", 34, "Git LFS" },
		{ "tjgg....", 8, "older than GGUF" }, { "<!DOCTYPE html>", 15, "web page" }, { "24ka\1\0\0\0", 8, "llama2.c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *what = mapfile_looks_like(files[i].bytes, files[i].n);

		if (!what || !strstr(what, files[i].word))
			fail_msg("%s: %s", files[i].word, what ? what : "nothing");
	}
	CHECK(!mapfile_looks_like("GGUF\3\0\0\0", 8));
	CHECK(!mapfile_looks_like("", 0));
	/* Headers of llama2.c with widths 640, 1408 and 123. */
	CHECK(!mapfile_looks_like("\x80\2\0\0\0\4\0\0\5\0\0\0", 12));
	CHECK(!mapfile_looks_like("\x80\5\0\0\0\4\0\0\5\0\0\0", 12));
	CHECK(!mapfile_looks_like("{\0\0\0\0\4\0\0\5\0\0\0", 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_mapped_whole), TEST(what_is_no_file_is_refused_by_name), TEST(an_unreadable_file_says_why),
		TEST(other_formats_are_recognized),
	};

	return RUN(tests);
}
