#include "app/report.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "app/out.h"
#include "engine/base/utf8.h"

enum { LABEL_WIDTH = 24, NAME_WIDTH = 40 };

void report_start(struct report *r, bool json)
{
	*r = (struct report){.json = json, .first = true};
	if (json)
		buf_char(&r->out, '{');
}

bool report_write(struct report *r, struct err *e)
{
	if (r->json)
		buf_str(&r->out, "}\n");
	return out_write(r->out.data, r->out.len, e);
}

void report_free(struct report *r)
{
	buf_free(&r->out);
}

/* Length of a key without the unit that the value shows by itself. */
static size_t label_length(const char *key)
{
	static const char *const units[] = {"_bytes", "_per_s", "_ms"};
	size_t n = strlen(key);

	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		size_t k = strlen(units[i]);

		if (n > k && !strcmp(key + n - k, units[i]))
			return n - k;
	}
	return n;
}

static void text_label(struct report *r, const char *key)
{
	bool name = r->names && !r->row;
	size_t start, n = name ? strlen(key) : label_length(key);
	int width = (name ? NAME_WIDTH : LABEL_WIDTH) - 2 * r->depth;
	struct buf shown = {.data = NULL};

	utf8_escape(key, n, &shown);
	if (r->row) {
		buf_str(&r->out, r->first ? "" : ", ");
		start = r->out.len;
		buf_str(&r->out, shown.data);
		buf_char(&r->out, ' ');
	} else {
		buf_printf(&r->out, "%*s", 2 * r->depth, "");
		start = r->out.len;
		buf_printf(&r->out, "%-*s", width, shown.data);
		if (shown.len >= (size_t)width)
			buf_char(&r->out, ' ');
	}
	for (size_t i = start; !name && i < r->out.len; i++)
		if (r->out.data[i] == '_')
			r->out.data[i] = ' ';
	r->first = false;
	buf_free(&shown);
}

static void label(struct report *r, const char *key)
{
	if (!r->json) {
		text_label(r, key);
		return;
	}
	buf_str(&r->out, r->first ? "" : ", ");
	buf_json(&r->out, key, strlen(key));
	buf_str(&r->out, ": ");
	r->first = false;
}

static void end_of_value(struct report *r)
{
	if (!r->json && !r->row)
		buf_char(&r->out, '\n');
}

void report_group(struct report *r, const char *key)
{
	if (r->json) {
		label(r, key);
		buf_char(&r->out, '{');
	} else {
		buf_printf(&r->out, "%s%*s%s\n", r->out.len && !r->depth ? "\n" : "", 2 * r->depth, "", key);
	}
	r->depth++;
	r->first = true;
}

void report_names(struct report *r, const char *key)
{
	report_group(r, key);
	r->names = true;
}

void report_row(struct report *r, const char *key)
{
	label(r, key);
	if (r->json)
		buf_char(&r->out, '{');
	r->row = true;
	r->first = true;
}

void report_end(struct report *r)
{
	if (r->json)
		buf_char(&r->out, '}');
	if (r->row) {
		r->row = false;
		end_of_value(r);
	} else {
		r->depth--;
		r->names = false;
	}
	r->first = false;
}

void report_text(struct report *r, const char *key, const char *s, size_t n)
{
	label(r, key);
	if (r->json)
		buf_json(&r->out, s, n);
	else
		utf8_escape(s, n, &r->out);
	end_of_value(r);
}

void report_str(struct report *r, const char *key, const char *s)
{
	report_text(r, key, s, strlen(s));
}

static void unit_text(struct report *r, const char *unit)
{
	if (*unit)
		buf_printf(&r->out, " %s", unit);
}

void report_int(struct report *r, const char *key, int64_t v, const char *unit)
{
	label(r, key);
	buf_printf(&r->out, "%" PRId64, v);
	if (!r->json)
		unit_text(r, unit);
	end_of_value(r);
}

void report_num(struct report *r, const char *key, double v, int decimals, const char *unit)
{
	label(r, key);
	if (r->json) {
		buf_json_num(&r->out, v);
	} else if (isnan(v)) {
		buf_str(&r->out, "not measured");
	} else {
		buf_printf(&r->out, "%.*f", decimals, v);
		unit_text(r, unit);
	}
	end_of_value(r);
}

void report_bytes(struct report *r, const char *key, uint64_t v)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	double shown = (double)v;
	int u = 0;

	label(r, key);
	if (r->json) {
		buf_printf(&r->out, "%" PRIu64, v);
	} else {
		for (; shown >= 1000 && u < 4; u++)
			shown /= 1000;
		buf_printf(&r->out, "%.*f %s", u ? shown < 100 : 0, shown, units[u]);
	}
	end_of_value(r);
}

void report_bool(struct report *r, const char *key, bool v)
{
	label(r, key);
	buf_str(&r->out, r->json ? (v ? "true" : "false") : (v ? "yes" : "no"));
	end_of_value(r);
}
