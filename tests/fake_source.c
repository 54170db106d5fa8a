#include "tests/fake_source.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "analysis/lens.h"
#include "engine/base/mailbox.h"
#include "engine/base/mem.h"

enum { PIECES = 512, NEWS = 4096, KINDS = 16 };

static const char *const story[] = {
	" there", " was", " a", " little", " girl", " named", " Lily", ".", " She", " loved", " to", " play",
	" outside", " in", " the", " park", ".", "\n", "One", " day", ",", " she", " saw", " a", " big", ",",
	" red", " ball", ".", " It", " was", " very", " high", " in", " the", " sky", ".",
};
static const char *const wild[] = {
	" \033[31mred\033[0m", "\a", "\xe4\xb8", "\xad", "\xe5\x9b\xbd", " \xe2\x80\xaertl", "\xff\xfe", "\xcc\x81", "e\xcc\x81",
	"\t", "\xf0\x9f\x98\x80", " ok", "\x9b" "2J", "\r\n", "\xc3\xa9t\xc3\xa9",
};

/* Answers to two questions; "<|" begins a mark. */
static const char *const answer[] = {
	" It", " is", " Paris", ",", " on", " the", " Seine", ".", "<|im_end|>",
	" About", " two", " million", " people", " live", " there", ".", "\n", "Twelve", " million", " with", " the", " suburbs",
	".", "<|im_end|>",
};

struct fake {
	struct source source;
	struct probe_plan *plan;
	struct mailbox *news;
	char *piece[PIECES];
	int n_pieces;
	int32_t *tokens;
	int n, n_read, n_prompt, index, branch, generated;
	const char *const *words;
	int n_words;
	bool chat;
	uint32_t edits, sampler;
	bool running;
	int left, slow_ms;
	int orders[KINDS];
	/* Slow only: */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop;
};

static int32_t piece_id(struct fake *f, const char *s, size_t n)
{
	for (int i = 0; i < f->n_pieces; i++)
		if (strlen(f->piece[i]) == n && !memcmp(f->piece[i], s, n))
			return i;
	if (f->n_pieces == PIECES)
		return 0;
	f->piece[f->n_pieces] = mem_zalloc(n + 1);
	memcpy(f->piece[f->n_pieces], s, n);
	return f->n_pieces++;
}

static void tell(struct fake *f, struct news n)
{
	n.running = f->running;
	n.n_tokens = f->n;
	n.n_read = f->n_read;
	if (!mailbox_send(f->news, mem_dup(&n, sizeof n)))
		step_unref(n.step);
}

/* A number in [0, 1) that depends on what it is about and on nothing else. */
static float made_up(unsigned a, unsigned b)
{
	unsigned x = a * 2654435761u ^ b * 2246822519u;

	x ^= x >> 15;
	x *= 2654435761u;
	x ^= x >> 13;
	return (float)(x >> 8) / (float)(1 << 24);
}

/* It sits at its ceiling, as in running text. */
static bool is_jsd(const struct probe *p)
{
	return !strcmp(p->name, "jsd");
}

static void fill_values(struct step *s)
{
	for (int i = 0; i < s->plan->n; i++)
		for (size_t k = 0; k < probe_plan_count(s->plan, i); k++) {
			float u = made_up((unsigned)s->pos * 64 + (unsigned)i, (unsigned)k);

			s->values[s->plan->offset[i] + k] = s->plan->probes[i]->axes != PROBE_SCALAR ? u :
			    is_jsd(s->plan->probes[i]) ? 0.6931472f * (1 - powf(10, -4 * u)) : u * u * 4;
		}
	for (int l = 0; l < s->n_layers; l++)
		for (int k = 0; k < STEP_NEURONS; k++)
			s->neurons[l * STEP_NEURONS + k] = (struct step_neuron){
				.index = (int32_t)(made_up((unsigned)s->pos, (unsigned)(l * 7 + k)) * 256),
				.activation = 4 * made_up((unsigned)s->pos + 9, (unsigned)(l * 5 + k)) - 2,
				.contribution = 3 * made_up((unsigned)s->pos + 5, (unsigned)(l * 3 + k)) };
}

static void fill_candidates(struct fake *f, struct step *s)
{
	float left = 1;

	s->has_logits = true;
	s->n_top = 10;
	for (int i = 0; i < s->n_top; i++) {
		float p = left * (0.3f + 0.4f * made_up((unsigned)s->pos, (unsigned)i + 100));

		s->top[i] = (struct step_candidate){ i ? (s->token + i * 3) % f->n_pieces : s->token, p, i < 4 ? p * 1.1f : 0 };
		left -= p;
	}
	s->n_stages = 2;
	s->stages[0] = (struct step_stage){ .kept = 4, .mass = 1 - left, .best = s->top[0].id, .shown = { NAN } };
	s->stages[1] = s->stages[0];
	if (s->pos % 4 == 3) {          /* a stage that promotes, and says something of itself */
		s->stages[1].kept = 3;
		s->stages[1].best = s->top[1].id;
		s->stages[1].shown[0] = 1;
	}
	s->logprob = -0.5f;
	s->p_final = s->top[0].p_final;
	s->ms_forward = 20;
}

static void publish(struct fake *f, int pos, enum step_why why)
{
	struct step *s = step_new(f->plan);

	s->index = f->index++;
	s->branch = f->branch;
	s->pos = pos;
	s->input = f->tokens[pos];
	s->token = pos + 1 < f->n ? f->tokens[pos + 1] : -1;
	s->why = why;
	s->edits = f->edits;
	s->sampler = f->sampler;
	fill_values(s);
	if (why != WHY_PROMPT)
		fill_candidates(f, s);
	f->n_read = pos + 1;
	tell(f, (struct news){ .kind = NEWS_STEP, .step = s });
}

static void put(struct fake *f, int32_t id)
{
	f->tokens[f->n++] = id;
}

static void add_text(struct fake *f, const char *text)
{
	if (f->n == 0)
		put(f, piece_id(f, "<s>", 3));
	while (*text && f->n < f->source.info.n_ctx) {
		size_t n = 1 + strcspn(text + 1, " ");

		put(f, piece_id(f, text, n));
		text += n;
	}
	f->n_prompt = f->n;
}

/* The next turn, as ChatML has it. */
static void add_turn(struct fake *f, const char *said)
{
	static const char start[] = "<|im_start|>", end[] = "<|im_end|>";
	bool first = f->n == 0;

	if (first)
		put(f, piece_id(f, "<s>", 3));
	else
		put(f, piece_id(f, "\n", 1));
	put(f, piece_id(f, start, sizeof start - 1));
	add_text(f, "user");
	put(f, piece_id(f, "\n", 1));
	add_text(f, said);
	put(f, piece_id(f, end, sizeof end - 1));
	put(f, piece_id(f, "\n", 1));
	put(f, piece_id(f, start, sizeof start - 1));
	add_text(f, "assistant");
	put(f, piece_id(f, "\n", 1));
	f->n_prompt = f->n;
}

static void generate(struct fake *f, int32_t forced)
{
	const char *word = f->words[(f->chat ? f->generated : f->n - f->n_prompt) % f->n_words];

	for (int pos = f->n_read; pos < f->n - 1; pos++)
		publish(f, pos, WHY_PROMPT);
	if (f->n >= f->source.info.n_ctx) {
		f->running = false;
		tell(f, (struct news){ .kind = NEWS_END, .text = mem_strdup("the context is full") });
		return;
	}
	put(f, forced >= 0 ? forced : piece_id(f, word, strlen(word)));
	publish(f, f->n - 2, forced >= 0 ? WHY_FORCED : WHY_SAMPLED);
	f->generated += forced < 0;
	if (f->chat && !strncmp(word, "<|", 2)) {
		f->running = false;
		tell(f, (struct news){ .kind = NEWS_END, .text = mem_strdup("the model ended the text") });
	}
	if (f->left > 0 && --f->left == 0)
		f->running = false;
}

static void cut(struct fake *f, int n)
{
	f->n = n < f->n ? n : f->n;
	f->n_read = f->n_read < f->n ? f->n_read : f->n > 0 ? f->n - 1 : 0;
	f->branch++;
	tell(f, (struct news){ .kind = NEWS_CUT });
}

static void obey(struct fake *f, const struct order *o)
{
	f->orders[o->kind]++;
	switch (o->kind) {
	case ORDER_RUN:
		f->running = true;
		f->left = o->n;
		break;
	case ORDER_PAUSE:
		f->running = false;
		break;
	case ORDER_RESTART:
		cut(f, 0);
		add_text(f, o->text);
		break;
	case ORDER_APPEND:
		add_text(f, o->text);
		break;
	case ORDER_CHAT:
		add_turn(f, o->text);
		break;
	case ORDER_CUT:
		cut(f, o->n);
		break;
	case ORDER_FORCE:
		generate(f, o->n);
		break;
	case ORDER_EDITS:
		f->edits = edit_set_revision(o->edits);
		break;
	case ORDER_CHAIN:
		f->sampler = chain_revision(o->chain);
		break;
	default:
		break;
	}
	tell(f, (struct news){ .kind = NEWS_STATE });
}

static bool fake_send(struct source *src, const struct order *o, struct err *e)
{
	struct fake *f = (struct fake *)src;

	(void)e;
	pthread_mutex_lock(&f->lock);
	obey(f, o);
	/* The plain one writes what it was asked for at once: a few tokens when no
	 * number was said. */
	for (int i = 0; !f->slow_ms && f->running && (i < 40 || f->left); i++)
		generate(f, -1);
	pthread_cond_signal(&f->changed);
	pthread_mutex_unlock(&f->lock);
	return true;
}

static void *slow_thread(void *of)
{
	struct fake *f = of;

	pthread_mutex_lock(&f->lock);
	while (!f->stop) {
		struct timespec until;

		if (!f->running) {
			pthread_cond_wait(&f->changed, &f->lock);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += f->slow_ms / 1000;
		until.tv_nsec += (long)(f->slow_ms % 1000) * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		while (!f->stop && pthread_cond_timedwait(&f->changed, &f->lock, &until) == 0)
			;
		if (!f->stop && f->running)
			generate(f, -1);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

static int fake_fd(struct source *src)
{
	return mailbox_fd(((struct fake *)src)->news);
}

static struct news *fake_take(struct source *src)
{
	return mailbox_take(((struct fake *)src)->news);
}

static const char *fake_piece(struct source *src, int32_t id, size_t *n)
{
	struct fake *f = (struct fake *)src;

	if (id < 0 || id >= f->n_pieces)
		return NULL;
	*n = strlen(f->piece[id]);
	return f->piece[id];
}

static bool fake_is_mark(struct source *src, int32_t id)
{
	size_t n;
	const char *s = ((struct fake *)src)->chat ? fake_piece(src, id, &n) : NULL;

	return s && (!strncmp(s, "<|", 2) || !strcmp(s, "<s>"));
}

static void fake_close(struct source *src)
{
	struct fake *f = (struct fake *)src;
	struct news *n;

	if (f->slow_ms) {
		pthread_mutex_lock(&f->lock);
		f->stop = true;
		pthread_cond_signal(&f->changed);
		pthread_mutex_unlock(&f->lock);
		mailbox_close(f->news);
		pthread_join(f->thread, NULL);
	}
	while ((n = mailbox_take(f->news)))
		news_free(n);
	mailbox_free(f->news);
	for (int i = 0; i < f->n_pieces; i++)
		free(f->piece[i]);
	free(f->tokens);
	probe_plan_free(f->plan);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}

int fake_orders(const struct source *s, enum order_kind kind)
{
	return ((const struct fake *)s)->orders[kind];
}

int fake_generated(const struct source *s)
{
	return ((const struct fake *)s)->generated;
}

struct source *fake_open(const struct fake_options *o)
{
	static const struct source_ops ops = { fake_fd, fake_take, fake_send, fake_piece, fake_close, fake_is_mark, NULL };
	struct fake *f = mem_zalloc(sizeof *f);
	struct err e;
	struct hparams hp = { .n_layers = o->n_layers ? o->n_layers : 6, .n_heads = o->n_heads ? o->n_heads : 8,
		.d_model = 64, .d_head = 8, .d_ff = 256, .n_vocab = PIECES };

	hp.n_kv_heads = hp.n_heads;
	f->plan = lens_plan(&hp);
	f->news = mailbox_new(NEWS, &e);
	f->chat = o->chat;
	f->words = o->chat ? answer : o->wild ? wild : story;
	f->n_words = (int)(o->chat ? sizeof answer / sizeof *answer :
	    o->wild ? sizeof wild / sizeof *wild : sizeof story / sizeof *story);
	f->slow_ms = o->slow_ms;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	/* Every word is known from the start, so that a piece never moves while the
	 * other thread reads it. */
	for (int i = 0; i < f->n_words; i++)
		piece_id(f, f->words[i], strlen(f->words[i]));
	f->source = (struct source){ .ops = &ops, .info = { .model_name = "fake", .file = "fake.gguf", .kernels = "none",
	    .vocab = "words", .hp = hp, .n_ctx = o->n_ctx ? o->n_ctx : 512, .n_threads = 1, .plan = f->plan, .live = true } };
	f->tokens = mem_array((size_t)f->source.info.n_ctx + 1, sizeof *f->tokens);
	if (f->slow_ms)
		pthread_create(&f->thread, NULL, slow_thread, f);
	return &f->source;
}
