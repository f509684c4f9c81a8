#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/answers_internal.h"

static void questions_free(struct question *questions)
{
	while (questions) {
		struct question *next = questions->next;

		free(questions);
		questions = next;
	}
}

static void store_free(struct answers_store *store)
{
	questions_free(store->questions);
	applier_free(store->applier);
	free(store);
}

void answers_release(struct answers *answers)
{
	struct answer *answer;

	questions_free(answers->asked);
	while (answers->stores) {
		struct answers_store *next = answers->stores->next;

		store_free(answers->stores);
		answers->stores = next;
	}
	while ((answer = answers_take(answers)) != NULL)
		free(answer);
	(void)pthread_cond_destroy(&answers->changed);
	(void)pthread_mutex_destroy(&answers->lock);
	free(answers);
}

int answers_make(const struct answers_config *config, struct answers **answers_p,
	struct error *err)
{
	struct answers *answers = calloc(1, sizeof(*answers));
	pthread_condattr_t monotonic;

	if (!answers)
		return error_set(err, -ENOMEM, "stream: no memory for reads at the tail");
	answers->config = *config;
	answers->room.max = config->memory_max;
	answers->asked_end = &answers->asked;
	answers->done_end = &answers->done;
	(void)pthread_mutex_init(&answers->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&answers->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*answers_p = answers;
	return 0;
}

/* True: the thread has ended, or never began. */
static bool thread_end(struct answers *answers, uint64_t timeout_ns)
{
	struct timespec until = time_at(clock_now_ns() + timeout_ns);
	bool ended;
	int rc = 0;

	(void)pthread_mutex_lock(&answers->lock);
	answers->stop = true;
	(void)pthread_cond_broadcast(&answers->changed);
	while (rc == 0 && answers->begun && !answers->finished)
		rc = pthread_cond_timedwait(&answers->changed, &answers->lock, &until);
	ended = !answers->begun || answers->finished;
	answers->abandoned = !ended;
	if (!ended)
		(void)pthread_detach(answers->thread);
	(void)pthread_mutex_unlock(&answers->lock);
	return ended;
}

void answers_free(struct answers *answers, uint64_t timeout_ns)
{
	if (!thread_end(answers, timeout_ns))
		return;
	if (answers->begun)
		(void)pthread_join(answers->thread, NULL);
	answers_release(answers);
}

int answers_store_make(struct answers *answers, const char *stream,
	const struct stream_limits *limits, const struct keeper_place *archive,
	struct answers_store **store_p, struct error *err)
{
	struct applier_config config = {.stream = stream,
		.limits = limits,
		.archive = archive,
		.room = &answers->room};
	struct answers_store *store = calloc(1, sizeof(*store));

	if (store)
		store->applier = applier_make(&config);
	if (!store || !store->applier) {
		free(store);
		return error_set(err, -ENOMEM,
			"stream: %s: no memory for reads at the tail", stream);
	}
	store->answers = answers;
	(void)pthread_mutex_lock(&answers->lock);
	store->next = answers->stores;
	answers->stores = store;
	(void)pthread_mutex_unlock(&answers->lock);
	*store_p = store;
	return 0;
}

void answers_attach(struct answers_store *store, const struct applier_source *source)
{
	applier_attach(store->applier, source);
}

void answers_detach(struct answers_store *store)
{
	applier_detach(store->applier);
}

static int ask_check(struct answers *answers, struct error *err)
{
	uint32_t waiting = atomic_load(&answers->waiting);

	if (answers->config.memory_max == 0)
		return error_set(err, -ENOTSUP,
			"stream: this replica does not answer reads at the tail; read in "
			"another way, or set tail-memory");
	if (waiting < ANSWERS_WAITING_MAX)
		return 0;
	return error_set(err, -EAGAIN,
		"stream: %u reads at the tail are waiting here already; ask again",
		waiting);
}

static int thread_begin(struct answers *answers, struct error *err)
{
	int rc = 0;

	if (!answers->begun)
		rc = thread_start(
			&answers->thread, "pawl-answers", NULL, answers_run, answers);
	if (rc)
		return error_set(err, -ENOMEM,
			"stream: a thread for reads at the tail: %s; free some memory or "
			"raise the limit on threads",
			error_reason(rc));
	answers->begun = true;
	return 0;
}

int answers_ask(struct answers_store *store, const struct answers_question *question,
	struct error *err)
{
	struct answers *answers = store->answers;
	struct question *q;
	int rc = ask_check(answers, err);

	if (!rc)
		rc = thread_begin(answers, err);
	if (rc)
		return rc;
	q = malloc(sizeof(*q) + question->len);
	if (!q)
		return error_set(
			err, -ENOMEM, "stream: no memory for a read at the tail");
	*q = (struct question){.store = store, .of = *question};
	q->of.deadline_ns = least(
		question->deadline_ns, clock_now_ns() + ANSWERS_WAIT_NS);
	if (question->len > 0)
		memcpy(q->bytes, question->bytes, question->len);
	atomic_fetch_add(&answers->waiting, 1);
	(void)pthread_mutex_lock(&answers->lock);
	*answers->asked_end = q;
	answers->asked_end = &q->next;
	(void)pthread_cond_broadcast(&answers->changed);
	(void)pthread_mutex_unlock(&answers->lock);
	return 0;
}

struct answer *answers_take(struct answers *answers)
{
	struct answer *answer;

	(void)pthread_mutex_lock(&answers->lock);
	answer = answers->done;
	if (answer)
		answers->done = answer->next;
	if (!answers->done)
		answers->done_end = &answers->done;
	(void)pthread_mutex_unlock(&answers->lock);
	return answer;
}

void answers_status(const struct answers_store *store, struct answers_status *status_p)
{
	*status_p = (struct answers_status){.answered = atomic_load(&store->answered),
		.refused = atomic_load(&store->refused),
		.applied = atomic_load(&store->applied)};
}
