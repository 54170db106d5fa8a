/*
 * export_report -- what the pages of a report are drawn from: the session as it
 * stood in the end, and what was done on the way.
 *
 * Owns     everything in it, from report_read() to report_drop()
 */
#ifndef APP_EXPORT_REPORT_H
#define APP_EXPORT_REPORT_H

#include "analysis/instability.h"
#include "analysis/timeline.h"
#include "app/export.h"

/* Something that was said or done; pos is the last position read before it. */
struct event {
	enum session_entry_kind kind;
	int pos;
	char *text;
};

/* An edit that was ever in force, by number, and what its receipts add up to. */
struct edited {
	int number;
	char text[160];
	bool on;                /* in the end */
	int from;               /* position it was made at */
	long applied, steps;    /* writes; steps that it wrote in */
	double change, before;  /* sums of lengths over those steps */
};

struct history {
	struct timeline *steps;
	struct event *events;
	int n_events;
	struct edited *edits;
	int n_edits;
	struct instability trace;       /* over what was generated, on the last line */
	int peak_pos;                   /* of its peak; -1 */
	int first_generated;            /* position of the first step that drew a token; -1 */
	double surprisal;               /* mean over generated tokens, nats; NAN: none */
	int n_generated;
};

bool history_read(struct history *h, struct export *x, struct err *e) MUST_CHECK;
void history_drop(struct history *h);

/* Signals a report can colour by: one value a step. */
int signal_count(void);
const char *signal_name(int i);
const char *signal_unit(int i);
const char *signal_doc(int i);
float signal_at(const struct step *s, int i);           /* NAN is a hole */
/* The range of a signal over a session, its upper end round. */
void signal_range(const struct history *h, int i, float *lo, float *hi);

/* As text inside an element or a quoted attribute. */
void html_text(struct buf *out, const char *s, size_t n);
/* The style of all pages, with grounds .g0 to .gf of a rising ramp. */
void html_style(struct buf *out);
/* A chart of one signal as SVG; and the mean of a grid of heads. */
void svg_chart(struct buf *out, const struct history *h, int signal);
void svg_heads(struct buf *out, const struct history *h, const struct hparams *hp);

#endif
