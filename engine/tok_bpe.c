#include "engine/tok_bpe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/base/table.h"
#include "engine/base/utf8.h"
#include "engine/merge.h"
#include "engine/wordcache.h"

enum { AHEAD = 8 };             /* keys announced to the table */

/* What two neighbouring pieces become; rank counts from the top of the file. */
struct rule {
	uint64_t pair;                  /* left + 1, right: 0 is an empty slot */
	int32_t id;
	uint32_t rank;
};

struct tok_bpe {
	const struct pieces *p;
	const struct pretok_row *row;
	struct pretok *pretok;
	struct table *ids;              /* pieces as the file writes them */
	int32_t byte_id[256];           /* -1 where the vocabulary lacks the byte */
	struct rule *rules;             /* open addressing, a power of two of slots */
	size_t mask;
	size_t longest;                 /* bytes of the longest piece as the file writes it */
};

struct bpe_run {
	const struct tok_bpe *t;
	struct merge merge;
	struct wordcache words;
	struct buf letters;
	struct ids *out;
};

static uint64_t pair_of(int32_t left, int32_t right)
{
	return (uint64_t)(uint32_t)(left + 1) << 32 | (uint32_t)right;
}

static size_t rule_place(const struct tok_bpe *t, uint64_t pair)
{
	return (size_t)(pair * 0x9e3779b97f4a7c15u >> 32) & t->mask;
}

/* The slot of the pair, or the empty one where it would go. */
static struct rule *find_rule(const struct tok_bpe *t, uint64_t pair)
{
	for (size_t i = rule_place(t, pair);; i = (i + 1) & t->mask)
		if (!t->rules[i].pair || t->rules[i].pair == pair)
			return &t->rules[i];
}

static void make_rules(struct tok_bpe *t, size_t n)
{
	size_t slots = 16;

	while (slots < n * 2)
		slots *= 2;
	t->rules = mem_array(slots, sizeof *t->rules);
	t->mask = slots - 1;
}

static bool is_joined(const struct gguf_str *raw, int32_t id, int32_t left, int32_t right)
{
	struct gguf_str j = raw[id], a = raw[left], b = raw[right];

	return j.n == a.n + b.n && !memcmp(j.s, a.s, a.n) && !memcmp(j.s + a.n, b.s, b.n);
}

/* The piece two pieces make together, -1 if there is none.  In almost every file the
 * results of the merges are numbered in the order of the merges, so the next id is
 * tried before the table. */
static int32_t find_joined(const struct tok_bpe *t, int32_t left, int32_t right, int32_t next)
{
	struct gguf_str a = t->p->raw[left], b = t->p->raw[right];
	char joined[128];
	struct buf longer = {0};
	int32_t id;

	if (next < t->p->n && is_joined(t->p->raw, next, left, right))
		return next;
	if (a.n + b.n <= sizeof joined) {
		memcpy(joined, a.s, a.n);
		memcpy(joined + a.n, b.s, b.n);
		return table_get(t->ids, joined, a.n + b.n);
	}
	if (a.n + b.n > t->longest)
		return -1;
	buf_add(&longer, a.s, a.n);
	buf_add(&longer, b.s, b.n);
	id = table_get(t->ids, longer.data, longer.len);
	buf_free(&longer);
	return id;
}

/* "left right".  The space is looked for behind the first byte: with U+2581
 * pieces a piece may not start with a space, but an empty one is malformed. */
static bool read_rule(const struct tok_bpe *t, struct gguf_str m, size_t rank, int32_t *last, struct rule *out,
    struct err *e)
{
	const char *space = m.n > 1 ? memchr(m.s + 1, ' ', m.n - 1) : NULL;
	size_t n_left = space ? (size_t)(space - m.s) : 0, n_right = space ? m.n - n_left - 1 : 0;

	if (!n_right || *m.s == ' ' || memchr(space + 1, ' ', n_right)) {
		struct buf shown = {0};

		utf8_escape(m.s, m.n < 40 ? m.n : 40, &shown);
		err_set(e, ERR_FILE, "tokenizer.ggml.merges[%zu] is \"%s\", expected two pieces with one space between",
		    rank, shown.data);
		buf_free(&shown);
		return false;
	}
	int32_t left = table_get(t->ids, m.s, n_left), right = table_get(t->ids, space + 1, n_right);
	int32_t id = left < 0 || right < 0 ? -1 : find_joined(t, left, right, *last + 1);

	*out = (struct rule){0};
	if (id < 0 || !piece_is_text(t->p, id))
		return true;
	*last = id;
	*out = (struct rule){ .pair = pair_of(left, right), .id = id, .rank = (uint32_t)rank };
	return true;
}

/* The same pair again: the first rank holds. */
static void put_rule(struct tok_bpe *t, const struct rule *rule)
{
	struct rule *r = rule->pair ? find_rule(t, rule->pair) : NULL;

	if (r && !r->pair)
		*r = *rule;
}

/* Rules wait a little between reading and putting, while their slots come into the cache. */
static bool read_rules(struct tok_bpe *t, const struct gguf_str *merges, size_t n, struct err *e)
{
	struct rule waiting[AHEAD] = {0};
	int32_t last = -1;

	make_rules(t, n);
	for (size_t i = 0; i < n; i++) {
		struct rule *w = &waiting[i % AHEAD];

		put_rule(t, w);
		if (!read_rule(t, merges[i], i, &last, w, e))
			return false;
		__builtin_prefetch(&t->rules[rule_place(t, w->pair)]);
	}
	for (size_t i = 0; i < AHEAD; i++)
		put_rule(t, &waiting[(n + i) % AHEAD]);
	return true;
}

static void read_pieces(struct tok_bpe *t)
{
	t->ids = table_new((size_t)t->p->n);
	for (int v = 0; v < t->p->n; v++) {
		struct gguf_str s = t->p->raw[v];

		if (v + AHEAD < t->p->n)
			table_expect(t->ids, t->p->raw[v + AHEAD].s, t->p->raw[v + AHEAD].n);
		if (!s.n)
			continue;
		table_put(t->ids, s.s, s.n, v);
		if (s.n > t->longest)
			t->longest = s.n;
	}
	for (int byte = 0; byte < 256; byte++) {
		char hex[8], letter[4];

		snprintf(hex, sizeof hex, "<0x%02X>", (unsigned)byte);
		if (t->row->flags & PRETOK_SPM)
			t->byte_id[byte] = table_get(t->ids, hex, 6);
		else
			t->byte_id[byte] = table_get(t->ids, letter,
			    (size_t)utf8_encode(alphabet_char((unsigned char)byte), letter));
	}
}

struct tok_bpe *tok_bpe_new(const struct pieces *p, const struct pretok_row *row, const struct gguf_str *merges,
    size_t n_merges, struct err *e)
{
	struct tok_bpe *t = mem_zalloc(sizeof *t);

	t->p = p;
	t->row = row;
	if (!(t->pretok = pretok_new(row, e)))
		goto fail;
	read_pieces(t);
	if (!read_rules(t, merges, n_merges, e))
		goto fail;
	return t;
fail:
	tok_bpe_free(t);
	return NULL;
}

void tok_bpe_free(struct tok_bpe *t)
{
	if (!t)
		return;
	free(t->rules);
	table_free(t->ids);
	pretok_free(t->pretok);
	free(t);
}

static bool may_merge(const void *ctx, const struct merge_sym *left, const struct merge_sym *right,
    struct merge_pair *out)
{
	const struct bpe_run *r = ctx;

	if (left->id < 0 || right->id < 0)
		return false;
	const struct rule *rule = find_rule(r->t, pair_of(left->id, right->id));

	if (!rule->pair)
		return false;
	out->key = rule->rank;
	out->id = rule->id;
	return true;
}

/* The bytes as letters of the alphabet, the way pieces are written in the file. */
static void write_letters(const char *s, size_t n, struct buf *out)
{
	char letter[4];

	buf_clear(out);
	for (size_t i = 0; i < n; i++)
		buf_add(out, letter, (size_t)utf8_encode(alphabet_char((unsigned char)s[i]), letter));
}

/* The id of the whole word, for vocabularies that take one before any merge. */
static int32_t whole_word(struct bpe_run *r, const char *s, size_t n)
{
	const struct tok_bpe *t = r->t;

	if (n > t->longest)
		return -1;
	if (t->row->flags & PRETOK_LINES)
		return *s == '\n' ? table_get(t->ids, s, n) : -1;
	if (!(t->row->flags & PRETOK_WHOLE))
		return -1;
	write_letters(s, n, &r->letters);
	int32_t id = table_get(t->ids, r->letters.data, r->letters.len);

	return id >= 0 && piece_is_text(t->p, id) ? id : -1;
}

static void push_symbols(struct bpe_run *r, const char *s, size_t n)
{
	const struct tok_bpe *t = r->t;

	r->merge.n_sym = 0;
	for (size_t i = 0; i < n;) {
		int len = 1;
		int32_t id = t->byte_id[(unsigned char)s[i]];
		uint32_t cp;

		if (t->row->flags & PRETOK_SPM) {
			len = utf8_decode(s + i, n - i, &cp);
			len = len < 1 ? 1 : len;
			id = table_get(t->ids, s + i, (size_t)len);
		}
		merge_push(&r->merge, (uint32_t)i, (uint32_t)len, id);
		i += (size_t)len;
	}
}

/* A symbol of a known id, or byte by byte. */
static bool add_symbol(struct bpe_run *r, const char *s, const struct merge_sym *sym, struct err *e)
{
	if (sym->id >= 0) {
		ids_add(r->out, sym->id);
		return true;
	}
	for (uint32_t i = 0; i < sym->len; i++) {
		unsigned char byte = (unsigned char)s[sym->start + i];

		if (r->t->byte_id[byte] >= 0)
			ids_add(r->out, r->t->byte_id[byte]);
		else if (!ids_add_unknown(r->out, r->t->p, byte, e))
			return false;
	}
	return true;
}

static bool encode_word(void *ctx, const char *s, size_t n, struct err *e)
{
	struct bpe_run *r = ctx;
	size_t first = r->out->n;
	int32_t whole;

	if (wordcache_get(&r->words, s, n, r->out))
		return true;
	if ((whole = whole_word(r, s, n)) >= 0) {
		ids_add(r->out, whole);
	} else {
		if (!merge_reserve(&r->merge, n, e))
			return false;
		push_symbols(r, s, n);
		merge_run(&r->merge, may_merge, r);
		for (int32_t i = 0; i >= 0; i = r->merge.sym[i].next)
			if (!add_symbol(r, s, &r->merge.sym[i], e))
				return false;
	}
	wordcache_put(&r->words, s, n, first, r->out->n - first);
	return true;
}

/* Bytes from `i` on that are characters (well), or that are none. */
static size_t run_end(const char *s, size_t n, size_t i, bool well)
{
	uint32_t cp;

	while (i < n) {
		int len = utf8_decode(s + i, n - i, &cp);

		if ((len > 0) != well)
			break;
		i += well ? (size_t)len : 1;
	}
	return i;
}

/* The pre-tokenizer sees only well-formed text; stray bytes between are words of their own. */
static bool encode_runs(struct bpe_run *r, struct pretok_run *cut, const char *s, size_t n, struct err *e)
{
	for (size_t i = 0, end; i < n; i = end) {
		end = run_end(s, n, i, true);
		if (end > i) {
			if (!pretok_split(cut, s + i, end - i, encode_word, r, e))
				return false;
		} else {
			end = run_end(s, n, i, false);
			if (!encode_word(r, s + i, end - i, e))
				return false;
		}
	}
	return true;
}

static void write_spaces(const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		if (text[i] == ' ')
			buf_str(out, SPM_SPACE);
		else
			buf_char(out, text[i]);
}

bool tok_bpe_encode(const struct tok_bpe *t, const char *text, size_t n, struct ids *out, struct err *e)
{
	struct bpe_run r = { .t = t, .out = out };
	struct buf spaced = {0};
	bool ok;

	if (n > INT32_MAX / 3)
		return err_set(e, ERR_USAGE, "a text of %zu bytes is too long to tokenize", n);
	if (t->row->flags & PRETOK_SPM) {
		write_spaces(text, n, &spaced);
		text = spaced.data;
		n = spaced.len;
	}
	struct pretok_run *cut = pretok_begin(t->pretok);

	ok = encode_runs(&r, cut, text, n, e);
	pretok_end(cut);
	wordcache_free(&r.words);
	merge_free(&r.merge);
	buf_free(&r.letters);
	buf_free(&spaced);
	return ok;
}

int tok_bpe_find(const struct tok_bpe *t, const char *bytes, size_t n)
{
	struct buf letters = {0};
	int id = -1;

	if (n > t->longest)
		return -1;
	if (!(t->row->flags & PRETOK_SPM)) {
		write_letters(bytes, n, &letters);
		id = letters.len ? table_get(t->ids, letters.data, letters.len) : -1;
		buf_free(&letters);
	}
	return id >= 0 ? id : table_get(t->ids, bytes, n);
}
