#include "engine/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/mem.h"
#include "engine/base/utf8.h"
#include "engine/fingerprint.h"
#include "engine/model.h"

struct recorder {
	int fd;                 /* -1 once writing has failed */
	char *path;
	struct buf line;
	struct err failure;
	bool told;
	int n_vocab;
	unsigned char *told_piece;      /* [n_vocab]: a line holds its text, or a step's will do */
	const struct model *model;
	pthread_t thread;
	bool started;
	atomic_bool stop, known;
	char fingerprint[FINGERPRINT_TEXT];
};

static void give_up(struct recorder *r, int error)
{
	close(r->fd);
	r->fd = -1;
	err_set(&r->failure, ERR_RUN, "recording stopped: %.200s: %s", r->path, strerror(error));
}

/* One line (or a few), one write: what a kill leaves behind ends in whole lines
 * but for the last. */
static void flush(struct recorder *r)
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

static void write_fingerprint(struct recorder *r)
{
	if (!atomic_exchange(&r->known, false))
		return;
	buf_printf(&r->line, "{\"fingerprint\":\"%s\"}\n", r->fingerprint);
	flush(r);
}

static bool is_mark(const struct recorder *r, int32_t id)
{
	return r->model && vocab_kind(r->model->vocab, id) == TOKEN_CONTROL;
}

/* Steps hold the text of their tokens; a line of its own is for bytes that are no
 * text, such as half a character, and for marks. */
static void tell_piece(struct recorder *r, int32_t id, bool always, piece_fn *piece, void *of)
{
	const char *s;
	size_t n = 0;

	if (id < 0 || id >= r->n_vocab || r->told_piece[id] > always)
		return;
	s = piece(of, id, &n);
	r->told_piece[id] = always ? 2 : 1;
	if (s && (always || is_mark(r, id) || !utf8_is_whole(s, n)))
		session_put_piece(&r->line, id, s, n, is_mark(r, id));
}

void recorder_step(struct recorder *r, const struct step *s, piece_fn *piece, void *of)
{
	if (r->fd < 0)
		return;
	if (atomic_load(&r->known))
		write_fingerprint(r);
	/* A token that no step draws has no text anywhere else. */
	if (s->pos == 0)
		tell_piece(r, s->input, true, piece, of);
	tell_piece(r, s->token, false, piece, of);
	for (int i = 0; i < s->n_top; i++)
		tell_piece(r, s->top[i].id, false, piece, of);
	trace_line(&r->line, s, piece, of, STEP_TOP);
	flush(r);
}

void recorder_order(struct recorder *r, const struct order *o)
{
	if (r->fd < 0)
		return;
	session_put_order(&r->line, o);
	flush(r);
}

void recorder_command(struct recorder *r, const char *line)
{
	if (r->fd < 0)
		return;
	session_put_command(&r->line, line);
	flush(r);
}

void recorder_say(struct recorder *r, const char *words)
{
	if (r->fd < 0)
		return;
	session_put_say(&r->line, words);
	flush(r);
}

const char *recorder_failure(struct recorder *r)
{
	if (!r->failure.code || r->told)
		return NULL;
	r->told = true;
	return r->failure.msg;
}

static bool goes_on(void *of, double done)
{
	struct recorder *r = of;

	(void)done;
	return !atomic_load(&r->stop);
}

static void *fingerprint_thread(void *of)
{
	struct recorder *r = of;

	if (model_fingerprint(r->model, goes_on, r, r->fingerprint))
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

/* Locked, private, empty; or -1. */
static int open_file(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	if (!may_write(path, e))
		return -1;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) < 0) {
		err_set(e, ERR_RUN, "%.300s: %s", path, strerror(errno));
		return -1;
	}
	/* A device or a pipe has no length and no lock to speak of. */
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB))
		err_set(e, ERR_RUN, "%.300s: another program is recording there", path);
	else if (fchmod(fd, 0600) || ftruncate(fd, 0))
		err_set(e, ERR_RUN, "%.300s: %s", path, strerror(errno));
	else
		return fd;
	close(fd);
	return -1;
}

struct recorder *recorder_open(const char *path, const struct session_header *h, const struct model *model,
    struct err *e)
{
	struct recorder *r;
	int fd = open_file(path, e);

	if (fd < 0)
		return NULL;
	r = mem_zalloc(sizeof *r);
	r->fd = fd;
	r->path = mem_strdup(path);
	r->model = model;
	r->n_vocab = h->hp.n_vocab;
	r->told_piece = mem_array((size_t)h->hp.n_vocab, 1);
	session_put_header(&r->line, h);
	flush(r);
	r->started = model && !pthread_create(&r->thread, NULL, fingerprint_thread, r);
	return r;
}

void recorder_close(struct recorder *r)
{
	if (!r)
		return;
	if (r->started) {
		atomic_store(&r->stop, true);
		pthread_join(r->thread, NULL);
		if (r->fd >= 0)
			write_fingerprint(r);
	}
	if (r->fd >= 0)
		close(r->fd);
	buf_free(&r->line);
	free(r->told_piece);
	free(r->path);
	free(r);
}
