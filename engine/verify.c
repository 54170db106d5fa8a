#include "engine/verify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"
#include "engine/base/pool.h"
#include "engine/dialog.h"
#include "engine/session.h"

struct verify {
	struct session *s;
	const struct model *m;
	const struct session_header *h;
	const struct verify_options *opt;
	const struct step **made;       /* [room]: steps computed and not yet compared */
	int n_made, room;
	const struct swap **swaps;      /* [n_swaps] made so far */
	int n_swaps;
	struct verify_result *out;
	struct err *e;
};

static void collect(void *to, const struct step *s)
{
	struct verify *v = to;

	if (v->n_made == v->room) {
		v->room = v->room ? 2 * v->room : 64;
		v->made = mem_resize(v->made, (size_t)v->room, sizeof *v->made);
	}
	v->made[v->n_made++] = s;
}

static void drop_made(struct verify *v)
{
	for (int i = 0; i < v->n_made; i++)
		step_unref(v->made[i]);
	v->n_made = 0;
}

static bool same_model(struct verify *v)
{
	const struct hparams *a = &v->h->hp, *b = &v->m->hp;

	if (a->n_layers == b->n_layers && a->n_heads == b->n_heads && a->n_kv_heads == b->n_kv_heads &&
	    a->d_model == b->d_model && a->d_head == b->d_head && a->d_ff == b->d_ff && a->n_vocab == b->n_vocab && a->arch == b->arch)
		return true;
	return err_set(v->e, ERR_MISMATCH, "the session was made on %.80s (%d layers of %d, %d tokens), the model is %.80s "
	    "(%d layers of %d, %d tokens)", v->h->model_name, a->n_layers, a->d_model, a->n_vocab, v->m->name, b->n_layers,
	    b->d_model, b->n_vocab);
}

/* The file's chain is one to be shown; this one runs. */
static bool set_chain(struct verify *v, const struct chain *shown)
{
	const struct chain *c = chain_parse_for(chain_text(shown), chain_revision(shown), v->m, v->e);

	if (!c)
		return false;
	session_chain(v->s, c);
	chain_unref(c);
	return true;
}

static bool add_text(struct verify *v, const struct session_entry *en)
{
	int32_t *ids = NULL;
	size_t n = 0;
	bool start = session_len(v->s) == 0;
	bool ok = vocab_encode(v->m->vocab, en->text, en->n_text, start && v->h->add_bos, en->order.special, &ids, &n, v->e) &&
	    session_append(v->s, ids, n, v->e);

	free(ids);
	return ok;
}

/* The matrices of a swap, made once however often it is in a set. */
static const struct swap *made_swap(struct verify *v, const struct swap *asked)
{
	char words[SWAP_TEXT], there[SWAP_TEXT];
	struct swap *s;

	swap_format(asked, words);
	for (int i = 0; i < v->n_swaps; i++)
		if (!strcmp(swap_format(v->swaps[i], there), words))
			return v->swaps[i];
	if (!v->opt->swap) {
		err_set(v->e, ERR_UNSUPPORTED, "the session swaps matrices, which cannot be made here");
		return NULL;
	}
	if (!(s = v->opt->swap(v->m, asked, v->e)))
		return NULL;
	v->swaps = mem_resize(v->swaps, (size_t)v->n_swaps + 1, sizeof *v->swaps);
	return v->swaps[v->n_swaps++] = s;
}

static bool set_edits(struct verify *v, const struct edit_set *recorded)
{
	const struct edit_set *set = edit_set_ref(recorded), *more;
	bool ok = true;

	for (int i = 0; ok && i < edit_set_n(recorded); i++) {
		struct edit ed = *edit_set_at(recorded, i);

		if (!ed.swap || ed.swap->n)
			continue;
		if ((ok = (ed.swap = made_swap(v, ed.swap)) != NULL)) {
			more = edit_set_with(set, &ed, edit_set_revision(recorded));
			edit_set_unref(set);
			set = more;
		}
	}
	if (ok)
		session_edits(v->s, set);
	edit_set_unref(set);
	return ok;
}

/* As live.c obeys it. */
static bool obey(struct verify *v, const struct session_entry *en)
{
	const struct order *o = &en->order;

	switch (o->kind) {
	case ORDER_RESTART:
		session_cut(v->s, 0);
		return add_text(v, en);
	case ORDER_APPEND:
		return add_text(v, en);
	case ORDER_CHAT:
		return dialog_say(v->s, en->text, v->e);
	case ORDER_CUT:
		session_cut(v->s, o->n);
		return true;
	case ORDER_REREAD:
		return session_reread(v->s, o->n, v->e);
	case ORDER_FORCE:
		return session_force(v->s, o->n, v->e);
	case ORDER_EDITS:
		return set_edits(v, o->edits);
	case ORDER_CHAIN:
		return set_chain(v, o->chain);
	case ORDER_SEED:
		session_seed(v->s, o->seed);
		return true;
	case ORDER_RUN:
	case ORDER_PAUSE:
	case ORDER_LOOK:
		break;
	}
	return true;
}

static bool differ(struct verify *v, const struct step *s, const char *field, double recorded, double found)
{
	return err_set(v->e, ERR_MISMATCH, "step %d (position %d): %s: recorded %.9g, found %.9g", s->index, s->pos, field,
	    recorded, found);
}

static bool same(struct verify *v, float recorded, float found)
{
	double a = (double)recorded, b = (double)found;

	v->out->n_figures++;
	if (isnan(recorded) || isnan(found))
		return isnan(recorded);         /* what was not stored cannot be compared */
	if (recorded == found)
		return true;
	return !v->out->bitwise && fabs(a - b) <= VERIFY_TOLERANCE * fmax(1, fabs(a));
}

static bool compare_candidates(struct verify *v, const struct step *r, const struct step *f)
{
	for (int i = 0; i < r->n_top && i < f->n_top; i++) {
		if (v->out->bitwise && r->top[i].id != f->top[i].id)
			return differ(v, r, "a candidate", r->top[i].id, f->top[i].id);
		if (!same(v, r->top[i].p_raw, f->top[i].p_raw))
			return differ(v, r, "raw probability of a candidate", (double)r->top[i].p_raw, (double)f->top[i].p_raw);
		if (v->out->bitwise && !same(v, r->top[i].p_final, f->top[i].p_final))
			return differ(v, r, "final probability of a candidate", (double)r->top[i].p_final,
			    (double)f->top[i].p_final);
	}
	return true;
}

static bool compare(struct verify *v, const struct step *r, const struct step *f)
{
	const struct probe_plan *p = f->plan;

	if (r->pos != f->pos)
		return differ(v, r, "position", r->pos, f->pos);
	if (r->input != f->input)
		return differ(v, r, "input token", r->input, f->input);
	if (r->token >= 0 && r->token != f->token)
		return differ(v, r, "token", r->token, f->token);
	if (r->edits != f->edits)
		return differ(v, r, "revision of the edits", r->edits, f->edits);
	if (!same(v, r->logprob, f->logprob))
		return differ(v, r, "logprob", (double)r->logprob, (double)f->logprob);
	for (int i = 0; i < p->n; i++)
		for (size_t j = 0; j < probe_plan_count(p, i); j++) {
			float a = r->values[p->offset[i] + j], b = f->values[p->offset[i] + j];

			if (!same(v, a, b))
				return differ(v, r, p->probes[i]->name, (double)a, (double)b);
		}
	for (int i = 0; i < r->n_receipts; i++)
		if (i >= f->n_receipts || r->receipts[i].applied != f->receipts[i].applied ||
		    !same(v, r->receipts[i].change, f->receipts[i].change))
			return differ(v, r, "receipt of an edit", (double)r->receipts[i].change,
			    i < f->n_receipts ? (double)f->receipts[i].change : 0);
	for (int i = 0; v->out->bitwise && i < r->n_layers * STEP_NEURONS; i++)
		if (r->neurons[i].index >= 0 && (r->neurons[i].index != f->neurons[i].index ||
		    !same(v, r->neurons[i].activation, f->neurons[i].activation)))
			return differ(v, r, "a neuron's activation", (double)r->neurons[i].activation,
			    (double)f->neurons[i].activation);
	return compare_candidates(v, r, f);
}

static bool check_step(struct verify *v, const struct step *recorded)
{
	bool ok;

	if (v->n_made == 0 && !session_advance(v->s, v->e))
		return err_wrap(v->e, "step %d", recorded->index);
	ok = compare(v, recorded, v->made[0]);
	step_unref(v->made[0]);
	memmove(v->made, v->made + 1, (size_t)--v->n_made * sizeof *v->made);
	v->out->n_steps += ok;
	if (ok && v->opt->progress)
		v->opt->progress(v->opt->to, v->out->n_steps);
	return ok;
}

static bool run(struct verify *v, struct session_file *f)
{
	struct session_entry en;

	for (bool end = false; !end;) {
		bool ok = session_file_next(f, &en, v->e);

		if (!ok)
			return false;
		end = en.kind == ENTRY_END;
		if (en.kind == ENTRY_ORDER)
			ok = obey(v, &en);
		else if (en.kind == ENTRY_STEP)
			ok = check_step(v, en.step);
		int line = en.line;
		session_entry_clear(&en);
		if (!ok)
			return err_wrap(v->e, "line %d", line);
	}
	return true;
}

bool verify_session(struct session_file *f, const struct model *m, const struct probe_plan *plan,
    const struct verify_options *opt, struct verify_result *out, struct err *e)
{
	struct verify v = { .m = m, .h = session_file_header(f), .opt = opt, .out = out, .e = e };
	int cores = pool_cores(), threads = opt->n_threads ? opt->n_threads : v.h->n_threads;
	bool ok = false;

	*out = (struct verify_result){ .bitwise = !strcmp(v.h->build, opt->build) && !strcmp(v.h->kernels, opt->kernels) };
	if (!same_model(&v))
		return false;
	session_file_plan(f, plan);
	session_file_rewind(f);
	v.s = session_new(m, &(struct session_options){ .n_threads = threads < cores ? threads : cores, .n_ctx = v.h->n_ctx,
	    .piece = v.h->piece, .exact = v.h->exact, .probes = true, .prompt_logits = v.h->prompt_logits,
	    .keep_steps = true, .seed = v.h->seed, .plan = plan, .sink = collect, .to = &v }, e);
	if (v.s)
		ok = run(&v, f);
	drop_made(&v);
	free(v.made);
	for (int i = 0; i < v.n_swaps; i++)
		swap_unref(v.swaps[i]);
	free(v.swaps);
	session_free(v.s);
	return ok;
}
