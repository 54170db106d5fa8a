/*
 * terminfo -- the terminal's own description, with more colours written in.
 *
 * Most terminals take 24-bit colours and say so in COLORTERM, while their entry in
 * the terminfo database stops at 256; the entries that do not ("-direct") are
 * rarely installed.  ncurses believes descriptions only, but it also takes one from
 * the TERMINFO variable, as hexadecimal.  So the entry of $TERM is read, given two
 * colour strings (and the flag that colours are 24-bit values), and handed back;
 * the rest stays as it is.  No palette is changed: there is nothing to restore.
 */
#ifndef VIEWS_TERMINFO_H
#define VIEWS_TERMINFO_H

#include <stdbool.h>

#include "engine/base/buf.h"

enum { TERMINFO_256 = 256, TERMINFO_DIRECT = 1 << 24 };

/* Appends "hex:..." for the terminal `name` with so many colours (one of the two
 * above); false when it has no entry, or one that knows no colours. */
bool terminfo_with(const char *name, int colors, struct buf *out);

#endif
