/* fuzz_script: any bytes as a script over a made-up source: run, or refused in one
 * line.  Lines that write or read other files are left out. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "app/condition.h"
#include "app/script.h"
#include "tests/fake_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[] = "/tmp/fuzz-script-XXXXXX";

/* Any beginning of these names runs them. */
static bool touches_files(const char *line)
{
	static const char *const names[] = { "screenshot", "source", "include" };

	line += strspn(line, " \t:");
	size_t len = strcspn(line, " \t\r\n");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (len > 1 && len <= strlen(names[i]) && !strncmp(line, names[i], len))
			return true;
	return false;
}

static bool write_script(const uint8_t *data, size_t n)
{
	char *text = calloc(1, n + 1);
	int fd;
	bool ok = true;

	memcpy(text, data, n);
	for (char *line = text; line < text + n && ok; line += strcspn(line, "\n") + 1)
		ok = !touches_files(line);
	fd = ok ? open(path, O_WRONLY | O_TRUNC) : -1;
	/* The made-up source, unlike the engine, takes no order to run without a text. */
	ok = fd >= 0 && write(fd, "prompt a\n", 9) == 9 && write(fd, data, n) == (ssize_t)n;
	if (fd >= 0)
		close(fd);
	free(text);
	return ok;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int made = -1;
	struct condition c;
	struct err e = { 0 };
	char line[300];

	if (made < 0)
		made = mkstemp(path);
	snprintf(line, sizeof line, "%.*s", n > 299 ? 299 : (int)n, (const char *)data);
	if (condition_parse(&c, line, &e))
		e.code = ERR_NONE;
	if (!write_script(data, n))
		return 0;
	struct source *s = fake_open(&(struct fake_options){ 0 });
	struct app *a = app_new(&(struct app_options){ .source = s });
	struct news *news;

	a->hurry = true;
	if (script_start(a, path, &e))
		for (int i = 0; i < 2000 && a->script && (news = source_take(s)); i++)
			app_news(a, news);
	app_free(a);
	source_close(s);
	return 0;
}
