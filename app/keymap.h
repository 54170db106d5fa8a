/*
 * keymap -- which command line a key runs, everywhere or in one pane.
 *
 * Filled from commands.def and keys.def; `bind` adds on top.
 *
 * Owns     its lines, from keymap_new() to keymap_free()
 */
#ifndef APP_KEYMAP_H
#define APP_KEYMAP_H

#include <stddef.h>

#include "views/pane.h"

struct keymap;

struct keymap *keymap_new(void);
void keymap_free(struct keymap *m);

/* The pane's own line first; NULL when the key does nothing. */
const char *keymap_line(const struct keymap *m, enum pane_id pane, int key);
/* `pane` -1: everywhere.  An empty line takes the key away. */
void keymap_bind(struct keymap *m, int pane, int key, const char *line, const char *label);

/* The i-th binding, latest rules last; false behind the last.  Overridden ones
 * are left out. */
struct binding {
	int pane, key;
	const char *line, *label;
};
bool keymap_at(const struct keymap *m, size_t i, struct binding *out);

#endif
