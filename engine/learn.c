#include "engine/learn.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <unistd.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/look.h"
#include "engine/session.h"

enum { MAX_FILE = 16 << 20 };

struct set {
	double *sum;            /* [width] */
	int n;
	double lengths;
	double done, share;     /* of the whole: at the first prompt, of this file */
};

static bool read_file(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok;

	if (fd < 0)
		return err_set(e, ERR_FILE, "%.300s: %s", path, strerror(errno));
	ok = buf_read_fd(out, fd, MAX_FILE, e) || err_wrap(e, "%.200s", path);
	close(fd);
	return ok;
}

static bool add_prompt(struct session *s, const struct learn *what, const char *line, size_t n, int width,
    struct set *set, struct err *e)
{
	const struct vocab *v = session_model(s)->vocab;
	const struct look *k = NULL;
	int32_t *ids = NULL;
	size_t n_ids = 0;
	double square = 0;
	bool ok;

	session_cut(s, 0);
	ok = vocab_encode(v, line, n, what->add_bos, true, &ids, &n_ids, e) && session_append(s, ids, n_ids, e) &&
	    session_logits(s, NULL, e) &&
	    session_look(s, &(struct look_request){ .what = LOOK_SITE, .pos = (int)n_ids - 1, .step = -1, .at = what->at }, &k, e);
	free(ids);
	if (!ok)
		return false;
	for (int i = 0; i < width; i++) {
		set->sum[i] += (double)k->site[i];
		square += (double)k->site[i] * (double)k->site[i];
	}
	set->lengths += sqrt(square);
	set->n++;
	look_unref(k);
	return true;
}

static bool add_file(struct session *s, const struct learn *what, const char *path, int width, struct set *set,
    struct err *e)
{
	struct buf text = { 0 };
	bool ok = read_file(path, &text, e);
	int line = 0;

	for (char *p = text.data, *end; ok && p && *p; p = end + (*end != 0)) {
		if (what->go && !what->go(what->of, set->done + set->share * (double)(p - text.data) / (double)text.len)) {
			e->code = ERR_NONE;
			ok = false;
			break;
		}
		end = p + strcspn(p, "\n");
		line++;
		if (end > p && *p != '#' && !add_prompt(s, what, p, (size_t)(end - p), width, set, e))
			ok = err_wrap(e, "%.200s:%d", path, line);
	}
	if (ok && set->n == 0)
		ok = err_set(e, ERR_FILE, "%.300s: no prompt in it (a line is a prompt)", path);
	buf_free(&text);
	return ok;
}

static bool write_difference(const struct model *m, const struct learn *what, const struct set *a, const struct set *b,
    int width, struct learned *out, struct err *e)
{
	float *v = mem_array((size_t)width, sizeof *v);
	bool ok;

	for (int i = 0; i < width; i++)
		v[i] = (float)(a->sum[i] / a->n - b->sum[i] / b->n);
	struct vec *x = vec_new(what->out, "add", &what->at, 1, width, v);
	*out = (struct learned){ a->n, b->n, x->norm, (float)((a->lengths + b->lengths) / (a->n + b->n)) };
	ok = vec_write(x, what->out, &m->hp, m->name, e);
	vec_unref(x);
	free(v);
	return ok;
}

bool learn_vector(const struct model *m, const struct learn *what, struct learned *out, struct err *e)
{
	int width = site_width(what->at.site, &m->hp);
	struct probe_plan plan = { 0 };
	struct set a = { .share = 0.5 }, b = { .done = 0.5, .share = 0.5 };
	struct session *s;
	bool ok;

	if (what->at.layer < 0 || what->at.head >= 0 || what->at.index >= 0 || width == 0)
		return err_set(e, ERR_USAGE, "a vector is learned at a whole place of one layer, as in L6.resid");
	if (!(s = session_new(m, &(struct session_options){ .n_threads = what->n_threads, .plan = &plan }, e)))
		return false;
	a.sum = mem_array((size_t)width, sizeof *a.sum);
	b.sum = mem_array((size_t)width, sizeof *b.sum);
	ok = add_file(s, what, what->a, width, &a, e) && add_file(s, what, what->b, width, &b, e) &&
	    write_difference(m, what, &a, &b, width, out, e);
	free(a.sum);
	free(b.sum);
	session_free(s);
	return ok;
}
