/*
 * live -- the engine thread: a session that takes orders and makes news.
 *
 * Orders are picked up between passes only, so a step is computed wholly under
 * one edit set and one sampler.  A bounded mailbox of steps makes a slow screen
 * slow the engine, never the other way round.
 *
 * Threads  starts one; source_close() stops it at the next pass and joins it
 */
#ifndef ENGINE_LIVE_H
#define ENGINE_LIVE_H

#include "engine/session.h"
#include "engine/source.h"

/* Prompt tokens between two looks at the orders, where the options say nothing. */
enum { LIVE_PIECE = 64 };

/* The model is borrowed.  opt->sink is ignored; `add_bos` and `special` say how
 * texts are tokenized. */
struct source *live_open(const struct model *m, const struct session_options *opt, bool add_bos, struct err *e) MUST_CHECK;

#endif
