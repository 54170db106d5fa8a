/*
 * view -- all that a pane may look at: a borrowed picture of the program's state.
 *
 * The floor above fills it once a frame.  Panes read and draw; they change
 * nothing, and what a key means they answer with a command line (pane.h).
 *
 * Owns     nothing: good until the frame is drawn
 */
#ifndef VIEWS_VIEW_H
#define VIEWS_VIEW_H

#include "analysis/lens.h"
#include "analysis/neuron_cache.h"
#include "analysis/timeline.h"
#include "engine/base/buf.h"
#include "engine/edit.h"
#include "engine/sampler.h"
#include "engine/source.h"
#include "views/lockview.h"
#include "views/quantview.h"
#include "views/scale.h"

enum { VIEW_SERIES = 8 };

struct host;
struct neuron_page;

enum run_state { STATE_PAUSED, STATE_RUNNING, STATE_READING, STATE_ENDED, STATE_YOUR_TURN };

struct view {
	const struct source_info *info;
	struct source *source;          /* for the pieces of tokens only */
	const struct timeline *steps;
	int at;                         /* position of the step under the cursor, -1: none yet */
	bool follow;                    /* the cursor stays on the newest step */
	const struct step *step;        /* under the cursor; NULL when there is none */
	const struct look *look;        /* at that step, with what the panes on the screen need; NULL: see look_why */
	const char *look_why;           /* why it is not there: "computing", "pause to compute", ... */
	int layer, head;                /* chosen among the heads */
	struct neuron_cache *words;     /* what neurons read and write; NULL: there is no model to read */
	const struct neuron_page *neurons;      /* what the neurons pane shows */
	enum lens_id text_lens;         /* colours the text */
	enum lens_id grid_lens;         /* fills the grid of heads */
	enum lens_id series[VIEW_SERIES];       /* [n_series], along the timeline */
	int n_series;
	enum run_state state;
	bool chat;                      /* the text is a conversation */
	int n_tokens, n_read;           /* of the text; how many of them the model has read */
	double tokens_per_s;            /* of the last seconds; NAN before two tokens */
	double waited_s;                /* since the step in work began */
	int pace;                       /* tokens a second, 0: as fast as it goes */
	const struct edit_set *edits;
	double probe_before, probe_after;       /* perplexity of the probe text without and with them; NAN: unknown */
	bool probing;                   /* it is being measured */
	int n_making;                   /* swaps whose matrices are being made */
	char making[SWAP_TEXT];         /* the first of them */
	float made;                     /* how far it is, 0..1 */
	int compared;                   /* number of a branch, 0: none */
	bool can_quant;                 /* there is a model whose weights can be quantized */
	struct view_quant quant;
	struct view_lockstep lockstep;  /* the second model of the pane */
	struct view_lockstep receipt;   /* the model under its swaps; other NULL: there are none */
	const struct chain *chain;
	uint64_t seed;
	const char *work;               /* what takes a while just now: "read 312 of 2048 tokens"; NULL: nothing */
	const char *work_key;           /* the key that calls it off */
	double work_done, work_left_s;  /* 0..1; seconds; NAN: unknown */
	const char *message;            /* for the status line; NULL: nothing to say */
	bool message_is_error;
	const char *find;               /* text searched for, NULL: none */
	const char *const *log;         /* [n_log], oldest first */
	int n_log;
	const char *help;               /* topic of the help pane: a pane or a command */
	const struct host *host;
};

/* Range of a lens over the whole line, rounded up where the lens has
 * no upper end of its own, so that it holds still while the text grows. */
struct scale view_scale(const struct view *v, enum lens_id id);
/* Escaped, as one word: spaces visible at the edges ("␣dog").  For tables. */
void view_token(const struct view *v, int32_t id, bool ascii, struct buf *out);
/* Escaped, newlines as \n; nothing else changed.  For running text. */
void view_piece(const struct view *v, int32_t id, struct buf *out);

#endif
