#include "app/roff.h"

#include <string.h>

enum { ROFF_WIDTH = 72 };

/* One character of a table's text; `word' is set bold. */
static void put_char(struct buf *out, const char *s, bool *bold)
{
	if (*s == '`' && !*bold && strpbrk(s + 1, "'`")) {
		buf_str(out, "\\fB");
		*bold = true;
	} else if ((*s == '\'' || *s == '`') && *bold) {
		buf_str(out, "\\fR");
		*bold = false;
	} else if (*s == '\'') {
		buf_str(out, "\\(aq");
	} else if (*s == '-') {
		buf_str(out, "\\-");
	} else if (*s == '\\') {
		buf_str(out, "\\e");
	} else {
		buf_char(out, *s);
	}
}

/* `wrap': lines of the source end between words. */
static void put(struct buf *out, const char *s, bool wrap)
{
	size_t line = out->len;
	bool bold = false;

	if (*s == '.' || *s == '\'')
		buf_str(out, "\\&");
	for (; *s; s++) {
		size_t gap = wrap ? strspn(s, " ") : 0;
		const char *word = s + gap;

		if (gap && out->len - line + gap + strcspn(word, " ") > ROFF_WIDTH && *word != '.' && *word != '\'') {
			buf_char(out, '\n');
			line = out->len;
			s = word - 1;
		} else if (gap) {
			buf_add(out, s, gap);
			s = word - 1;
		} else {
			put_char(out, s, &bold);
		}
	}
}

void roff_section(struct buf *out, const char *name)
{
	buf_printf(out, ".SH %s\n", name);
}

void roff_text(struct buf *out, const char *s)
{
	put(out, s, true);
	buf_char(out, '\n');
}

void roff_paragraph(struct buf *out, const char *s)
{
	buf_str(out, ".PP\n");
	roff_text(out, s);
}

void roff_entry(struct buf *out, const char *tag, const char *rest, const char *doc)
{
	buf_str(out, ".TP\n\\fB");
	put(out, tag, false);
	buf_str(out, "\\fR");
	if (rest && *rest) {
		buf_str(out, " \\fI");
		put(out, rest, false);
		buf_str(out, "\\fR");
	}
	buf_char(out, '\n');
	roff_text(out, doc);
}

void roff_inline(struct buf *out, const char *s)
{
	put(out, s, false);
}
