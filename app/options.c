#include "app/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mem.h"

#define ON(job) (1u << JOB_##job)

/* Who uses an option: the `jobs` column of options.def. */
enum {
	ON_ALL = (1 << N_JOBS) - 1,
	ON_METER = ON(meter),
	ON_REPLAY = ON(replay),
	ON_SCREEN = ON(meter) | ON(replay),
	ON_BATCH = ON(run),
	ON_LOGITS = ON(logits),
	ON_BENCH = ON(bench),
	ON_NEURONS = ON(neurons),
	ON_QUANT = ON(quant),
	ON_PAGES = ON_REPLAY | ON(quant),
	ON_WRITING = ON(meter) | ON(run),
	ON_TRACED = ON_WRITING | ON_REPLAY,
	ON_ASKING = ON(meter) | ON(run) | ON(logits),
	ON_EDITED = ON_WRITING | ON(logits),
	ON_TEXT = ON_EDITED | ON(tokenize) | ON(quant),
	ON_PASSES = ON_EDITED | ON(bench) | ON(quant),
	ON_REPORTS = ON(run) | ON_REPLAY | ON(tokenize) | ON(inspect) | ON(bench) | ON_NEURONS | ON(quant),
};

enum { REFUSED = 0, ACCEPTED = 1 };

const struct option_def option_defs[N_OPTIONS] = {
#define OPTION(field, c, n, t, arg, l, h, init, on, others, text)                                      \
	[OPT_##field] = {.name = n, .letter = c, .type = OPT_##t, .argument = arg, .lo = l, .hi = h,   \
	    .initial = init, .jobs = on, .accepted = others, .help = text,                             \
	    .offset = offsetof(struct options, field)},
#define ALIAS(name, field)
#include "app/options.def"
};

static const struct {
	const char *name;
	enum option_id of;
} aliases[] = {
#define OPTION(field, c, name, type, arg, lo, hi, init, jobs, others, help)
#define ALIAS(n, field) {n, OPT_##field},
#include "app/options.def"
};

bool options_given(const struct options *o, enum option_id id)
{
	return o->given >> id & 1;
}

static int find_long(const char *name, size_t n)
{
	for (int i = 0; i < N_OPTIONS; i++)
		if (strlen(option_defs[i].name) == n && !memcmp(option_defs[i].name, name, n))
			return i;
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (strlen(aliases[i].name) == n && !memcmp(aliases[i].name, name, n))
			return (int)aliases[i].of;
	return -1;
}

static int find_letter(char c)
{
	for (int i = 0; i < N_OPTIONS; i++)
		if (option_defs[i].letter && option_defs[i].letter == c)
			return i;
	return -1;
}

/* Place of a word in "auto|cpu|cuda", or -1. */
static int choice(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");

		if (n == len && !memcmp(words, word, n))
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

static bool set_int(const struct option_def *d, int *out, const char *text, struct err *e)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(text, &end, 10);
	if (end == text || *end || errno || v < d->lo || v > d->hi)
		return err_set(e, ERR_USAGE, "--%s takes a whole number from %ld to %ld, not '%.100s'", d->name,
		    d->lo, d->hi, text);
	*out = (int)v;
	return true;
}

static bool set_seed(const struct option_def *d, uint64_t *out, const char *text, struct err *e)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	if (end == text || *end || errno || *text < '0' || *text > '9')
		return err_set(e, ERR_USAGE, "--%s takes a whole number from 0 to 2^64-1, not '%.100s'", d->name,
		    text);
	return true;
}

static void list_add(struct option_list *l, const char *text)
{
	l->item = mem_resize(l->item, (size_t)l->n + 1, sizeof *l->item);
	l->item[l->n++] = text;
}

/* Stores one option; `text` is NULL for flags only. */
static bool set(struct options *o, const struct option_def *d, const char *text, struct err *e)
{
	void *field = (char *)o + d->offset;
	int *number = field;

	switch (d->type) {
	case OPT_FLAG:
		*(bool *)field = true;
		return true;
	case OPT_TEXT:
		*(const char **)field = text;
		return true;
	case OPT_LIST:
		list_add(field, text);
		return true;
	case OPT_INT:
		return set_int(d, number, text, e);
	case OPT_SEED:
		return set_seed(d, field, text, e);
	case OPT_CHOICE:
		if (choice(d->argument, text) < 0)
			return err_set(e, ERR_USAGE, "--%s takes %s, not '%.100s'", d->name, d->argument, text);
		*number = choice(d->argument, text);
		return true;
	}
	return true;
}

/* The words that are not options, in order: [COMMAND] [MODEL]. */
struct words {
	const char *model;
	bool command;
};

static bool take_word(struct options *o, struct words *w, const char *word, struct err *e)
{
	if (!w->command && !w->model && job_find(word) >= 0) {
		o->job = (enum job_id)job_find(word);
		w->command = true;
		return true;
	}
	/* What to do, and with which: its own command reads them. */
	if (w->command && o->job == JOB_neurons) {
		list_add(&o->words, word);
		return true;
	}
	if (w->model)
		return err_set(e, ERR_USAGE, "one model at a time: '%.100s' comes after '%.100s'", word, w->model);
	w->model = word;
	return true;
}

/* argv[*i] is an option; *i moves to its last word. */
static bool take_option(struct options *o, int argc, char **argv, int *i, struct err *e)
{
	const char *arg = argv[*i], *value = NULL;
	bool is_long = arg[1] == '-';
	const char *name = arg + 1 + is_long;
	size_t n = is_long ? strcspn(name, "=") : 1;
	int id = is_long ? find_long(name, n) : find_letter(*name);
	const struct option_def *d = id < 0 ? NULL : &option_defs[id];

	if (!d)
		return err_set(e, ERR_USAGE, "unknown option '%.100s'", arg);
	if (name[n])
		value = name + n + is_long;
	if (!d->argument && value)
		return err_set(e, ERR_USAGE, "--%s takes no value: '%.100s'", d->name, arg);
	if (d->argument && !value) {
		if (*i + 1 >= argc)
			return err_set(e, ERR_USAGE, "%s needs %s", arg, d->argument);
		value = argv[++*i];
	}
	o->given |= (uint64_t)1 << id;
	return set(o, d, value, e);
}

/* An option that the command cannot honour is not passed over in silence. */
static bool check_jobs(const struct options *o, struct err *e)
{
	for (int i = 0; i < N_OPTIONS; i++) {
		const struct option_def *d = &option_defs[i];

		if (!options_given(o, (enum option_id)i) || d->accepted || d->jobs >> o->job & 1)
			continue;
		if (o->job == JOB_meter)
			return err_set(e, ERR_USAGE, "--%s belongs to a command, not to the meter", d->name);
		return err_set(e, ERR_USAGE, "'%s' has no use for --%s", jobs[o->job].name, d->name);
	}
	if (o->prompt && o->prompt_file)
		return err_set(e, ERR_USAGE, "the prompt comes from --prompt or from --file, not from both");
	return true;
}

static bool set_initial(struct options *o, struct err *e)
{
	*o = (struct options){.job = JOB_meter};
	for (int i = 0; i < N_OPTIONS; i++)
		if (option_defs[i].initial && !set(o, &option_defs[i], option_defs[i].initial, e))
			return false;
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	struct words w = {0};
	bool ended = false;

	_Static_assert(N_OPTIONS <= 64, "options.given has 64 bits");
	if (!set_initial(o, e))
		return false;
	for (int i = 1; i < argc; i++) {
		const char *arg = argv[i];

		if (!ended && !strcmp(arg, "--"))
			ended = true;
		else if (!ended && arg[0] == '-' && arg[1] ? !take_option(o, argc, argv, &i, e)
			 : !take_word(o, &w, arg, e))
			return false;
	}
	if (o->job == JOB_replay) {
		o->session = w.model;
		w.model = NULL;
	}
	if (w.model && o->model)
		return err_set(e, ERR_USAGE, "one model at a time: '%.100s' and --model %.100s", w.model, o->model);
	if (w.model)
		o->model = w.model;
	return o->help || o->version || o->man || check_jobs(o, e);
}

void options_free(struct options *o)
{
	free(o->edits.item);
	free(o->words.item);
	o->words = (struct option_list){0};
	o->edits = (struct option_list){0};
}
