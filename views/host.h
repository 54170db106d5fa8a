/*
 * host -- what a pane of text may ask of the program above it: rows of help made
 * from the tables of commands and keys, which live a floor higher.
 *
 * A struct of function pointers, filled in by app: a call upward would not link.
 */
#ifndef VIEWS_HOST_H
#define VIEWS_HOST_H

#include <stdbool.h>
#include <stddef.h>

struct host {
	/* Row i of the help for a topic: two columns of text; false behind the last.
	 * An empty `left` with a `right` is a paragraph, both empty a blank line. */
	bool (*help_row)(void *of, const char *topic, size_t i, const char **left, const char **right);
	void *of;
};

#endif
