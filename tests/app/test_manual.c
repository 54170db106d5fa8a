#include "app/manual.h"

#include <jansson.h>

#include "analysis/lens.h"
#include "app/options.h"
#include "engine/sampler.h"
#include "engine/trace_line.h"
#include "tests/test.h"
#include "tests/tiny_model.h"

static struct buf text(void (*manual)(struct buf *out, enum job_id job), enum job_id job)
{
	struct buf b = {.data = NULL};

	manual(&b, job);
	return b;
}

static void says(const struct buf *b, const char *what)
{
	if (!strstr(b->data, what))
		fail_msg("nothing about '%s'", what);
}

/* As roff has it: a hyphen is \-. */
static const char *escaped(const char *s, char *out, size_t room)
{
	size_t n = 0;

	for (; *s && n + 3 < room; s++) {
		if (*s == '-')
			out[n++] = '\\';
		out[n++] = *s;
	}
	out[n] = 0;
	return out;
}

static void every_option_is_in_the_help_and_in_the_manual(void **state)
{
	struct buf help = text(manual_help, JOB_meter), page = text(manual_page, JOB_meter);
	char dashed[64], rough[128];

	(void)state;
	for (int i = 0; i < N_OPTIONS; i++) {
		snprintf(dashed, sizeof dashed, "--%s", option_defs[i].name);
		says(&help, dashed);
		says(&page, escaped(dashed, rough, sizeof rough));
	}
	buf_free(&help);
	buf_free(&page);
}

static void a_command_documents_the_options_it_uses(void **state)
{
	char dashed[64];

	(void)state;
	for (int j = JOB_meter + 1; j < N_JOBS; j++) {
		struct buf help = text(manual_help, (enum job_id)j);

		says(&help, jobs[j].name);
		for (int i = 0; i < N_OPTIONS; i++) {
			snprintf(dashed, sizeof dashed, "--%s", option_defs[i].name);
			if (option_defs[i].jobs >> j & 1)
				says(&help, dashed);
		}
		buf_free(&help);
	}
}

static void the_manual_has_every_row_of_every_table(void **state)
{
	struct buf page = text(manual_page, JOB_meter);
	char rough[128];

	(void)state;
	for (int j = JOB_meter + 1; j < N_JOBS; j++)
		says(&page, jobs[j].name);
	for (size_t i = 0; i < n_samplers; i++)
		says(&page, escaped(samplers[i]->name, rough, sizeof rough));
	for (int i = 0; i < N_LENSES; i++)
		says(&page, lenses[i]->probe.name);
	for (int i = 0; i < N_DTYPES; i++)
		says(&page, dtypes[i]->name);
	for (size_t i = 0; i < n_archs; i++)
		says(&page, archs[i].name);
	for (int i = 0; i < N_SITES; i++) {
		says(&page, sites[i].text);
		says(&page, sites[i].hook);
	}
	buf_free(&page);
}

static void no_line_of_the_manual_is_a_stray_request(void **state)
{
	struct buf page = text(manual_page, JOB_meter);

	(void)state;
	for (const char *line = page.data; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (*line != '.' && *line != '\'')
			continue;
		CHECK(!strncmp(line, ".TH ", 4) || !strncmp(line, ".SH ", 4) || !strncmp(line, ".TP\n", 4) ||
		      !strncmp(line, ".PP\n", 4) || !strncmp(line, ".br\n", 4));
	}
	buf_free(&page);
}

static void help_fits_eighty_columns(void **state)
{
	(void)state;
	for (int j = 0; j < N_JOBS; j++) {
		struct buf help = text(manual_help, (enum job_id)j);
		size_t column = 0;

		for (size_t i = 0; i < help.len; i++) {
			column = help.data[i] == '\n' ? 0 : column + 1;
			CHECK(column <= 80);
		}
		buf_free(&help);
	}
}

static bool documented(const char *name)
{
	for (size_t i = 0; i < n_trace_fields; i++)
		if (!strcmp(trace_fields[i].name, name))
			return true;
	return lens_find(name) >= 0;
}

/* The schema in the manual is the schema that is written. */
static void the_manual_knows_the_fields_of_a_trace_line_and_no_others(void **state)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct buf line = {.data = NULL};
	struct probe_plan *plan;
	struct step *step;
	struct tiny tiny;
	const char *name;
	json_error_t je;
	json_t *o, *v;
	struct err e;

	(void)state;
	CHECK(tiny_open(&tiny, &spec, &e));
	plan = lens_plan(&tiny.model->hp);
	step = step_new(plan);
	trace_line(&line, step, NULL, NULL, STEP_TOP);
	o = json_loads(line.data, 0, &je);
	CHECK(o != NULL);
	json_object_foreach(o, name, v)
		if (!documented(name))
			fail_msg("'%s' is written and not in the manual", name);
	for (size_t i = 0; i < n_trace_fields; i++)
		if (!json_object_get(o, trace_fields[i].name))
			fail_msg("'%s' is in the manual and not written", trace_fields[i].name);
	for (int i = 0; i < N_LENSES; i++)
		CHECK(json_object_get(o, lenses[i]->probe.name) != NULL);
	json_decref(o);
	step_unref(step);
	probe_plan_free(plan);
	tiny_close(&tiny);
	buf_free(&line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_option_is_in_the_help_and_in_the_manual),
		TEST(a_command_documents_the_options_it_uses),
		TEST(the_manual_has_every_row_of_every_table),
		TEST(no_line_of_the_manual_is_a_stray_request),
		TEST(help_fits_eighty_columns),
		TEST(the_manual_knows_the_fields_of_a_trace_line_and_no_others),
	};
	return RUN(tests);
}
