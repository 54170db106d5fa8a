/*
 * replay -- a recorded session: seen again on the screen, run again and compared,
 * or written as another kind of file.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "analysis/swap_make.h"
#include "app/export.h"
#include "app/manual.h"
#include "app/options.h"
#include "app/out.h"
#include "app/report.h"
#include "app/screen.h"
#include "app/setup.h"
#include "engine/fingerprint.h"
#include "engine/matmul.h"
#include "engine/replay.h"
#include "engine/verify.h"
#include "views/theme.h"

static void progress(void *to, int n_steps)
{
	const struct export *x = to;

	out_bar((double)n_steps / (x->n_steps ? x->n_steps : 1), "running again: step %d of %d", n_steps, x->n_steps);
}

/* The model of the session, or the one that -m names in its place. */
static struct model *open_model(const struct export *x, const struct options *o, struct err *e)
{
	struct options asked = *o;
	struct model *m;

	asked.model = o->model ? o->model : x->header->file;
	m = setup_model(&asked, e);
	if (!m && !o->model)
		err_wrap(e, "the session's model (-m names another place)");
	return m;
}

static bool same_fingerprint(const struct export *x, const struct model *m, struct err *e)
{
	char found[FINGERPRINT_TEXT];

	if (!*x->header->fingerprint) {
		out_note("the recording ended before the fingerprint of its model was known; only its shape is compared");
		return true;
	}
	if (!model_fingerprint(m, out_hashing, NULL, found))
		return err_set(e, ERR_INTERRUPTED, "interrupted while the model was read");
	out_progress_end();
	if (!strcmp(found, x->header->fingerprint))
		return true;
	return err_set(e, ERR_MISMATCH, "another model: recorded on %.80s with fingerprint %.24s..., %.80s has %.24s...",
	    x->header->model_name, x->header->fingerprint, m->name, found);
}

static bool tell_verified(const struct export *x, const struct verify_result *v, bool json, struct err *e)
{
	struct report r;
	bool ok;

	report_start(&r, json);
	report_str(&r, "session", x->header->model_name);
	report_int(&r, "steps", v->n_steps, "");
	report_int(&r, "figures", v->n_figures, "");
	report_str(&r, "compared", v->bitwise ? "bit for bit" : "within a tolerance");
	if (!v->bitwise) {
		report_num(&r, "tolerance", VERIFY_TOLERANCE, 4, "");
		report_str(&r, "recorded_by", x->header->build);
		report_str(&r, "recorded_kernels", x->header->kernels);
		report_str(&r, "this_program", manual_build());
		report_str(&r, "these_kernels", matmul_kernels());
	}
	report_bool(&r, "equal", true);
	ok = report_write(&r, e);
	report_free(&r);
	return ok;
}

static struct swap *make_swap(const struct model *m, const struct swap *asked, struct err *e)
{
	return swap_make(m, asked, &(struct swap_options){ .pool = NULL }, e);
}

static bool verify(struct export *x, const struct options *o, struct err *e)
{
	struct verify_options opt = { .n_threads = o->threads, .build = manual_build(), .kernels = matmul_kernels(),
		.progress = progress, .to = x, .swap = make_swap };
	struct model *m = open_model(x, o, e);
	struct verify_result result;
	bool ok = m && same_fingerprint(x, m, e) && verify_session(x->file, m, x->plan, &opt, &result, e);

	out_progress_end();
	model_close(m);
	return ok && tell_verified(x, &result, o->json, e);
}

/* Every file that was asked for, one after the other. */
static bool write_files(struct export *x, const struct options *o, bool *any, struct err *e)
{
	const struct {
		const char *path;
		export_fn *write;
	} files[] = {
		{ o->trace, export_trace }, { o->csv, export_csv }, { o->html, export_html }, { o->cast, export_cast },
		{ o->script, export_script },
	};

	x->pace = o->pace;
	x->theme = o->theme ? theme_find(o->theme) : NULL;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (!files[i].path)
			continue;
		*any = true;
		if (!export_to(x, files[i].path, files[i].write, e))
			return false;
	}
	return true;
}

static bool watch(const struct options *o, struct err *e)
{
	const struct probe *probes[N_LENSES];
	struct source *source;
	bool ok;

	for (int i = 0; i < N_LENSES; i++)
		probes[i] = &lenses[i]->probe;
	if (!(source = replay_open(o->session, probes, N_LENSES, e)))
		return false;
	ok = screen_run(&(struct screen_options){
		.source = source, .pace = o->pace, .color = setup_color(o),
		.ascii = o->ascii, .no_mouse = o->no_mouse, .theme = o->theme }, e);
	source_close(source);
	return ok;
}

bool job_replay(const struct options *o, struct err *e)
{
	struct export x = { .fd = -1 };
	bool any = o->verify, ok;

	if (!o->session)
		return err_set(e, ERR_USAGE, "name the session to replay; recordings of the meter are in "
		    "$XDG_STATE_HOME/clampmeter/sessions");
	if (o->theme && !theme_find(o->theme))
		return err_set(e, ERR_USAGE, "no theme is called '%.60s'", o->theme);
	ok = export_open(&x, o->session, e) && (!o->verify || verify(&x, o, e)) && write_files(&x, o, &any, e);
	if (ok && !any && !isatty(STDOUT_FILENO))
		ok = export_to(&x, "-", export_text, e);
	else if (ok && !any)
		ok = watch(o, e);
	export_close(&x);
	return ok;
}
