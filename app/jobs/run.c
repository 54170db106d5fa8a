/*
 * run -- generate without a screen: text on standard output as it comes.
 *
 * The text is what the tokens stand for, joined: a character that two tokens
 * share is written when it is whole.  Figures of every step go to --trace.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/account.h"
#include "app/batch.h"
#include "app/out.h"
#include "app/recording.h"
#include "app/setup.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/recorder.h"
#include "engine/trace_line.h"

enum { TRACE_TOP = STEP_TOP, PIECE = 256 };

struct run {
	const struct options *o;
	struct setup setup;
	struct session *session;
	struct utf8_joiner joiner;
	struct buf text;                /* all of it, for --json */
	struct buf line;                /* what goes out next */
	const char *stop;               /* why generation ended */
	int n_generated;
	uint64_t start_ns, first_ns, end_ns;    /* of reading; first token; end */
	int trace_fd;                   /* -1 without --trace */
	struct err trace_err;           /* the first failure to write it */
	struct recorder *recorder;      /* NULL without --record */
	struct account *accounts;       /* by edit of the set: what it did */
};

static const char *piece_of(void *vocab, int32_t id, size_t *n)
{
	return vocab_bytes(vocab, id, n);
}

/* Called by the session, on this thread, for every position read. */
static void on_step(void *to, const struct step *s)
{
	struct run *r = to;

	/* A last token that nothing follows yet is the next line's business. */
	if (r->trace_fd >= 0 && !r->trace_err.code && s->token >= 0) {
		buf_clear(&r->line);
		trace_line(&r->line, s, piece_of, r->setup.model->vocab, TRACE_TOP);
		if (!out_fd_write(r->trace_fd, r->o->trace, r->line.data, r->line.len, &r->trace_err))
			r->trace_err.code = ERR_RUN;
	}
	for (int i = 0; i < s->n_receipts; i++)
		account_add(&r->accounts[i], s, &s->receipts[i]);
	if (r->recorder)
		recorder_step(r->recorder, s, piece_of, r->setup.model->vocab);
	step_unref(s);
}

static bool open_trace(struct run *r, struct err *e)
{
	r->trace_fd = -1;
	if (!r->o->trace)
		return true;
	r->trace_fd = open(r->o->trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	return r->trace_fd >= 0 || err_set(e, ERR_RUN, "%.200s: %s", r->o->trace, strerror(errno));
}

/* The session file begins with what the session begins with. */
static bool open_recorder(struct run *r, struct err *e)
{
	const struct setup *s = &r->setup;
	struct session_header h;

	if (!r->o->record)
		return true;
	recording_header(&h, s, session_threads(r->session), session_n_ctx(r->session), PIECE, session_kernels(r->session),
	    (vocab_add_bos(s->model->vocab) && !r->o->no_bos) || !s->prompt.len);
	if (!(r->recorder = recorder_open(r->o->record, &h, s->model, e)))
		return false;
	recorder_order(r->recorder, &(struct order){.kind = ORDER_CHAIN, .chain = s->chain});
	if (edit_set_n(s->edits))
		recorder_order(r->recorder, &(struct order){.kind = ORDER_EDITS, .edits = s->edits});
	recorder_order(r->recorder, &(struct order){.kind = r->o->chat ? ORDER_CHAT : ORDER_RESTART,
	    .text = s->prompt.data ? s->prompt.data : "", .special = true});
	return true;
}

static bool close_trace(struct run *r, struct err *e)
{
	int fd = r->trace_fd;

	r->trace_fd = -1;
	if (r->trace_err.code) {
		*e = r->trace_err;
		if (fd >= 0)
			close(fd);
		return false;
	}
	return fd < 0 || !close(fd) || err_set(e, ERR_RUN, "writing %.200s: %s", r->o->trace, strerror(errno));
}

/* SentencePiece puts a space in front of every text; it is not part of it.  Its
 * pieces are stored with U+2581 or a plain space, those of others with neither. */
static bool begins_with_added_space(const struct run *r, int pos, int32_t id)
{
	const struct vocab *v = r->setup.model->vocab;
	size_t n;
	const char *raw = vocab_raw(v, id, &n);

	return pos == 1 && session_tokens(r->session)[0] == vocab_bos(v) &&
	    ((n >= 1 && *raw == ' ') || (n >= 3 && !memcmp(raw, "\xe2\x96\x81", 3)));
}

/* Bytes of a generated token as text: nothing for control tokens. */
static void add_token(struct run *r, int pos, int32_t id)
{
	const struct vocab *v = r->setup.model->vocab;
	size_t n;
	const char *s = vocab_bytes(v, id, &n);

	if (vocab_kind(v, id) == TOKEN_CONTROL)
		return;
	if (n && *s == ' ' && begins_with_added_space(r, pos, id)) {
		s++;
		n--;
	}
	utf8_join(&r->joiner, s, n, &r->line);
}

/* Writes what has become whole, or keeps it for the JSON object. */
static bool flush_text(struct run *r, struct err *e)
{
	struct buf shown = {.data = NULL};
	bool ok;

	buf_add(&r->text, r->line.data, r->line.len);
	if (r->o->json)
		return true;
	out_text(&shown, r->line.data, r->line.len);
	ok = out_write(shown.data, shown.len, e);
	buf_free(&shown);
	return ok;
}

/* One token behind the text; *more is false when it ends the generation. */
static bool next_token(struct run *r, bool *more, struct err *e)
{
	const struct vocab *v = r->setup.model->vocab;
	int before = session_len(r->session);
	int32_t id;

	/* Pieces of the prompt come first and bring no token. */
	while (session_len(r->session) == before)
		if (out_interrupted()) {
			r->stop = "interrupted";
			*more = false;
			out_progress_end();
			return true;
		} else if (!session_advance(r->session, e)) {
			return false;
		} else if (session_len(r->session) == before) {
			out_bar((double)session_read(r->session) / before, "read %d of %d tokens", session_read(r->session), before);
		}
	if (!r->n_generated)
		out_progress_end();
	if (!r->n_generated++)
		r->first_ns = clock_ns();
	id = session_tokens(r->session)[before];
	if (vocab_is_end(v, id)) {
		r->stop = "end";
		*more = false;
		return true;
	}
	buf_clear(&r->line);
	add_token(r, before, id);
	return flush_text(r, e);
}

static bool generate(struct run *r, struct err *e)
{
	bool more = true;

	r->start_ns = r->first_ns = clock_ns();
	r->stop = "length";
	if (!r->o->n_tokens && !session_logits(r->session, NULL, e))
		return false;
	while (more && r->n_generated < r->o->n_tokens) {
		if (out_interrupted() || session_len(r->session) > session_n_ctx(r->session)) {
			r->stop = out_interrupted() ? "interrupted" : "context";
			break;
		}
		if (!next_token(r, &more, e))
			return false;
		if (r->trace_err.code)
			break;
	}
	r->end_ns = clock_ns();
	buf_clear(&r->line);
	utf8_flush(&r->joiner, &r->line);
	return flush_text(r, e);
}

static void json_ids(struct buf *out, const int32_t *ids, int n)
{
	buf_char(out, '[');
	for (int i = 0; i < n; i++)
		buf_printf(out, "%s%d", i ? ", " : "", (int)ids[i]);
	buf_char(out, ']');
}

/* Tokens a second, or a hole when nothing was timed. */
static double rate(int n, uint64_t ns)
{
	return n > 0 && ns ? n * 1e9 / (double)ns : (double)NAN;
}

static void json_edits(struct buf *out, const struct run *r)
{
	const struct edit_set *set = r->setup.edits;

	buf_char(out, '[');
	for (int i = 0; i < edit_set_n(set); i++) {
		const struct edit *ed = edit_set_at(set, i);
		char text[160];

		edit_format(ed, text, sizeof text);
		buf_str(out, i ? ", {\"edit\": " : "{\"edit\": ");
		buf_json(out, text, strlen(text));
		buf_printf(out, ", \"number\": %d, ", ed->number);
		account_json(&r->accounts[i], out);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static bool write_json(struct run *r, struct err *e)
{
	const struct setup *s = &r->setup;
	const int32_t *ids = session_tokens(r->session);
	int n_prompt = (int)s->n_tokens;
	struct buf b = {.data = NULL};
	bool ok;

	buf_str(&b, "{\"model\": ");
	buf_json(&b, s->model->name, strlen(s->model->name));
	buf_str(&b, ", \"sampler\": ");
	buf_json(&b, chain_text(s->chain), strlen(chain_text(s->chain)));
	buf_printf(&b, ", \"seed\": %llu, \"edits\": ", (unsigned long long)r->o->seed);
	json_edits(&b, r);
	buf_str(&b, ", \"prompt\": ");
	buf_json(&b, s->prompt.data, s->prompt.len);
	buf_str(&b, ", \"prompt_tokens\": ");
	json_ids(&b, ids, n_prompt);
	buf_str(&b, ", \"text\": ");
	buf_json(&b, r->text.data, r->text.len);
	buf_str(&b, ", \"tokens\": ");
	json_ids(&b, ids + n_prompt, r->n_generated);
	buf_printf(&b, ", \"stop\": \"%s\", \"first_token_ms\": ", r->stop);
	buf_json_num(&b, (double)(r->first_ns - r->start_ns) / 1e6);
	buf_str(&b, ", \"prompt_per_s\": ");
	buf_json_num(&b, rate(n_prompt, r->first_ns - r->start_ns));
	buf_str(&b, ", \"tokens_per_s\": ");
	buf_json_num(&b, rate(r->n_generated - 1, r->end_ns - r->first_ns));
	buf_str(&b, "}\n");
	ok = out_write(b.data, b.len, e);
	buf_free(&b);
	return ok;
}

/* What the reader of the text should know and the text does not say. */
static void notes(const struct run *r)
{
	const struct edit_set *set = r->setup.edits;
	const char *unrecorded = r->recorder ? recorder_failure(r->recorder) : NULL;

	if (unrecorded)
		out_note("%s", unrecorded);
	if (!strcmp(r->stop, "interrupted") && session_read(r->session) < (int)r->setup.n_tokens)
		out_note("interrupted when %d of the %zu tokens of the prompt were read", session_read(r->session),
		    r->setup.n_tokens);
	if (!strcmp(r->stop, "context"))
		out_note("the context of %d positions is full; see --context", session_n_ctx(r->session));
	for (int i = 0; i < edit_set_n(set); i++) {
		char text[160];

		if (!session_edit_applied(r->session, edit_set_at(set, i)->number))
			out_note("edit '%s' was applied 0 times",
			    edit_format(edit_set_at(set, i), text, sizeof text));
	}
}

static bool start(struct run *r, struct err *e)
{
	struct setup *s = &r->setup;

	if (!setup_prompt(s, r->o, e))
		return false;
	/* Not earlier: a prompt that is waited for is given up at once. */
	out_catch_interrupt();
	setup_warm(s);
	if (!setup_swaps(s, e))
		return false;
	s->session.sink = on_step;
	s->session.to = r;
	s->session.prompt_logits = r->o->trace != NULL;
	s->session.piece = PIECE;
	if (!(r->session = session_new(s->model, &s->session, e)))
		return false;
	if (*session_note(r->session))
		out_note("%s", session_note(r->session));
	r->accounts = mem_array((size_t)edit_set_n(s->edits) + 1, sizeof *r->accounts);
	session_edits(r->session, s->edits);
	session_chain(r->session, s->chain);
	if (!session_append(r->session, s->tokens, s->n_tokens, e) || !open_trace(r, e) ||
	    !open_recorder(r, e))
		return false;
	buf_add(&r->line, s->prompt.data, r->o->echo ? s->prompt.len : 0);
	return flush_text(r, e);
}

bool job_run(const struct options *o, struct err *e)
{
	struct run r = {.o = o, .trace_fd = -1};
	bool ok;

	if (o->script)
		return batch_script(o, e);
	ok = setup_open(&r.setup, o, e) && start(&r, e) && generate(&r, e) && close_trace(&r, e) &&
	    (!o->json || write_json(&r, e));
	if (ok)
		notes(&r);
	if (ok && out_interrupted())
		ok = err_set(e, ERR_INTERRUPTED, "%s", "");
	if (r.trace_fd >= 0)
		close(r.trace_fd);
	recorder_close(r.recorder);
	session_free(r.session);
	free(r.accounts);
	buf_free(&r.text);
	buf_free(&r.line);
	setup_close(&r.setup);
	return ok;
}
