#include "engine/record.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/fingerprint.h"
#include "engine/model.h"

struct record {
	struct source source;   /* first: the handle is this */
	struct source *behind;
	int fd;
	char *path;
	struct buf line;
	struct news *failure;   /* waits to be told */
	bool first_piece;       /* the text of the very first token is written */
	const struct model *model;
	pthread_t thread;
	bool started;
	atomic_bool stop, known;
	char fingerprint[FINGERPRINT_TEXT];
};

static const struct source_ops record_ops;

static struct record *record_of(struct source *s)
{
	return s && s->ops == &record_ops ? (struct record *)s : NULL;
}

static void give_up(struct record *r, int error)
{
	struct err e = { 0 };

	close(r->fd);
	r->fd = -1;
	err_set(&e, ERR_RUN, "recording stopped: %.200s: %s", r->path, strerror(error));
	r->failure = mem_zalloc(sizeof *r->failure);
	r->failure->kind = NEWS_ERROR;
	r->failure->text = mem_strdup(e.msg);
}

/* One line (or a few), one write: what a kill leaves behind ends in whole lines
 * but for the last. */
static void flush(struct record *r)
{
	size_t done = 0;

	while (r->fd >= 0 && done < r->line.len) {
		ssize_t n = write(r->fd, r->line.data + done, r->line.len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n < 0 && errno != EINTR)
			give_up(r, errno);
	}
	buf_clear(&r->line);
}

static const char *piece_of(void *of, int32_t id, size_t *n)
{
	return source_piece(of, id, n);
}

static void write_step(struct record *r, const struct step *s)
{
	if (s->pos == 0 && !r->first_piece) {
		size_t n = 0;
		const char *text = source_piece(r->behind, s->input, &n);

		if (text)
			session_put_piece(&r->line, s->input, text, n);
		r->first_piece = true;
	}
	trace_line(&r->line, s, piece_of, r->behind, STEP_TOP);
	flush(r);
}

static void write_fingerprint(struct record *r)
{
	if (!r->fingerprint[0] || !atomic_exchange(&r->known, false))
		return;
	buf_printf(&r->line, "{\"fingerprint\":\"%s\"}\n", r->fingerprint);
	flush(r);
}

static struct news *record_take(struct source *s)
{
	struct record *r = record_of(s);
	struct news *n = r->failure;

	if (n) {
		r->failure = NULL;
		return n;
	}
	n = source_take(r->behind);
	if (!n || r->fd < 0)
		return n;
	if (atomic_load(&r->known))
		write_fingerprint(r);
	if (n->kind == NEWS_STEP) {
		write_step(r, n->step);
	} else if (n->kind == NEWS_ORDER) {
		session_put_order(&r->line, n->order);
		flush(r);
	}
	return n;
}

static int record_fd(struct source *s)
{
	return source_fd(record_of(s)->behind);
}

static bool record_send(struct source *s, const struct order *o, struct err *e)
{
	return source_send(record_of(s)->behind, o, e);
}

static const char *record_piece(struct source *s, int32_t id, size_t *n)
{
	return source_piece(record_of(s)->behind, id, n);
}

static void record_close(struct source *s)
{
	struct record *r = record_of(s);

	if (r->started) {
		atomic_store(&r->stop, true);
		pthread_join(r->thread, NULL);
		if (r->fd >= 0)
			write_fingerprint(r);
	}
	source_close(r->behind);
	if (r->fd >= 0)
		close(r->fd);
	news_free(r->failure);
	buf_free(&r->line);
	free(r->path);
	free(r);
}

static const struct source_ops record_ops = { record_fd, record_take, record_send, record_piece, record_close };

static void *fingerprint_thread(void *of)
{
	struct record *r = of;

	if (model_fingerprint(r->model, &r->stop, r->fingerprint))
		atomic_store(&r->known, true);
	return NULL;
}

/* A file that is there must be a session, or empty: nothing else is written over. */
static bool may_write(const char *path, struct err *e)
{
	struct session_file *f;
	struct stat st;

	if (stat(path, &st) || st.st_size == 0)
		return true;
	if (!(f = session_file_open(path, e)))
		return err_wrap(e, "will not write over a file that is no session");
	session_file_close(f);
	return true;
}

struct source *record_open(struct source *behind, const char *path, const struct session_header *h,
    const struct model *model, struct err *e)
{
	struct record *r;
	int fd = may_write(path, e) ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;

	if (fd < 0) {
		if (!e->code)
			err_set(e, ERR_RUN, "%.300s: %s", path, strerror(errno));
		source_close(behind);
		return NULL;
	}
	r = mem_zalloc(sizeof *r);
	r->source.ops = &record_ops;
	r->source.info = behind->info;
	r->behind = behind;
	r->fd = fd;
	r->path = mem_strdup(path);
	r->model = model;
	session_put_header(&r->line, h);
	flush(r);
	r->started = model && !pthread_create(&r->thread, NULL, fingerprint_thread, r);
	return &r->source;
}

void record_command(struct source *s, const char *line)
{
	struct record *r = record_of(s);

	if (!r || r->fd < 0)
		return;
	session_put_command(&r->line, line);
	flush(r);
}

void record_say(struct source *s, const char *words)
{
	struct record *r = record_of(s);

	if (!r || r->fd < 0)
		return;
	session_put_say(&r->line, words);
	flush(r);
}
