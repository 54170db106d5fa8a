#include "app/keymap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"
#include "engine/base/mem.h"
#include "views/key.h"

struct entry {
	int pane, key;
	char *line, *label;
};

struct keymap {
	struct entry *entries;
	size_t n;
};

void keymap_bind(struct keymap *m, int pane, int key, const char *line, const char *label)
{
	struct entry *at = NULL;

	for (size_t i = 0; i < m->n && !at; i++)
		if (m->entries[i].pane == pane && m->entries[i].key == key)
			at = &m->entries[i];
	if (!at) {
		m->entries = mem_resize(m->entries, m->n + 1, sizeof *m->entries);
		at = &m->entries[m->n++];
		*at = (struct entry){ .pane = pane, .key = key };
	}
	free(at->line);
	free(at->label);
	at->line = mem_strdup(line);
	at->label = mem_strdup(label);
}

static void bind_default(struct keymap *m, const char *key, const char *pane, const char *line, const char *label)
{
	int code = key_parse(key), where = *pane ? pane_find(pane) : -1;

	assert(code != KEY_NONE && (!*pane || where >= 0));
	keymap_bind(m, where, code, line, label);
}

/* A command's keys are separated by blanks. */
static void bind_command(struct keymap *m, const struct command *c)
{
	char name[16];

	for (const char *s = c->keys; *s;) {
		size_t n = strcspn(s, " ");

		assert(n < sizeof name);
		memcpy(name, s, n);
		name[n] = 0;
		bind_default(m, name, "", c->name, s == c->keys ? c->label : "");
		s += n;
		s += strspn(s, " ");
	}
}

struct keymap *keymap_new(void)
{
	struct keymap *m = mem_zalloc(sizeof *m);

	for (int i = 0; i < N_COMMANDS; i++)
		bind_command(m, &commands[i]);
#define KEY_LINE(key, pane, line, label) bind_default(m, key, pane, line, label);
#include "app/keys.def"
#undef KEY_LINE
	return m;
}

void keymap_free(struct keymap *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->entries[i].line);
		free(m->entries[i].label);
	}
	free(m->entries);
	free(m);
}

const char *keymap_line(const struct keymap *m, enum pane_id pane, int key)
{
	const char *line = NULL;

	for (size_t i = 0; i < m->n; i++) {
		const struct entry *en = &m->entries[i];

		if (en->key == key && en->pane == (int)pane)
			return *en->line ? en->line : NULL;
		if (en->key == key && en->pane < 0)
			line = en->line;
	}
	return line && *line ? line : NULL;
}

bool keymap_at(const struct keymap *m, size_t i, struct binding *out)
{
	if (i >= m->n)
		return false;
	*out = (struct binding){ m->entries[i].pane, m->entries[i].key, m->entries[i].line, m->entries[i].label };
	return true;
}
