#include "app/export.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "analysis/timeline.h"
#include "app/out.h"
#include "engine/base/mem.h"
#include "engine/base/utf8.h"

enum { FLUSH_AT = 1 << 16 };

bool export_open(struct export *x, const char *path, struct err *e)
{
	*x = (struct export){ .fd = -1, .path = path, .rows = 40, .cols = 120 };
	if (!(x->file = session_file_open(path, e)))
		return false;
	x->header = session_file_header(x->file);
	x->plan = lens_plan(&x->header->hp);
	session_file_plan(x->file, x->plan);
	return session_file_check(x->file, &x->n_steps, e);
}

void export_close(struct export *x)
{
	session_file_close(x->file);
	probe_plan_free(x->plan);
	buf_free(&x->text);
	*x = (struct export){ .fd = -1 };
}

bool export_next(struct export *x, struct session_entry *en, struct err *e)
{
	return session_file_next(x->file, en, e);
}

bool export_flush(struct export *x, struct err *e)
{
	bool ok = x->fd < 0 ? out_write(x->text.data, x->text.len, e) :
	    out_fd_write(x->fd, x->name, x->text.data, x->text.len, e);

	buf_clear(&x->text);
	return ok;
}

/* A file is written beside its place and moved there; devices and pipes are
 * written as they are. */
static bool to_file(struct export *x, const char *path, export_fn *write, struct err *e)
{
	struct buf beside = { 0 };
	struct stat st;
	bool plain = stat(path, &st) || S_ISREG(st.st_mode), ok;

	buf_printf(&beside, plain ? "%s.%ld" : "%s", path, (long)getpid());
	x->name = path;
	x->fd = open(beside.data, O_WRONLY | O_CLOEXEC | (plain ? O_CREAT | O_EXCL : 0), 0666);
	ok = x->fd >= 0 || err_set(e, ERR_RUN, "%.200s: %s", path, strerror(errno));
	if (ok) {
		ok = write(x, e) && export_flush(x, e);
		if (close(x->fd) && ok)
			ok = err_set(e, ERR_RUN, "writing %.200s: %s", path, strerror(errno));
		if (ok && plain && rename(beside.data, path))
			ok = err_set(e, ERR_RUN, "%.200s: %s", path, strerror(errno));
		if (!ok && plain)
			unlink(beside.data);
	}
	x->fd = -1;
	buf_free(&beside);
	return ok;
}

bool export_to(struct export *x, const char *path, export_fn *write, struct err *e)
{
	session_file_rewind(x->file);
	buf_clear(&x->text);
	if (!strcmp(path, "-"))
		return write(x, e) && export_flush(x, e);
	return to_file(x, path, write, e);
}

void export_piece(const struct export *x, int32_t id, struct buf *out)
{
	size_t n = 0;
	const char *s = session_file_piece(x->file, id, &n);

	if (s)
		utf8_escape(s, n, out);
	else
		buf_printf(out, "[%d]", id);
}

static const char *piece_of(void *of, int32_t id, size_t *n)
{
	return session_file_piece(of, id, n);
}

bool export_trace(struct export *x, struct err *e)
{
	struct session_entry en;

	for (bool end = false, ok = true; !end;) {
		if (!export_next(x, &en, e))
			return false;
		end = en.kind == ENTRY_END;
		/* A last token that nothing follows yet has no line. */
		if (en.kind == ENTRY_STEP && en.step->token >= 0)
			trace_line(&x->text, en.step, piece_of, x->file, STEP_TOP);
		session_entry_clear(&en);
		ok = x->text.len < FLUSH_AT || export_flush(x, e);
		if (!ok)
			return false;
	}
	return true;
}

/* The text as it stood in the end, without the token that marks its beginning. */
static void join(const struct export *x, const struct timeline *t, struct buf *out)
{
	struct utf8_joiner j = { .n_held = 0 };

	for (int i = x->header->add_bos; i < timeline_n_tokens(t); i++) {
		size_t n = 0;
		const char *s = session_file_piece(x->file, timeline_token(t, i), &n);

		if (s && i == x->header->add_bos && n && *s == ' ') {
			s++;            /* SentencePiece puts a blank in front of every text */
			n--;
		}
		if (s)
			utf8_join(&j, s, n, out);
	}
	utf8_flush(&j, out);
}

bool export_text(struct export *x, struct err *e)
{
	struct timeline *t = timeline_new(TIMELINE_BUDGET);
	struct session_entry en;
	struct buf text = { 0 };
	bool ok = true;

	for (bool end = false; ok && !end;) {
		if (!(ok = export_next(x, &en, e)))
			break;
		end = en.kind == ENTRY_END;
		if (en.kind == ENTRY_STEP)
			timeline_add(t, step_ref(en.step));
		else if (en.kind == ENTRY_ORDER && (en.order.kind == ORDER_CUT || en.order.kind == ORDER_RESTART))
			timeline_cut(t, en.order.kind == ORDER_CUT ? en.order.n : 0);
		session_entry_clear(&en);
	}
	join(x, t, &text);
	if (text.len)
		out_text(&x->text, text.data, text.len);
	buf_char(&x->text, '\n');
	buf_free(&text);
	timeline_free(t);
	return ok;
}
