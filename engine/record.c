#include "engine/record.h"

#include <stdlib.h>

#include "engine/base/mem.h"

struct record {
	struct source source;   /* first: the handle is this */
	struct source *behind;
	struct recorder *to;    /* NULL: refused */
	struct news state;      /* of the latest news: what a warning repeats */
	char *refusal;          /* waits to be told */
};

static const struct source_ops record_ops;

static struct record *record_of(struct source *s)
{
	return s && s->ops == &record_ops ? (struct record *)s : NULL;
}

static const char *piece_of(void *of, int32_t id, size_t *n)
{
	return source_piece(of, id, n);
}

static struct news *warning(const struct record *r, const char *text)
{
	struct news *n = mem_dup(&r->state, sizeof r->state);

	n->kind = NEWS_WARNING;
	n->text = mem_strdup(text);
	return n;
}

/* What has to be told of the recording itself, or NULL. */
static struct news *own_news(struct record *r)
{
	const char *why = r->to ? recorder_failure(r->to) : r->refusal;
	struct news *n = why ? warning(r, why) : NULL;

	free(r->refusal);
	r->refusal = NULL;
	return n;
}

static struct news *record_take(struct source *s)
{
	struct record *r = record_of(s);
	struct news *n = own_news(r);

	if (n || !(n = source_take(r->behind)))
		return n;
	r->state = (struct news){ .running = n->running, .n_tokens = n->n_tokens, .n_read = n->n_read };
	if (r->to && n->kind == NEWS_STEP)
		recorder_step(r->to, n->step, piece_of, r->behind);
	else if (r->to && n->kind == NEWS_ORDER)
		recorder_order(r->to, n->order);
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

static bool record_is_mark(struct source *s, int32_t id)
{
	return source_is_mark(record_of(s)->behind, id);
}

static struct look_watch *record_watch(struct source *s)
{
	return source_watch(record_of(s)->behind);
}

static void record_close(struct source *s)
{
	struct record *r = record_of(s);

	/* The recorder reads the model, which outlives the source behind. */
	recorder_close(r->to);
	source_close(r->behind);
	free(r->refusal);
	free(r);
}

static const struct source_ops record_ops = { record_fd, record_take, record_send, record_piece, record_close, record_is_mark,
	record_watch };

static struct record *around(struct source *behind)
{
	struct record *r = mem_zalloc(sizeof *r);

	r->source.ops = &record_ops;
	r->source.info = behind->info;
	r->behind = behind;
	return r;
}

struct source *record_open(struct source *behind, const char *path, const struct session_header *h,
    const struct model *model, struct err *e)
{
	struct recorder *to = recorder_open(path, h, model, e);
	struct record *r;

	if (!to) {
		source_close(behind);
		return NULL;
	}
	r = around(behind);
	r->to = to;
	return &r->source;
}

struct source *record_refused(struct source *behind, const struct err *why)
{
	struct record *r = around(behind);
	struct err told = *why;

	err_wrap(&told, "not recorded");
	r->refusal = mem_strdup(told.msg);
	return &r->source;
}

void record_command(struct source *s, const char *line)
{
	struct record *r = record_of(s);

	if (r && r->to)
		recorder_command(r->to, line);
}

void record_say(struct source *s, const char *words)
{
	struct record *r = record_of(s);

	if (r && r->to)
		recorder_say(r->to, words);
}
