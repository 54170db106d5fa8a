/*
 * demo -- the model inside the program, app/demo/demo.gguf at build time.
 */
#ifndef APP_DEMO_H
#define APP_DEMO_H

#include <stddef.h>

#include "engine/base/err.h"

/* Its bytes, good as long as the program runs.  ERR_UNSUPPORTED when the
 * program was built without it. */
bool demo_bytes(const void **data, size_t *size, struct err *e) MUST_CHECK;

#endif
