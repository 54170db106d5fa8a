/*
 * The manual page: the same tables as --help, and those of the floors below.
 */
#include <string.h>

#include "analysis/lens.h"
#include "app/manual.h"
#include "app/options.h"
#include "engine/arch.h"
#include "engine/dtype.h"
#include "engine/edit.h"
#include "engine/sampler.h"
#include "engine/site.h"

const struct trace_field trace_fields[] = {
#define FIELD(n, t, d) {.name = #n, .type = t, .doc = d},
#include "app/trace.def"
};
const size_t n_trace_fields = sizeof trace_fields / sizeof *trace_fields;

enum { ROFF_WIDTH = 72 };

/* One character of a table's text; `word' is set bold. */
static void roff_char(struct buf *out, const char *s, bool *bold)
{
	if (*s == '`' && strchr(s, '\'')) {
		buf_str(out, "\\fB");
		*bold = true;
	} else if (*s == '\'' && *bold) {
		buf_str(out, "\\fR");
		*bold = false;
	} else if (*s == '\'') {
		buf_str(out, "\\(aq");
	} else if (*s == '-') {
		buf_str(out, "\\-");
	} else if (*s == '\\') {
		buf_str(out, "\\e");
	} else {
		buf_char(out, *s);
	}
}

/* Text for roff: nothing in it is a request, an escape or a hyphen that breaks.
 * `wrap': lines of the source end between words. */
static void roff(struct buf *out, const char *s, bool wrap)
{
	size_t line = out->len;
	bool bold = false;

	if (*s == '.' || *s == '\'')
		buf_str(out, "\\&");
	for (; *s; s++) {
		const char *word = s + strspn(s, " ");

		if (wrap && word > s && out->len - line + strcspn(word, " ") > ROFF_WIDTH && *word != '.' &&
		    *word != '\'') {
			buf_char(out, '\n');
			line = out->len;
			s = word - 1;
		} else {
			roff_char(out, s, &bold);
		}
	}
}

static void section(struct buf *out, const char *name)
{
	buf_printf(out, ".SH %s\n", name);
}

static void text(struct buf *out, const char *s)
{
	roff(out, s, true);
	buf_char(out, '\n');
}

static void paragraph(struct buf *out, const char *s)
{
	buf_str(out, ".PP\n");
	text(out, s);
}

/* A tagged paragraph: the tag in bold, what follows it in italics. */
static void entry(struct buf *out, const char *tag, const char *rest, const char *doc)
{
	buf_str(out, ".TP\n\\fB");
	roff(out, tag, false);
	buf_str(out, "\\fR");
	if (rest && *rest) {
		buf_str(out, " \\fI");
		roff(out, rest, false);
		buf_str(out, "\\fR");
	}
	buf_char(out, '\n');
	text(out, doc);
}

static void synopsis(struct buf *out)
{
	section(out, "SYNOPSIS");
	for (int j = 0; j < N_JOBS; j++) {
		buf_str(out, j ? ".br\n\\fBclampmeter" : "\\fBclampmeter");
		buf_printf(out, "%s%s\\fR \\fI", *jobs[j].name ? " " : "", jobs[j].name);
		roff(out, jobs[j].args, false);
		buf_str(out, "\\fR [\\fIoptions\\fR]\n");
	}
}

static void commands(struct buf *out)
{
	section(out, "COMMANDS");
	for (int j = 0; j < N_JOBS; j++)
		entry(out, *jobs[j].name ? jobs[j].name : "(none)", jobs[j].args, jobs[j].more);
}

static void options(struct buf *out)
{
	section(out, "OPTIONS");
	text(out, "They may stand anywhere; `--' ends them.  An option that a command has no use for is "
		  "refused, unless it only says how to compute or to show.");
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option_def *d = &option_defs[i];
		struct buf tag = {.data = NULL}, doc = {.data = NULL};

		if (d->letter)
			buf_printf(&tag, "-%c, ", d->letter);
		buf_printf(&tag, "--%s", d->name);
		buf_str(&doc, d->help);
		if (d->initial)
			buf_printf(&doc, "; %s unless said otherwise", d->initial);
		buf_char(&doc, '.');
		entry(out, tag.data, d->argument, doc.data);
		buf_free(&tag);
		buf_free(&doc);
	}
}

static void sampler_params(struct buf *b, const struct sampler_def *s)
{
	for (int i = 0; i < s->n_params; i++) {
		const struct sampler_param *p = &s->params[i];

		buf_printf(b, i < s->n_required ? " %s" : " [%s=%g]", p->name, p->initial);
	}
}

static void sampler_section(struct buf *out)
{
	section(out, "SAMPLERS");
	text(out, "A chain of stages separated by `|', which run in the order they are written; after the last "
		  "one a token is drawn.  Without --sampler the chain is `" SAMPLER_DEFAULT "'.");
	for (size_t i = 0; i < n_samplers; i++) {
		struct buf params = {.data = NULL}, doc = {.data = NULL};

		sampler_params(&params, samplers[i]);
		buf_printf(&doc, "%s.", samplers[i]->doc);
		if (samplers[i]->source && *samplers[i]->source)
			buf_printf(&doc, "  Source: %s.", samplers[i]->source);
		entry(out, samplers[i]->name, params.data ? params.data + 1 : NULL, doc.data);
		buf_free(&params);
		buf_free(&doc);
	}
}

static void edit_section(struct buf *out)
{
	section(out, "EDITS");
	text(out, "An edit is a place, an operation and a value, and may end with a scope: `in prompt', "
		  "`in generated', or `in A..B' for the positions from A to B.  The operations:");
	for (size_t i = 0; i < n_edit_defs; i++)
		entry(out, edit_defs[i]->symbol, "V", edit_defs[i]->doc);
	paragraph(out, "Examples: `L4.up[219] = 8', `L5.H3 * 0', `L6.resid[12] + 1.5 in generated'.  An edit that "
		       "was never applied is reported on standard error.");
}

static const char *const widths[] = {
	[SITE_W_D_MODEL] = "a vector of the residual stream",
	[SITE_W_D_FF] = "one value per neuron",
	[SITE_W_HEADS] = "one vector per head",
	[SITE_W_POSITIONS] = "one row per head",
	[SITE_W_VOCAB] = "one value per token",
};

static void site_section(struct buf *out)
{
	section(out, "PLACES");
	text(out, "`L4.up[219]' is element 219 at place `up' of layer 4, `L5.H3' is head 3 of layer 5, `L6.resid' a "
		  "whole vector.  Everything counts from 0.  Beside each place stands its name in "
		  "TransformerLens.");
	for (int i = 0; i < N_SITES; i++) {
		struct buf doc = {.data = NULL};

		buf_printf(&doc, "%s; %s.  `%s'", sites[i].doc, widths[sites[i].width], sites[i].hook);
		entry(out, sites[i].text, NULL, doc.data);
		buf_free(&doc);
	}
}

static const char *const axes[] = {
	[PROBE_SCALAR] = "number",
	[PROBE_LAYERS] = "[layer]",
	[PROBE_HEADS] = "[layer][head]",
};

static void lens_entry(struct buf *out, const struct lens_def *l)
{
	struct buf type = {.data = NULL}, doc = {.data = NULL};

	buf_str(&type, axes[l->probe.axes]);
	if (l->unit && *l->unit)
		buf_printf(&type, ", %s", l->unit);
	buf_printf(&doc, "%s.", l->doc);
	if (l->read_it && *l->read_it)
		buf_printf(&doc, "  %s", l->read_it);
	if (l->source && *l->source)
		buf_printf(&doc, "  Source: %s.", l->source);
	entry(out, l->probe.name, type.data, doc.data);
	buf_free(&type);
	buf_free(&doc);
}

static void trace_section(struct buf *out)
{
	section(out, "LENSES");
	text(out, "What is measured at every position, always.");
	for (int i = 0; i < N_LENSES; i++)
		lens_entry(out, lenses[i]);
	section(out, "TRACE LINES");
	text(out, "One JSON object a line, one line for each forward pass.  The internals are those of the pass that "
		  "read `input' at `pos'; the distribution is the one it gave for `pos' + 1, and `token' is what "
		  "came there.  A prompt of N tokens followed by G generated ones gives the steps 0 to N+G-2.  What "
		  "was not measured is null.  The fields are these, and every lens under its name:");
	for (size_t i = 0; i < n_trace_fields; i++)
		entry(out, trace_fields[i].name, trace_fields[i].type, trace_fields[i].doc);
}

static void format_section(struct buf *out)
{
	section(out, "MODEL FILES");
	text(out, "GGUF of version 2 and 3, and the .bin files of llama2.c with their tokenizer.  Architectures:");
	for (size_t i = 0; i < n_archs; i++)
		entry(out, archs[i].name, NULL, archs[i].doc);
	paragraph(out, "Tensor types:");
	for (int i = 0; i < N_DTYPES; i++)
		entry(out, dtypes[i]->name, NULL, dtypes[i]->doc);
}

static void status_section(struct buf *out)
{
	section(out, "EXIT STATUS");
	entry(out, "0", NULL, "done");
	entry(out, "1", NULL, "failed while running: no memory, no room on the disk, the context is too small");
	entry(out, "2", NULL, "the command line makes no sense");
	entry(out, "3", NULL, "a file was rejected; the message names the file, where in it, what was expected and "
			      "what was found");
	entry(out, "4", NULL, "valid, but not something this program does");
	entry(out, "5", NULL, "a comparison or an expectation did not hold");
	entry(out, "130", NULL, "interrupted");
}

static void environment_section(struct buf *out)
{
	section(out, "ENVIRONMENT");
	entry(out, "NO_COLOR", NULL, "when not empty, the same as --no-color");
	entry(out, "CLAMPMETER_KERNELS", NULL,
	    "name of the kernels to compute with, of those that `clampmeter --version' lists");
	entry(out, "OPENBLAS_CORETYPE", NULL,
	    "core that OpenBLAS is to compute for, when its own choice is to be overruled");
}

static void example_section(struct buf *out)
{
	section(out, "EXAMPLES");
	entry(out, "clampmeter model.gguf -p \"Once upon a time\"", NULL, "Open the meter on a text.");
	entry(out, "clampmeter run model.gguf -s greedy -n 100 --trace steps.jsonl < prompt.txt", NULL,
	    "Generate, and keep every figure.");
	entry(out, "clampmeter run model.gguf -p \"The dog\" -e \"L4.mlp[219] = 8\"", NULL,
	    "The same with a neuron held.");
	entry(out, "clampmeter logits model.gguf -p \"The dog\" -o dog.npy", NULL,
	    "Scores of every position, for numpy.load().");
}

void manual_page(struct buf *out, enum job_id job)
{
	(void)job;
	buf_printf(out, ".TH CLAMPMETER 1 \"%s\" \"clampmeter %s\" \"User Commands\"\n", VERSION_DATE, VERSION);
	section(out, "NAME");
	text(out, "clampmeter - look inside a language model while it writes, and hold what moves");
	synopsis(out);
	section(out, "DESCRIPTION");
	text(out, "clampmeter runs a language model on this machine and shows, at every token, what its layers, heads "
		  "and neurons do: entropies, attention, norms, the strongest neurons, the candidates before and "
		  "after the sampler.  Any neuron, head or vector can be held, scaled or shifted while the model "
		  "writes.  Figures are measured on the model as executed; what was not measured is left out, "
		  "never made up.");
	commands(out);
	options(out);
	sampler_section(out);
	edit_section(out);
	site_section(out);
	trace_section(out);
	format_section(out);
	status_section(out);
	environment_section(out);
	example_section(out);
}
