#include "app/batch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#include "analysis/account.h"
#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/out.h"
#include "app/pairing.h"
#include "app/quantlab.h"
#include "app/recording.h"
#include "app/script.h"
#include "app/setup.h"
#include "app/tee.h"
#include "engine/base/utf8.h"
#include "engine/live.h"

enum { LOOK_UP_MS = 100 };      /* between two looks at ^C */

/* *trace: where --trace writes, as a source; NULL without. */
static struct source *open_source(struct setup *s, const struct options *o, struct source **trace, struct err *e)
{
	struct options recorded = *o;
	struct source *source;

	s->session.keep_steps = true;
	s->session.prompt_logits = o->trace != NULL;
	setup_gather(s);
	source = live_open(s->model, &s->session, vocab_add_bos(s->model->vocab) && !o->no_bos, e);
	if (source && o->trace)
		source = *trace = tee_open(source, o->trace, e);
	recorded.no_record = !o->record;        /* only the meter records unasked */
	return source ? recording_open(source, s, &recorded, e) : NULL;
}

/* What the command line asked for, before the first line of the script. */
static bool begin(struct app *a, const struct setup *s, const struct options *o, struct err *e)
{
	struct args args = { .n = 1 };

	if (!app_set_chain(a, o->sampler ? o->sampler : SAMPLER_DEFAULT, e) ||
	    !app_order(a, &(struct order){ .kind = ORDER_SEED, .seed = o->seed }, e))
		return false;
	a->seed = o->seed;
	for (int i = 0; i < o->edits.n; i++) {
		args.text[0] = o->edits.item[i];
		if (!cmd_clamp(a, &args, e))
			return false;
	}
	if (!s->prompt.len)
		return true;
	a->text_waits = true;
	return app_order(a, &(struct order){ .kind = o->chat ? ORDER_CHAT : ORDER_RESTART, .text = s->prompt.data,
	    .special = true }, e);
}

static void take_news(struct app *a)
{
	struct pollfd p[] = { { source_fd(a->source), POLLIN, 0 }, { lab_fd(a->lab), POLLIN, 0 },
		{ quantlab_fd(a->quant), POLLIN, 0 }, { pairing_fd(a->pair), POLLIN, 0 } };
	struct news *n;

	while ((n = source_take(a->source)))
		app_news(a, n);
	app_lab(a);
	neuronpane_take(a);
	app_tick(a);
	if (a->work.shown && !isnan(a->work.done))
		out_bar(a->work.done, "%s", a->work.words);
	else
		out_progress_end();
	if (a->script && !a->quit)
		poll(p, sizeof p / sizeof *p, LOOK_UP_MS);
}

static bool go(struct app *a, const struct options *o, struct err *e)
{
	if (!script_start(a, o->script, e))
		return false;
	while (a->script && !a->quit && !out_interrupted())
		take_news(a);
	if (out_interrupted())
		return err_set(e, ERR_INTERRUPTED, "%s", "");
	if (!script_error(a)->code)
		return true;
	*e = *script_error(a);
	return false;
}

/* Answers go where a script that runs this one can read them, not into the text. */
static void tell(const char *place, const char *what, const char *text)
{
	out_note("%s%s%s: %s", place, *place ? ": " : "", what, text);
}

/* What the edits did along the line, as their pane shows it. */
static void json_edits(const struct app *a, struct buf *b)
{
	const struct edit_set *set = app_edits(a);
	char text[256];

	for (int i = 0; i < edit_set_n(set); i++) {
		const struct edit *ed = edit_set_at(set, i);
		struct account sum = account_of(a->steps, ed->number, timeline_n(a->steps) - 1);

		buf_printf(b, "%s{\"number\": %d, \"edit\": ", i ? ", " : "", ed->number);
		edit_format(ed, text, sizeof text);
		buf_json(b, text, strlen(text));
		buf_printf(b, ", \"on\": %s, ", ed->on ? "true" : "false");
		account_json(&sum, b);
		buf_char(b, '}');
	}
}

static bool write_json(const struct app *a, const struct model *m, const struct buf *text, struct err *e)
{
	struct buf b = { 0 };
	bool ok;

	buf_str(&b, "{\"model\": ");
	buf_json(&b, m->name, strlen(m->name));
	buf_str(&b, ", \"sampler\": ");
	buf_json(&b, chain_text(a->chain), strlen(chain_text(a->chain)));
	buf_printf(&b, ", \"seed\": %llu, \"edits\": [", (unsigned long long)a->seed);
	json_edits(a, &b);
	buf_str(&b, "], \"text\": ");
	buf_json(&b, text->data ? text->data : "", text->len);
	buf_str(&b, ", \"tokens\": [");
	for (int i = 0; i < timeline_n_tokens(a->steps); i++)
		buf_printf(&b, "%s%d", i ? ", " : "", timeline_token(a->steps, i));
	buf_printf(&b, "], \"answers\": [%s]}\n", a->answers.data ? a->answers.data : "");
	ok = out_write(b.data, b.len, e);
	buf_free(&b);
	return ok;
}

/* The line of tokens that is there now, without the one that only begins it. */
static bool write_text(struct app *a, const struct model *m, bool json, struct err *e)
{
	struct buf text = { 0 }, shown = { 0 };
	struct utf8_joiner j = { .n_held = 0 };
	const struct vocab *v = m->vocab;
	bool ok;

	for (int i = 0; i < timeline_n_tokens(a->steps); i++) {
		int32_t id = timeline_token(a->steps, i);
		size_t n;
		const char *s = id < 0 ? NULL : vocab_bytes(v, id, &n);

		if (s && vocab_kind(v, id) != TOKEN_CONTROL)
			utf8_join(&j, s, n, &text);
	}
	utf8_flush(&j, &text);
	out_text(&shown, text.data ? text.data : "", text.len);
	buf_char(&shown, '\n');
	ok = json ? write_json(a, m, &text, e) : out_write(shown.data, shown.len, e);
	buf_free(&shown);
	buf_free(&text);
	return ok;
}

static void tell_idle(const struct app *a)
{
	char text[256];

	for (int i = 0; i < edit_set_n(app_edits(a)); i++) {
		const struct edit *ed = edit_set_at(app_edits(a), i);
		struct account sum = account_of(a->steps, ed->number, timeline_n(a->steps) - 1);

		if (ed->on && sum.asked && !sum.applied)
			out_note("edit '%s' was applied 0 times", edit_format(ed, text, sizeof text));
	}
}

bool batch_script(const struct options *o, struct err *e)
{
	struct source *source = NULL, *trace = NULL;
	struct app *a = NULL;
	struct setup s;
	bool ok;

	out_catch_interrupt();
	ok = setup_open(&s, o, e) && setup_chat(&s, o, e) &&
	    (!(o->prompt || o->prompt_file) || setup_text(&s.prompt, o, e)) &&
	    (source = open_source(&s, o, &trace, e));
	if (ok) {
		a = app_new(&(struct app_options){ .source = source, .model = s.model, .inputs = s.inputs,
		    .n_threads = s.session.n_threads, .exact = s.session.exact, .chat = o->chat, .warm = true });
		a->hurry = true;
		a->tell = tell;
		ok = begin(a, &s, o, e) && go(a, o, e);
	}
	out_progress_end();
	if (ok && (o->json || timeline_n_tokens(a->steps)))
		ok = write_text(a, s.model, o->json, e);
	if (ok)
		tell_idle(a);
	/* The run went on without it, but a trace was asked for. */
	ok = ok && (!trace || tee_whole(trace, e));
	app_free(a);
	source_close(source);
	setup_close(&s);
	return ok;
}
