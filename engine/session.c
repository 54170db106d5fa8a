#include "engine/session_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/mem.h"

enum { DEFAULT_CTX = 4096, DEFAULT_PIECE = 256, DEVICE_PIECE = 2048 };

static bool choose_sizes(struct session *s, struct err *e)
{
	const struct hparams *hp = &s->m->hp;

	s->n_ctx = s->opt.n_ctx ? s->opt.n_ctx : hp->n_ctx_train < DEFAULT_CTX ? hp->n_ctx_train : DEFAULT_CTX;
	if (s->n_ctx < 1)
		return err_set(e, ERR_USAGE, "a context has at least 1 position, not %d", s->n_ctx);
	if (hp->arch->pos_embd && s->n_ctx > hp->n_ctx_train)
		return err_set(e, ERR_USAGE, "%s has learned positions 0 to %d: no context of %d", hp->arch->name,
		    hp->n_ctx_train - 1, s->n_ctx);
	return true;
}

static bool open_backend(struct session *s, struct err *e)
{
	const struct session_options *opt = &s->opt;
	int piece = opt->piece < 1 ? DEFAULT_PIECE : opt->piece, device = opt->piece < 1 ? DEVICE_PIECE : opt->piece;
	bool ok = backend_open(&s->backend, opt->backend, &(struct backend_options){ .model = s->m, .pool = s->pool,
	    .n_ctx = s->n_ctx, .max_m = piece < s->n_ctx ? piece : s->n_ctx,
	    .device_m = device < s->n_ctx ? device : s->n_ctx, .exact = opt->exact, .plan = opt->probes ? opt->plan : NULL,
	    .gpu_layers = opt->gpu_layers, .progress = opt->progress, .of = opt->progress_of }, e);

	s->opt.piece = s->backend.max_m;
	return ok;
}

struct session *session_new(const struct model *m, const struct session_options *opt, struct err *e)
{
	struct session *s = mem_zalloc(sizeof *s);
	const struct hparams *hp = &m->hp;
	const struct chain *first;

	s->m = m;
	s->opt = *opt;
	if (!choose_sizes(s, e))
		goto fail;
	if (!(s->pool = pool_new(opt->n_threads > 0 ? opt->n_threads : pool_cores(), e)) ||
	    !open_backend(s, e) || !(s->sampler = sampler_new(hp->n_vocab, e)) ||
	    !(first = chain_parse(SAMPLER_DEFAULT, 0, e)))
		goto fail;
	session_chain(s, first);
	chain_unref(first);
	const struct edit_set *none = edit_set_empty();
	session_edits(s, none);
	edit_set_unref(none);
	s->tokens = mem_array((size_t)s->n_ctx + 1, sizeof *s->tokens);
	s->why = mem_array((size_t)s->n_ctx + 1, 1);
	s->drawn = mem_array((size_t)s->n_ctx + 1, sizeof *s->drawn);
	s->history = mem_array((size_t)s->n_ctx, sizeof *s->history);
	s->pass_steps = mem_array((size_t)s->opt.piece, sizeof *s->pass_steps);
	return s;
fail:
	session_free(s);
	return NULL;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	for (int i = 0; s->history && i < s->n_ctx; i++)
		step_unref(s->history[i]);
	free(s->history);
	free(s->pass_steps);
	free(s->why);
	free(s->tokens);
	free(s->total);
	free(s->drawn);
	for (int i = 0; i < s->n_chains; i++)
		chain_unref(s->chains[i]);
	free(s->chains);
	for (int i = 0; i < s->n_sets; i++)
		edit_set_unref(s->sets[i]);
	free(s->sets);
	sampler_free(s->sampler);
	backend_close(&s->backend);
	pool_free(s->pool);
	free(s);
}

const struct model *session_model(const struct session *s)
{
	return s->m;
}

int session_n_ctx(const struct session *s)
{
	return s->n_ctx;
}

int session_threads(const struct session *s)
{
	return pool_size(s->pool);
}

int session_len(const struct session *s)
{
	return s->n_tokens;
}

int session_read(const struct session *s)
{
	return s->n_read;
}

const int32_t *session_tokens(const struct session *s)
{
	return s->tokens;
}

const char *session_kernels(const struct session *s)
{
	return s->backend.kernels;
}

bool session_device_speed(struct session *s, double *copy_gbs, double *gemm_tflops, struct err *e)
{
	struct backend_speed speed;

	if (!backend_cuda_speed(&s->backend, &speed, e))
		return false;
	*copy_gbs = speed.copy_gbs;
	*gemm_tflops = speed.gemm_tflops;
	return true;
}

const char *session_note(const struct session *s)
{
	return s->backend.note;
}

const struct edit_set *session_edits_now(const struct session *s)
{
	return s->edits;
}

const struct chain *session_chain_now(const struct session *s)
{
	return s->chain;
}

const float *session_last_logits(const struct session *s)
{
	return s->last_logits;
}

void session_seed(struct session *s, uint64_t seed)
{
	s->opt.seed = seed;
}

size_t session_bytes(const struct session *s)
{
	return s->backend.def->bytes(s->backend.state);
}

void session_edits(struct session *s, const struct edit_set *edits)
{
	s->sets = mem_resize(s->sets, (size_t)s->n_sets + 1, sizeof *s->sets);
	s->sets[s->n_sets++] = edit_set_ref(edits);
	s->edits = edits;
}

void session_chain(struct session *s, const struct chain *chain)
{
	s->chains = mem_resize(s->chains, (size_t)s->n_chains + 1, sizeof *s->chains);
	s->chains[s->n_chains++] = chain_ref(chain);
	s->chain = chain;
}

uint64_t session_edit_applied(const struct session *s, int number)
{
	return number >= 0 && number < s->n_total ? s->total[number] : 0;
}

/* Totals outlive the set, and the steps. */
static void count_edits(struct session *s, const struct step *st)
{
	for (int i = 0; i < st->n_receipts; i++) {
		int number = st->receipts[i].edit;

		if (number >= s->n_total) {
			s->total = mem_resize(s->total, (size_t)number + 1, sizeof *s->total);
			memset(s->total + s->n_total, 0, (size_t)(number + 1 - s->n_total) * sizeof *s->total);
			s->n_total = number + 1;
		}
		s->total[number] += (uint64_t)st->receipts[i].applied;
	}
}

bool session_append(struct session *s, const int32_t *tokens, size_t n, struct err *e)
{
	/* A token drawn at the very end stands one behind the context. */
	if (s->n_tokens > s->n_ctx || n > (size_t)(s->n_ctx - s->n_tokens))
		return err_set(e, ERR_RUN, "%zu more tokens do not fit: the context holds %d, %d are taken", n, s->n_ctx,
		    s->n_tokens);
	for (size_t i = 0; i < n; i++)
		if (tokens[i] < 0 || tokens[i] >= s->m->hp.n_vocab)
			return err_set(e, ERR_USAGE, "token %d is not in the vocabulary (0 to %d)", tokens[i],
			    s->m->hp.n_vocab - 1);
	memcpy(s->tokens + s->n_tokens, tokens, n * sizeof *tokens);
	memset(s->why + s->n_tokens, WHY_PROMPT, n);
	s->n_tokens += (int)n;
	s->n_prompt = s->n_tokens;
	return true;
}

static void forget_from(struct session *s, int pos)
{
	for (int i = pos; i < s->n_ctx && s->history[i]; i++) {
		step_unref(s->history[i]);
		s->history[i] = NULL;
	}
}

/* Makes sure that at least the last token is still to be read. */
static void unread_last(struct session *s)
{
	int keep = s->n_tokens > 0 ? s->n_tokens - 1 : 0;

	if (s->n_read > keep)
		s->n_read = keep;
	forget_from(s, s->n_read);
	s->last_logits = NULL;
}

void session_cut(struct session *s, int len)
{
	if (len < 0)
		len = 0;
	if (len >= s->n_tokens)
		return;
	s->n_tokens = len;
	if (s->n_prompt > len)
		s->n_prompt = len;
	unread_last(s);
	if (s->furthest > s->n_read) {
		s->branch++;
		s->furthest = s->n_read;
	}
}

static void make_steps(struct session *s, int m)
{
	for (int j = 0; j < m; j++) {
		struct step *st = step_new_edited(s->opt.plan, s->edits);
		int pos = s->n_read + j;

		st->index = s->index++;
		st->branch = s->branch;
		st->pos = pos;
		st->input = s->tokens[pos];
		st->edits = edit_set_revision(s->edits);
		st->sampler = chain_revision(s->chain);
		if (pos + 1 < s->n_tokens) {
			st->token = s->tokens[pos + 1];
			st->why = s->why[pos + 1];
		}
		s->pass_steps[j] = st;
	}
}

/* The step is complete: what needs its predecessor is derived, and it is sent. */
static void publish(struct session *s, struct step *st)
{
	const struct step *prev = st->pos > 0 ? s->history[st->pos - 1] : NULL;

	for (int i = 0; s->opt.probes && i < s->opt.plan->n; i++)
		if (s->opt.plan->probes[i]->derive)
			s->opt.plan->probes[i]->derive(st, prev, st->values + s->opt.plan->offset[i]);
	if (!s->opt.keep_steps && st->pos > 0) {
		step_unref(prev);
		s->history[st->pos - 1] = NULL;
	}
	step_unref(s->history[st->pos]);
	s->history[st->pos] = st;
	if (s->furthest <= st->pos)
		s->furthest = st->pos + 1;
	if (s->opt.sink)
		s->opt.sink(s->opt.to, step_ref(st));
}

static bool finite_logits(const struct step *st, struct err *e)
{
	return isfinite(st->logits.lse) ||
	    err_set(e, ERR_RUN, "the logits at position %d are not finite: a weight or an edit is NaN or infinite",
	    st->pos);
}

static void run_chain(struct session *s, struct step *st, const struct step *prev, const struct drawn *by,
    const float *logits, int forced)
{
	struct sampler_context cx = { .tokens = s->tokens, .n_tokens = (size_t)st->pos + 1, .seed = by->seed,
	    .pos = st->pos + 1, .logits = logits, .prev = prev, .vocab = s->m->vocab, .tok_embd = s->m->w.tok_embd };

	sampler_run(s->sampler, by->chain, &cx, forced, st);
}

/* Chooses (or takes) the token after the last one read. */
static void draw(struct session *s, struct step *st, const struct step *prev, const float *logits, int forced)
{
	s->drawn[s->n_tokens] = (struct drawn){ s->chain, s->opt.seed };
	run_chain(s, st, prev, &s->drawn[s->n_tokens], logits, forced);
	s->tokens[s->n_tokens] = st->token;
	s->why[s->n_tokens] = (unsigned char)st->why;
	s->n_tokens++;
}

/* A token that is there already: one that was drawn goes through its chain once
 * more, so that the stages with a memory have it again. */
static void describe(struct session *s, struct step *st, const struct step *prev, const float *logits)
{
	enum step_why why = st->why;

	if (st->token >= 0 && why != WHY_PROMPT) {
		run_chain(s, st, prev, &s->drawn[st->pos + 1], logits, st->token);
		st->why = why;
	} else {
		sampler_describe(s->sampler, logits, st->token, st);
	}
}

enum then { THEN_DRAW, THEN_STOP };     /* at the end of the text */

struct reading_job {
	enum then then;
	int forced;             /* -1: the chain draws */
	bool all;               /* distributions of all positions are wanted */
	float *out;             /* logits of every position, or NULL */
};

/* Logits of rows [j, j + n) of the pass, and what follows from them. */
static bool finish_rows(struct session *s, const struct pass *p, int j, int n, const struct reading_job *job,
    struct err *e)
{
	size_t v = (size_t)s->m->hp.n_vocab;
	const float *logits = s->backend.def->logits(s->backend.state, p, j, n, e);

	if (!logits)
		return false;
	s->last_logits = logits + (size_t)(n - 1) * v;
	if (job->out)
		memcpy(job->out, logits, (size_t)n * v * sizeof *logits);
	for (int i = 0; i < n; i++) {
		struct step *st = p->steps[j + i];
		const struct step *prev = j + i > 0 ? p->steps[j + i - 1] : st->pos > 0 ? s->history[st->pos - 1] : NULL;
		bool last = st->pos + 1 == s->n_tokens;

		if (!finite_logits(st, e))
			return false;
		if (last && job->then == THEN_DRAW)
			draw(s, st, prev, logits + (size_t)i * v, job->forced);
		else
			describe(s, st, prev, logits + (size_t)i * v);
	}
	return true;
}

static bool shown(const struct session *s, int m)
{
	return s->opt.onlooker.see && (m > 1 || s->backend.def == backends[BACKEND_cpu]);
}

static bool read_piece(struct session *s, int m, const struct reading_job *job, struct err *e)
{
	struct pass p = { .tokens = s->tokens + s->n_read, .m = m, .pos0 = s->n_read, .n_prompt = s->n_prompt,
	    .edits = s->edits, .steps = s->pass_steps, .onlooker = shown(s, m) ? &s->opt.onlooker : NULL };
	bool ends = s->n_read + m == s->n_tokens, all = job->out || job->all || s->opt.prompt_logits, ok = true;
	size_t v = (size_t)s->m->hp.n_vocab;
	uint64_t start = clock_ns();
	struct reading_job rows = *job;

	make_steps(s, m);
	ok = s->backend.def->run(s->backend.state, &p, e);
	for (int j = all ? 0 : ends ? m - 1 : m, n; ok && j < m; j += n) {
		n = m - j < FORWARD_LOGITS ? m - j : FORWARD_LOGITS;
		ok = finish_rows(s, &p, j, n, &rows, e);
		if (rows.out)
			rows.out += (size_t)n * v;
	}
	float ms = (float)(clock_ns() - start) * 1e-6f / (float)m;
	for (int j = 0; j < m; j++) {
		p.steps[j]->ms_forward = ms;
		count_edits(s, p.steps[j]);
		if (ok)
			publish(s, p.steps[j]);
		else
			step_unref(p.steps[j]);
	}
	if (ok)
		s->n_read += m;
	return ok;
}

/* Positions of the next pass, of those before `upto`. */
static int next_piece(const struct session *s, int upto)
{
	int m = upto - s->n_read;

	return edit_set_span(s->edits, s->n_read, m < s->opt.piece ? m : s->opt.piece, s->n_prompt);
}

static bool go(struct session *s, const struct reading_job *job, struct err *e)
{
	if (s->n_tokens == 0)
		return err_set(e, ERR_USAGE, "there is no text to go on from; give a prompt");
	if (s->n_read == s->n_tokens)
		unread_last(s);
	if (s->n_read == s->n_ctx)
		return err_set(e, ERR_RUN, "the context is full at %d tokens", s->n_ctx);
	return read_piece(s, next_piece(s, s->n_tokens), job, e);
}

bool session_advance(struct session *s, struct err *e)
{
	return go(s, &(struct reading_job){ .then = THEN_DRAW, .forced = -1 }, e);
}

bool session_force(struct session *s, int32_t token, struct err *e)
{
	int len = s->n_tokens;

	if (token < 0 || token >= s->m->hp.n_vocab)
		return err_set(e, ERR_USAGE, "token %d is not in the vocabulary (0 to %d)", token, s->m->hp.n_vocab - 1);
	do {
		if (!go(s, &(struct reading_job){ .then = THEN_DRAW, .forced = token }, e))
			return false;
	} while (s->n_tokens == len);
	return true;
}

bool session_logits(struct session *s, float *out, struct err *e)
{
	while (s->n_read < s->n_tokens) {
		int before = s->n_read;

		if (!go(s, &(struct reading_job){ .then = THEN_STOP, .forced = -1, .out = out }, e))
			return false;
		if (out)
			out += (size_t)(s->n_read - before) * (size_t)s->m->hp.n_vocab;
	}
	return true;
}

bool session_reread(struct session *s, int from, struct err *e)
{
	int upto = s->n_read;

	if (from < 0 || from >= upto)
		return true;
	s->n_read = from;
	s->last_logits = NULL;
	forget_from(s, from);
	s->branch++;
	s->furthest = from;
	while (s->n_read < upto)
		if (!read_piece(s, next_piece(s, upto), &(struct reading_job){ .then = THEN_STOP, .forced = -1, .all = true }, e))
			return false;
	return true;
}
