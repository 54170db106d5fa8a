#include "app/recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "app/manual.h"
#include "engine/base/mem.h"
#include "engine/live.h"
#include "engine/matmul.h"
#include "engine/record.h"

enum { STAMP = 15 };            /* 20261123-074501 */

void recording_header(struct session_header *h, const struct setup *s, int n_threads, int n_ctx, int piece,
    const char *kernels, bool add_bos)
{
	const struct model *m = s->model;
	char *whole;

	*h = (struct session_header){ .seed = s->session.seed, .n_threads = n_threads, .piece = piece, .n_ctx = n_ctx,
		.exact = s->session.exact, .add_bos = add_bos, .prompt_logits = s->session.prompt_logits, .hp = m->hp };
	snprintf(h->model_name, sizeof h->model_name, "%s", m->name);
	/* A replay may be asked for from another folder. */
	whole = m->in_memory ? NULL : realpath(m->path, NULL);
	snprintf(h->file, sizeof h->file, "%s", whole ? whole : m->path);
	free(whole);
	snprintf(h->arch, sizeof h->arch, "%s", m->hp.arch->name);
	snprintf(h->build, sizeof h->build, "%s", manual_build());
	snprintf(h->kernels, sizeof h->kernels, "%s", kernels);
}

/* Makes each folder on the way to `path`, and `path`. */
static bool make_folders(struct buf *path, struct err *e)
{
	for (size_t i = 1; i <= path->len; i++)
		if (path->data[i] == '/' || !path->data[i]) {
			char end = path->data[i];

			path->data[i] = 0;
			if (mkdir(path->data, 0700) && errno != EEXIST)
				return err_set(e, ERR_RUN, "%.300s: %s", path->data, strerror(errno));
			path->data[i] = end;
		}
	return true;
}

bool recording_folder(struct buf *out, struct err *e)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	buf_clear(out);
	if (state && *state == '/')
		buf_printf(out, "%s/clampmeter/sessions", state);
	else if (home && *home == '/')
		buf_printf(out, "%s/.local/state/clampmeter/sessions", home);
	else
		return err_set(e, ERR_RUN, "neither XDG_STATE_HOME nor HOME says where to");
	return make_folders(out, e);
}

/* ---------------------------------------------------------------- pruning */

struct old {
	char *name;
	uint64_t bytes;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct old *)a)->name, ((const struct old *)b)->name);
}

/* 20261123-074501-4711.jsonl */
static bool is_ours(const char *name)
{
	size_t digits = strspn(name, "0123456789");

	if (digits != 8 || name[8] != '-' || strspn(name + 9, "0123456789") != 6 || name[STAMP] != '-')
		return false;
	name += STAMP + 1;
	digits = strspn(name, "0123456789");
	return digits > 0 && !strcmp(name + digits, ".jsonl");
}

static int list_sessions(int folder, struct old **out, uint64_t *total)
{
	int n = 0, again = dup(folder);
	DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *entry;
	struct stat st;

	*out = NULL;
	*total = 0;
	while (d && (entry = readdir(d)))
		if (is_ours(entry->d_name) && !fstatat(folder, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
		    S_ISREG(st.st_mode)) {
			*out = mem_resize(*out, (size_t)n + 1, sizeof **out);
			(*out)[n++] = (struct old){ mem_strdup(entry->d_name), (uint64_t)st.st_size };
			*total += (uint64_t)st.st_size;
		}
	if (d)
		closedir(d);
	else if (again >= 0)
		close(again);
	return n;
}

/* A session that is being written is locked by who writes it. */
static bool remove_if_idle(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool gone = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, name, 0) == 0;

	if (fd >= 0)
		close(fd);
	return gone;
}

void recording_prune(const char *folder, uint64_t bytes)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n;
	struct old *list;
	uint64_t total;

	if (fd < 0)
		return;
	n = list_sessions(fd, &list, &total);
	if (n)
		qsort(list, (size_t)n, sizeof *list, by_name);
	for (int i = 0; i < n; i++) {
		if (total > bytes && remove_if_idle(fd, list[i].name))
			total -= list[i].bytes;
		free(list[i].name);
	}
	free(list);
	close(fd);
}

/* ---------------------------------------------------------------- opening */

static bool new_path(struct buf *out, struct err *e)
{
	time_t now = time(NULL);
	struct tm at;
	char stamp[STAMP + 1];

	if (!recording_folder(out, e))
		return false;
	recording_prune(out->data, RECORDINGS_BYTES);
	if (!gmtime_r(&now, &at) || strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &at) != STAMP)
		return err_set(e, ERR_RUN, "the clock does not say what day it is");
	buf_printf(out, "/%s-%ld.jsonl", stamp, (long)getpid());
	return true;
}

/* The folder may be read-only, or full: found out before the source is given away. */
static bool can_write(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, ERR_RUN, "%.300s: %s", path, strerror(errno));
	close(fd);
	return true;
}

struct source *recording_open(struct source *behind, const struct setup *s, const struct options *o, struct err *e)
{
	struct buf path = { 0 };
	struct session_header h;
	struct err why = { 0 };

	if (o->no_record)
		return behind;
	recording_header(&h, s, behind->info.n_threads, behind->info.n_ctx, LIVE_PIECE, behind->info.kernels,
	    vocab_add_bos(s->model->vocab) && !o->no_bos);
	if (o->record)
		return record_open(behind, o->record, &h, s->model, e);
	if (!new_path(&path, &why) || !can_write(path.data, &why))
		behind = record_refused(behind, &why);
	else
		behind = record_open(behind, path.data, &h, s->model, e);
	buf_free(&path);
	return behind;
}
