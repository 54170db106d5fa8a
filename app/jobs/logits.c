/*
 * logits -- the scores of every prompt position, as a NumPy array.
 *
 * Positions are read a few at a time, so that memory does not grow with the
 * prompt: the array goes to the file as it is made.
 */
#include "app/npy.h"
#include "app/out.h"
#include "app/setup.h"
#include "engine/base/mem.h"

enum { LOGIT_BYTES = 16 << 20, MAX_PIECE = 256 };

/* Positions whose logits fit in LOGIT_BYTES.  It depends on the model alone, so
 * that the same prompt is always read in the same pieces. */
static int piece_size(const struct model *m)
{
	int fit = LOGIT_BYTES / (4 * m->hp.n_vocab);

	return fit < 8 ? 8 : fit > MAX_PIECE ? MAX_PIECE : fit;
}

static bool write_all(struct session *ses, const struct setup *s, struct npy *w, float *rows, struct err *e)
{
	size_t piece = (size_t)s->session.piece;

	for (size_t i = 0; i < s->n_tokens; i += piece) {
		size_t n = s->n_tokens - i < piece ? s->n_tokens - i : piece;

		if (out_interrupted())
			return err_set(e, ERR_INTERRUPTED, "interrupted; %s is not written", w->path);
		out_bar((double)i / (double)s->n_tokens, "position %zu of %zu", i, s->n_tokens);
		if (!session_append(ses, s->tokens + i, n, e) || !session_logits(ses, rows, e) ||
		    !npy_rows(w, rows, n, e))
			return false;
	}
	return npy_finish(w, e);
}

/* Checked before anything is computed: the text has to fit. */
static bool check_fits(const struct session *ses, const struct setup *s, struct err *e)
{
	if (s->n_tokens <= (size_t)session_n_ctx(ses))
		return true;
	return err_set(e, ERR_RUN, "the prompt is %zu tokens long and the context holds %d; see --context", s->n_tokens,
	    session_n_ctx(ses));
}

bool job_logits(const struct options *o, struct err *e)
{
	struct session *ses = NULL;
	struct npy w = {.path = NULL};
	float *rows = NULL;
	struct setup s;
	bool ok = false;

	if (!o->output)
		return err_set(e, ERR_USAGE, "logits needs -o FILE.npy");
	if (!setup_open(&s, o, e) || !setup_prompt(&s, o, e))
		goto out;
	/* Not earlier: a prompt that is waited for is given up at once. */
	out_catch_interrupt();
	setup_warm(&s);
	if (!setup_swaps(&s, e))
		goto out;
	s.session.piece = piece_size(s.model);
	s.session.probes = false;
	if (!(ses = session_new(s.model, &s.session, e)))
		goto out;
	if (*session_note(ses))
		out_note("%s", session_note(ses));
	session_edits(ses, s.edits);
	if (!check_fits(ses, &s, e) ||
	    !(rows = mem_big((size_t)s.session.piece, (size_t)s.model->hp.n_vocab * sizeof *rows, "logits", e)) ||
	    !npy_open(&w, o->output, s.n_tokens, (size_t)s.model->hp.n_vocab, e))
		goto out;
	ok = write_all(ses, &s, &w, rows, e);
out:
	out_progress_end();
	npy_give_up(&w);
	mem_big_free(rows);
	session_free(ses);
	setup_close(&s);
	return ok;
}
