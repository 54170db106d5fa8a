#include "engine/source.h"

#include <stdlib.h>

#include "engine/base/mem.h"

struct order *order_dup(const struct order *o)
{
	struct order *d = mem_dup(o, sizeof *o);

	d->text = o->text ? mem_strdup(o->text) : NULL;
	if (o->look.past)
		d->look.past = mem_dup(o->look.past, (size_t)(o->look.pos + 1) * sizeof *o->look.past);
	if (o->edits)
		edit_set_ref(o->edits);
	if (o->chain)
		chain_ref(o->chain);
	return d;
}

void order_free(struct order *o)
{
	if (!o)
		return;
	edit_set_unref(o->edits);
	chain_unref(o->chain);
	free((void *)(uintptr_t)o->look.past);
	free((void *)(uintptr_t)o->text);
	free(o);
}

void news_free(struct news *n)
{
	if (!n)
		return;
	step_unref(n->step);
	look_unref(n->look);
	order_free(n->order);
	free(n->text);
	free(n);
}

void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}
