/*
 * key -- a key as a number, and its name both ways: "a", "Space", "^L", "M-b",
 * "Left".
 */
#ifndef VIEWS_KEY_H
#define VIEWS_KEY_H

#include <stdbool.h>
#include <stddef.h>

/* Below these: a Unicode character (controls are 1..31 and 127). */
enum {
	KEY_NAMED = 0x110000,
#define NAMED_KEY(id, name) KEY_IS_##id,
#include "views/keys.def"
#undef NAMED_KEY
	KEY_ALT = 0x200000,     /* added to another */
	KEY_NONE = -1,
};

enum { KEY_TAB = 9, KEY_ENTER_KEY = 13, KEY_ESC = 27, KEY_BACKSPACE_KEY = 127 };

/* KEY_NONE for what is no key. */
int key_parse(const char *name);
const char *key_text(int key, char *out, size_t room);

#endif
