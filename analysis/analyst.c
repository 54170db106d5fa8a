#include "analysis/analyst.h"

#include <pthread.h>
#include <stdlib.h>

#include "engine/base/mailbox.h"
#include "engine/base/mem.h"

enum { QUESTIONS = 64 };

struct letter {
	analyst_fn *answer;
	void *question;
};

struct analyst {
	struct mailbox *questions, *answers;
	struct analyst_desk desk;
	atomic_int pending;
	pthread_t thread;
	bool started;
};

static void *work(void *of)
{
	struct analyst *a = of;
	struct letter *l;

	while ((l = mailbox_wait(a->questions))) {
		atomic_store(&a->desk.done, 0);
		/* Closed: what waits is handed back unanswered. */
		if (!mailbox_closed(a->questions))
			l->answer(l->question, &a->desk);
		atomic_store(&a->desk.stop, false);
		if (!mailbox_send(a->answers, l))
			break;
	}
	return NULL;
}

struct analyst *analyst_new(struct err *e)
{
	struct analyst *a = mem_zalloc(sizeof *a);

	a->questions = mailbox_new(QUESTIONS, e);
	/* Room for all that can be under way: the thread never waits for the taker. */
	a->answers = a->questions ? mailbox_new(2 * QUESTIONS + 2, e) : NULL;
	if (a->answers && !pthread_create(&a->thread, NULL, work, a)) {
		a->started = true;
		return a;
	}
	if (a->answers)
		err_set(e, ERR_RUN, "cannot start the analyst thread");
	analyst_free(a, NULL);
	return NULL;
}

void analyst_free(struct analyst *a, void (*drop)(void *question))
{
	void *question;

	if (!a)
		return;
	if (a->started) {
		mailbox_close(a->questions);
		atomic_store(&a->desk.stop, true);
		pthread_join(a->thread, NULL);
		while ((question = analyst_take(a)))
			if (drop)
				drop(question);
	}
	mailbox_free(a->answers);
	mailbox_free(a->questions);
	free(a);
}

int analyst_fd(const struct analyst *a)
{
	return mailbox_fd(a->answers);
}

bool analyst_ask(struct analyst *a, analyst_fn *answer, void *question)
{
	struct letter *l;

	if (atomic_load(&a->pending) >= QUESTIONS)
		return false;
	l = mem_zalloc(sizeof *l);
	*l = (struct letter){ answer, question };
	atomic_fetch_add(&a->pending, 1);
	if (mailbox_try_send(a->questions, l))
		return true;
	atomic_fetch_sub(&a->pending, 1);
	free(l);
	return false;
}

void *analyst_take(struct analyst *a)
{
	struct letter *l = mailbox_take(a->answers);
	void *question = l ? l->question : NULL;

	if (l)
		atomic_fetch_sub(&a->pending, 1);
	free(l);
	return question;
}

int analyst_pending(const struct analyst *a)
{
	return atomic_load(&a->pending);
}

float analyst_progress(const struct analyst *a)
{
	return atomic_load(&a->desk.done);
}

void analyst_cancel(struct analyst *a)
{
	atomic_store(&a->desk.stop, true);
}
