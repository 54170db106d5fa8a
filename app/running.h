/*
 * running -- text that grows: begun, held, one token at a time at a pace, or until
 * a condition holds; and what is known of its speed.
 *
 * With a pace the source gets one token at a time, when it is due; a recording is
 * played the same way.
 *
 * Owns     nothing: part of app's state
 * Threads  the UI thread
 */
#ifndef APP_RUNNING_H
#define APP_RUNNING_H

#include <stdint.h>

#include "engine/step.h"
#include "views/pane.h"

struct app;
struct condition;

/* Generates `tokens` tokens, 0: until it is stopped. */
void app_go(struct app *a, int tokens);
void app_stop(struct app *a);
/* Runs one token at a time until a condition holds; takes a copy. */
void app_until(struct app *a, const struct condition *c);

/* For app.c.  A step came: its reference is not taken. */
void running_step(struct app *a, const struct step *s);
/* The source has stopped by itself. */
void running_over(struct app *a);
/* The token asked for by app_until() may be there: enough, or another one? */
void running_until(struct app *a);
/* Asks for the token that is due; lowers *wait to when the next one is. */
void running_tick(struct app *a, uint64_t now, uint64_t *wait);

/* Tokens a second over the newest ones, NAN when too few came. */
double running_speed(const struct app *a);
enum run_state running_state(const struct app *a);

#endif
