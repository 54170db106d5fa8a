/* fuzz_session: any bytes as a session file: read to its end and written as every
 * other kind of file, or refused in one line. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "app/export.h"
#include "engine/session_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Lines are read on behind bad ones, as no program does. */
static void read_all(const uint8_t *data, size_t n)
{
	struct err e = { 0 };
	struct session_entry en;
	struct session_file *f = session_file_open_mem("fuzz", data, n, &e);
	struct probe_plan *plan = f ? lens_plan(&session_file_header(f)->hp) : NULL;

	if (f)
		session_file_plan(f, plan);
	for (int failures = 0; f && failures < 100;) {
		if (!session_file_next(f, &en, &e)) {
			failures++;
			continue;
		}
		bool end = en.kind == ENTRY_END;
		session_entry_clear(&en);
		if (end)
			break;
	}
	session_file_close(f);
	probe_plan_free(plan);
}

/* As a person would meet it: a file that was sent to them. */
static void export_all(const uint8_t *data, size_t n)
{
	static export_fn *const writers[] = { export_text, export_trace, export_csv, export_script, export_html, export_cast };
	static char path[] = "/tmp/fuzz-session-XXXXXX";
	static int made = -1;
	struct export x;
	struct err e = { 0 };
	int fd;

	if (made < 0)
		made = mkstemp(path);
	if ((fd = open(path, O_WRONLY | O_TRUNC)) < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
	if (export_open(&x, path, &e))
		for (size_t i = 0; i < sizeof writers / sizeof *writers; i++)
			if (!export_to(&x, "/dev/null", writers[i], &e))
				abort();        /* what was found good can be written */
	export_close(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	read_all(data, n);
	export_all(data, n);
	return 0;
}
