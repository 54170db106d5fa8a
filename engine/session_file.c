#include "engine/session_file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mapfile.h"
#include "engine/base/mem.h"
#include "engine/trace_read.h"

enum { MAX_LINE = 16 << 20, MAX_LAYERS = 1024, MAX_HEADS = 4096, MAX_ALL_HEADS = 1 << 16, MAX_VOCAB = 1 << 20, MAX_CTX = 1 << 24 };

struct session_file {
	struct mapfile map;
	const char *path;
	const char *data;
	size_t size, at, first;         /* first: behind the header */
	int line;
	struct session_header h;
	const struct probe_plan *plan;
	char **piece;                   /* [n_vocab], NULL where not known */
	uint32_t *piece_len;
	bool *mark;                     /* [n_vocab] */
};

/* The next whole line as JSON; NULL with *end at the end, or with `e`. */
static json_t *next_line(struct session_file *f, bool *end, struct err *e)
{
	const char *from = f->data + f->at, *stop = f->at < f->size ? memchr(from, '\n', f->size - f->at) : NULL;
	json_error_t je;
	json_t *v;

	*end = !stop;
	if (!stop)
		return NULL;
	f->at += (size_t)(stop - from) + 1;
	f->line++;
	if (stop - from > MAX_LINE) {
		err_set(e, ERR_FILE, "%.200s:%d: a line of %td bytes; the limit is 16 MiB", f->path, f->line, stop - from);
		return NULL;
	}
	v = json_loadb(from, (size_t)(stop - from), JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &je);
	if (v && json_is_object(v))
		return v;
	err_set(e, ERR_FILE, "%.200s:%d: not a JSON object (column %d: %.80s)", f->path, f->line, je.column,
	    v ? "another kind of value" : je.text);
	json_decref(v);
	return NULL;
}

static bool size_field(const struct session_file *f, const json_t *of, const char *key, int hi, int *out, struct err *e)
{
	const json_t *v = json_object_get(of, key);

	if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > hi)
		return err_set(e, ERR_FILE, "%.200s:1: field \"%s\": expected a whole number from 1 to %d", f->path, key, hi);
	*out = (int)json_integer_value(v);
	return true;
}

static void copy_field(const json_t *of, const char *key, char *out, size_t room)
{
	const char *s = json_string_value(json_object_get(of, key));

	snprintf(out, room, "%s", s ? s : "");
}

static uint64_t big_field(const json_t *of, const char *key)
{
	const char *s = json_string_value(json_object_get(of, key));

	return s ? strtoull(s, NULL, 10) : 0;
}

static bool read_header(struct session_file *f, const json_t *v, struct err *e)
{
	const json_t *magic = json_object_get(v, "clampmeter"), *model = json_object_get(v, "model");
	const json_t *version = json_object_get(v, "version");
	struct hparams *hp = &f->h.hp;

	if (!json_is_string(magic) || strcmp(json_string_value(magic), "session") || !json_is_integer(version))
		return err_set(e, ERR_FILE, "%.200s:1: not a clampmeter session (expected \"clampmeter\":\"session\")", f->path);
	if (json_integer_value(version) != SESSION_VERSION)
		return err_set(e, ERR_FILE, "%.200s:1: session version %lld; this program reads %d", f->path,
		    (long long)json_integer_value(version), SESSION_VERSION);
	if (!size_field(f, model, "n_layers", MAX_LAYERS, &hp->n_layers, e) ||
	    !size_field(f, model, "n_heads", MAX_HEADS, &hp->n_heads, e) ||
	    !size_field(f, model, "n_kv_heads", MAX_HEADS, &hp->n_kv_heads, e) ||
	    !size_field(f, model, "d_model", 1 << 16, &hp->d_model, e) ||
	    !size_field(f, model, "d_head", 1 << 16, &hp->d_head, e) ||
	    !size_field(f, model, "d_ff", 1 << 20, &hp->d_ff, e) ||
	    !size_field(f, model, "n_vocab", MAX_VOCAB, &hp->n_vocab, e) ||
	    !size_field(f, v, "context", MAX_CTX, &f->h.n_ctx, e) || !size_field(f, v, "threads", 4096, &f->h.n_threads, e) ||
	    !size_field(f, v, "piece", MAX_CTX, &f->h.piece, e))
		return false;
	if (hp->n_heads % hp->n_kv_heads || hp->n_layers * hp->n_heads > MAX_ALL_HEADS)
		return err_set(e, ERR_FILE, "%.200s:1: %d layers of %d heads in %d groups are no model", f->path, hp->n_layers,
		    hp->n_heads, hp->n_kv_heads);
	copy_field(model, "name", f->h.model_name, sizeof f->h.model_name);
	copy_field(model, "file", f->h.file, sizeof f->h.file);
	copy_field(model, "fingerprint", f->h.fingerprint, sizeof f->h.fingerprint);
	copy_field(model, "architecture", f->h.arch, sizeof f->h.arch);
	copy_field(v, "build", f->h.build, sizeof f->h.build);
	copy_field(v, "kernels", f->h.kernels, sizeof f->h.kernels);
	f->h.seed = big_field(v, "seed");
	f->h.exact = json_is_true(json_object_get(v, "exact"));
	f->h.prompt_logits = json_is_true(json_object_get(v, "prompt_logits"));
	f->h.add_bos = json_is_true(json_object_get(v, "bos"));
	hp->arch = arch_find(f->h.arch, strlen(f->h.arch));
	return true;
}

static bool begin(struct session_file *f, struct err *e)
{
	bool end, ok;
	json_t *v = next_line(f, &end, e);

	if (end)
		return err_set(e, ERR_FILE, "%.200s: not a clampmeter session: no whole line", f->path);
	ok = v && read_header(f, v, e);
	json_decref(v);
	if (!ok)
		return false;
	f->first = f->at;
	f->piece = mem_array((size_t)f->h.hp.n_vocab, sizeof *f->piece);
	f->piece_len = mem_array((size_t)f->h.hp.n_vocab, sizeof *f->piece_len);
	f->mark = mem_array((size_t)f->h.hp.n_vocab, sizeof *f->mark);
	return true;
}

struct session_file *session_file_open_mem(const char *label, const void *data, size_t n, struct err *e)
{
	struct session_file *f = mem_zalloc(sizeof *f);

	f->path = label;
	f->data = data;
	f->size = n;
	if (begin(f, e))
		return f;
	session_file_close(f);
	return NULL;
}

struct session_file *session_file_open(const char *path, struct err *e)
{
	struct session_file *f = mem_zalloc(sizeof *f);

	f->path = path;
	if (mapfile_open(&f->map, path, e)) {
		f->data = (const char *)f->map.data;
		f->size = f->map.size;
		if (begin(f, e))
			return f;
	}
	session_file_close(f);
	return NULL;
}

void session_file_close(struct session_file *f)
{
	if (!f)
		return;
	for (int i = 0; f->piece && i < f->h.hp.n_vocab; i++)
		free(f->piece[i]);
	free(f->piece);
	free(f->piece_len);
	free(f->mark);
	mapfile_close(&f->map);
	free(f);
}

const struct session_header *session_file_header(const struct session_file *f)
{
	return &f->h;
}

void session_file_plan(struct session_file *f, const struct probe_plan *plan)
{
	f->plan = plan;
}

void session_file_rewind(struct session_file *f)
{
	f->at = f->first;
	f->line = 1;
}

static void learn_piece(void *of, int32_t id, const char *s, size_t n)
{
	struct session_file *f = of;

	if (f->piece[id] || n > 1 << 16)
		return;
	f->piece[id] = mem_zalloc(n + 1);
	memcpy(f->piece[id], s, n);
	f->piece_len[id] = (uint32_t)n;
}

const char *session_file_piece(const struct session_file *f, int32_t id, size_t *n)
{
	if (id < 0 || id >= f->h.hp.n_vocab || !f->piece[id])
		return NULL;
	*n = f->piece_len[id];
	return f->piece[id];
}

bool session_file_is_mark(const struct session_file *f, int32_t id)
{
	return id >= 0 && id < f->h.hp.n_vocab && f->mark[id];
}

static const struct edit_def *op_named(const char *name)
{
	for (size_t i = 0; name && i < n_edit_defs; i++)
		if (!strcmp(edit_defs[i]->name, name))
			return edit_defs[i];
	return NULL;
}

/* What stands behind the address of an edit: SYMBOL NAME [* NUMBER] [in SCOPE]. */
static bool read_vector_words(const char *p, struct edit *ed, struct buf *name, struct err *e)
{
	const char *in = strstr(p, " in "), *later, *star = strstr(p, " * "), *end;

	while (in && (later = strstr(in + 1, " in ")))
		in = later;
	end = in ? in + 1 : p + strlen(p);
	while (star && star < end && (later = strstr(star + 1, " * ")) && later < end)
		star = later;
	if (star && star >= end)
		star = NULL;
	ed->value = star ? strtof(star + 3, NULL) : 1;
	p += strspn(p, " ");
	p += strcspn(p, " ");
	p += strspn(p, " ");
	buf_add(name, p, (size_t)((star && star > p ? star : in && in > p ? in : end > p ? end : p) - p));
	return edit_parse_scope(&end, ed, e);
}

/* An edit with a vector carries it: the file it came from need not be there. */
static bool read_vector_edit(const struct session_file *f, const json_t *v, struct edit *ed, struct err *e)
{
	const char *text = json_string_value(json_object_get(v, "edit"));
	const char *op = json_string_value(json_object_get(v, "operation"));
	const json_t *values = json_object_get(v, "vector"), *x;
	size_t n = json_array_size(values), i;
	struct buf name = { 0 };
	bool ok;

	memset(ed, 0, sizeof *ed);
	if (!text || !address_parse(&text, &f->h.hp, &ed->at, e))
		return false;
	int width = ed->at.index >= 0 ? 1 : ed->at.head >= 0 ? f->h.hp.d_head : site_width(ed->at.site, &f->h.hp);
	if (!(ed->op = op_named(op)) || !ed->op->apply_vec || n != (size_t)width)
		return err_set(e, ERR_FILE, "an edit with a vector that does not fit its place");
	float *buf = mem_array(n, sizeof *buf);
	json_array_foreach(values, i, x)
		buf[i] = json_is_number(x) ? (float)json_number_value(x) : NAN;
	ok = read_vector_words(text, ed, &name, e);
	ed->vec = vec_new(name.data ? name.data : "session", op, &ed->at, (float)json_number_value(json_object_get(v, "scale")), width, buf);
	buf_free(&name);
	free(buf);
	return ok && (isfinite(ed->vec->norm) || err_set(e, ERR_FILE, "an edit with a vector that is not finite"));
}

static bool read_edits(const struct session_file *f, const json_t *v, struct order *o, struct err *e)
{
	const json_t *list = json_object_get(v, "edits"), *item;
	uint32_t revision = (uint32_t)json_integer_value(json_object_get(v, "revision"));
	const struct edit_set *set = edit_set_empty(), *more;
	size_t i;

	if (!f->h.hp.arch) {
		edit_set_unref(set);
		return err_set(e, ERR_UNSUPPORTED, "edits of an architecture this program does not know");
	}
	json_array_foreach(list, i, item) {
		struct edit ed = { 0 };
		const char *text = json_string_value(json_object_get(item, "edit"));
		bool ok = json_object_get(item, "vector") ? read_vector_edit(f, item, &ed, e) :
		    text ? edit_parse(text, &f->h.hp, &ed, e) : err_set(e, ERR_FILE, "an edit without text");
		json_int_t number = json_integer_value(json_object_get(item, "number"));

		if (ok && (number < 1 || number > 1 << 20))
			ok = err_set(e, ERR_FILE, "an edit is numbered from 1 to 1048576");
		if (!ok) {
			edit_drop(&ed);
			edit_set_unref(set);
			return false;
		}
		ed.number = (int)number;
		ed.on = !json_is_false(json_object_get(item, "on"));
		more = edit_set_with(set, &ed, revision);
		edit_drop(&ed);
		edit_set_unref(set);
		set = more;
	}
	/* A set of no edits carries the revision all the same. */
	if (i == 0) {
		more = edit_set_without(set, 0, revision);
		edit_set_unref(set);
		set = more;
	}
	o->edits = set;
	return true;
}

static bool read_text(const json_t *v, struct session_entry *en, struct err *e)
{
	const json_t *t = json_object_get(v, "text");

	if (!json_is_string(t) || memchr(json_string_value(t), '\0', json_string_length(t)))
		return err_set(e, ERR_FILE, "field \"text\": expected a string");
	en->text = json_string_value(t);
	en->n_text = json_string_length(t);
	en->order.text = en->text;
	en->order.special = json_is_true(json_object_get(v, "special"));
	return true;
}

static bool read_order(const struct session_file *f, const json_t *v, struct session_entry *en, struct err *e)
{
	const char *name = json_string_value(json_object_get(v, "order"));
	struct order *o = &en->order;
	json_int_t n = json_integer_value(json_object_get(v, "n"));

	en->kind = ENTRY_ORDER;
	if (!name)
		return err_set(e, ERR_FILE, "field \"order\": expected a string");
	if (!strcmp(name, "append") || !strcmp(name, "restart") || !strcmp(name, "chat")) {
		o->kind = *name == 'a' ? ORDER_APPEND : *name == 'c' ? ORDER_CHAT : ORDER_RESTART;
		return read_text(v, en, e);
	}
	if (!strcmp(name, "reread")) {
		o->kind = ORDER_REREAD;
		o->n = (int)n;
		return (n >= 0 && n <= f->h.n_ctx) || err_set(e, ERR_FILE, "field \"n\": %lld is out of range", (long long)n);
	}
	if (!strcmp(name, "cut") || !strcmp(name, "force")) {
		o->kind = *name == 'c' ? ORDER_CUT : ORDER_FORCE;
		o->n = (int)n;
		return (n >= 0 && n <= (*name == 'c' ? f->h.n_ctx + 1 : f->h.hp.n_vocab - 1)) ||
		    err_set(e, ERR_FILE, "field \"n\": %lld is out of range", (long long)n);
	}
	if (!strcmp(name, "seed")) {
		o->kind = ORDER_SEED;
		o->seed = big_field(v, "seed");
		return true;
	}
	if (!strcmp(name, "chain")) {
		o->kind = ORDER_CHAIN;
		if (!read_text(v, en, e))
			return false;
		o->text = NULL;
		/* To be shown: a file of a stranger opens no other files by being replayed. */
		o->chain = chain_parse_shown(en->text, (uint32_t)json_integer_value(json_object_get(v, "revision")), e);
		return o->chain != NULL;
	}
	if (!strcmp(name, "edits")) {
		o->kind = ORDER_EDITS;
		return read_edits(f, v, o, e);
	}
	return err_set(e, ERR_FILE, "no order called \"%.40s\"", name);
}

/* Bytes that are no text, as numbers. */
static bool read_bytes(struct session_file *f, const json_t *list, int32_t id, struct err *e)
{
	size_t n = json_array_size(list);
	char *bytes = mem_zalloc(n + 1);
	bool ok = true;

	for (size_t i = 0; i < n && ok; i++) {
		const json_t *b = json_array_get(list, i);

		ok = json_is_integer(b) && json_integer_value(b) >= 0 && json_integer_value(b) < 256;
		bytes[i] = ok ? (char)json_integer_value(b) : 0;
	}
	if (ok)
		learn_piece(f, id, bytes, n);
	free(bytes);
	return ok || err_set(e, ERR_FILE, "field \"piece\": bytes are 0 to 255");
}

static bool read_piece(struct session_file *f, const json_t *v, struct session_entry *en, struct err *e)
{
	const json_t *p = json_object_get(v, "piece"), *id = json_array_get(p, 0), *text = json_array_get(p, 1);

	en->kind = ENTRY_PIECE;
	if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= f->h.hp.n_vocab ||
	    (!json_is_string(text) && !json_is_array(text)))
		return err_set(e, ERR_FILE, "field \"piece\": expected [id, text] with an id of the vocabulary");
	en->id = (int32_t)json_integer_value(id);
	f->mark[en->id] = json_is_string(json_array_get(p, 2));
	if (json_is_array(text))
		return read_bytes(f, text, en->id, e);
	en->text = json_string_value(text);
	en->n_text = json_string_length(text);
	learn_piece(f, en->id, en->text, en->n_text);
	return true;
}

static bool read_words(const json_t *w, enum session_entry_kind kind, struct session_entry *en, struct err *e)
{
	en->kind = kind;
	if (!json_is_string(w))
		return err_set(e, ERR_FILE, "expected a string");
	en->text = json_string_value(w);
	en->n_text = json_string_length(w);
	return true;
}

static bool read_entry(struct session_file *f, const json_t *v, struct session_entry *en, struct err *e)
{
	const json_t *w;

	if (json_object_get(v, "step")) {
		en->kind = ENTRY_STEP;
		en->step = f->plan ? trace_read(v, f->plan, &f->h.hp, f->h.n_ctx, learn_piece, f, e) : NULL;
		return en->step || (!f->plan && err_set(e, ERR_RUN, "no plan for steps"));
	}
	if (json_object_get(v, "order"))
		return read_order(f, v, en, e);
	if (json_object_get(v, "piece"))
		return read_piece(f, v, en, e);
	if ((w = json_object_get(v, "fingerprint"))) {
		snprintf(f->h.fingerprint, sizeof f->h.fingerprint, "%s", json_is_string(w) ? json_string_value(w) : "");
		return read_words(w, ENTRY_FINGERPRINT, en, e);
	}
	if ((w = json_object_get(v, "command")))
		return read_words(w, ENTRY_COMMAND, en, e);
	if ((w = json_object_get(v, "say")))
		return read_words(w, ENTRY_SAY, en, e);
	return err_set(e, ERR_FILE, "neither step, order, command, say nor piece");
}

bool session_file_next(struct session_file *f, struct session_entry *out, struct err *e)
{
	bool end;
	json_t *v = next_line(f, &end, e);

	memset(out, 0, sizeof *out);
	out->line = f->line;
	if (end) {
		out->kind = ENTRY_END;
		return true;
	}
	out->hold = v;
	if (v && read_entry(f, v, out, e))
		return true;
	/* Whatever a part of it is called elsewhere, here it is a bad file. */
	if (v && e->code == ERR_USAGE)
		e->code = ERR_FILE;
	if (v)
		err_wrap(e, "%.150s:%d", f->path, f->line);
	session_entry_clear(out);
	return false;
}

void session_entry_clear(struct session_entry *en)
{
	edit_set_unref(en->order.edits);
	chain_unref(en->order.chain);
	step_unref(en->step);
	json_decref(en->hold);
	memset(en, 0, sizeof *en);
}

/* A step follows what is there: its position is at most the next one. */
static bool check_place(const struct session_file *f, const struct session_entry *en, int *n_read, struct err *e)
{
	int keep;

	if (en->kind == ENTRY_STEP) {
		if (en->step->pos > *n_read)
			return err_set(e, ERR_FILE, "%.150s:%d: step at position %d, but only %d have been read", f->path,
			    en->line, en->step->pos, *n_read);
		*n_read = en->step->pos + 1;
	} else if (en->kind == ENTRY_ORDER && (en->order.kind == ORDER_CUT || en->order.kind == ORDER_RESTART)) {
		keep = en->order.kind == ORDER_CUT ? en->order.n : 0;
		*n_read = keep < *n_read ? keep : *n_read;
	}
	return true;
}

bool session_file_check(struct session_file *f, int *n_steps, struct err *e)
{
	struct session_entry en;
	int n_read = 0;
	bool ok = true;

	*n_steps = 0;
	session_file_rewind(f);
	for (bool end = false; ok && !end;) {
		if (!session_file_next(f, &en, e))
			return false;
		end = en.kind == ENTRY_END;
		*n_steps += en.kind == ENTRY_STEP;
		ok = check_place(f, &en, &n_read, e);
		session_entry_clear(&en);
	}
	session_file_rewind(f);
	return ok;
}
