#include "engine/replay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/mem.h"

struct replay {
	struct source source;   /* first: the handle is this */
	struct session_file *file;
	struct probe_plan *plan;
	char *path;
	int wake[2];            /* a pipe; holds a byte exactly while take() has something */
	bool awake;
	bool running, ended;
	int left;               /* steps still asked for; 0: no end */
	int n_tokens, n_read, n_steps;
	struct news *next;      /* waits to be taken */
};

static const struct source_ops replay_ops;

static void set_awake(struct replay *r, bool awake)
{
	char byte = 0;

	if (awake == r->awake)
		return;
	r->awake = awake;
	if ((awake ? write(r->wake[1], &byte, 1) : read(r->wake[0], &byte, 1)) < 0)
		r->awake = !awake;
}

static struct news *news_new(struct replay *r, enum news_kind kind, const char *text)
{
	struct news *n = mem_zalloc(sizeof *n);

	n->kind = kind;
	n->running = r->running;
	n->n_tokens = r->n_tokens;
	n->n_read = r->n_read;
	n->text = text ? mem_strdup(text) : NULL;
	return n;
}

static struct news *give_step(struct replay *r, struct session_entry *en)
{
	const struct step *s = en->step;
	int n_tokens = s->token >= 0 ? s->pos + 2 : s->pos + 1;
	/* As the engine counts: what was given, or is only read again, is no token of
	 * the run. */
	bool drawn = s->why == WHY_SAMPLED && n_tokens > r->n_tokens;
	struct news *n;

	r->n_read = s->pos + 1;
	r->n_tokens = n_tokens > r->n_tokens ? n_tokens : r->n_tokens;
	if (r->left && drawn && --r->left == 0)
		r->running = false;
	n = news_new(r, NEWS_STEP, NULL);
	n->step = en->step;
	en->step = NULL;
	return n;
}

static struct news *give_order(struct replay *r, const struct session_entry *en)
{
	struct news *n;

	if (en->order.kind == ORDER_RESTART || en->order.kind == ORDER_CUT) {
		int keep = en->order.kind == ORDER_CUT ? en->order.n : 0;

		/* Cutting behind the end leaves the text as it is. */
		r->n_tokens = keep < r->n_tokens ? keep : r->n_tokens;
		r->n_read = r->n_read < r->n_tokens ? r->n_read : r->n_tokens;
		return news_new(r, NEWS_CUT, NULL);
	}
	n = news_new(r, NEWS_ORDER, NULL);
	n->order = order_dup(&en->order);
	return n;
}

/* A step must follow what is there: its position is at most the next one. */
static struct news *refuse_step(struct replay *r, const struct session_entry *en)
{
	struct err e = { 0 };

	err_set(&e, ERR_FILE, "%.150s:%d: step at position %d, but only %d have been read", r->path, en->line, en->step->pos,
	    r->n_read);
	r->running = false;
	r->ended = true;
	return news_new(r, NEWS_ERROR, e.msg);
}

static struct news *give(struct replay *r, struct session_entry *en)
{
	switch (en->kind) {
	case ENTRY_STEP:
		return en->step->pos > r->n_read ? refuse_step(r, en) : give_step(r, en);
	case ENTRY_ORDER:
		return give_order(r, en);
	case ENTRY_COMMAND:
		return news_new(r, NEWS_COMMAND, en->text);
	case ENTRY_SAY:
		return news_new(r, NEWS_WORDS, en->text);
	case ENTRY_PIECE:
	case ENTRY_FINGERPRINT:
		return NULL;
	case ENTRY_END:
		r->running = false;
		r->ended = true;
		return news_new(r, NEWS_END, "the recording ends here");
	}
	return NULL;
}

static struct news *replay_take(struct source *s)
{
	struct replay *r = (struct replay *)s;
	struct news *n = r->next;
	struct session_entry en;
	struct err e = { 0 };

	r->next = NULL;
	while (!n && r->running) {
		if (session_file_next(r->file, &en, &e)) {
			n = give(r, &en);
			session_entry_clear(&en);
		} else {
			/* One bad line ends the replay: what follows may lean on it. */
			r->running = false;
			r->ended = true;
			n = news_new(r, NEWS_ERROR, e.msg);
		}
	}
	if (n && !r->running && n->kind != NEWS_STATE)
		r->next = news_new(r, NEWS_STATE, NULL);
	set_awake(r, r->running || r->next);
	return n;
}

static bool replay_send(struct source *s, const struct order *o, struct err *e)
{
	struct replay *r = (struct replay *)s;

	switch (o->kind) {
	case ORDER_RUN:
		r->running = !r->ended;
		r->left = o->n;
		break;
	case ORDER_PAUSE:
		r->running = false;
		break;
	case ORDER_LOOK:
		return err_set(e, ERR_USAGE, "a replay has no model to look into");
	default:
		return err_set(e, ERR_USAGE, "a replay shows what was recorded; it cannot be changed");
	}
	if (!r->next)
		r->next = news_new(r, NEWS_STATE, NULL);
	set_awake(r, true);
	return true;
}

static int replay_fd(struct source *s)
{
	return ((struct replay *)s)->wake[0];
}

static const char *replay_piece(struct source *s, int32_t id, size_t *n)
{
	return session_file_piece(((struct replay *)s)->file, id, n);
}

static bool replay_is_mark(struct source *s, int32_t id)
{
	return session_file_is_mark(((struct replay *)s)->file, id);
}

static void replay_close(struct source *s)
{
	struct replay *r = (struct replay *)s;

	news_free(r->next);
	if (r->wake[1]) {
		close(r->wake[0]);
		close(r->wake[1]);
	}
	session_file_close(r->file);
	probe_plan_free(r->plan);
	free(r->path);
	free(r);
}

static const struct source_ops replay_ops = { replay_fd, replay_take, replay_send, replay_piece, replay_close,
	replay_is_mark, NULL };

struct source *replay_open(const char *path, const struct probe *const *probes, int n_probes, struct err *e)
{
	struct replay *r = mem_zalloc(sizeof *r);

	r->source.ops = &replay_ops;
	r->path = mem_strdup(path);
	if (!(r->file = session_file_open(r->path, e)))
		goto fail;
	const struct session_header *h = session_file_header(r->file);
	r->plan = probe_plan_new(probes, n_probes, &h->hp);
	session_file_plan(r->file, r->plan);
	/* Every line is read once, so that a file is rejected whole before anything is
	 * shown, and every piece of text is known from the start. */
	if (!session_file_check(r->file, &r->n_steps, e))
		goto fail;
	if (pipe(r->wake)) {
		err_set(e, ERR_RUN, "no pipe for a replay");
		goto fail;
	}
	fcntl(r->wake[0], F_SETFL, O_NONBLOCK);
	fcntl(r->wake[1], F_SETFL, O_NONBLOCK);
	r->source.info = (struct source_info){ .model_name = h->model_name, .file = h->file, .kernels = h->kernels,
	    .vocab = "recorded", .hp = h->hp, .n_ctx = h->n_ctx, .n_threads = h->n_threads, .plan = r->plan };
	return &r->source;
fail:
	replay_close(&r->source);
	return NULL;
}

int replay_n_steps(const struct source *s)
{
	return s->ops == &replay_ops ? ((const struct replay *)s)->n_steps : 0;
}
