#include "app/script.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "app/condition.h"
#include "app/pairs.h"
#include "app/quantlab.h"
#include "app/running.h"
#include "engine/base/clock.h"
#include "engine/base/mem.h"
#include "engine/record.h"

enum { MAX_BYTES = 1 << 20, MAX_PAUSE = 3600 };

struct file {
	char *path;
	struct buf text;
	size_t at;
	int line;
};

struct script {
	struct file files[SCRIPT_DEPTH];        /* [depth], the one being read last */
	int depth;
	long n_lines;                   /* run so far, of all files */
	bool speaks;                    /* a line is being run */
	bool waiting;                   /* `wait' */
	long until;                     /* steps received; -1: until generation has stopped */
	uint64_t pause_until_ns;        /* 0: no pause */
	bool asked;                     /* a question waits for its answer */
	bool held;                      /* by the user, who may have stopped a run: */
	int left;                       /* tokens it still wants; -1: it was not running */
};

static void close_file(struct file *f)
{
	buf_free(&f->text);
	free(f->path);
	*f = (struct file){ .path = NULL };
}

void script_free(struct script *s)
{
	if (!s)
		return;
	while (s->depth > 0)
		close_file(&s->files[--s->depth]);
	free(s);
}

static bool read_file(struct buf *out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set(e, ERR_FILE, "%.300s: %s", path, strerror(errno));
	ok = buf_read_fd(out, fd, MAX_BYTES, e) || err_wrap(e, "%.300s", path);
	close(fd);
	if (!ok && e->code == ERR_RUN)
		e->code = ERR_FILE;
	if (ok && out->len && memchr(out->data, 0, out->len))
		return err_set(e, ERR_FILE, "%.300s: not text: there is a byte 0 in it", path);
	return ok;
}

/* Cuts the next line out of the text; NULL at the end. */
static char *next_line(struct file *f)
{
	char *line = f->text.data + f->at;
	size_t n;

	if (f->at >= f->text.len)
		return NULL;
	n = strcspn(line, "\n");
	f->at += n + 1;
	f->line++;
	line[n] = 0;
	if (n && line[n - 1] == '\r')
		line[n - 1] = 0;
	return line;
}

static struct file *reading(struct script *s)
{
	return &s->files[s->depth - 1];
}

static void stop(struct app *a)
{
	struct script *s = a->script;

	a->script = NULL;
	script_free(s);
}

/* Says which line failed, keeps it for whoever started the script, and stops it. */
static void fail(struct app *a, struct err *e)
{
	struct script *s = a->script;

	a->bad_lines++;
	err_wrap(e, "%.200s:%d", reading(s)->path, reading(s)->line);
	a->script_err = *e;
	app_log(a, '!', e->msg);
	app_say(a, "%s", e->msg);
	stop(a);
}

void script_fail(struct app *a, enum err_code code, const char *what, const char *found)
{
	struct err e = { 0 };

	err_set(&e, code, "%s%s", what, found);
	if (a->script)
		fail(a, &e);
	else
		app_say(a, "%s", e.msg);
}

const struct err *script_error(const struct app *a)
{
	return &a->script_err;
}

bool script_speaks(const struct app *a)
{
	return a->script && a->script->speaks;
}

void script_place(const struct app *a, char *out, size_t room)
{
	const struct script *s = a->script;

	*out = '\0';
	if (s && s->depth > 0)
		snprintf(out, room, "%s:%d", s->files[s->depth - 1].path, s->files[s->depth - 1].line);
}

bool script_is_held(const struct app *a)
{
	return a->script && a->script->held;
}

/* Something has to happen before the next line. */
static bool must_wait(const struct app *a, const struct script *s)
{
	if (a->unsettled || a->patch.waits || a->asking.waits || lab_awaited(a->lab) || quantlab_busy(a->quant) ||
	    pairs_busy(a) || neuronpane_awaited(a) || a->until || a->go_to >= 0)
		return true;
	if (s->held || s->asked || s->pause_until_ns)
		return true;
	/* What was asked for is there, but the engine has not come to rest: it may
	 * have more to say, such as that the text has ended. */
	if (a->going ? a->left > 0 : a->engine_running)
		return true;
	return s->waiting && a->going && (s->until < 0 || timeline_received(a->steps) < s->until);
}

/* The next line of the innermost file; files that end are left. */
static char *next_of_all(struct script *s)
{
	char *line = NULL;

	while (s->depth > 0 && !(line = next_line(reading(s))))
		close_file(&s->files[--s->depth]);
	return line;
}

void script_go_on(struct app *a)
{
	struct script *s = a->script;
	struct err e = { 0 };
	char *line;
	bool ok;

	/* A line that is being run may bring news: they do not run the next one. */
	while (s && a->script == s && !s->speaks && !must_wait(a, s)) {
		s->waiting = false;
		if (a->quit || !(line = next_of_all(s))) {
			stop(a);
			return;
		}
		s->speaks = true;
		ok = ++s->n_lines <= SCRIPT_LINES ? command_line(a, line, &e) :
		    err_set(&e, ERR_FILE, "more than %d lines", SCRIPT_LINES);
		s->speaks = false;
		if (ok && command_kept(line))
			record_command(a->source, line);
		if (!ok)
			fail(a, &e);
	}
}

void script_tick(struct app *a, uint64_t now, uint64_t *wait)
{
	struct script *s = a->script;

	if (!s || !s->pause_until_ns || s->held)
		return;
	if (now >= s->pause_until_ns) {
		s->pause_until_ns = 0;
		script_go_on(a);
	} else if (s->pause_until_ns - now < *wait) {
		*wait = s->pause_until_ns - now;
	}
}

static bool push(struct script *s, const char *path, struct err *e)
{
	struct file f = { .path = NULL };

	if (s->depth == SCRIPT_DEPTH)
		return err_set(e, ERR_FILE, "files include each other more than %d deep", SCRIPT_DEPTH);
	if (!read_file(&f.text, path, e)) {
		buf_free(&f.text);
		return false;
	}
	f.path = mem_strdup(path);
	s->files[s->depth++] = f;
	return true;
}

bool script_start(struct app *a, const char *path, struct err *e)
{
	struct script *s;

	if (a->script)
		return err_set(e, ERR_USAGE, "a script is running already");
	s = mem_zalloc(sizeof *s);
	s->left = -1;
	if (!push(s, path, e)) {
		script_free(s);
		return false;
	}
	a->script = s;
	a->script_err = (struct err){ .code = ERR_NONE };
	script_go_on(a);
	return true;
}

bool script_include(struct app *a, const char *path, struct err *e)
{
	struct buf whole = { 0 };
	const char *from, *slash;
	bool ok;

	if (!script_speaks(a))
		return err_set(e, ERR_USAGE, "only a script includes; `source' runs a file");
	from = reading(a->script)->path;
	slash = strrchr(from, '/');
	if (*path != '/' && slash)
		buf_add(&whole, from, (size_t)(slash - from) + 1);
	buf_str(&whole, path);
	ok = push(a->script, whole.data, e);
	buf_free(&whole);
	return ok;
}

bool script_wait(struct app *a, int steps, struct err *e)
{
	if (!script_speaks(a))
		return err_set(e, ERR_USAGE, "only a script waits");
	a->script->waiting = true;
	a->script->until = steps > 0 ? timeline_received(a->steps) + steps : -1;
	if (a->text_waits)
		app_go(a, 0);
	return true;
}

bool script_pause(struct app *a, double seconds, struct err *e)
{
	if (!script_speaks(a))
		return err_set(e, ERR_USAGE, "only a script pauses for seconds");
	if (!(seconds >= 0 && seconds <= MAX_PAUSE))
		return err_set(e, ERR_USAGE, "0 to %d seconds", MAX_PAUSE);
	if (!a->hurry)
		a->script->pause_until_ns = clock_ns() + (uint64_t)(seconds * 1e9) + 1;
	return true;
}

bool script_ask(struct app *a, const char *question, struct err *e)
{
	if (!script_speaks(a))
		return err_set(e, ERR_USAGE, "only a script asks");
	record_say(a->source, question);
	app_say(a, "%s  (Space goes on)", question);
	a->message_until_ns = UINT64_MAX;
	a->script->asked = !a->hurry;
	return true;
}

/* Space: answers a question, ends a pause, holds the script or lets it go on. */
bool script_toggled(struct app *a)
{
	struct script *s = a->script;
	struct condition *until = a->until;

	if (!s || s->speaks)
		return false;
	if (s->asked || s->pause_until_ns) {
		s->asked = false;
		s->pause_until_ns = 0;
		a->message_until_ns = clock_ns();
		script_go_on(a);
	} else if (!s->held) {
		s->held = true;
		s->left = a->going ? a->left : -1;
		a->until = NULL;        /* stopping forgets it, and it is wanted again */
		app_stop(a);
		a->until = until;
		app_say(a, "the script is held; Space goes on");
	} else {
		s->held = false;
		if (s->left >= 0)
			app_go(a, s->left);
		script_go_on(a);
	}
	return true;
}

static bool config_path(struct buf *out)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (config && *config == '/')
		buf_printf(out, "%s/clampmeter/config", config);
	else if (home && *home == '/')
		buf_printf(out, "%s/.config/clampmeter/config", home);
	return out->len > 0;
}

bool script_config(struct app *a, const char *path, struct err *e)
{
	struct buf place = { 0 };
	struct file f = { .path = NULL };
	char *line;
	bool ok = true;

	if (path)
		buf_str(&place, path);
	else if (!config_path(&place) || access(place.data, R_OK) != 0)
		goto done;
	ok = read_file(&f.text, place.data, e);
	while (ok && (line = next_line(&f)))
		ok = command_line(a, line, e) || err_wrap(e, "%.200s:%d", place.data, f.line);
done:
	buf_free(&f.text);
	buf_free(&place);
	return ok;
}
