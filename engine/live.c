#include "engine/live.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mailbox.h"
#include "engine/base/mem.h"
#include "engine/dialog.h"
#include "engine/matmul.h"

enum {
	ORDERS = 256,           /* a full box refuses, it does not make the screen wait */
	NEWS = 512,             /* a full box makes the engine wait */
};

struct live {
	struct source source;   /* first: the handle is this */
	struct session *session;
	const struct model *model;
	bool add_bos;
	struct mailbox *orders, *news;
	struct look_watch watch;
	pthread_t thread;
	bool started;
	/* Engine thread only: */
	bool running;
	int left;               /* tokens still to generate; 0: no end */
};

static void tell(struct live *lv, struct news n)
{
	struct news *letter = mem_dup(&n, sizeof n);

	letter->running = lv->running;
	letter->n_tokens = session_len(lv->session);
	letter->n_read = session_read(lv->session);
	if (!mailbox_send(lv->news, letter))
		news_free(letter);
}

static void tell_step(void *of, const struct step *s)
{
	tell(of, (struct news){ .kind = NEWS_STEP, .step = s });
}

static void tell_text(struct live *lv, enum news_kind kind, const char *text)
{
	tell(lv, (struct news){ .kind = kind, .text = mem_strdup(text) });
}

static void stop(struct live *lv)
{
	lv->running = false;
	tell(lv, (struct news){ .kind = NEWS_STATE });
}

static void fail(struct live *lv, const struct err *e)
{
	lv->running = false;
	tell_text(lv, NEWS_ERROR, e->msg);
	tell(lv, (struct news){ .kind = NEWS_STATE });
}

static bool add_text(struct live *lv, const struct order *o, struct err *e)
{
	int32_t *ids = NULL;
	size_t n = 0;
	bool start = session_len(lv->session) == 0;
	bool ok = vocab_encode(lv->model->vocab, o->text, strlen(o->text), start && lv->add_bos, o->special, &ids, &n, e) &&
	    session_append(lv->session, ids, n, e);

	free(ids);
	return ok;
}

static bool look(struct live *lv, const struct look_request *what, struct err *e)
{
	const struct look *k;

	atomic_store(&lv->watch.stop, false);
	if (!session_look(lv->session, what, &k, e))
		return false;
	tell(lv, (struct news){ .kind = NEWS_LOOK, .look = k });
	return true;
}

static void obey(struct live *lv, const struct order *o)
{
	struct err e = { 0 };
	bool ok = true;

	/* A recording reads this between the steps, where it belongs. */
	if (o->kind != ORDER_RUN && o->kind != ORDER_PAUSE && o->kind != ORDER_LOOK)
		tell(lv, (struct news){ .kind = NEWS_ORDER, .order = order_dup(o) });
	switch (o->kind) {
	case ORDER_RUN:
		lv->running = true;
		lv->left = o->n;
		break;
	case ORDER_PAUSE:
		lv->running = false;
		break;
	case ORDER_APPEND:
		ok = add_text(lv, o, &e);
		break;
	case ORDER_CHAT:
		ok = dialog_say(lv->session, o->text, &e);
		break;
	case ORDER_RESTART:
		session_cut(lv->session, 0);
		tell(lv, (struct news){ .kind = NEWS_CUT });
		ok = add_text(lv, o, &e);
		break;
	case ORDER_CUT:
		session_cut(lv->session, o->n);
		tell(lv, (struct news){ .kind = NEWS_CUT });
		break;
	case ORDER_FORCE:
		ok = session_force(lv->session, o->n, &e);
		break;
	case ORDER_EDITS:
		session_edits(lv->session, o->edits);
		break;
	case ORDER_CHAIN:
		session_chain(lv->session, o->chain);
		break;
	case ORDER_SEED:
		session_seed(lv->session, o->seed);
		break;
	case ORDER_REREAD:
		ok = session_reread(lv->session, o->n, &e);
		break;
	case ORDER_LOOK:
		/* A look changes nothing, so neither does one that fails. */
		if (!look(lv, &o->look, &e))
			tell(lv, (struct news){ .kind = NEWS_LOOK, .text = mem_strdup(e.msg), .look_step = o->look.step,
			    .look_what = o->look.what });
		return;
	}
	if (ok)
		tell(lv, (struct news){ .kind = NEWS_STATE });
	else
		fail(lv, &e);
}

static void advance(struct live *lv)
{
	struct session *s = lv->session;
	int before = session_len(s);
	struct err e = { 0 };

	if (!session_advance(s, &e)) {
		fail(lv, &e);
		return;
	}
	if (session_len(s) == before) {         /* a piece of the prompt: show how far */
		tell(lv, (struct news){ .kind = NEWS_STATE });
		return;
	}
	if (vocab_is_end(lv->model->vocab, session_tokens(s)[before])) {
		lv->running = false;
		tell_text(lv, NEWS_END, "the model ended the text");
	} else if (session_len(s) > session_n_ctx(s)) {
		lv->running = false;
		tell_text(lv, NEWS_END, "the context is full");
	} else if (lv->left && --lv->left == 0) {
		stop(lv);
	}
}

static void *engine_thread(void *of)
{
	struct live *lv = of;
	struct order *o;

	for (;;) {
		o = lv->running ? mailbox_take(lv->orders) : mailbox_wait(lv->orders);
		if (o) {
			obey(lv, o);
			order_free(o);
		} else if (!lv->running || mailbox_closed(lv->orders)) {
			return NULL;
		} else {
			advance(lv);
		}
	}
}

static int live_fd(struct source *src)
{
	return mailbox_fd(((struct live *)src)->news);
}

static struct news *live_take(struct source *src)
{
	return mailbox_take(((struct live *)src)->news);
}

static bool live_send(struct source *src, const struct order *o, struct err *e)
{
	struct live *lv = (struct live *)src;
	struct order *letter = order_dup(o);

	if (mailbox_try_send(lv->orders, letter))
		return true;
	order_free(letter);
	return err_set(e, ERR_RUN, "the engine is busy: %d orders wait for it", ORDERS);
}

static const char *live_piece(struct source *src, int32_t id, size_t *n)
{
	const struct vocab *v = ((struct live *)src)->model->vocab;

	if (id < 0 || id >= vocab_size(v))
		return NULL;
	return vocab_bytes(v, id, n);
}

static bool live_is_mark(struct source *src, int32_t id)
{
	const struct vocab *v = ((struct live *)src)->model->vocab;

	return id >= 0 && id < vocab_size(v) && vocab_kind(v, id) == TOKEN_CONTROL;
}

static struct look_watch *live_watch(struct source *src)
{
	return &((struct live *)src)->watch;
}

static void live_close(struct source *src)
{
	struct live *lv = (struct live *)src;
	void *letter;

	if (lv->orders)
		mailbox_close(lv->orders);
	if (lv->news)
		mailbox_close(lv->news);
	if (lv->started)
		pthread_join(lv->thread, NULL);
	while (lv->news && (letter = mailbox_take(lv->news)))
		news_free(letter);
	while (lv->orders && (letter = mailbox_take(lv->orders)))
		order_free(letter);
	mailbox_free(lv->news);
	mailbox_free(lv->orders);
	session_free(lv->session);
	free(lv);
}

static const struct source_ops live_ops = { live_fd, live_take, live_send, live_piece, live_close, live_is_mark,
	live_watch };

struct source *live_open(const struct model *m, const struct session_options *opt, bool add_bos, struct err *e)
{
	struct live *lv = mem_zalloc(sizeof *lv);
	struct session_options mine = *opt;

	lv->source.ops = &live_ops;
	lv->model = m;
	lv->add_bos = add_bos;
	mine.sink = tell_step;
	mine.to = lv;
	mine.keep_steps = true;
	mine.watch = &lv->watch;
	if (mine.piece == 0)
		mine.piece = LIVE_PIECE;
	if (!(lv->session = session_new(m, &mine, e)) || !(lv->orders = mailbox_new(ORDERS, e)) ||
	    !(lv->news = mailbox_new(NEWS, e)))
		goto fail;
	lv->source.info = (struct source_info){ .model_name = m->name, .file = m->path,
	    .kernels = session_kernels(lv->session), .vocab = vocab_describe(m->vocab), .tokens = m->vocab, .hp = m->hp,
	    .n_ctx = session_n_ctx(lv->session), .n_threads = session_threads(lv->session), .plan = opt->plan,
	    .live = true };
	if (pthread_create(&lv->thread, NULL, engine_thread, lv)) {
		err_set(e, ERR_RUN, "cannot start the engine thread");
		goto fail;
	}
	lv->started = true;
	if (*session_note(lv->session))
		tell_text(lv, NEWS_WARNING, session_note(lv->session));
	return &lv->source;
fail:
	live_close(&lv->source);
	return NULL;
}
