#include "views/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at;
	struct layout *l;
	int (*find)(const char *name);
	uint64_t seen;
	int depth;
};

static void skip_blanks(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static int new_node(struct reader *r, struct err *e)
{
	struct layout *l = r->l;

	if (l->n == LAYOUT_NODES) {
		err_set(e, ERR_USAGE, "a layout of more than %d parts", LAYOUT_NODES);
		return -1;
	}
	l->node[l->n] = (struct layout_node){ .pane = -1, .share = 1, .first = -1, .next = -1 };
	return l->n++;
}

/* ":3" or "=9" behind a name or a bracket. */
static bool read_size(struct reader *r, struct layout_node *node, struct err *e)
{
	char kind = *r->at;
	char *end;
	long v;

	if (kind != ':' && kind != '=')
		return true;
	v = strtol(r->at + 1, &end, 10);
	if (end == r->at + 1 || v < 1 || v > 999)
		return err_set(e, ERR_USAGE, "a layout size is a number from 1 to 999, at \"%.12s\"", r->at);
	r->at = end;
	node->share = kind == ':' ? (int)v : 0;
	node->fixed = kind == '=' ? (int)v : 0;
	return true;
}

static int read_node(struct reader *r, struct err *e);

static int read_bracket(struct reader *r, struct err *e)
{
	char close = *r->at == '[' ? ']' : ')';
	int id = new_node(r, e), last = -1;

	if (id < 0 || ++r->depth > 8) {
		err_set(e, ERR_USAGE, "too many brackets in a layout");
		return -1;
	}
	r->l->node[id].stacked = close == ']';
	r->at++;
	for (skip_blanks(r); *r->at && *r->at != close; skip_blanks(r)) {
		int child = read_node(r, e);

		if (child < 0)
			return -1;
		if (last < 0)
			r->l->node[id].first = child;
		else
			r->l->node[last].next = child;
		r->l->node[id].n_children++;
		last = child;
	}
	if (*r->at != close || last < 0) {
		err_set(e, ERR_USAGE, last < 0 ? "a bracket of a layout is empty" : "a bracket of a layout is not closed");
		return -1;
	}
	r->at++;
	r->depth--;
	return id;
}

static int read_name(struct reader *r, struct err *e)
{
	char name[24] = "";
	size_t n = strspn(r->at, "abcdefghijklmnopqrstuvwxyz-_");
	int id = new_node(r, e), pane;

	if (id < 0)
		return -1;
	memcpy(name, r->at, n < sizeof name ? n : sizeof name - 1);
	pane = n && n < sizeof name ? r->find(name) : -1;
	if (pane < 0 || r->seen & 1ull << pane) {
		err_set(e, ERR_USAGE, pane < 0 ? "no pane is called \"%.12s\"" : "pane %.12s is there twice",
		    n ? name : r->at);
		return -1;
	}
	r->seen |= 1ull << pane;
	r->l->node[id].pane = pane;
	r->at += n;
	return id;
}

static int read_node(struct reader *r, struct err *e)
{
	int id = *r->at == '[' || *r->at == '(' ? read_bracket(r, e) : read_name(r, e);

	return id >= 0 && read_size(r, &r->l->node[id], e) ? id : -1;
}

bool layout_parse(struct layout *l, const char *text, int (*find)(const char *name), struct err *e)
{
	struct reader r = { .at = text, .l = l, .find = find };

	l->n = 0;
	skip_blanks(&r);
	l->root = read_node(&r, e);
	if (l->root < 0)
		return false;
	skip_blanks(&r);
	return !*r.at || err_set(e, ERR_USAGE, "the layout goes on behind its end: \"%.12s\"", r.at);
}

struct placing {
	const struct layout *l;
	const struct layout_min *min;
	struct placement *out;
	int left;                       /* left edge of the room */
};

static int along(const struct layout_node *node, struct rect r)
{
	return node->stacked ? r.rows : r.cols;
}

/* Smallest size of a node in one direction: of a bracket, as small as its first
 * child alone, because the others may be left out. */
static int smallest(const struct placing *p, int id, bool rows)
{
	const struct layout_node *node = &p->l->node[id];

	if (node->pane >= 0)
		return rows ? p->min[node->pane].rows : p->min[node->pane].cols;
	return smallest(p, node->first, rows);
}

struct slot {
	int id, size, min;
};

/* The children that fit: across each on its own, along all together; the last
 * go first. */
static int choose(const struct placing *p, int id, struct rect r, struct slot *slot)
{
	const struct layout_node *node = &p->l->node[id];
	int n = 0, used = 0, across = node->stacked ? r.cols : r.rows;

	for (int child = node->first; child >= 0; child = p->l->node[child].next) {
		int min = smallest(p, child, node->stacked);

		if (n == LAYOUT_PANES || smallest(p, child, !node->stacked) > across || used + min > along(node, r))
			continue;
		slot[n++] = (struct slot){ .id = child, .min = min };
		used += min;
	}
	return n;
}

/* Fixed sizes first, but never more than a third of all; what is left by share,
 * everyone keeping his minimum. */
static void share_out(const struct placing *p, struct slot *slot, int n, int total)
{
	int left = total, shares = 0, need = 0;

	for (int i = 0; i < n; i++) {
		const struct layout_node *node = &p->l->node[slot[i].id];
		int want = node->fixed > total / 3 ? total / 3 : node->fixed;

		slot[i].size = want && want < slot[i].min ? slot[i].min : want;
		shares += slot[i].size ? 0 : node->share;
		need += slot[i].size ? slot[i].size : slot[i].min;
	}
	for (int i = 0; i < n && need > total; i++) {
		need -= slot[i].size > slot[i].min ? slot[i].size - slot[i].min : 0;
		slot[i].size = slot[i].size > slot[i].min ? slot[i].min : slot[i].size;
	}
	for (int i = 0; i < n; i++)
		left -= slot[i].size ? slot[i].size : slot[i].min;
	for (int i = 0, spare = left; i < n; i++)
		if (!slot[i].size) {
			int mine = shares ? (int)((long)spare * p->l->node[slot[i].id].share / shares) : 0;

			slot[i].size = slot[i].min + mine;
			left -= mine;
		}
	slot[0].size += left;
}

/* Shares are meant of the whole, not of what lies above the minima: so it is
 * done where every share is at least its minimum. */
static void even_out(const struct placing *p, struct slot *slot, int n)
{
	long total = 0, shares = 0, left;

	for (int i = 0; i < n; i++)
		if (p->l->node[slot[i].id].share) {
			total += slot[i].size;
			shares += p->l->node[slot[i].id].share;
		}
	for (int i = 0; i < n; i++)
		if (p->l->node[slot[i].id].share && total * p->l->node[slot[i].id].share / shares < slot[i].min)
			return;
	left = total;
	for (int i = n; i-- > 0;) {
		long share = p->l->node[slot[i].id].share;

		if (share) {
			slot[i].size = (int)(shares == share ? left : left * share / shares);
			left -= slot[i].size;
			shares -= share;
		}
	}
}

static void place(struct placing *p, int id, struct rect r)
{
	const struct layout_node *node = &p->l->node[id];
	struct slot slot[LAYOUT_PANES];
	int n;

	if (node->pane >= 0) {
		if (p->out->n < LAYOUT_PANES)
			p->out->at[p->out->n++] =
			    (struct placed){ .pane = node->pane, .rect = r, .line_left = r.x > p->left };
		return;
	}
	n = choose(p, id, r, slot);
	if (!n)
		return;
	share_out(p, slot, n, along(node, r));
	even_out(p, slot, n);
	for (int i = 0; i < n; i++) {
		struct rect part = r;

		if (node->stacked) {
			part.rows = slot[i].size;
			r.y += slot[i].size;
		} else {
			part.cols = slot[i].size;
			r.x += slot[i].size;
		}
		place(p, slot[i].id, part);
	}
}

bool layout_place(const struct layout *l, struct rect room, const struct layout_min *min, struct placement *out)
{
	struct placing p = { .l = l, .min = min, .out = out, .left = room.x };

	out->n = 0;
	if (smallest(&p, l->root, true) > room.rows || smallest(&p, l->root, false) > room.cols)
		return false;
	place(&p, l->root, room);
	return out->n > 0;
}
