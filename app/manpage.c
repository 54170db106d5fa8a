/*
 * The manual page: the same tables as --help, and those of the floors below.
 * The part on the screen is in manscreen.c.
 */
#include <string.h>

#include "analysis/lens.h"
#include "analysis/neuronmap.h"
#include "app/manual.h"
#include "app/roff.h"
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

static void synopsis(struct buf *out)
{
	roff_section(out, "SYNOPSIS");
	for (int j = 0; j < N_JOBS; j++) {
		buf_str(out, j ? ".br\n\\fBclampmeter" : "\\fBclampmeter");
		buf_printf(out, "%s%s\\fR \\fI", *jobs[j].name ? " " : "", jobs[j].name);
		roff_inline(out, jobs[j].args);
		buf_str(out, "\\fR [\\fIoptions\\fR]\n");
	}
}

static void commands(struct buf *out)
{
	roff_section(out, "COMMANDS");
	for (int j = 0; j < N_JOBS; j++)
		roff_entry(out, *jobs[j].name ? jobs[j].name : "(none)", jobs[j].args, jobs[j].more);
}

static void options(struct buf *out)
{
	roff_section(out, "OPTIONS");
	roff_text(out, "They may stand anywhere; `--' ends them.  An option that a command has no use for is "
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
		roff_entry(out, tag.data, d->argument, doc.data);
		buf_free(&tag);
		buf_free(&doc);
	}
}

static void sampler_shows(struct buf *b, const struct sampler_def *s)
{
	for (int i = 0; i < SAMPLER_SHOWS && s->shows[i]; i++)
		buf_printf(b, "%s%s", i ? ", " : "  Shows: ", s->shows[i]);
	if (s->shows[0])
		buf_char(b, '.');
}

static void sampler_section(struct buf *out)
{
	roff_section(out, "SAMPLERS");
	roff_text(out, "A chain of stages separated by `|', which run in the order they are written; after the last "
		  "one a token is drawn.  Without --sampler the chain is `" SAMPLER_DEFAULT "'.  What a stage shows "
		  "stands in its row of the trace.");
	for (size_t i = 0; i < n_samplers; i++) {
		struct buf doc = {.data = NULL};
		char params[256];

		sampler_usage(samplers[i], params, sizeof params);
		buf_printf(&doc, "%s.", samplers[i]->doc);
		if (samplers[i]->source && *samplers[i]->source)
			buf_printf(&doc, "  Source: %s.", samplers[i]->source);
		sampler_shows(&doc, samplers[i]);
		roff_entry(out, samplers[i]->name, *params ? params + 1 : NULL, doc.data);
		buf_free(&doc);
	}
}

static void edit_section(struct buf *out)
{
	roff_section(out, "EDITS");
	roff_text(out, "An edit is a place, an operation and a value, and may end with a scope: `in prompt', "
		  "`in generated', or `in A..B' for the positions from A to B.  The operations:");
	for (size_t i = 0; i < n_edit_defs; i++)
		roff_entry(out, edit_defs[i]->symbol, "V", edit_defs[i]->doc);
	roff_paragraph(out, "Examples: `L4.up[219] = 8', `L5.H3 * 0', `L6.resid[12] + 1.5 in generated'.  An edit that "
		       "was never applied is reported on standard error.");
	roff_paragraph(out, "`swap L3.ffn_up q4_0' computes with a matrix as a quantizer stores it instead of the model's own: "
		       "one matrix by its name in a GGUF file, `L*.ffn_up' of every layer, `L3' or `L*' all matrices of a "
		       "layer or of all, `output', `token_embd', or `all'.  Behind it stands a type of GGUF files or a method of "
		       "`clampmeter quant --method list' that needs no calibration, then perhaps a scope.");
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
	roff_section(out, "PLACES");
	roff_text(out, "`L4.up[219]' is element 219 at place `up' of layer 4, `L5.H3' is head 3 of layer 5, `L6.resid' a "
		  "whole vector.  Everything counts from 0.  Beside each place stands its name in "
		  "TransformerLens.");
	for (int i = 0; i < N_SITES; i++) {
		struct buf doc = {.data = NULL};

		buf_printf(&doc, "%s; %s.  `%s'", sites[i].doc, widths[sites[i].width], sites[i].hook);
		roff_entry(out, sites[i].text, NULL, doc.data);
		buf_free(&doc);
	}
}

static void neuron_section(struct buf *out)
{
	roff_section(out, "NEURONS");
	roff_text(out, "A neuron reads the residual stream along its rows of the up-projection and the gate and writes along "
		  "its column of the down-projection.  Each of these vectors, w, is read through the LM head as if it were "
		  "the residual stream: every token gets a logit, a probability (the softmax of the logits over the "
		  "vocabulary) and the cosine between w and its row of the head.  Davies, arXiv 2501.02688, does not say "
		  "what w is multiplied with first; the variants are named wherever a result is shown:");
	for (int i = 0; i < N_NEURON_VARIANTS; i++)
		roff_entry(out, neuron_variant_names[i], NULL, neuron_variant_docs[i]);
	roff_paragraph(out, neuronmap_format);
	roff_paragraph(out, "The map lies in the cache folder, named by the first digits of the model's fingerprint, the site "
		       "and the variant.  `clampmeter neurons' and the neurons pane use the same file.");
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
	roff_entry(out, l->probe.name, type.data, doc.data);
	buf_free(&type);
	buf_free(&doc);
}

static void trace_section(struct buf *out)
{
	roff_section(out, "LENSES");
	roff_text(out, "What is measured at every position, always.");
	for (int i = 0; i < N_LENSES; i++)
		lens_entry(out, lenses[i]);
	roff_section(out, "TRACE LINES");
	roff_text(out, "One JSON object a line, one line for each forward pass.  The internals are those of the pass that "
		  "read `input' at `pos'; the distribution is the one it gave for `pos' + 1, and `token' is what "
		  "came there.  A prompt of N tokens followed by G generated ones gives the steps 0 to N+G-2.  What "
		  "was not measured is null.  The fields are these, and every lens under its name:");
	for (size_t i = 0; i < n_trace_fields; i++)
		roff_entry(out, trace_fields[i].name, trace_fields[i].type, trace_fields[i].doc);
}

static void format_section(struct buf *out)
{
	roff_section(out, "MODEL FILES");
	roff_text(out, "GGUF of version 2 and 3, and the .bin files of llama2.c with their tokenizer.  Architectures:");
	for (size_t i = 0; i < n_archs; i++)
		roff_entry(out, archs[i].name, NULL, archs[i].doc);
	roff_paragraph(out, "Tensor types:");
	for (int i = 0; i < N_DTYPES; i++)
		roff_entry(out, dtypes[i]->name, NULL, dtypes[i]->doc);
}

static void status_section(struct buf *out)
{
	roff_section(out, "EXIT STATUS");
	roff_entry(out, "0", NULL, "done");
	roff_entry(out, "1", NULL, "failed while running: no memory, no room on the disk, the context is too small");
	roff_entry(out, "2", NULL, "the command line makes no sense");
	roff_entry(out, "3", NULL, "a file was rejected; the message names the file, where in it, what was expected and "
			      "what was found");
	roff_entry(out, "4", NULL, "valid, but not something this program does");
	roff_entry(out, "5", NULL, "a comparison or an expectation did not hold");
	roff_entry(out, "130", NULL, "interrupted");
}

static void environment_section(struct buf *out)
{
	roff_section(out, "ENVIRONMENT");
	roff_entry(out, "XDG_CONFIG_HOME, XDG_STATE_HOME", NULL, "where the files below are; ~/.config and ~/.local/state when not set");
	roff_entry(out, "NO_COLOR", NULL, "when not empty, the same as --no-color, unless --color asks for colours");
	roff_entry(out, "COLORTERM", NULL, "`truecolor' or `24bit' makes the screen use 24-bit colours, whatever the terminal's "
	    "entry in the terminfo database says; `ssh' does not pass it on, --color 24bit says the same.  The terminal's "
	    "palette is never changed");
	roff_entry(out, "CLAMPMETER_KERNELS", NULL,
	    "name of the kernels to compute with, of those that `clampmeter --version' lists");
	roff_entry(out, "CLAMPMETER_CUDA", NULL,
	    "the CUDA backend's shared object, when it lies neither beside the program nor in ../lib/clampmeter from there");
	roff_entry(out, "OPENBLAS_CORETYPE", NULL,
	    "core that OpenBLAS is to compute for, when its own choice is to be overruled");
}

static void file_section(struct buf *out)
{
	roff_section(out, "FILES");
	roff_entry(out, "$XDG_CONFIG_HOME/clampmeter/config", NULL, "command lines that the screen runs when it opens");
	roff_entry(out, "$XDG_STATE_HOME/clampmeter/history", NULL, "lines typed at the prompt of the screen");
	roff_entry(out, "$XDG_STATE_HOME/clampmeter/sessions/", NULL,
	    "recordings of the meter, one file a run, for `replay'; above 200 MB the oldest are deleted");
}

static void example_section(struct buf *out)
{
	roff_section(out, "EXAMPLES");
	roff_entry(out, "clampmeter model.gguf -p \"Once upon a time\"", NULL, "Open the meter on a text.");
	roff_entry(out, "clampmeter replay session.jsonl --html report.html", NULL,
	    "A recorded session as a page for a browser.");
	roff_entry(out, "clampmeter run model.gguf -s greedy -n 100 --trace steps.jsonl < prompt.txt", NULL,
	    "Generate, and keep every figure.");
	roff_entry(out, "clampmeter run model.gguf -p \"The dog\" -e \"L4.mlp[219] = 8\"", NULL,
	    "The same with a neuron held.");
	roff_entry(out, "clampmeter logits model.gguf -p \"The dog\" -o dog.npy", NULL,
	    "Scores of every position, for numpy.load().");
}

void manual_page(struct buf *out, enum job_id job)
{
	(void)job;
	buf_printf(out, ".TH CLAMPMETER 1 \"%s\" \"clampmeter %s\" \"User Commands\"\n", VERSION_DATE, VERSION);
	roff_section(out, "NAME");
	roff_text(out, "clampmeter - look inside a language model while it writes, and hold what moves");
	synopsis(out);
	roff_section(out, "DESCRIPTION");
	roff_text(out, "clampmeter runs a language model on this machine and shows, at every token, what its layers, heads "
		  "and neurons do: entropies, attention, norms, the strongest neurons, the candidates before and "
		  "after the sampler.  Any neuron, head or vector can be held, scaled or shifted while the model "
		  "writes.  Figures are measured on the model as executed; what was not measured is left out, "
		  "never made up.");
	commands(out);
	options(out);
	manual_screen(out);
	sampler_section(out);
	edit_section(out);
	site_section(out);
	neuron_section(out);
	trace_section(out);
	format_section(out);
	status_section(out);
	environment_section(out);
	file_section(out);
	example_section(out);
}
