#include "views/key.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/utf8.h"

static const struct { int key; const char *name; } named[] = {
#define NAMED_KEY(id, name) { KEY_IS_##id, name },
#include "views/keys.def"
#undef NAMED_KEY
	{ ' ', "Space" }, { KEY_TAB, "Tab" }, { KEY_ENTER_KEY, "Enter" }, { KEY_ESC, "Esc" },
	{ KEY_BACKSPACE_KEY, "Backspace" },
};

int key_parse(const char *name)
{
	size_t n = strlen(name);
	uint32_t cp;

	if (n > 2 && !strncmp(name, "M-", 2)) {
		int key = key_parse(name + 2);

		return key == KEY_NONE || key & KEY_ALT ? KEY_NONE : key | KEY_ALT;
	}
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (!strcmp(named[i].name, name))
			return named[i].key;
	if (n == 2 && name[0] == '^' && name[1] >= '@' && name[1] <= '_')
		return name[1] - '@';
	return n && utf8_decode(name, n, &cp) == (int)n && cp > ' ' ? (int)cp : KEY_NONE;
}

const char *key_text(int key, char *out, size_t room)
{
	char utf8[5] = "";
	const char *alt = key > 0 && key & KEY_ALT ? "M-" : "";

	key &= ~KEY_ALT;
	for (size_t i = 0; i < sizeof named / sizeof *named; i++)
		if (named[i].key == key) {
			snprintf(out, room, "%s%s", alt, named[i].name);
			return out;
		}
	if (key < ' ') {
		snprintf(out, room, "%s^%c", alt, key + '@');
	} else {
		utf8[utf8_encode((uint32_t)key, utf8)] = 0;
		snprintf(out, room, "%s%s", alt, utf8);
	}
	return out;
}
