/*
 * golden -- screens as text, compared with the files of tests/screens.
 *
 * GOLDEN=1 in the environment writes the files anew; the difference is then
 * reviewed like code.
 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H

#include "engine/base/buf.h"

/* Fails when tests/screens/NAME.txt is something else. */
void golden(const char *name, const struct buf *screen);

#endif
