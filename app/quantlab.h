/*
 * quantlab -- what the quant pane asks: the map of a model under a method, a
 * tensor from within, a text read for its activations; answered in the background.
 *
 * The lab asks its thread for one tensor at a time, so the map grows as it goes,
 * a tensor to look into comes first, and stopping takes the time of a slice.
 * Maps are kept, a handful of methods; one that was stopped goes on where it was.
 *
 * Errors at the output follow the inputs: those the session has read so far
 * (`live'), or those of a text that was read for it.
 *
 * Owns     its thread, pool, maps and texts; model and live calibration are borrowed
 * Threads  the UI thread; the work itself on the lab's
 */
#ifndef APP_QUANTLAB_H
#define APP_QUANTLAB_H

#include "analysis/calibration.h"
#include "engine/base/buf.h"
#include "engine/model.h"
#include "views/quantview.h"

struct quantlab;

struct quantlab_options {
	const struct model *model;
	struct calibration *live;       /* NULL: nothing is known of the session's inputs */
	int n_threads;                  /* 0: all cores */
};

struct quantlab *quantlab_new(const struct quantlab_options *o, struct err *e) MUST_CHECK;
void quantlab_free(struct quantlab *l);         /* NULL is fine */
/* To poll; -1 for NULL. */
int quantlab_fd(const struct quantlab *l);

/* The text that stands for the inputs where a method wants more of them than their
 * moments and no file was read: the tokens are copied. */
void quantlab_line(struct quantlab *l, const int32_t *tokens, size_t n);
/* Shows a method and measures what is not known of it yet: a spec, `next' or
 * `previous' of quantlab_candidate(). */
bool quantlab_method(struct quantlab *l, const char *spec, struct err *e) MUST_CHECK;
/* Methods without parameters, for choosing and completion; false behind the last. */
bool quantlab_candidate(size_t i, struct buf *out);
/* Stops the measuring; or goes on with it. */
void quantlab_toggle(struct quantlab *l);
void quantlab_stop(struct quantlab *l);
/* Looks into a tensor of the map ("L3.ffn_up"), or out of it again (NULL). */
bool quantlab_into(struct quantlab *l, const char *name, struct err *e) MUST_CHECK;
/* Reads a text file for its activations, which then stand behind the errors at
 * the output; NULL: back to those of the session. */
bool quantlab_calibrate(struct quantlab *l, const char *path, struct err *e) MUST_CHECK;
void quantlab_show(struct quantlab *l, enum quantmap_figure f);
/* The model generates: leave it the cores but one. */
void quantlab_quietly(struct quantlab *l, bool quietly);
/* Brings errors at the output up to the inputs known by now. */
void quantlab_refresh(struct quantlab *l);

struct quantlab_answer {
	char text[400];         /* to be said; may be empty */
	bool is_error;
};
/* What has been answered; false when nothing is new. */
bool quantlab_take(struct quantlab *l, struct quantlab_answer *out);
/* True while something is asked for. */
bool quantlab_busy(const struct quantlab *l);

struct view_quant quantlab_view(struct quantlab *l);
const struct calibration *quantlab_calibration(const struct quantlab *l);

#endif
