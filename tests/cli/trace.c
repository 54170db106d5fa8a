/*
 * trace FILE -- holds a trace against the schema of the manual: every line an
 * object with exactly the documented fields in their documented form, figures in
 * their range.  Prints the number of lines; what is wrong goes to standard error.
 */
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "analysis/lens.h"

static const char *const fields[] = {
#define FIELD(name, type, doc) #name,
#include "app/trace.def"
};

enum { N_FIELDS = sizeof fields / sizeof *fields };

static int line_no;

static bool wrong(const char *field, const char *what)
{
	fprintf(stderr, "line %d: %s: %s\n", line_no, field, what);
	return false;
}

static bool is_documented(const char *name)
{
	for (int i = 0; i < N_FIELDS; i++)
		if (!strcmp(fields[i], name))
			return true;
	return lens_find(name) >= 0;
}

static bool all_documented_and_there(json_t *o)
{
	const char *name;
	json_t *v;

	json_object_foreach(o, name, v)
		if (!is_documented(name))
			return wrong(name, "is not in the manual");
	for (int i = 0; i < N_FIELDS; i++)
		if (!json_object_get(o, fields[i]))
			return wrong(fields[i], "is missing");
	for (int i = 0; i < N_LENSES; i++)
		if (!json_object_get(o, lenses[i]->probe.name))
			return wrong(lenses[i]->probe.name, "is missing");
	return true;
}

/* A number within [lo, hi], or a hole. */
static bool figure(const json_t *v, double lo, double hi)
{
	double x = json_number_value(v);

	return json_is_null(v) || (json_is_number(v) && x >= lo && x <= hi);
}

static bool array_of_figures(const json_t *v)
{
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!figure(json_array_get(v, i), -INFINITY, INFINITY))
			return false;
	return json_is_array(v) && json_array_size(v) > 0;
}

static bool lens_has_its_axes(const json_t *o, const struct lens_def *l)
{
	const json_t *v = json_object_get(o, l->probe.name);
	bool ok = true;

	switch (l->probe.axes) {
	case PROBE_SCALAR:
		ok = figure(v, -INFINITY, INFINITY);
		break;
	case PROBE_LAYERS:
		ok = array_of_figures(v);
		break;
	case PROBE_HEADS:
		for (size_t i = 0; i < json_array_size(v); i++)
			ok = ok && array_of_figures(json_array_get(v, i));
		ok = ok && json_array_size(v) > 0;
		break;
	}
	return ok || wrong(l->probe.name, "does not have the axes of its lens");
}

/* No head can be more undecided than ln of the positions it sees. */
static bool attention_entropy_is_possible(const json_t *o)
{
	const json_t *layers = json_object_get(o, "attn_entropy");
	double most = log((double)json_integer_value(json_object_get(o, "pos")) + 1) + 1e-4;

	for (size_t l = 0; l < json_array_size(layers); l++)
		for (size_t h = 0; h < json_array_size(json_array_get(layers, l)); h++)
			if (!figure(json_array_get(json_array_get(layers, l), h), -1e-5, most))
				return wrong("attn_entropy", "above ln of the visible positions");
	return true;
}

static bool top_is_a_distribution(const json_t *o)
{
	const json_t *top = json_object_get(o, "top");
	double sum = 0, before = 1;

	if (json_is_null(top))
		return true;
	for (size_t i = 0; i < json_array_size(top); i++) {
		const json_t *c = json_array_get(top, i);
		double p = json_number_value(json_array_get(c, 2));

		if (json_array_size(c) != 4 || !json_is_integer(json_array_get(c, 0)) || p > before + 1e-6 || p < 0)
			return wrong("top", "not [id, text, p_raw, p_final] by falling p_raw");
		before = p;
		sum += p;
	}
	return (json_array_size(top) > 0 && sum < 1.0001) || wrong("top", "probabilities do not add up");
}

static bool line_is_right(json_t *o, int n)
{
	const char *why = json_string_value(json_object_get(o, "why"));

	if (!all_documented_and_there(o))
		return false;
	if (json_integer_value(json_object_get(o, "step")) != n || json_integer_value(json_object_get(o, "pos")) != n)
		return wrong("step", "steps and positions should count from 0");
	if (!why || (strcmp(why, "prompt") && strcmp(why, "sampled") && strcmp(why, "forced")))
		return wrong("why", "not one of the three words");
	if (!figure(json_object_get(o, "logprob"), -1e4, 1e-6) || !figure(json_object_get(o, "p_final"), 0, 1.000001))
		return wrong("logprob", "out of range");
	if (!figure(json_object_get(o, "ms"), 0, 1e6) || !json_is_array(json_object_get(o, "neurons")))
		return wrong("ms", "or neurons out of form");
	for (int i = 0; i < N_LENSES; i++)
		if (!lens_has_its_axes(o, lenses[i]))
			return false;
	return attention_entropy_is_possible(o) && top_is_a_distribution(o);
}

int main(int argc, char **argv)
{
	static char line[1 << 20];
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	bool ok = f != NULL;

	while (ok && fgets(line, sizeof line, f)) {
		json_error_t e;
		json_t *o = json_loads(line, JSON_ALLOW_NUL, &e);

		line_no++;
		ok = o ? line_is_right(o, line_no - 1) : wrong("JSON", e.text);
		json_decref(o);
	}
	if (f)
		fclose(f);
	printf("%d\n", line_no);
	return ok ? 0 : 1;
}
