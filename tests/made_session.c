#include "tests/made_session.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "app/editing.h"
#include "app/script.h"
#include "engine/live.h"
#include "engine/matmul.h"
#include "engine/record.h"
#include "tests/fake_source.h"
#include "tests/test.h"

const char made_script[] =
    "say <b>watch</b> & \"wait\"\n"
    "seed 5\n"
    "prompt a b\n"
    "run 6\n"
    "expect entropy >= 0\n"
    "clamp L1.mlp[7] = 2\n"
    "clamp L0.H1 * 0\n"
    "pause 2\n"
    "ask what comes?\n"
    "until entropy > 0\n"
    "sampler top-k 5 | temp 1.2\n"
    "run 4\n"
    "patch L0.mlp_out from 2\n"
    "run 2\n"
    "clamp L1.mlp[3] + 1 in prompt\n"
    "run 2\n"
    "toggle-edit 2\n"
    "cursor 6\n"
    "pick 2\n"
    "run 3\n"
    "cursor 8\n"
    "force abc\n"
    "run 3\n"
    "drop 1\n"
    "token 300\n"
    "run 2\n"
    "show heads\n";

static struct session_header header_of(const struct source *s, const char *arch, bool add_bos)
{
	struct session_header h = { .build = "test", .n_threads = s->info.n_threads, .piece = LIVE_PIECE,
		.n_ctx = s->info.n_ctx, .add_bos = add_bos, .hp = s->info.hp };

	snprintf(h.model_name, sizeof h.model_name, "%s", s->info.model_name);
	snprintf(h.file, sizeof h.file, "%s", s->info.file ? s->info.file : "");
	snprintf(h.arch, sizeof h.arch, "%s", arch);
	snprintf(h.kernels, sizeof h.kernels, "%s", matmul_kernels());
	return h;
}

void made_open_on(struct made *m, const struct tiny_spec *spec, int threads)
{
	struct err e = { 0 };
	struct source *s;
	bool bos;

	*m = (struct made){ .session = tiny_temp_file("", 0, ".jsonl") };
	CHECK(tiny_open(&m->tiny, spec, &e));
	bos = vocab_add_bos(m->tiny.model->vocab);
	m->plan = lens_plan(&m->tiny.model->hp);
	s = live_open(m->tiny.model, &(struct session_options){ .n_threads = threads, .probes = true, .plan = m->plan },
	    bos, &e);
	CHECK(s != NULL);
	struct session_header h = header_of(s, spec->arch, bos);

	s = record_open(s, m->session, &h, m->tiny.model, &e);
	CHECK(s != NULL);
	m->app = app_new(&(struct app_options){ .source = s });
	m->app->hurry = true;
	CHECK(app_set_chain(m->app, SAMPLER_DEFAULT, &e));
}

void made_open(struct made *m, int threads)
{
	struct tiny_spec spec = tiny_spec("llama", DTYPE_F32);

	made_open_on(m, &spec, threads);
}

bool made_run(struct made *m, const char *script, struct err *e)
{
	char *path = tiny_temp_file(script, strlen(script), ".cm");
	struct app *a = m->app;
	struct pollfd p = { .fd = source_fd(a->source), .events = POLLIN };
	bool ok = script_start(a, path, e);

	while (ok && a->script && !a->quit) {
		struct news *n = source_take(a->source);

		if (n)
			app_news(a, n);
		else
			CHECK(poll(&p, 1, 10000) > 0);
		app_tick(a);
	}
	if (ok && script_error(a)->code) {
		*e = *script_error(a);
		ok = false;
	}
	unlink(path);
	free(path);
	return ok;
}

void made_stop(struct made *m)
{
	struct source *s = m->app ? m->app->source : NULL;

	app_free(m->app);
	source_close(s);
	m->app = NULL;
}

void made_close(struct made *m)
{
	made_stop(m);
	probe_plan_free(m->plan);
	tiny_close(&m->tiny);
	unlink(m->session);
	free(m->session);
}

char *made_wild_session(void)
{
	char *path = tiny_temp_file("", 0, ".jsonl");
	struct source *s = fake_open(&(struct fake_options){ .wild = true });
	struct err e = { 0 };
	struct session_header h = header_of(s, "llama", false);
	struct news *n;

	snprintf(h.model_name, sizeof h.model_name, "</title><script>alert(1)</script>");
	s = record_open(s, path, &h, NULL, &e);
	CHECK(s != NULL);
	record_command(s, "say \033]0;x\a<img src=x onerror=alert(2)>");
	record_say(s, "\033[2J</script><b>");
	CHECK(source_send(s, &(struct order){ .kind = ORDER_RESTART, .text = "<i>=1+1" }, &e));
	CHECK(source_send(s, &(struct order){ .kind = ORDER_RUN, .n = 30 }, &e));
	while ((n = source_take(s)))
		news_free(n);
	source_close(s);
	return path;
}

struct buf made_slurp(const char *path)
{
	struct buf b = { 0 };
	struct err e;
	int fd = open(path, O_RDONLY);

	CHECK(fd >= 0 && buf_read_fd(&b, fd, 1 << 28, &e));
	close(fd);
	buf_add(&b, "", 0);
	return b;
}
