/*
 * setup -- from options to a model that is ready to read: what the meter and the
 * batch commands that run a model have in common.
 *
 * Owns     everything in struct setup, from setup_open() to setup_close()
 */
#ifndef APP_SETUP_H
#define APP_SETUP_H

#include "analysis/calibration.h"
#include "app/options.h"
#include "engine/base/buf.h"
#include "engine/session.h"

struct setup {
	struct model *model;
	struct probe_plan *plan;        /* every lens */
	const struct chain *chain;
	const struct edit_set *edits;
	struct session_options session; /* as the options want it; no sink yet */
	int32_t *tokens;                /* of the prompt, after setup_prompt() */
	size_t n_tokens;
	struct calibration *inputs;     /* after setup_gather() */
	struct buf prompt;              /* its text, as it was given */
};

/* Model, plan, sampler and edits.  A failure leaves what setup_close() takes. */
bool setup_open(struct setup *s, const struct options *o, struct err *e) MUST_CHECK;
void setup_close(struct setup *s);
/* A session opened from now on gathers the moments of what its matrices read. */
void setup_gather(struct setup *s);

/* Makes the matrices of swaps among the edits, which setup_open() only parses;
 * ^C gives up. */
bool setup_swaps(struct setup *s, struct err *e) MUST_CHECK;

/* True when they name the built-in model, or none. */
bool setup_is_demo(const struct options *o);
/* The built-in model or the file the options name. */
struct model *setup_model(const struct options *o, struct err *e) MUST_CHECK;

/* True when the file begins as GGUF files do; whatever else it is, its reader
 * says. */
bool setup_is_gguf(const char *path);

/* The prompt's text: --prompt, --file, or standard input when it is not a
 * terminal; else empty.  One newline at the end of a file is dropped. */
bool setup_text(struct buf *out, const struct options *o, struct err *e) MUST_CHECK;
/* Reads the text and tokenizes it as `o` wants.  An empty one becomes the
 * beginning-of-text token; ERR_USAGE where there is none.  With --chat,
 * ERR_UNSUPPORTED when the model has no template, or one we do not know. */
bool setup_prompt(struct setup *s, const struct options *o, struct err *e) MUST_CHECK;

/* With --chat, that the model has a template we know, before anything is begun. */
bool setup_chat(const struct setup *s, const struct options *o, struct err *e) MUST_CHECK;

/* Brings the model's file into memory, with a line on standard error where that takes
 * long; ^C leaves the rest for later.  For what is about to read all of it. */
void setup_warm(const struct setup *s);

/* Never more workers than cores: says so on standard error when it lowers. */
int setup_threads(const struct options *o);

/* How many colours the screen is asked for (enum color_wish): --no-color, then
 * --color, then NO_COLOR (no-color.org), in this order. */
int setup_color(const struct options *o);

#endif
