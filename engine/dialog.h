/*
 * dialog -- a conversation in a session: what the user says next goes behind what
 * is there, in the model's own template, and nothing is read twice.
 *
 * Behind an empty text that is the first turn; behind an answer that the model has
 * ended, the rest of the answer's turn and a new one; behind an answer that was
 * cut short, the same after ending it.
 */
#ifndef ENGINE_DIALOG_H
#define ENGINE_DIALOG_H

#include "engine/session.h"

/* Appends the turn and what invites the assistant to speak.  False when the model has
 * no template (ERR_UNSUPPORTED) or the context no room; nothing is then appended. */
bool dialog_say(struct session *s, const char *text, struct err *e) MUST_CHECK;

#endif
