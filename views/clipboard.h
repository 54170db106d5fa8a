/*
 * clipboard -- what makes a terminal put text into its clipboard: OSC 52, which
 * works over ssh, since it is the terminal's own machine that obeys.
 *
 *      ESC ] 52 ; c ; BASE64 BEL
 *
 * Inside tmux the sequence is sent twice: as it is, which tmux obeys when its
 * option set-clipboard is `on', and wrapped for the terminal around it, which it
 * passes on when allow-passthrough is `on'.  A terminal does not say whether it
 * obeyed.
 */
#ifndef VIEWS_CLIPBOARD_H
#define VIEWS_CLIPBOARD_H

#include <stdbool.h>

#include "engine/base/buf.h"

/* What terminals commonly take: 100,000 letters of base64, less what stands around
 * them. */
enum { CLIPBOARD_MOST = 74994 };

/* Appends the letters of RFC 4648, with padding. */
void base64(const void *bytes, size_t n, struct buf *out);
/* Appends the sequence for n <= CLIPBOARD_MOST bytes. */
void clipboard_sequence(const char *bytes, size_t n, bool in_tmux, struct buf *out);

#endif
