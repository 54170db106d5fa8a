#include "app/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <readline/history.h>

static bool make_dir(const char *path)
{
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

/* Makes each folder on the way to `path`. */
static bool make_dirs(const struct buf *path)
{
	bool ok = true;

	for (size_t i = 1; ok && i < path->len; i++)
		if (path->data[i] == '/') {
			path->data[i] = 0;
			ok = make_dir(path->data);
			path->data[i] = '/';
		}
	return ok;
}

bool history_path(struct buf *out)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	buf_clear(out);
	if (state && *state == '/')
		buf_printf(out, "%s/clampmeter/history", state);
	else if (home && *home == '/')
		buf_printf(out, "%s/.local/state/clampmeter/history", home);
	else
		return false;
	return make_dirs(out);
}

void history_load(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	using_history();
	stifle_history(HISTORY_LINES);
	if (fd < 0)
		return;
	close(fd);
	read_history(path);
	history_truncate_file(path, HISTORY_LINES);
}

void history_add_line(const char *path, const char *line)
{
	HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;

	if (!*line || (last && !strcmp(last->line, line)))
		return;
	add_history(line);
	if (path)
		append_history(1, path);
}
