/*
 * main -- read the command line, do the job, say in one line what went wrong.
 *
 * The only place that ends the process.
 */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "app/crash.h"
#include "app/manual.h"
#include "app/options.h"
#include "app/out.h"
#include "engine/base/mem.h"

static void out_of_memory(size_t size)
{
	crash_restore();
	fprintf(stderr, "clampmeter: out of memory: %zu bytes are not to be had\n", size);
	_Exit(ERR_RUN);
}

static bool print(void (*manual)(struct buf *out, enum job_id job), enum job_id job, struct err *e)
{
	struct buf text = {.data = NULL};
	bool ok;

	manual(&text, job);
	ok = out_write(text.data, text.len, e);
	buf_free(&text);
	return ok;
}

static bool start(const struct options *o, struct err *e)
{
	if (o->help)
		return print(manual_help, o->job, e);
	if (o->version)
		return print(manual_version, o->job, e);
	if (o->man)
		return print(manual_page, o->job, e);
	return jobs[o->job].run(o, e);
}

int main(int argc, char **argv)
{
	struct err e = {.code = ERR_NONE};
	struct options o;
	int status = EXIT_SUCCESS;

	out_init();
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	mem_on_exhausted(out_of_memory);
	crash_watch_files();
	if (!options_parse(&o, argc, argv, &e)) {
		fprintf(stderr, "clampmeter: %s; see clampmeter --help\n", e.msg);
		status = (int)e.code;
	} else if (!start(&o, &e)) {
		out_progress_end();
		if (*e.msg)
			fprintf(stderr, "clampmeter: %s\n", e.msg);
		status = (int)e.code;
	}
	options_free(&o);
	return status;
}
