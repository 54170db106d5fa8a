#include "engine/tok_spm.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/base/table.h"
#include "engine/base/utf8.h"
#include "engine/merge.h"
#include "engine/wordcache.h"

struct tok_spm {
	const struct pieces *p;
	struct table *ids;
	int32_t byte_id[256];           /* -1 where the vocabulary has no byte token */
	/* Some piece has this byte right in front of a space character inside it, so a
	 * text must not be cut there. */
	bool joined[256];
	const char *space;
	size_t space_len;
};

/* One text on its way. */
struct spm_run {
	const struct tok_spm *t;
	const char *text;
	struct merge merge;
	struct wordcache words;
	struct ids *out;
};

/* Finds the space characters inside a piece that something precedes. */
static void note_joins(struct tok_spm *t, struct gguf_str s)
{
	for (size_t i = 1; i + t->space_len <= s.n; i++)
		if (s.s[i] == *t->space && !memcmp(s.s + i, t->space, t->space_len))
			t->joined[(unsigned char)s.s[i - 1]] = true;
}

struct tok_spm *tok_spm_new(const struct pieces *p)
{
	struct tok_spm *t = mem_zalloc(sizeof *t);

	t->p = p;
	t->space = p->spaces_plain ? " " : SPM_SPACE;
	t->space_len = strlen(t->space);
	t->ids = table_new((size_t)p->n);
	for (int i = 0; i < 256; i++)
		t->byte_id[i] = -1;
	for (int v = 0; v < p->n; v++) {
		int byte = piece_byte(p->raw[v]);

		if (v + 8 < p->n)
			table_expect(t->ids, p->raw[v + 8].s, p->raw[v + 8].n);
		if (!p->raw[v].n)
			continue;
		table_put(t->ids, p->raw[v].s, p->raw[v].n, v);
		note_joins(t, p->raw[v]);
		if (byte >= 0)
			t->byte_id[byte] = v;
	}
	return t;
}

void tok_spm_free(struct tok_spm *t)
{
	if (!t)
		return;
	table_free(t->ids);
	free(t);
}

int tok_spm_find(const struct tok_spm *t, const char *bytes, size_t n)
{
	return table_get(t->ids, bytes, n);
}

/* The order of floats as the order of integers, best (largest) first. */
static uint32_t key_of_score(float score)
{
	float f = score + 0.0f;         /* -0 becomes 0 */
	uint32_t u;

	memcpy(&u, &f, sizeof u);
	return u & 0x80000000u ? u : ~(u | 0x80000000u);
}

static bool may_merge(const void *ctx, const struct merge_sym *left, const struct merge_sym *right,
    struct merge_pair *out)
{
	const struct spm_run *r = ctx;
	const struct tok_spm *t = r->t;

	out->id = table_get(t->ids, r->text + left->start, (size_t)left->len + right->len);
	if (out->id < 0 || !piece_is_text(t->p, out->id))
		return false;
	out->key = t->p->score ? key_of_score(t->p->score[out->id]) : 0;
	return true;
}

/* A symbol no merge reached: a character that is a piece, or its bytes. */
static bool add_symbol(struct spm_run *r, const struct merge_sym *s, struct err *e)
{
	const char *at = r->text + s->start;
	int32_t id = s->id >= 0 ? s->id : table_get(r->t->ids, at, s->len);

	if (id >= 0) {
		ids_add(r->out, id);
		return true;
	}
	for (uint32_t i = 0; i < s->len; i++) {
		unsigned char byte = (unsigned char)at[i];

		if (r->t->byte_id[byte] >= 0)
			ids_add(r->out, r->t->byte_id[byte]);
		else if (!ids_add_unknown(r->out, r->t->p, byte, e))
			return false;
	}
	return true;
}

static bool encode_chunk(struct spm_run *r, size_t start, size_t n, struct err *e)
{
	struct merge *m = &r->merge;
	size_t first = r->out->n;
	uint32_t cp;

	if (wordcache_get(&r->words, r->text + start, n, r->out))
		return true;
	m->n_sym = 0;
	if (!merge_reserve(m, n, e))
		return false;
	for (size_t i = 0; i < n;) {
		int len = utf8_decode(r->text + start + i, n - i, &cp);

		if (len < 1)
			len = 1;
		merge_push(m, (uint32_t)(start + i), (uint32_t)len, -1);
		i += (size_t)len;
	}
	merge_run(m, may_merge, r);
	for (int32_t i = 0; i >= 0; i = m->sym[i].next)
		if (!add_symbol(r, &m->sym[i], e))
			return false;
	wordcache_put(&r->words, r->text + start, n, first, r->out->n - first);
	return true;
}

/* Where the chunk that starts at `i` ends. */
static size_t chunk_end(const struct tok_spm *t, const char *text, size_t n, size_t i)
{
	while (++i < n) {
		const char *at = memchr(text + i, *t->space, n - i);

		if (!at)
			return n;
		i = (size_t)(at - text);
		if (n - i >= t->space_len && !memcmp(at, t->space, t->space_len) &&
		    !t->joined[(unsigned char)text[i - 1]])
			return i;
	}
	return n;
}

/* The text as the pieces are written: spaces visible. */
static void write_spaces(const struct tok_spm *t, const char *text, size_t n, bool prefix, struct buf *out)
{
	if (prefix)
		buf_add(out, t->space, t->space_len);
	if (t->p->spaces_plain) {
		buf_add(out, text, n);
		return;
	}
	for (size_t i = 0; i < n;) {
		const char *at = memchr(text + i, ' ', n - i);
		size_t end = at ? (size_t)(at - text) : n;

		buf_add(out, text + i, end - i);
		if (at)
			buf_add(out, t->space, t->space_len);
		i = end + 1;
	}
}

bool tok_spm_encode(const struct tok_spm *t, const char *text, size_t n, bool prefix, struct ids *out,
    struct err *e)
{
	struct buf spaced = {0};
	struct spm_run r = { .t = t, .out = out };
	bool ok = true;

	write_spaces(t, text, n, prefix, &spaced);
	r.text = spaced.data;
	if (spaced.len > INT32_MAX)
		ok = err_set(e, ERR_USAGE, "a text of %zu bytes is too long to tokenize", n);
	for (size_t i = 0, end; ok && i < spaced.len; i = end) {
		end = chunk_end(t, spaced.data, spaced.len, i);
		ok = encode_chunk(&r, i, end - i, e);
	}
	wordcache_free(&r.words);
	merge_free(&r.merge);
	buf_free(&spaced);
	return ok;
}
