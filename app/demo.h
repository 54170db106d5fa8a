/*
 * demo -- the model inside the program, app/demo/demo.gguf at build time.
 */
#ifndef APP_DEMO_H
#define APP_DEMO_H

#include <stddef.h>

#include "engine/base/err.h"

/* What the meter begins with when nothing was asked for: something to reason about,
 * at a speed that can be read along. */
#define DEMO_PROMPT                                                                          \
	"Question: Carlos has 10 red cakes and 2 blue cakes. His aunt gives Carlos 6 more cakes. " \
	"Leo has 4 times as many cakes as Carlos. Leo shows the cakes to Carlos. How many cakes " \
	"does Leo, the friend of Carlos, have?\nAnswer:"
enum { DEMO_PACE = 20 };        /* tokens a second */

/* Its bytes, good as long as the program runs.  ERR_UNSUPPORTED when the
 * program was built without it. */
bool demo_bytes(const void **data, size_t *size, struct err *e) MUST_CHECK;

#endif
