#include "analysis/timeline.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/mem.h"

struct branch {
	int number, fork, n;
	char *name;
	bool gone;              /* forgotten: it still says where it left the line */
	const struct step **steps;
};

struct timeline {
	const struct step **line;       /* [room] */
	int32_t *tokens;                /* [room + 1] */
	unsigned char *why;             /* [room + 1] */
	float (*scalars)[N_LENSES];     /* [room] */
	int n, n_tokens, room;
	int first_held;                 /* positions below it were dropped for room */
	bool provisional;               /* the last step of the line belongs to the branch left */
	struct branch *branches;
	int n_branches, n_left;
	size_t budget, held;
	long received;
};

struct timeline *timeline_new(size_t budget_bytes)
{
	struct timeline *t = mem_zalloc(sizeof *t);

	t->budget = budget_bytes;
	return t;
}

static size_t step_bytes(const struct step *s)
{
	return sizeof *s + s->plan->n_values * sizeof *s->values +
	    (size_t)s->n_layers * STEP_NEURONS * sizeof *s->neurons;
}

static void let_go(struct timeline *t, const struct step **place)
{
	if (*place) {
		t->held -= step_bytes(*place);
		step_unref(*place);
		*place = NULL;
	}
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	for (int i = 0; i < t->n; i++)
		let_go(t, &t->line[i]);
	for (int b = 0; b < t->n_branches; b++) {
		for (int i = 0; i < t->branches[b].n; i++)
			let_go(t, &t->branches[b].steps[i]);
		free(t->branches[b].steps);
		free(t->branches[b].name);
	}
	free(t->branches);
	free(t->line);
	free(t->tokens);
	free(t->why);
	free(t->scalars);
	free(t);
}

static void make_room(struct timeline *t, int n)
{
	int room = t->room ? t->room : 256;

	while (room < n)
		room *= 2;
	if (room == t->room)
		return;
	t->line = mem_resize(t->line, (size_t)room, sizeof *t->line);
	t->tokens = mem_resize(t->tokens, (size_t)room + 1, sizeof *t->tokens);
	t->why = mem_resize(t->why, (size_t)room + 1, sizeof *t->why);
	t->scalars = mem_resize(t->scalars, (size_t)room, sizeof *t->scalars);
	t->room = room;
}

/* The oldest step held by a branch that was left, or false. */
static bool drop_of_branches(struct timeline *t)
{
	for (int b = 0; b < t->n_branches; b++)
		for (int i = 0; i < t->branches[b].n; i++)
			if (t->branches[b].steps[i]) {
				let_go(t, &t->branches[b].steps[i]);
				return true;
			}
	return false;
}

static void keep_budget(struct timeline *t)
{
	while (t->held > t->budget && (drop_of_branches(t) || t->first_held < t->n - 1))
		if (t->held > t->budget && t->first_held < t->n - 1)
			let_go(t, &t->line[t->first_held++]);
}

/* Positions from `fork` on leave the line and become a branch of their own. */
static void leave(struct timeline *t, int fork)
{
	struct branch b = { .number = ++t->n_left, .fork = fork, .n = t->n - fork };

	b.steps = mem_array((size_t)b.n, sizeof *b.steps);
	for (int i = 0; i < b.n; i++)
		b.steps[i] = t->line[fork + i];
	t->branches = mem_resize(t->branches, (size_t)t->n_branches + 1, sizeof *t->branches);
	t->branches[t->n_branches++] = b;
	t->n = fork;
	t->first_held = t->first_held > fork ? fork : t->first_held;
}

void timeline_cut(struct timeline *t, int n_tokens)
{
	int last = n_tokens - 1;

	if (n_tokens < 0 || n_tokens >= t->n_tokens)
		return;
	/* The step that read the last token kept is part of both: what it says of
	 * the next token still holds, and the line shows it until a new one comes. */
	const struct step *shared = timeline_at(t, last) ? step_ref(timeline_at(t, last)) : NULL;

	if (t->n > n_tokens || (shared && !t->provisional))
		leave(t, last < 0 ? 0 : last);
	else if (shared)
		let_go(t, &t->line[--t->n]);
	if (shared) {
		t->line[t->n++] = shared;
		t->held += step_bytes(shared);
	}
	t->provisional = shared != NULL;
	t->n_tokens = n_tokens;
}

static void keep_scalars(struct timeline *t, int pos, const struct step *s)
{
	for (int id = 0; id < N_LENSES; id++)
		t->scalars[pos][id] = s ? lens_scalar(s, (enum lens_id)id) : NAN;
}

void timeline_add(struct timeline *t, const struct step *s)
{
	t->received++;
	if (t->provisional && s->pos == t->n - 1)
		let_go(t, &t->line[--t->n]);
	else if (s->pos < t->n)
		leave(t, s->pos);
	t->provisional = false;
	make_room(t, s->pos + 1);
	while (t->n < s->pos) {         /* never reported */
		keep_scalars(t, t->n, NULL);
		t->line[t->n] = NULL;
		t->tokens[t->n] = -1;
		t->why[t->n++] = WHY_PROMPT;
	}
	keep_scalars(t, s->pos, s);
	t->line[t->n++] = s;
	t->held += step_bytes(s);
	t->tokens[s->pos] = s->input;
	if (s->pos == 0)
		t->why[0] = WHY_PROMPT;
	t->n_tokens = s->pos + 1;
	if (s->token >= 0) {
		t->tokens[s->pos + 1] = s->token;
		t->why[s->pos + 1] = (unsigned char)s->why;
		t->n_tokens++;
	}
	keep_budget(t);
}

int timeline_n(const struct timeline *t)
{
	return t->n;
}

const struct step *timeline_at(const struct timeline *t, int pos)
{
	return pos >= 0 && pos < t->n ? t->line[pos] : NULL;
}

float timeline_scalar(const struct timeline *t, int pos, enum lens_id id)
{
	return pos >= 0 && pos < t->n ? t->scalars[pos][id] : NAN;
}

long timeline_received(const struct timeline *t)
{
	return t->received;
}

size_t timeline_bytes(const struct timeline *t)
{
	return t->held;
}

int timeline_n_tokens(const struct timeline *t)
{
	return t->n_tokens;
}

int32_t timeline_token(const struct timeline *t, int i)
{
	return i >= 0 && i < t->n_tokens ? t->tokens[i] : -1;
}

enum step_why timeline_why(const struct timeline *t, int i)
{
	return i > 0 && i < t->n_tokens ? (enum step_why)t->why[i] : WHY_PROMPT;
}

int timeline_n_branches(const struct timeline *t)
{
	int n = 0;

	for (int i = 0; i < t->n_branches; i++)
		n += !t->branches[i].gone;
	return n;
}

static struct timeline_branch shown(const struct branch *b)
{
	return (struct timeline_branch){ .number = b->number, .name = b->name, .fork = b->fork, .n = b->n, .steps = b->steps };
}

struct timeline_branch timeline_branch(const struct timeline *t, int i)
{
	const struct branch *b = t->branches;

	while (b->gone || i-- > 0)
		b++;
	return shown(b);
}

/* Branches are numbered in the order they were left, from 1. */
static struct branch *numbered(const struct timeline *t, int number)
{
	return number >= 1 && number <= t->n_branches && !t->branches[number - 1].gone ? &t->branches[number - 1] : NULL;
}

bool timeline_find_branch(const struct timeline *t, int number, struct timeline_branch *out)
{
	const struct branch *b = numbered(t, number);

	if (b)
		*out = shown(b);
	return b != NULL;
}

void timeline_name_branch(struct timeline *t, int number, const char *name)
{
	struct branch *b = numbered(t, number);

	if (!b)
		return;
	free(b->name);
	b->name = name ? mem_strdup(name) : NULL;
}

void timeline_forget_branch(struct timeline *t, int number)
{
	struct branch *b = numbered(t, number);

	if (!b)
		return;
	for (int i = 0; i < b->n; i++)
		let_go(t, &b->steps[i]);
	b->gone = true;
}

const struct step *timeline_branch_at(const struct timeline *t, int number, int pos)
{
	const struct branch *b = numbered(t, number);

	if (!b || pos < 0 || pos >= b->fork + b->n)
		return NULL;
	/* A position leaves the line with the first branch that is left at or before it. */
	for (int i = number - 1; i < t->n_branches; i++)
		if (t->branches[i].fork <= pos)
			return pos < t->branches[i].fork + t->branches[i].n ? t->branches[i].steps[pos - t->branches[i].fork] : NULL;
	return timeline_at(t, pos);
}

int timeline_branch_from(const struct timeline *t, int number)
{
	int from = numbered(t, number) ? t->branches[number - 1].fork : 0;

	for (int i = number; i < t->n_branches; i++)
		from = t->branches[i].fork < from ? t->branches[i].fork : from;
	return from;
}
