#include "app/manual.h"

#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "engine/base/pool.h"
#include "engine/backend.h"
#include "engine/kernels.h"
#include "engine/matmul.h"

enum { HELP_INDENT = 28, HELP_WIDTH = 78 };

/* `word' of a table becomes 'word': plain text needs no typography. */
static char plain(char c)
{
	return c == '`' ? '\'' : c;
}

/* Fills paragraphs from column `indent` on; the cursor is at column `at`. */
static void wrap(struct buf *out, const char *s, int at, int indent)
{
	while (*s) {
		size_t n = strcspn(s, " ");
		bool fits = at + 1 + (int)n <= HELP_WIDTH || at <= indent;

		if (!fits)
			buf_printf(out, "\n%*s", indent, "");
		else if (at > indent)
			buf_char(out, ' ');
		at = (!fits ? indent : at > indent ? at + 1 : at) + (int)n;
		for (size_t i = 0; i < n; i++)
			buf_char(out, plain(s[i]));
		s += n;
		s += strspn(s, " ");
	}
	buf_char(out, '\n');
}

static void help_option(struct buf *out, const struct option_def *d)
{
	char letter[8] = "    ", left[80];
	int n;

	if (d->letter)
		snprintf(letter, sizeof letter, "-%c, ", d->letter);
	n = snprintf(left, sizeof left, "  %s--%s%s%s", letter, d->name, d->argument ? " " : "",
	    d->argument ? d->argument : "");
	buf_str(out, left);
	if (n + 1 >= HELP_INDENT) {
		buf_char(out, '\n');
		n = 0;
	}
	buf_printf(out, "%*s", HELP_INDENT - n, "");
	if (d->initial) {
		struct buf text = {.data = NULL};

		buf_printf(&text, "%s (%s unless said otherwise)", d->help, d->initial);
		wrap(out, text.data, HELP_INDENT, HELP_INDENT);
		buf_free(&text);
	} else {
		wrap(out, d->help, HELP_INDENT, HELP_INDENT);
	}
}

static void help_usage(struct buf *out, enum job_id job)
{
	buf_printf(out, "  clampmeter%s%s %s", *jobs[job].name ? " " : "", jobs[job].name, jobs[job].args);
}

/* The program: every command in a line, every option. */
static void help_all(struct buf *out)
{
	buf_str(out, "Look inside a language model at every token it writes, and hold any part of it.\n\n");
	for (int j = 0; j < N_JOBS; j++) {
		size_t from = out->len;

		help_usage(out, (enum job_id)j);
		buf_printf(out, "%*s  %s\n", (int)(44 - (out->len - from)), "", jobs[j].doc);
	}
	buf_str(out, "\nMODEL is a GGUF or llama2.c file, or 'demo', the built-in model, which is also\n"
		     "what no MODEL means.  'clampmeter COMMAND --help' lists what one command takes.\n\n");
	for (int i = 0; i < N_OPTIONS; i++)
		help_option(out, &option_defs[i]);
	buf_str(out, "  --                        what follows is not an option\n\n"
		     "The whole manual: man clampmeter, or clampmeter --man | man -l -\n");
}

void manual_help(struct buf *out, enum job_id job)
{
	if (job == JOB_meter) {
		help_all(out);
		return;
	}
	help_usage(out, job);
	buf_printf(out, " [options]\n\n%s.\n", jobs[job].doc);
	wrap(out, jobs[job].more, 0, 0);
	buf_char(out, '\n');
	for (int i = 0; i < N_OPTIONS; i++)
		if (option_defs[i].jobs >> job & 1)
			help_option(out, &option_defs[i]);
}

#if defined(__x86_64__)
#define MACHINE "x86-64"
#elif defined(__aarch64__)
#define MACHINE "AArch64"
#else
#define MACHINE "another architecture"
#endif

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define COMPILER "gcc " __VERSION__
#else
#define COMPILER "unknown"
#endif

const char *manual_build(void)
{
	return VERSION ", " COMPILER;
}

void manual_version(struct buf *out, enum job_id job)
{
	struct err e = { 0 };

	(void)job;
	buf_printf(out, "clampmeter %s\n", VERSION);
	buf_printf(out, "compiler         %s, %s\n", COMPILER, MACHINE);
	buf_printf(out, "kernels          %s, of", matmul_kernels());
	for (size_t i = 0; i < n_kernel_tables; i++)
		buf_printf(out, " %s%s", kernel_tables[i]->name,
		    kernel_tables[i]->usable() ? "" : " (not on this machine)");
	buf_printf(out, "\nmatrix products  %s\n", matmul_blas());
	for (int i = BACKEND_cpu + 1; i < N_BACKENDS; i++)
		buf_printf(out, "%-16s %s\n", backends[i]->name, backend_available(i, &e) ? "there" : e.msg);
	buf_printf(out, "threads          %d\n", pool_cores());
}
