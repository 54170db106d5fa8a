/*
 * pairing -- a second model that reads what the first one reads, position by
 * position, in the background: another file, the model quantized, the model under
 * its edits.
 *
 * The pairing follows a text: what was read stays in the caches of both, a text
 * that was cut or begun anew is read again.  Nothing is asked while an answer is
 * under way, so following a text that grows costs a pass of each model for what
 * is new.
 *
 * Owns     its thread and workers, the second model, what was measured; the first
 *          model is borrowed
 * Threads  the UI thread; the reading itself on the pairing's
 */
#ifndef APP_PAIRING_H
#define APP_PAIRING_H

#include "engine/edit.h"
#include "engine/model.h"
#include "views/lockview.h"

struct pairing;

struct pairing_options {
	const struct model *model;
	int n_threads;          /* of the engine; half of them work here */
	int n_ctx;
	bool exact;             /* as the session: activations stay in float */
};

struct pairing *pairing_new(const struct pairing_options *o, struct err *e) MUST_CHECK;
void pairing_free(struct pairing *p);   /* NULL is fine */
/* To poll; -1 for NULL. */
int pairing_fd(const struct pairing *p);

/* The second model: a file; every matrix as a method stores it; the first under
 * edits.  Whatever was there before is let go. */
void pairing_file(struct pairing *p, const char *path);
bool pairing_method(struct pairing *p, const char *spec, struct err *e) MUST_CHECK;
void pairing_edits(struct pairing *p, const struct edit_set *edits);
/* None any more. */
void pairing_end(struct pairing *p);
/* The reading in work is called off, and nothing more is read until it resumes. */
void pairing_stop(struct pairing *p);
void pairing_resume(struct pairing *p);
void pairing_threshold(struct pairing *p, double threshold);

/* The text as it is now, its first n_prompt tokens given. */
void pairing_follow(struct pairing *p, const int32_t *tokens, size_t n, int n_prompt);

struct pairing_answer {
	char text[400];         /* to be said; may be empty */
	bool is_error;
};
/* What has been answered; false when nothing is new. */
bool pairing_take(struct pairing *p, struct pairing_answer *out);
bool pairing_busy(const struct pairing *p);

struct view_lockstep pairing_view(struct pairing *p);

#endif
