/*
 * vt -- just enough of a terminal to know what a user would see: bytes written by a
 * program for xterm-256color in, a grid of characters out.
 *
 * A sequence it does not know is a failure, not a guess: `unknown` counts them and
 * keeps the last.  Colours are skipped; modes that must be back at the end are kept.
 *
 * Owns     its cells, from vt_new() to vt_free()
 */
#ifndef TESTS_VT_H
#define TESTS_VT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/buf.h"

struct vt {
	int rows, cols;
	uint32_t *cell;                 /* [rows][cols] of the screen shown; 0: right half of a wide one */
	uint32_t *main;                 /* [rows][cols] of the main screen while the other is shown */
	int y, x, top, bottom;          /* cursor; rows that scroll: [top, bottom] */
	bool wrap;                      /* the last column is written: the next character wraps */
	bool alternate, cursor_hidden, mouse, application_keys, painted;        /* modes as they stand */
	uint32_t last;                  /* character written last, for its repetition */
	char held[64];                  /* a sequence that has begun */
	size_t n_held;
	struct buf clipboard;           /* payload of the last OSC 52 */
	int unknown;
	char what[64];
};

void vt_new(struct vt *v, int rows, int cols);
void vt_free(struct vt *v);
void vt_feed(struct vt *v, const char *bytes, size_t n);
/* Cells outside the new size go, new ones are blank. */
void vt_resize(struct vt *v, int rows, int cols);
/* The line as UTF-8, without trailing blanks, in `out`. */
void vt_line(const struct vt *v, int y, struct buf *out);
/* All lines. */
void vt_screen(const struct vt *v, struct buf *out);
/* Row on which `text` stands, or -1. */
int vt_find(const struct vt *v, const char *text);

#endif
