/*
 * fuzz_chain -- arbitrary bytes as a sampler chain.
 *
 * What is understood writes itself so that it reads back as the same, and runs for a
 * few steps over logits with everything in them that logits can have.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/rng.h"
#include "engine/sampler.h"
#include "engine/step.h"
#include "tests/tiny_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS = 4 };

static const struct model *tiny_once(void)
{
	static struct tiny tiny;
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);
	struct err e = { 0 };

	if (!tiny.model && !tiny_open(&tiny, &spec, &e))
		abort();
	return tiny.model;
}

static void run(const struct chain *c, const struct model *m)
{
	struct err e = { 0 };
	struct sampler *s = sampler_new(m->hp.n_vocab, &e);
	struct step step[2] = { { .token = 0 } };
	float logits[TINY_VOCAB];
	int32_t tokens[STEPS + 4] = { 5, 17, 5, 17 };
	struct sampler_context cx = { .tokens = tokens, .n_tokens = 4, .seed = 1, .logits = logits,
		.vocab = m->vocab, .tok_embd = m->w.tok_embd };

	for (int i = 0; i < STEPS; i++) {
		struct step *st = &step[i % 2];
		double sum = 0;

		for (int v = 0; v < TINY_VOCAB; v++) {
			logits[v] = v % 7 == i ? -INFINITY : (float)(20 * rng_uniform(3, (uint64_t)i, (uint64_t)v / 2));
			sum += exp((double)logits[v]);
		}
		st->logits.lse = (float)log(sum);
		cx.pos = (int)cx.n_tokens;
		sampler_run(s, c, &cx, i == 2 ? 40 : -1, st);
		if (st->token < 0 || st->token >= TINY_VOCAB)
			abort();
		for (int k = 0; k < st->n_stages; k++)
			if (st->stages[k].kept < 1 || st->stages[k].kept > TINY_VOCAB)
				abort();
		tokens[cx.n_tokens++] = st->token;
		cx.prev = st;
	}
	sampler_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = mem_zalloc(size + 1);
	struct err e = { 0 };

	memcpy(text, data, size);
	const struct chain *c = chain_parse(text, 1, &e), *again;
	if (c) {
		if (!(again = chain_parse(chain_text(c), 1, &e)) || strcmp(chain_text(c), chain_text(again)))
			abort();
		run(c, tiny_once());
		chain_unref(again);
		chain_unref(c);
	} else if (strchr(e.msg, '\n')) {
		abort();
	}
	free(text);
	return 0;
}
