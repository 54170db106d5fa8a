#include "app/tee.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/out.h"
#include "engine/base/mem.h"
#include "engine/trace_line.h"

struct tee {
	struct source source;           /* first: a tee is a source */
	struct source *behind;
	const char *path;               /* borrowed */
	int fd;                         /* -1 once writing has failed */
	struct buf line;
	struct news *warning;           /* to be taken next */
	struct news state;              /* of the latest news: what a warning repeats */
	struct err failure;             /* why writing ended */
};

static struct tee *tee_of(struct source *s)
{
	return (struct tee *)s;
}

static int tee_fd(struct source *s)
{
	return source_fd(tee_of(s)->behind);
}

static const char *tee_piece(struct source *s, int32_t id, size_t *n)
{
	return source_piece(tee_of(s)->behind, id, n);
}

static const char *piece_of(void *source, int32_t id, size_t *n)
{
	return source_piece(source, id, n);
}

static void stop_tracing(struct tee *t, const struct err *e)
{
	close(t->fd);
	t->fd = -1;
	err_set(&t->failure, ERR_RUN, "%s", *e->msg ? e->msg : "the reader of the trace is gone");
	t->warning = mem_dup(&t->state, sizeof t->state);
	t->warning->kind = NEWS_WARNING;
	t->warning->text = mem_strdup(t->failure.msg);
}

static struct news *tee_take(struct source *s)
{
	struct tee *t = tee_of(s);
	struct news *n = t->warning;
	struct err e;

	if (n) {
		t->warning = NULL;
		return n;
	}
	if (!(n = source_take(t->behind)))
		return NULL;
	t->state = (struct news){ .running = n->running, .n_tokens = n->n_tokens, .n_read = n->n_read };
	/* A last token that nothing follows yet has no line. */
	if (n->kind == NEWS_STEP && t->fd >= 0 && n->step->token >= 0) {
		buf_clear(&t->line);
		trace_line(&t->line, n->step, piece_of, t->behind, STEP_TOP);
		if (!out_fd_write(t->fd, t->path, t->line.data, t->line.len, &e))
			stop_tracing(t, &e);
	}
	return n;
}

static bool tee_send(struct source *s, const struct order *o, struct err *e)
{
	return source_send(tee_of(s)->behind, o, e);
}

static bool tee_is_mark(struct source *s, int32_t id)
{
	return source_is_mark(tee_of(s)->behind, id);
}

static struct look_watch *tee_watch(struct source *s)
{
	return source_watch(tee_of(s)->behind);
}

static void tee_close(struct source *s)
{
	struct tee *t = tee_of(s);

	source_close(t->behind);
	if (t->fd >= 0)
		close(t->fd);
	if (t->warning)
		news_free(t->warning);
	buf_free(&t->line);
	free(t);
}

static const struct source_ops tee_ops = {
	.fd = tee_fd, .take = tee_take, .send = tee_send, .piece = tee_piece, .close = tee_close,
	.is_mark = tee_is_mark, .watch = tee_watch,
};

struct source *tee_open(struct source *behind, const char *path, struct err *e)
{
	struct tee *t;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0) {
		err_set(e, ERR_RUN, "%.200s: %s", path, strerror(errno));
		source_close(behind);
		return NULL;
	}
	t = mem_zalloc(sizeof *t);
	t->source = (struct source){.ops = &tee_ops, .info = behind->info};
	t->behind = behind;
	t->path = path;
	t->fd = fd;
	return &t->source;
}

bool tee_whole(const struct source *s, struct err *e)
{
	const struct tee *t = (const struct tee *)s;

	if (t->failure.code)
		*e = t->failure;
	return !t->failure.code;
}
