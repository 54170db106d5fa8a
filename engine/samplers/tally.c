#include "engine/samplers/tally.h"

#include <stdlib.h>

#include "engine/base/mem.h"

void tally_open(struct tally *t, const struct sampler_context *cx, size_t last)
{
	size_t n = last && last < cx->n_tokens ? last : cx->n_tokens;

	*t = (struct tally){ .window = cx->tokens + (cx->n_tokens - n), .n_window = n, .own = !cx->at };
	for (size_t i = 0; i < n; i++)
		if ((size_t)t->window[i] >= t->n)
			t->n = (size_t)t->window[i] + 1;
	if (t->n) {
		t->of = t->own ? mem_array(t->n + n, sizeof *t->of) : stage_room(cx, (t->n + n) * sizeof *t->of);
		t->more = t->of + t->n;
	}
}

void tally_count(struct tally *t, const struct sampler_context *cx, size_t last)
{
	tally_open(t, cx, last);
	for (size_t i = 0; i < t->n_window; i++)
		t->of[t->window[i]]++;
}

void tally_close(struct tally *t)
{
	for (size_t i = 0; i < t->n_window; i++)
		t->of[t->window[i]] = t->more[i] = 0;
	if (t->own)
		free(t->of);
}
