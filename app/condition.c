#include "app/condition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/lens.h"
#include "analysis/timeline.h"
#include "engine/base/utf8.h"
#include "engine/source.h"

/* ---------------------------------------------------------------- fields */

static double f_step(const struct step *s) { return s->index; }
static double f_position(const struct step *s) { return s->pos; }
static double f_branch(const struct step *s) { return s->branch; }
static double f_logprob(const struct step *s) { return (double)s->logprob; }
static double f_surprisal(const struct step *s) { return -(double)s->logprob; }
static double f_p(const struct step *s) { return exp((double)s->logprob); }
static double f_p_final(const struct step *s) { return (double)s->p_final; }
static double f_ms(const struct step *s) { return (double)s->ms_forward; }

static double f_rank(const struct step *s)
{
	for (int i = 0; i < s->n_top; i++)
		if (s->top[i].id == s->token)
			return i + 1;
	return NAN;
}

static double f_applied(const struct step *s)
{
	double n = 0;

	for (int i = 0; i < s->n_receipts; i++)
		n += s->receipts[i].applied;
	return n;
}

static double f_moved(const struct step *s)
{
	double sum = 0;

	for (int i = 0; i < s->n_receipts; i++)
		sum += (double)s->receipts[i].change * (double)s->receipts[i].change;
	return sqrt(sum);
}

static double tracked(const struct look *k, int i, int edited)
{
	return i < k->asked.n_track ? (double)k->tracked[i][edited] : (double)NAN;
}

static double l_track(const struct look *k) { return tracked(k, 0, 0); }
static double l_second(const struct look *k) { return tracked(k, 1, 0); }
static double l_gain(const struct look *k) { return tracked(k, 0, 0) - tracked(k, 0, 1); }
static double l_odds(const struct look *k) { return tracked(k, 0, 0) - tracked(k, 1, 0); }
static double l_jsd(const struct look *k) { return (double)k->jsd; }
static double l_kl(const struct look *k) { return (double)k->kl; }
static double l_flip(const struct look *k) { return k->best[0] != k->best[1]; }

const struct condition_field condition_fields[] = {
	{ "step", "number of the step in the session", NEEDS_STEP },
	{ "position", "position that was read", NEEDS_STEP },
	{ "branch", "number of the branch", NEEDS_STEP },
	{ "logprob", "natural logarithm of the raw probability of the token that came", NEEDS_STEP },
	{ "surprisal", "its negative, nats", NEEDS_STEP },
	{ "p", "raw probability of the token that came", NEEDS_STEP },
	{ "p_final", "its probability after the sampler", NEEDS_STEP },
	{ "rank", "its place among the candidates, from 1", NEEDS_STEP },
	{ "ms", "milliseconds of the pass", NEEDS_STEP },
	{ "applied", "places that the edits wrote in the pass", NEEDS_STEP },
	{ "moved", "L2 length of what all edits changed in the pass", NEEDS_STEP },
	{ "track", "ln p of the first tracked token, with the edits", NEEDS_LOOK },
	{ "track_second", "ln p of the second", NEEDS_LOOK },
	{ "track_gain", "what the edits did to ln p of the first", NEEDS_LOOK },
	{ "track_odds", "ln p of the first over the second, with the edits", NEEDS_LOOK },
	{ "edits_jsd", "JSD of the next-token distributions with and without the edits, nats, same cache", NEEDS_LOOK },
	{ "edits_kl", "KL(with || without) of the same, nats", NEEDS_LOOK },
	{ "edits_flip", "1 where the likeliest token is another with the edits, else 0", NEEDS_LOOK },
	{ "probe", "perplexity of the probe text with the edits in force, over that without", NEEDS_PROBE },
};
const size_t n_condition_fields = sizeof condition_fields / sizeof *condition_fields;

static double (*const field_of[])(const struct step *s) = {
	f_step, f_position, f_branch, f_logprob, f_surprisal, f_p, f_p_final, f_rank, f_ms, f_applied, f_moved,
};
enum { OF_STEP = sizeof field_of / sizeof *field_of };
static double (*const look_field_of[])(const struct look *k) = {
	l_track, l_second, l_gain, l_odds, l_jsd, l_kl, l_flip,
};
enum { OF_LOOK = sizeof look_field_of / sizeof *look_field_of };
_Static_assert(OF_STEP + OF_LOOK + 1 == sizeof condition_fields / sizeof *condition_fields,
    "each field has its function, and the last is the probe");

/* ---------------------------------------------------------------- parsing */

static void skip_blanks(const char **s)
{
	*s += strspn(*s, " \t");
}

static bool parse_op(const char **s, enum condition_op *op)
{
	static const struct { const char *text; enum condition_op op; } ops[] = {
		{ "<=", OP_LE }, { ">=", OP_GE }, { "==", OP_EQ }, { "!=", OP_NE }, { "<", OP_LT }, { ">", OP_GT }, { "=", OP_EQ },
	};

	skip_blanks(s);
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (!strncmp(*s, ops[i].text, strlen(ops[i].text))) {
			*s += strlen(ops[i].text);
			*op = ops[i].op;
			return true;
		}
	return false;
}

/* Text in quotes; \n, \" and \\ inside it. */
static bool parse_text(struct condition *c, const char *s, struct err *e)
{
	c->op = OP_EQ;
	if (parse_op(&s, &c->op) && c->op != OP_EQ && c->op != OP_NE)
		return err_set(e, ERR_USAGE, "text is compared with == or !=");
	skip_blanks(&s);
	if (*s++ != '"')
		return err_set(e, ERR_USAGE, "a text in \"quotes\" is missing");
	for (; *s && *s != '"'; s++) {
		if (c->n_text + 1 == sizeof c->text)
			return err_set(e, ERR_USAGE, "the text is longer than %zu bytes", sizeof c->text - 1);
		bool escaped = *s == '\\' && s[1];

		s += escaped;
		c->text[c->n_text++] = escaped && *s == 'n' ? '\n' : *s;
	}
	if (*s++ != '"')
		return err_set(e, ERR_USAGE, "the text does not end in a quote");
	skip_blanks(&s);
	if (!c->n_text)
		return err_set(e, ERR_USAGE, "the text is empty");
	return !*s || err_set(e, ERR_USAGE, "\"%.40s\" is too much", s);
}

/* "L2" or "L2.H3", or nothing. */
static bool parse_place(struct condition *c, const char **s, struct err *e)
{
	char *end;

	c->layer = c->head = -1;
	skip_blanks(s);
	if (**s != 'L')
		return true;
	c->layer = (int)(strtoul(*s + 1, &end, 10) & 0xffff);
	if (end == *s + 1)
		return err_set(e, ERR_USAGE, "a place is L2 or L2.H3");
	*s = end;
	if (strncmp(*s, ".H", 2))
		return true;
	c->head = (int)(strtoul(*s + 2, &end, 10) & 0xffff);
	*s = end;
	return true;
}

static bool find_figure(struct condition *c, const char *name, size_t n, struct err *e)
{
	char word[48];

	if (n < sizeof word) {
		memcpy(word, name, n);
		word[n] = 0;
		for (size_t i = 0; i < n_condition_fields; i++)
			if (!strcmp(condition_fields[i].name, word)) {
				c->field = (int)i;
				return true;
			}
		if (lens_find(word) >= 0) {
			c->field = -1 - lens_find(word);
			return true;
		}
	}
	return err_set(e, ERR_USAGE, "no signal is called \"%.*s\"", n > 40 ? 40 : (int)n, name);
}

static bool place_fits(const struct condition *c, struct err *e)
{
	enum probe_axes axes = c->field < 0 ? lenses[-1 - c->field]->probe.axes : PROBE_SCALAR;

	if ((c->layer >= 0) == (axes != PROBE_SCALAR) && (c->head >= 0) == (axes == PROBE_HEADS))
		return true;
	return err_set(e, ERR_USAGE, axes == PROBE_HEADS ? "a head is missing: NAME L2.H3 > 1" :
	    axes == PROBE_LAYERS ? "this signal has one value a layer: NAME L2 > 1" : "this signal has one value a step");
}

static bool parse_figure(struct condition *c, const char *s, size_t n, struct err *e)
{
	char *end;

	if (!find_figure(c, s, n, e))
		return false;
	s += n;
	if (!parse_place(c, &s, e) || !place_fits(c, e))
		return false;
	if (!parse_op(&s, &c->op))
		return err_set(e, ERR_USAGE, "a comparison is missing: entropy > 2.5");
	skip_blanks(&s);
	c->value = strtod(s, &end);
	if (end == s || end[strspn(end, " \t")] || !isfinite(c->value))
		return err_set(e, ERR_USAGE, "\"%.40s\" is no number", s);
	return true;
}

bool condition_parse(struct condition *c, const char *text, struct err *e)
{
	size_t n;

	*c = (struct condition){ .layer = -1, .head = -1 };
	skip_blanks(&text);
	n = strcspn(text, " \t<>=!\"");
	if (n == 5 && !strncmp(text, "token", n))
		c->kind = CONDITION_TOKEN;
	else if (n == 4 && !strncmp(text, "text", n))
		c->kind = CONDITION_TEXT;
	return c->kind == CONDITION_FIGURE ? parse_figure(c, text, n, e) : parse_text(c, text + n, e);
}

/* ---------------------------------------------------------------- asking */

static double figure(const struct condition *c, const struct step *s)
{
	int probe;
	size_t i;

	if (c->field >= 0)
		return field_of[c->field](s);
	if ((probe = lens_in_plan(s->plan, (enum lens_id)(-1 - c->field))) < 0)
		return NAN;
	if (c->layer >= s->plan->n_layers || c->head >= s->plan->n_heads)
		return NAN;
	i = c->layer < 0 ? 0 : c->head < 0 ? (size_t)c->layer :
	    (size_t)c->layer * (size_t)s->plan->n_heads + (size_t)c->head;
	return (double)step_values(s, probe)[i];
}

/* Figures are kept as float and written with six digits; equality means those. */
static bool compare(enum condition_op op, double a, double b)
{
	bool equal = fabs(a - b) <= 1e-6 * fmax(1, fabs(b));

	if (isnan(a))
		return false;
	switch (op) {
	case OP_LT:
		return a < b;
	case OP_LE:
		return a < b || equal;
	case OP_GT:
		return a > b;
	case OP_GE:
		return a > b || equal;
	case OP_EQ:
		return equal;
	case OP_NE:
		return !equal;
	}
	return false;
}

static void quote(const char *s, size_t n, struct buf *out)
{
	buf_char(out, '"');
	utf8_escape(s, n, out);
	buf_char(out, '"');
}

static bool same_token(const struct condition *c, const struct timeline *steps, struct source *pieces, int pos,
    struct buf *found)
{
	const struct step *st = timeline_at(steps, pos);
	size_t n = 0;
	const char *s = st && st->token >= 0 ? source_piece(pieces, st->token, &n) : NULL;

	if (!s)
		buf_str(found, "no token");
	else
		quote(s, n, found);
	return s && (n == c->n_text && !memcmp(s, c->text, n)) == (c->op == OP_EQ);
}

static bool contains(const char *s, size_t n, const char *what, size_t n_what)
{
	for (size_t i = 0; i + n_what <= n; i++)
		if (!memcmp(s + i, what, n_what))
			return true;
	return false;
}

/* Up to and with the token that the step at `pos` made. */
static bool in_text(const struct condition *c, const struct timeline *steps, struct source *pieces, int pos,
    struct buf *found)
{
	struct buf text = { 0 };
	bool has;

	for (int i = 0; i <= pos + 1 && i < timeline_n_tokens(steps); i++) {
		size_t n = 0;
		const char *s = source_piece(pieces, timeline_token(steps, i), &n);

		if (s)
			buf_add(&text, s, n);
	}
	has = contains(text.data, text.len, c->text, c->n_text);
	if (text.len > 60) {
		buf_str(found, "...");
		quote(text.data + text.len - 60, 60, found);
	} else {
		quote(text.data ? text.data : "", text.len, found);
	}
	buf_free(&text);
	return has == (c->op == OP_EQ);
}

enum condition_needs condition_needs(const struct condition *c)
{
	return c->kind == CONDITION_FIGURE && c->field >= 0 ? condition_fields[c->field].needs : NEEDS_STEP;
}

double condition_of_look(const struct condition *c, const struct look *k)
{
	return look_field_of[c->field - OF_STEP](k);
}

bool condition_compare(const struct condition *c, double v, struct buf *found)
{
	if (isnan(v))
		buf_str(found, "nothing measured");
	else
		buf_printf(found, "%.6g", v);
	return compare(c->op, v, c->value);
}

bool condition_holds(const struct condition *c, const struct timeline *steps, struct source *pieces, int pos,
    struct buf *found)
{
	const struct step *s = timeline_at(steps, pos);
	double v;

	if (c->kind == CONDITION_TOKEN)
		return same_token(c, steps, pieces, pos, found);
	if (c->kind == CONDITION_TEXT)
		return in_text(c, steps, pieces, pos, found);
	v = s ? figure(c, s) : NAN;
	if (isnan(v))
		buf_str(found, s ? "nothing measured" : "no step");
	else
		buf_printf(found, "%.6g", v);
	return s && compare(c->op, v, c->value);
}
