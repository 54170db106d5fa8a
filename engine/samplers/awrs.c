/*
 * awrs: the generated text has to match a regular expression.  A token is drawn
 * from the candidates restricted to those that keep the text a beginning of some
 * match, tested one by one in random order instead of all (adaptive weighted
 * rejection sampling, Lipkin et al. 2025).  The running log-weight estimates how
 * likely the model finds the constraint: the sum over the steps of the log of the
 * probability that is allowed, without bias before the log.
 *
 * The text begins where this chain begins to run, most often with the space that a
 * first word brings.  A token that ends generation is allowed when the text matches
 * as a whole; when nothing is allowed the candidates stay as they are and the weight
 * is -inf from there on.  Matching is by PCRE2, byte by byte ((*UTF) at its start
 * makes the expression one over characters), anchored at both ends; a partial match
 * that reaches the end of the text counts as a beginning.
 *
 * State    log-weight, length of the text when the chain began
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <math.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buf.h"
#include "engine/base/mem.h"
#include "engine/candidates.h"
#include "engine/samplers/awrs_draw.h"
#include "engine/step.h"
#include "engine/vocab.h"

enum {
	MAX_PATTERN = 4096,
	MATCH_LIMIT = 100000,   /* an expression that backtracks without end rejects ... */
	HEAP_LIMIT_KIB = 20000,
	MAX_OVERRUNS = 16,      /* ... and after so many candidates of a step, all the others */
};

enum { WEIGHT, BEGAN };         /* state */
enum { TOTAL, STEP_WEIGHT, TESTS };     /* shown */

/* What the chain holds: read-only. */
struct constraint {
	pcre2_code *code;
	pcre2_match_context *limits;
};

/* What the sampler holds: scratch of the thread that runs it. */
struct matching {
	const struct constraint *by;
	const struct sampler_context *cx;
	const struct candidates *c;
	pcre2_match_data *match;
	struct buf text;        /* generated so far, then a candidate's bytes */
	size_t n_text;
	uint64_t n_drawn;
	int n_overruns;
	bool complete;          /* the text so far matches as a whole */
	float *p;               /* for struct awrs */
	double *block;
	size_t room;            /* candidates that p and block have room for */
};

static void release(void *data)
{
	struct constraint *k = data;

	pcre2_match_context_free(k->limits);
	pcre2_code_free(k->code);
	free(k);
}

static void *matching_new(void)
{
	struct matching *m = mem_zalloc(sizeof *m);

	m->match = pcre2_match_data_create(1, NULL);
	return m;
}

static void matching_free(void *of)
{
	struct matching *m = of;

	pcre2_match_data_free(m->match);
	buf_free(&m->text);
	free(m->p);
	free(m->block);
	free(m);
}

static pcre2_code *compile(const char *text, size_t n, struct err *e)
{
	PCRE2_UCHAR why[120];
	PCRE2_SIZE at;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, n, PCRE2_ANCHORED | PCRE2_NEVER_BACKSLASH_C, &error, &at,
	    NULL);

	if (!code) {
		pcre2_get_error_message(error, why, sizeof why);
		err_set(e, ERR_USAGE, "%s at byte %zu of \"%.100s\"", (const char *)why, (size_t)at, text);
	}
	return code;
}

/* Length of what has to stay in front: (*UTF) and its like. */
static size_t verbs(const char *text)
{
	size_t n = 0;

	while (!strncmp(text + n, "(*", 2)) {
		size_t more = 2 + strspn(text + n + 2, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_=0123456789");

		if (text[n + more] != ')')
			break;
		n += more + 1;
	}
	return n;
}

/* The expression with the end of the text behind it: PCRE2 has no partial matches with
 * its own anchor there.  A line break ends a comment that would hide what follows. */
static pcre2_code *compile_whole(const char *text, struct err *e)
{
	pcre2_code *alone = compile(text, strlen(text), e), *code = NULL;
	size_t first = verbs(text);
	struct err open_comment = { 0 };

	for (int i = 0; alone && !code && i < 2; i++) {
		struct buf b = { 0 };

		buf_printf(&b, "%.*s(?:%s%s)\\z", (int)first, text, text + first, i ? "\n" : "");
		code = compile(b.data, b.len, i ? e : &open_comment);
		buf_free(&b);
	}
	pcre2_code_free(alone);
	return code;
}

static bool constrain(struct constraint *k, const char *text, struct err *e)
{
	if (strlen(text) > MAX_PATTERN)
		return err_set(e, ERR_USAGE, "the expression has %zu bytes, at most %d are taken", strlen(text),
		    MAX_PATTERN);
	if (!(k->code = compile_whole(text, e)))
		return false;
	/* Without a compiler for this machine it is interpreted: slower, the same answers. */
	pcre2_jit_compile(k->code, PCRE2_JIT_PARTIAL_SOFT);
	if (!(k->limits = pcre2_match_context_create(NULL)))
		return err_set(e, ERR_RUN, "no memory for a regular expression");
	pcre2_set_match_limit(k->limits, MATCH_LIMIT);
	pcre2_set_heap_limit(k->limits, HEAP_LIMIT_KIB);
	return true;
}

static void *prepare(const char *text, const double *params, const struct model *m, struct err *e)
{
	struct constraint *k = mem_zalloc(sizeof *k);

	(void)params, (void)m;
	if (constrain(k, text, e))
		return k;
	release(k);
	return NULL;
}

/* Is m->text the beginning of a match, or (*whole) a match? */
static bool matches(struct matching *m, bool *whole)
{
	PCRE2_SPTR s = (PCRE2_SPTR)(m->text.data ? m->text.data : "");
	int r = pcre2_match(m->by->code, s, m->text.len, 0, PCRE2_PARTIAL_SOFT, m->match, m->by->limits);

	/* The compiled form has a small stack, the interpreter the heap up to its limit. */
	if (r == PCRE2_ERROR_JIT_STACKLIMIT)
		r = pcre2_match(m->by->code, s, m->text.len, 0, PCRE2_PARTIAL_SOFT | PCRE2_NO_JIT, m->match,
		    m->by->limits);
	m->n_overruns += r == PCRE2_ERROR_MATCHLIMIT || r == PCRE2_ERROR_DEPTHLIMIT || r == PCRE2_ERROR_HEAPLIMIT;
	*whole = r >= 0;
	return r >= 0 || r == PCRE2_ERROR_PARTIAL;
}

static const char *printed(const struct vocab *v, int32_t id, size_t *n)
{
	*n = 0;
	if (!v || id >= vocab_size(v) || vocab_kind(v, id) == TOKEN_CONTROL || vocab_kind(v, id) == TOKEN_UNKNOWN)
		return NULL;
	return vocab_bytes(v, id, n);
}

static bool accept(void *of, size_t i)
{
	struct matching *m = of;
	const struct vocab *v = m->cx->vocab;
	int32_t id = m->c->c[i].id;
	size_t n;
	const char *s;
	bool whole, yes;

	if (v && vocab_is_end(v, id))
		return m->complete;
	s = printed(v, id, &n);
	if (!n || m->n_overruns > MAX_OVERRUNS)
		return false;
	buf_add(&m->text, s, n);
	yes = matches(m, &whole);
	m->text.data[m->text.len = m->n_text] = '\0';
	return yes;
}

static double uniform(void *of)
{
	struct matching *m = of;

	return stage_uniform(m->cx, m->n_drawn++);
}

/* The text from token `from` on.  False when it cannot match any more. */
static bool read_text(struct matching *m, size_t from)
{
	m->n_drawn = 0;
	m->n_overruns = 0;
	buf_clear(&m->text);
	for (size_t i = from; i < m->cx->n_tokens; i++) {
		size_t n;
		const char *s = printed(m->cx->vocab, m->cx->tokens[i], &n);

		buf_add(&m->text, s ? s : "", n);
	}
	m->n_text = m->text.len;
	/* Of nothing PCRE2 finds no beginning, though everything begins there. */
	return matches(m, &m->complete) || m->n_text == 0;
}

/* The probabilities of the candidates.  Returns the largest. */
static double read_candidates(struct matching *m)
{
	double lse = candidates_lse(m->c, NULL), most = 0, p[CANDIDATES_BLOCK];

	if (m->room < m->c->n) {
		m->room = m->c->n;
		m->p = mem_resize(m->p, m->room, sizeof *m->p);
		m->block = mem_resize(m->block, awrs_blocks(m->room), sizeof *m->block);
	}
	for (size_t i = 0, n; i < m->c->n; i += n) {
		n = m->c->n - i < CANDIDATES_BLOCK ? m->c->n - i : CANDIDATES_BLOCK;
		candidates_p(m->c, i, n, lse, p);
		for (size_t j = 0; j < n; j++) {
			m->p[i + j] = (float)p[j];
			most = p[j] > most ? p[j] : most;
		}
	}
	return most;
}

/* ln of the weight of this step; `c` becomes the token drawn, where there is one. */
static double draw(struct matching *m, struct candidates *c, int accepts, size_t *n_tests)
{
	double most = read_candidates(m);
	struct awrs a = { .p = m->p, .block = m->block, .n = c->n, .accept = accept, .uniform = uniform, .of = m };
	long i = accepts > 2 || most >= 2.0 / 3 ? awrs_geometric(&a, accepts) : awrs_recursive(&a);

	if (i != AWRS_NONE)
		candidates_only(c, (size_t)i);
	*n_tests = a.n_tests;
	return a.log_weight;
}

static void apply(struct candidates *c, const double *params, const struct sampler_context *cx)
{
	if (!cx->at)
		return;
	struct matching *m = stage_object(cx, matching_new, matching_free);
	const float *before = cx->at->before;
	struct step_stage *out = cx->at->out;
	double so_far = before ? (double)before[WEIGHT] : 0, weight = -INFINITY;
	size_t from = before ? (size_t)before[BEGAN] : cx->n_tokens, n_tests = 0;

	m->by = cx->at->data;
	m->cx = cx;
	m->c = c;
	/* A weight that is gone stays gone, and nothing is tested for it. */
	if (isfinite(so_far) && read_text(m, from))
		weight = draw(m, c, (int)params[0], &n_tests);
	out->state[WEIGHT] = (float)(so_far + weight);
	out->state[BEGAN] = (float)from;
	out->shown[TOTAL] = out->state[WEIGHT];
	out->shown[STEP_WEIGHT] = (float)weight;
	out->shown[TESTS] = (float)n_tests;
}

/* A token given by hand was not this stage's choice: its weight does not count. */
static void chosen(int32_t token, const double *params, const struct sampler_context *cx)
{
	struct step_stage *out = cx->at->out;

	(void)params;
	if (out->best != token && isfinite(out->shown[STEP_WEIGHT]))
		out->state[WEIGHT] = out->shown[TOTAL] = cx->at->before ? cx->at->before[WEIGHT] : 0;
}

extern const struct sampler_def sampler_awrs;
const struct sampler_def sampler_awrs = {
	.name = "awrs",
	.doc = "draw only tokens with which the generated text can still match the regular expression as a whole, as in "
	       "awrs \" ?(yes|no)\" (a first word usually brings its space); the running log-weight says how unlikely "
	       "the model finds that",
	.source = "Lipkin et al. 2025, arXiv:2504.05410",
	.text = "regex",
	.n_params = 1, .n_required = 0, .params = { { "accepts", 2, 64, 2 } },
	.shows = { "log-weight", "of this step", "tests" },
	.apply = apply, .chosen = chosen, .prepare = prepare, .release = release,
};
