#include "app/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command.h"
#include "engine/base/mem.h"

enum { MAX_BYTES = 1 << 20 };

struct script {
	char *path;
	struct buf text;
	size_t at;
	int line;
	bool waiting;
	long until;                     /* steps received; -1: until generation has stopped */
};

void script_free(struct script *s)
{
	if (!s)
		return;
	buf_free(&s->text);
	free(s->path);
	free(s);
}

static bool read_file(struct buf *out, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set(e, ERR_FILE, "%s: %s", path, strerror(errno));
	ok = buf_read_fd(out, fd, MAX_BYTES, e) || err_wrap(e, "%s", path);
	close(fd);
	return ok;
}

/* Cuts the next line out of the text; NULL at the end. */
static char *next_line(struct script *s)
{
	char *line = s->text.data + s->at;
	size_t n;

	if (s->at >= s->text.len)
		return NULL;
	n = strcspn(line, "\n");
	s->at += n + 1;
	s->line++;
	line[n] = 0;
	if (n && line[n - 1] == '\r')
		line[n - 1] = 0;
	return line;
}

static void stop(struct app *a, struct script *s)
{
	if (a->script == s)
		a->script = NULL;
	script_free(s);
}

void script_go_on(struct app *a)
{
	struct script *s = a->script;
	struct err e = { 0 };
	char *line;

	while (s && a->script == s) {
		if (s->waiting && (s->until < 0 ? a->going : timeline_received(a->steps) < s->until))
			return;
		s->waiting = false;
		line = next_line(s);
		if (!line) {
			stop(a, s);
			return;
		}
		if (command_line(a, line, &e))
			continue;
		a->bad_lines++;
		app_log(a, '!', e.msg);
		app_say(a, "%s:%d: %s", s->path, s->line, e.msg);
		stop(a, s);
		return;
	}
}

bool script_start(struct app *a, const char *path, struct err *e)
{
	struct script *s;

	if (a->script)
		return err_set(e, ERR_USAGE, "a script is running already");
	s = mem_zalloc(sizeof *s);
	s->path = mem_strdup(path);
	if (!read_file(&s->text, path, e)) {
		script_free(s);
		return false;
	}
	a->script = s;
	script_go_on(a);
	return true;
}

bool script_wait(struct app *a, int steps, struct err *e)
{
	if (!a->script)
		return err_set(e, ERR_USAGE, "only a script waits");
	a->script->waiting = true;
	a->script->until = steps > 0 ? timeline_received(a->steps) + steps : -1;
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
	struct script s = { 0 };
	char *line;
	bool ok = true;

	if (path)
		buf_str(&place, path);
	else if (!config_path(&place) || access(place.data, R_OK) != 0)
		goto done;
	ok = read_file(&s.text, place.data, e);
	while (ok && (line = next_line(&s)))
		ok = command_line(a, line, e) || err_wrap(e, "%s:%d", place.data, s.line);
done:
	buf_free(&s.text);
	buf_free(&place);
	return ok;
}
