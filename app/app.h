/*
 * app -- the state that joins the floors: what is known of the source, where the
 * cursor stands, what is chosen, what was asked.
 *
 * News from the source comes in through app_news(), the user through command
 * lines (command.h) and through nothing else; app_view() is the picture that
 * panes draw.  No terminal is needed: tests drive it and print canvases.
 *
 * Owns     everything it points to, except the source
 * Threads  the UI thread
 */
#ifndef APP_APP_H
#define APP_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "analysis/timeline.h"
#include "engine/source.h"
#include "views/host.h"
#include "views/layout.h"
#include "views/pane.h"
#include "views/theme.h"

#include "app/asking.h"
#include "app/lab.h"
#include "app/looks.h"
#include "app/neuronpane.h"
#include "app/patch.h"
#include "app/words.h"
#include "app/work.h"

struct calibration;
struct condition;
struct keymap;
struct lineedit;
struct pairing;
struct quantlab;
struct script;
struct warm;

enum { APP_LOG = 500, APP_RECENT = 32, APP_EDIT_HISTORY = 200 };

struct app {
	struct source *source;          /* borrowed */
	struct timeline *steps;

	/* What the source said last. */
	bool engine_running, ended;
	bool chat;                      /* the text is a conversation */
	int n_tokens, n_read;

	/* Generation: the user's wish.  With a pace the engine gets one token at a
	 * time, `due_ns` apart. */
	bool going;
	int left;                       /* tokens still wanted; 0: no end */
	int pace, slow_pace;            /* tokens a second, 0: full speed; the pace to return to */
	bool in_flight;                 /* a paced token was asked for and is not there yet */
	uint64_t due_ns;
	uint64_t recent_ns[APP_RECENT]; /* when the newest generated tokens came, a ring */
	long n_recent;
	bool waited;                    /* a token came since generation began */
	uint64_t work_since_ns;         /* when the step in work began; 0: none is */
	int32_t *to_force;              /* [n_to_force]: a branch that is being read again */
	int n_to_force, n_forced;

	/* Time travel. */
	int cursor;                     /* position; used when not following */
	bool follow;
	char *find;

	struct looks looks;             /* what was computed for single steps */
	struct words *words;            /* what neurons read and write; NULL: no model at hand */
	struct neuronpane neurons;         /* what the neurons pane was asked for */
	const struct model *model;      /* borrowed; NULL in a replay */
	struct warm *warm;              /* brings the model into memory; NULL: nothing to bring */
	struct work work;               /* what takes a while just now */
	bool read_stopped;              /* a reading was called off and has not come to rest */
	struct lab *lab;                /* slow questions of commands; NULL: no model at hand */
	struct quantlab *quant;         /* what quantization does to the model; NULL: no model at hand */
	struct pairing *pair, *receipt; /* second models: of the lockstep pane, under the swaps; NULL the same */
	const struct edit_set *receipt_of;      /* the swaps; NULL: not asked yet */
	enum lock_figure lock_figure;
	struct asking asking;           /* a question that waits for its answer */
	void (*tell)(const char *place, const char *what, const char *text);    /* answers, where no screen is; NULL */
	struct buf answers;             /* the same as JSON objects with commas between them */
	struct patch patch;             /* a value that is being copied for an edit */
	int compared;                   /* number of the branch that is compared with the line, 0 */

	/* What is in force. */
	const struct edit_set *edit_past[APP_EDIT_HISTORY];     /* undo: [0, n_edit_past), the last in force */
	int n_edit_past, n_edit_future; /* redo: behind them */
	int reread;                     /* positions below it are read again, not new */
	uint32_t edit_revision, chain_revision;
	int edit_number;
	const struct chain *chain;
	uint64_t seed;

	/* What is looked at. */
	enum lens_id text_lens, grid_lens, series[VIEW_SERIES];
	int n_series;
	struct layout layout;
	bool own_layout;                /* the user's; else by the size of the screen */
	enum pane_id focus;
	bool zoomed;
	enum pane_id stand_in[N_PANES]; /* what a slot of the layout shows instead of its own pane */
	struct choice choice[N_PANES];
	struct placement placed;        /* of the last frame, after stand-ins */
	struct rect area;
	char help_topic[48];
	enum pane_id before_help;
	bool zoomed_before_help;
	const struct theme *theme;
	bool ascii, mono;

	/* Conversation with the user. */
	char *log[APP_LOG];             /* [n_log] */
	int n_log;
	char *message;
	bool message_is_error;
	uint64_t message_until_ns;
	struct keymap *keys;
	struct lineedit *line;          /* NULL in tests that need none */
	struct script *script;          /* being run; NULL: none */
	struct err script_err;          /* of the last script that failed */
	struct condition *until;        /* generation goes on, token by token, until it holds */
	int go_to;                      /* a recording plays up to this position; -1: it does not */
	double speed;                   /* of a recording, times its own; 0: by pace */
	int begin_with;                 /* tokens wanted as soon as the lab has answered; -1: none */
	bool text_waits;                /* a script has put text there and not yet let it run */
	bool hurry;                     /* nobody watches: scripts do not pause */
	long orders_sent, orders_seen;  /* that the source answers */
	bool unsettled;                 /* it has not answered yet */
	struct host host;
	/* The terminal's (term_copy); NULL where there is none. */
	bool (*clipboard)(const char *bytes, size_t n, const char **note, struct err *e);

	bool leave_quits;               /* `leave` ends the program when nothing is left to leave */
	bool quit, redraw;
	bool dirty;                     /* a frame is owed */
	int bad_lines;                  /* commands that failed */
};

struct app_options {
	struct source *source;
	bool chat;                      /* a conversation from the start */
	bool warm;                      /* the model is brought into memory at once */
	const struct theme *theme;      /* NULL: dark */
	bool ascii, mono;
	int pace;
	const struct model *model;      /* for what is read out of weights; NULL in a replay */
	struct calibration *inputs;     /* of what the source reads, gathered as it does; NULL: nobody does */
	int n_threads;                  /* for work in the background; 0: all cores */
	bool exact;                     /* second models read as the session does */
};

struct app *app_new(const struct app_options *o);
void app_free(struct app *a);

/* Takes the news. */
void app_news(struct app *a, struct news *n);
/* Orders that time has made due (pace), a message that has been read.  Returns
 * nanoseconds until it wants to be called again, UINT64_MAX: no wish. */
uint64_t app_tick(struct app *a);

/* Runs a command line that a key, the prompt, the mouse or a script asked for;
 * what it says goes to the status line and the log. */
bool app_line(struct app *a, const char *line);
void app_key(struct app *a, int key);
void app_click(struct app *a, int y, int x, int wheel);

/* For commands. */
void app_say(struct app *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void app_complain(struct app *a, const char *text);     /* the same for what went wrong */
void app_log(struct app *a, char mark, const char *text);
bool app_order(struct app *a, const struct order *o, struct err *e);
int app_at(const struct app *a);                /* position under the cursor, -1 */
/* Takes what the lab has answered. */
void app_lab(struct app *a);
/* The choice of a pane, brought inside its extent. */
struct choice *app_choice(struct app *a, enum pane_id p);
/* Shows a pane: where it is, or in the focused slot. */
void app_show(struct app *a, enum pane_id p);

void app_view(const struct app *a, struct view *v);

#endif
