/*
 * roff -- text of the tables in man(7) form.
 *
 * Nothing in it can be a request, an escape or a hyphen that breaks a word;
 * `word' and `word` are set bold.
 */
#ifndef APP_ROFF_H
#define APP_ROFF_H

#include "engine/base/buf.h"

void roff_section(struct buf *out, const char *name);
void roff_text(struct buf *out, const char *s);
void roff_paragraph(struct buf *out, const char *s);
/* A tagged paragraph: the tag in bold, what follows it in italics (or NULL). */
void roff_entry(struct buf *out, const char *tag, const char *rest, const char *doc);
/* Inside a line. */
void roff_inline(struct buf *out, const char *s);

#endif
