#include "engine/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A message may quote a file's bytes; none of them may reach a terminal raw. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = '?';
}

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof e->msg, fmt, ap);
	va_end(ap);
	make_printable(e->msg);
	return false;
}

bool err_wrap(struct err *e, const char *fmt, ...)
{
	char where[200], inner[sizeof e->msg];
	va_list ap;
	int n;

	memcpy(inner, e->msg, sizeof inner);
	va_start(ap, fmt);
	vsnprintf(where, sizeof where, fmt, ap);
	va_end(ap);
	n = snprintf(e->msg, sizeof e->msg, "%s: ", where);
	snprintf(e->msg + n, sizeof e->msg - (size_t)n, "%.*s", (int)sizeof e->msg - n - 1, inner);
	make_printable(e->msg);
	return false;
}
