/*
 * meter -- the interactive screen on a model; without a terminal, what `run' does.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/demo.h"
#include "app/options.h"
#include "app/recording.h"
#include "app/screen.h"
#include "app/setup.h"
#include "app/tee.h"
#include "engine/live.h"

/* A prompt that came through standard input leaves the keys to the terminal. */
static bool take_keys(struct err *e)
{
	int fd;

	if (isatty(STDIN_FILENO))
		return true;
	if ((fd = open("/dev/tty", O_RDWR)) < 0 || dup2(fd, STDIN_FILENO) < 0)
		return err_set(e, ERR_USAGE, "there is no terminal to read keys from; see clampmeter run");
	close(fd);
	return true;
}

static bool watch(const struct setup *s, struct source *source, const struct options *o, struct err *e)
{
	bool demo = setup_is_demo(o);
	struct screen_options screen = {
		.source = source, .model = s->model, .inputs = s->inputs, .n_threads = s->session.n_threads, .exact = s->session.exact,
		.prompt = s->prompt.len ? s->prompt.data : demo && !o->chat ? DEMO_PROMPT : NULL, .chat = o->chat,
		.n_tokens = options_given(o, OPT_n_tokens) ? o->n_tokens : 0,
		.chain = o->sampler, .edits = o->edits.item, .n_edits = o->edits.n, .seed = o->seed, .pace = o->pace ? o->pace : demo ? DEMO_PACE : 0,
		.color = setup_color(o), .ascii = o->ascii, .no_mouse = o->no_mouse,
		.theme = o->theme, .script = o->script,
	};

	return screen_run(&screen, e);
}

bool job_meter(const struct options *o, struct err *e)
{
	struct source *source = NULL;
	struct setup s;
	bool ok;

	if (!isatty(STDOUT_FILENO))
		return job_run(o, e);
	ok = setup_open(&s, o, e) && setup_chat(&s, o, e) && setup_text(&s.prompt, o, e) && take_keys(e);
	if (ok) {
		s.session.keep_steps = true;
		/* A person watching wants to see what the prompt did to the model, too. */
		s.session.prompt_logits = true;
		setup_gather(&s);
		source = live_open(s.model, &s.session, vocab_add_bos(s.model->vocab) && !o->no_bos, e);
	}
	if (source && o->trace)
		source = tee_open(source, o->trace, e);
	if (source)
		source = recording_open(source, &s, o, e);
	ok = source && watch(&s, source, o, e);
	source_close(source);
	setup_close(&s);
	return ok;
}
