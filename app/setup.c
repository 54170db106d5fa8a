#include "app/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "analysis/swap_make.h"
#include "app/demo.h"
#include "app/out.h"
#include "engine/base/mem.h"
#include "engine/backend.h"
#include "engine/base/pool.h"
#include "engine/chat.h"
#include "engine/warm.h"
#include "views/term.h"

enum { MAX_PROMPT = 64 << 20, LOOK_NS = 5000000 };

bool setup_is_demo(const struct options *o)
{
	return !o->model || !strcmp(o->model, "demo");
}

struct model *setup_model(const struct options *o, struct err *e)
{
	const void *data;
	size_t size;

	if (!setup_is_demo(o))
		return model_open(o->model, o->tokenizer, e);
	if (!demo_bytes(&data, &size, e))
		return NULL;
	return model_open_mem("demo", data, size, e);
}

bool setup_is_gguf(const char *path)
{
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	bool yes = fd >= 0 && read(fd, magic, sizeof magic) == sizeof magic && !memcmp(magic, "GGUF", 4);

	if (fd >= 0)
		close(fd);
	return yes;
}

int setup_threads(const struct options *o)
{
	int cores = pool_cores();

	if (o->threads > cores)
		out_note("%d threads asked for, %d used: more workers than cores only get in each other's way",
		    o->threads, cores);
	return o->threads && o->threads < cores ? o->threads : cores;
}

static bool read_edits(struct setup *s, const struct options *o, struct err *e)
{
	s->edits = edit_set_empty();
	for (int i = 0; i < o->edits.n; i++) {
		const struct edit_set *more;
		struct edit ed;

		if (!edit_parse_in(o->edits.item[i], &s->model->hp, s->model->vocab, &ed, e))
			return err_wrap(e, "edit '%.100s'", o->edits.item[i]);
		ed.number = i + 1;
		more = edit_set_with(s->edits, &ed, (uint32_t)i + 1);
		edit_drop(&ed);
		edit_set_unref(s->edits);
		s->edits = more;
	}
	return true;
}

static bool show_making(void *of, double done)
{
	out_bar(done, "making %s", (const char *)of);
	return !out_interrupted();
}

bool setup_swaps(struct setup *s, struct err *e)
{
	struct pool *pool = NULL;
	char words[SWAP_TEXT];
	bool ok = true;

	for (int i = 0; ok && i < edit_set_n(s->edits); i++) {
		struct edit ed = *edit_set_at(s->edits, i);
		const struct edit_set *more;
		struct swap *made;

		if (!ed.swap || ed.swap->n)
			continue;
		swap_format(ed.swap, words);
		ok = (pool || (pool = pool_new(s->session.n_threads ? s->session.n_threads : pool_cores(), e))) &&
		    (made = swap_make(s->model, ed.swap, &(struct swap_options){ .pool = pool, .go = show_making,
		    .of = words, .stop = out_interrupt_flag() }, e));
		if (!ok)
			break;
		ed.swap = made;
		more = edit_set_with(s->edits, &ed, edit_set_revision(s->edits));
		swap_unref(made);
		edit_set_unref(s->edits);
		s->edits = more;
	}
	if (pool)
		out_progress_end();
	pool_free(pool);
	return ok;
}

/* Weights on their way to a device; what fits in a moment needs no word. */
static void tell_upload(void *of, double done)
{
	(void)of;
	if (done < 1)
		out_progress("copying the weights to the device: %.0f %%", floor(100 * done));
	else
		out_progress_end();
}

bool setup_open(struct setup *s, const struct options *o, struct err *e)
{
	*s = (struct setup){.model = NULL};
	/* Before a file is looked at: what is not there will not come. */
	if (o->backend == CHOOSE_CUDA && !backend_available(BACKEND_cuda, e))
		return err_wrap(e, "--backend cuda");
	if (!(s->model = setup_model(o, e)))
		return false;
	if (!(s->chain = chain_parse_for(o->sampler ? o->sampler : SAMPLER_DEFAULT, 0, s->model, e)))
		return err_wrap(e, "--sampler");
	if (!read_edits(s, o, e))
		return false;
	s->plan = lens_plan(&s->model->hp);
	s->session = (struct session_options){
		.n_threads = setup_threads(o), .n_ctx = o->context, .exact = o->exact,
		.probes = true, .seed = o->seed, .plan = s->plan, .progress = tell_upload, .gpu_layers = o->gpu_layers,
		.backend = o->backend == CHOOSE_AUTO ? BACKEND_AUTO : o->backend == CHOOSE_CPU ? BACKEND_cpu : BACKEND_cuda,
	};
	return true;
}

void setup_gather(struct setup *s)
{
	s->inputs = calibration_new(s->model);
	s->session.onlooker = calibration_onlooker(s->inputs, NULL);
	calibration_gather(s->inputs, true);
}

void setup_close(struct setup *s)
{
	free(s->tokens);
	buf_free(&s->prompt);
	probe_plan_free(s->plan);
	edit_set_unref(s->edits);
	chain_unref(s->chain);
	calibration_free(s->inputs);
	model_close(s->model);
	*s = (struct setup){.model = NULL};
}

static bool read_all(struct buf *out, int fd, const char *name, struct err *e)
{
	if (!buf_read_fd(out, fd, MAX_PROMPT, e))
		return err_wrap(e, "reading the prompt from %s", name);
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = 0;
	return true;
}

bool setup_text(struct buf *out, const struct options *o, struct err *e)
{
	int fd;
	bool ok;

	buf_str(out, o->prompt ? o->prompt : "");
	if (o->prompt || (!o->prompt_file && isatty(STDIN_FILENO)))
		return true;
	if (!o->prompt_file)
		return read_all(out, STDIN_FILENO, "standard input", e);
	if ((fd = open(o->prompt_file, O_RDONLY | O_CLOEXEC)) < 0)
		return err_set(e, ERR_FILE, "%.200s: %s", o->prompt_file, strerror(errno));
	ok = read_all(out, fd, o->prompt_file, e);
	close(fd);
	return ok;
}

void setup_warm(const struct setup *s)
{
	struct warm *w = warm_start(s->model);
	struct warm_state now;

	while ((now = warm_now(w)).works && !out_interrupted()) {
		nanosleep(&(struct timespec){ .tv_nsec = LOOK_NS }, NULL);
		out_bar((double)now.done / (double)now.of, "loading: %.1f of %.1f GB", (double)now.done / 1e9,
		    (double)now.of / 1e9);
	}
	out_progress_end();
	warm_free(w);
}

/* A text has to begin with something. */
static bool begin_with_bos(struct setup *s, const struct options *o, struct err *e)
{
	int bos = vocab_bos(s->model->vocab);

	if (o->no_bos || bos < 0)
		return err_set(e, ERR_USAGE, "the prompt is empty and %s, so there is nothing to read",
		    o->no_bos ? "--no-bos takes the beginning-of-text token away"
			      : "this model has no beginning-of-text token");
	free(s->tokens);
	s->tokens = mem_dup(&(int32_t){bos}, sizeof *s->tokens);
	s->n_tokens = 1;
	return true;
}

bool setup_chat(const struct setup *s, const struct options *o, struct err *e)
{
	return !o->chat || chat_of_model(s->model, e) || err_wrap(e, "--chat");
}

/* The prompt as what the user says, up to where the assistant begins to speak. */
static bool encode_turn(struct setup *s, struct err *e)
{
	const struct model *m = s->model;
	const struct chat_turn turn = {.role = CHAT_USER, .text = s->prompt.data};
	const struct chat *chat = chat_of_model(m, e);

	return chat && chat_encode(chat, m->vocab, &turn, 1, true, &s->tokens, &s->n_tokens, e);
}

static bool encode_text(struct setup *s, const struct options *o, struct err *e)
{
	const struct vocab *v = s->model->vocab;

	return vocab_encode(v, s->prompt.data, s->prompt.len, vocab_add_bos(v) && !o->no_bos, true, &s->tokens,
	    &s->n_tokens, e);
}

bool setup_prompt(struct setup *s, const struct options *o, struct err *e)
{
	if (!setup_text(&s->prompt, o, e))
		return false;
	if (o->chat ? !encode_turn(s, e) : !encode_text(s, o, e))
		return err_wrap(e, o->chat ? "--chat" : "the prompt");
	return s->n_tokens || begin_with_bos(s, o, e);
}

int setup_color(const struct options *o)
{
	const char *no_color = getenv("NO_COLOR");

	if (o->no_color)
		return WISH_NONE;
	return o->color == WISH_AUTO && no_color && *no_color ? WISH_NONE : o->color;
}
