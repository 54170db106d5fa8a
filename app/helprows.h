/*
 * helprows -- the text of the help pane, made from the tables of panes, commands,
 * keys, signals, samplers and edits.
 *
 * Owns     the rows, in host.of, until helprows_free()
 */
#ifndef APP_HELPROWS_H
#define APP_HELPROWS_H

#include "views/host.h"

struct app;

struct host helprows_host(struct app *a);
void helprows_free(struct host *h);

#endif
