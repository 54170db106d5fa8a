/*
 * session_file -- a session on disk: append-only JSON lines.
 *
 *      {"clampmeter":"session","version":1,"model":{...},"build":...,...}      the header
 *      {"command":"clamp L4.up[219] = 8"}                      as typed
 *      {"order":"edits","revision":3,"edits":["L4.up[219] = 8"]}       as obeyed
 *      {"piece":[1,"<s>"]}                                     text of a token
 *      {"piece":[98,[226,150]]}                                or its bytes, where they are no text
 *      {"piece":[2,"</s>","mark"]}                             of a token that is a mark in the text
 *      {"step":0,"pos":0,...}                                  as --trace writes it
 *      {"say":"words for the class"}
 *      {"fingerprint":"sha256:..."}                            of the model, once it is known
 *
 * Lines stand in the order the engine lived them: an order before the first step
 * it had a hand in.  Each line is one write(), so a session killed at any byte
 * reads up to its last whole line; a last line without its newline is not read.
 *
 * Read with suspicion: every id, position and shape is checked against the
 * header, the header against sane limits; a line is at most 16 MiB.
 */
#ifndef ENGINE_SESSION_FILE_H
#define ENGINE_SESSION_FILE_H

#include "engine/base/buf.h"
#include "engine/source.h"
#include "engine/trace_line.h"

enum { SESSION_VERSION = 1 };

struct session_header {
	char model_name[128], file[512], arch[32];
	char fingerprint[80];   /* of the model; empty when it was not computed */
	char build[64], kernels[64];
	uint64_t seed;
	int n_threads, piece, n_ctx;
	bool exact, add_bos, prompt_logits;
	struct hparams hp;      /* sizes only; arch may be one we do not know, then NULL */
};

enum session_entry_kind { ENTRY_COMMAND, ENTRY_ORDER, ENTRY_STEP, ENTRY_SAY, ENTRY_PIECE, ENTRY_FINGERPRINT, ENTRY_END };

struct session_entry {
	enum session_entry_kind kind;
	int line;               /* of the file, from 1 */
	const char *text;       /* command, words, the text of an order or a piece; NULL */
	size_t n_text;
	struct order order;     /* edits and chain are the entry's: session_entry_clear() */
	int32_t id;             /* of a piece */
	struct step *step;      /* the entry's */
	void *hold;             /* what text points into */
};

/* Writing: appends lines to `out`; the caller writes each with one write(). */
void session_put_header(struct buf *out, const struct session_header *h);
void session_put_command(struct buf *out, const char *line);
void session_put_say(struct buf *out, const char *words);
void session_put_piece(struct buf *out, int32_t id, const char *s, size_t n, bool mark);
/* Nothing for orders that leave no trace in the text (run, pause, look). */
void session_put_order(struct buf *out, const struct order *o);

/* Reading. */
struct session_file;

/* The header is read and checked. */
struct session_file *session_file_open(const char *path, struct err *e) MUST_CHECK;
struct session_file *session_file_open_mem(const char *label, const void *data, size_t n, struct err *e) MUST_CHECK;
void session_file_close(struct session_file *f);
const struct session_header *session_file_header(const struct session_file *f);
/* Steps are laid out by `plan`, made for the header's shape. */
void session_file_plan(struct session_file *f, const struct probe_plan *plan);
void session_file_rewind(struct session_file *f);

/* The next entry; kind ENTRY_END behind the last whole line.  After a failure the
 * line is behind us and reading may go on. */
bool session_file_next(struct session_file *f, struct session_entry *out, struct err *e) MUST_CHECK;
/* Reads every line once and goes back to the first: false at the first bad one.
 * Afterwards every piece of text and the fingerprint are known. */
bool session_file_check(struct session_file *f, int *n_steps, struct err *e) MUST_CHECK;
void session_entry_clear(struct session_entry *en);
/* Text of a token, from the lines read so far. */
const char *session_file_piece(const struct session_file *f, int32_t id, size_t *n);
bool session_file_is_mark(const struct session_file *f, int32_t id);

#endif
