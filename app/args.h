/*
 * args -- the typed arguments of a command line.
 *
 * A command's row spells them: "lens:lens", "n:int?" (may be left out),
 * "text:text" (the rest of the line as it is).  What a type is, is a row of
 * argtypes.def: how it is checked and what completes it.
 */
#ifndef APP_ARGS_H
#define APP_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/buf.h"
#include "engine/base/err.h"

struct app;

enum { ARGS_MAX = 4, ARGS_ROOM = 4096 };

enum arg_type {
#define ARGTYPE(id, name, rest, doc) ARG_##id,
#include "app/argtypes.def"
#undef ARGTYPE
	N_ARGTYPES
};

struct args {
	int n;                          /* given */
	const char *text[ARGS_MAX];     /* "" where not given */
	double number[ARGS_MAX];        /* of ARG_INT, ARG_NUMBER, ARG_POSITION */
	char room[ARGS_ROOM];
};

struct argtype {
	const char *name, *doc;
	bool rest;              /* takes what is left of the line */
};
extern const struct argtype argtypes[N_ARGTYPES];

/* One argument of a spec; false behind the last.  *name may be NULL. */
struct arg_spec {
	char name[24];
	enum arg_type type;
	bool optional;
};
bool args_spec(const char *spec, int i, struct arg_spec *out);

bool args_parse(struct args *out, const char *spec, const char *text, struct err *e) MUST_CHECK;

/* Candidate i of a type, whatever was typed; false behind the last. */
bool args_candidate(const struct app *a, enum arg_type type, size_t i, struct buf *out);

#endif
