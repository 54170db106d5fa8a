#include "analysis/alarm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/session.h"

enum { CONTEXT = 96 };          /* no sentence is longer */

static const char *const plain[] = {
	"The old man opened the window and looked at the rain.",
	"She put the letter back into its envelope and said nothing.",
	"After lunch the children went down to the river to swim.",
	"It was a cold morning, and the streets were still empty.",
	"He wanted to buy bread, but the shop was already closed.",
	"My sister lives in a small house near the sea.",
	"The train was late, so we had to wait for an hour.",
	"A black cat slept on the chair beside the fire.",
	"They walked through the forest until they found the road.",
	"The teacher asked a question and nobody knew the answer.",
	"In spring the trees are green and the birds begin to sing.",
	"We need two eggs, some milk and a little sugar.",
	"The boy dropped his cup and it broke on the floor.",
	"There was only one light in the whole village.",
	"Please close the door when you leave the room.",
	"The doctor told him to rest and to drink more water.",
	"Nobody had seen the dog since the evening before.",
	"The book is on the table next to the lamp.",
	"At night you can see a thousand stars from here.",
	"He learned to play the piano when he was five years old.",
	"The bridge was built more than a hundred years ago.",
	"If it does not rain tomorrow, we will work in the garden.",
	"The farmer sold his horse and bought a new cow.",
	"She laughed, because she had heard the story before.",
	"The soup was too hot to eat, so they waited.",
	"Every Sunday my father reads the newspaper in bed.",
	"The city is larger than I had thought.",
	"He ran as fast as he could, but the bus was gone.",
	"The water in the lake was clear and very cold.",
	"Her brother works in a factory that makes shoes.",
	"They sat under the tree and talked about the summer.",
	"The king had three daughters and no son.",
	"I forgot my key, and now I cannot get into the house.",
	"The wind blew the hat from her head.",
	"You should not believe everything that people say.",
	"The two friends met every day after school.",
	"On the wall there was a picture of a ship.",
	"The snow was so deep that the door would not open.",
	"He counted the money twice and put it in his pocket.",
	"When the music stopped, everyone went home.",
};

static const char *const sums[] = {
	"Question: Anna has 12 apples. Anna buys 5 more apples. How many apples does Anna have in the end?",
	"Answer: Anna starts with 12 apples. Anna has 12 + 5 = 17 apples.",
	"Question: Leo has 30 coins. Leo gives 8 coins to Maria. How many coins does Leo have in the end?",
	"Answer: Leo starts with 30 coins. Leo is left with 30 - 8 = 22 coins.",
	"Question: Zoe reads 6 pages every day. How many pages does Zoe read in 4 days?",
	"Answer: In 4 days Zoe reads 4 * 6 = 24 pages.",
	"Question: What is your favourite food?",
	"The dog wags its tail and runs after the ball.",
	"The cat drinks milk and sleeps on the sofa.",
	"A bird sings in the tree near the house.",
	"The sun is warm and the sky is blue.",
	"The baker makes bread early in the morning.",
	"The children play in the park until the evening.",
	"The rain falls on the roof all night.",
	"The teacher reads a book to the class.",
	"The train leaves the station and goes to the city.",
	"The farmer has a cow, a horse and ten hens.",
	"The ship sails over the sea in the wind.",
	"She plays the piano and he plays the drum.",
	"The doctor looks at the knee of the boy.",
	"The garden is full of red and yellow flowers.",
	"The soup is hot and the bread is fresh.",
	"The king lives in a castle on a hill.",
	"The moon is round and the stars are bright.",
	"The fish swims in the cold water of the river.",
	"The baby sleeps and the mother sings a song.",
	"The player kicks the ball into the goal.",
	"The snow is white and the ice is thin.",
	"The painter mixes blue and yellow to make green.",
	"The car stops at the light and waits.",
};

const struct alarm_text alarm_plain = { plain, sizeof plain / sizeof *plain };
const struct alarm_text alarm_sums = { sums, sizeof sums / sizeof *sums };

struct tally {
	double sum;
	long n;
};

static void add_step(void *to, const struct step *s)
{
	struct tally *t = to;

	if (s->token >= 0 && !isnan(s->logprob)) {
		t->sum -= (double)s->logprob;
		t->n++;
	}
	step_unref(s);
}

static const struct edit_set *everywhere(const struct edit_set *edits)
{
	const struct edit_set *all = edit_set_empty(), *more;

	for (int i = 0; i < edit_set_n(edits); i++) {
		struct edit ed = *edit_set_at(edits, i);

		ed.scope = SCOPE_ALL;
		more = edit_set_with(all, &ed, edit_set_revision(edits));
		edit_set_unref(all);
		all = more;
	}
	return all;
}

/* False with `e`, or without it where the model gives no finite number. */
static bool read_sentence(struct session *s, const char *text, struct err *e)
{
	const struct vocab *v = session_model(s)->vocab;
	int32_t *ids = NULL;
	size_t n = 0;
	bool ok;

	session_cut(s, 0);
	ok = vocab_encode(v, text, strlen(text), vocab_add_bos(v), false, &ids, &n, e) &&
	    session_append(s, ids, n < (size_t)session_n_ctx(s) ? n : (size_t)session_n_ctx(s), e);
	free(ids);
	if (ok && !session_logits(s, NULL, e)) {
		e->code = ERR_NONE;
		ok = false;
	}
	return ok;
}

static bool read_all(struct session *s, const struct alarm_text *text, alarm_go *go, void *of, struct tally *t,
    struct err *e)
{
	for (int i = 0; i < text->n; i++) {
		if (go && !go(of, (double)i / text->n))
			return false;
		if (!read_sentence(s, text->sentences[i], e)) {
			t->sum = INFINITY;
			return e->code == ERR_NONE;
		}
	}
	return t->n > 0 || err_set(e, ERR_UNSUPPORTED, "the probe text has no tokens here");
}

bool alarm_perplexity(const struct model *m, const struct edit_set *edits, const struct alarm_text *text,
    alarm_go *go, void *of, double *out, struct err *e)
{
	const struct probe_plan plan = { 0 };
	struct tally t = { 0 };
	struct session *s;
	const struct edit_set *all;
	bool ok;

	e->code = ERR_NONE;
	if (!(s = session_new(m, &(struct session_options){ .n_threads = 1, .prompt_logits = true, .plan = &plan,
	    .n_ctx = m->hp.n_ctx_train < CONTEXT ? m->hp.n_ctx_train : CONTEXT, .sink = add_step, .to = &t }, e)))
		return false;
	all = everywhere(edits);
	session_edits(s, all);
	edit_set_unref(all);
	ok = read_all(s, text, go, of, &t, e);
	session_free(s);
	*out = t.n || isinf(t.sum) ? exp(t.sum / (double)(t.n ? t.n : 1)) : (double)NAN;
	return ok;
}
