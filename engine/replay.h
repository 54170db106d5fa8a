/*
 * replay -- a session file as a source: what was recorded is seen again, without
 * the model.
 *
 * ORDER_RUN gives steps until n generated tokens have come (0: all), ORDER_PAUSE
 * holds; whoever watches sets the pace by how it asks.  Orders that would change the text are refused.
 * Figures that were not stored are holes.
 */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "engine/session_file.h"

/* `probes` lay out the steps (analysis/lens.h): borrowed, as is the file until
 * the source is closed, which closes the file too. */
struct source *replay_open(const char *path, const struct probe *const *probes, int n_probes, struct err *e) MUST_CHECK;
/* Steps in the file, and how many have been given. */
int replay_n_steps(const struct source *s);

#endif
