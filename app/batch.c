#include "app/batch.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <string.h>

#include "app/app.h"
#include "app/command.h"
#include "app/editing.h"
#include "app/out.h"
#include "app/recording.h"
#include "app/script.h"
#include "app/setup.h"
#include "app/tee.h"
#include "engine/base/utf8.h"
#include "engine/live.h"

enum { LOOK_UP_MS = 100 };      /* between two looks at ^C */

static struct source *open_source(struct setup *s, const struct options *o, struct err *e)
{
	struct options recorded = *o;
	struct source *source;

	s->session.keep_steps = true;
	s->session.prompt_logits = o->trace != NULL;
	setup_gather(s);
	source = live_open(s->model, &s->session, vocab_add_bos(s->model->vocab) && !o->no_bos, e);
	if (source && o->trace)
		source = tee_open(source, o->trace, e);
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
	struct pollfd p[2] = { { source_fd(a->source), POLLIN, 0 }, { lab_fd(a->lab), POLLIN, 0 } };
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
		poll(p, 2, LOOK_UP_MS);
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

/* The line of tokens that is there now, without the one that only begins it. */
static bool write_text(struct app *a, const struct vocab *v, struct err *e)
{
	struct buf text = { 0 }, shown = { 0 };
	struct utf8_joiner j = { .n_held = 0 };
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
	ok = out_write(shown.data, shown.len, e);
	buf_free(&shown);
	buf_free(&text);
	return ok;
}

bool batch_script(const struct options *o, struct err *e)
{
	struct source *source = NULL;
	struct app *a = NULL;
	struct setup s;
	bool ok;

	out_catch_interrupt();
	ok = setup_open(&s, o, e) && setup_chat(&s, o, e) &&
	    (!(o->prompt || o->prompt_file) || setup_text(&s.prompt, o, e)) &&
	    (source = open_source(&s, o, e));
	if (ok) {
		a = app_new(&(struct app_options){ .source = source, .model = s.model, .inputs = s.inputs,
		    .n_threads = s.session.n_threads, .exact = s.session.exact, .chat = o->chat, .warm = true });
		a->hurry = true;
		ok = begin(a, &s, o, e) && go(a, o, e);
	}
	out_progress_end();
	if (ok && timeline_n_tokens(a->steps))
		ok = write_text(a, s.model->vocab, e);
	app_free(a);
	source_close(source);
	setup_close(&s);
	return ok;
}
