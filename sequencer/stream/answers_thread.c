/* The thread that applies storages and answers what is asked of them (answers.h). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/stream/answers_internal.h"

#define TICK_NS (10 * NS_PER_MS)    /* while storages are kept up to date */
#define RETRY_NS (1000 * NS_PER_MS) /* what failed is not begun again before */
#define REST_NS UINT64_C(1000000000)

/* ---- Answers ---- */

static struct answer *answer_make(
	uint64_t number, int code, const void *bytes, size_t len)
{
	struct answer *answer = malloc(sizeof(*answer) + len + 1);

	if (!answer)
		return NULL;
	*answer = (struct answer){.number = number, .code = code, .len = (uint32_t)len};
	if (len > 0)
		memcpy(answer->bytes, bytes, len);
	answer->bytes[len] = '\0';
	return answer;
}

/*
 * Without memory for it whoever asks waits for nothing, until its deadline.  Nobody is told any more
 * once the end is asked for, for whoever listens may be gone.
 */
static void answer_put(struct answers *answers, struct answer *answer)
{
	if (!answer)
		return;
	(void)pthread_mutex_lock(&answers->lock);
	*answers->done_end = answer;
	answers->done_end = &answer->next;
	if (!answers->stop)
		answers->config.news(answers->config.context);
	(void)pthread_mutex_unlock(&answers->lock);
}

static void refuse(struct answers_store *store, const struct question *q, int code,
	const struct error *why)
{
	atomic_fetch_add(&store->refused, 1);
	answer_put(store->answers,
		answer_make(q->of.number, code, why->text, strlen(why->text)));
}

static int too_long(size_t len, struct error *err)
{
	return error_set(err, -EMSGSIZE,
		"stream: an answer of %zu bytes is too long for a read at the tail, "
		"which has room for %u; read in another way",
		len, ANSWERS_LEN_MAX);
}

static void answer(struct answers_store *store, const struct question *q)
{
	struct machine_result result = {"", 0};
	struct answer *made;
	struct error err;
	int rc = applier_query(store->applier, q->bytes, q->of.len, &result, &err);

	if (!rc && result.len > ANSWERS_LEN_MAX)
		rc = too_long(result.len, &err);
	if (rc) {
		refuse(store, q, rc, &err);
		return;
	}
	made = answer_make(q->of.number, 0, result.bytes, result.len);
	if (made)
		made->position = applier_consumed(store->applier);
	atomic_fetch_add(&store->answered, 1);
	answer_put(store->answers, made);
}

static void is_late(struct answers_store *store, const struct question *q)
{
	struct error err;

	(void)error_set(&err, -EAGAIN,
		"stream: the storage is applied up to position %" PRIu64 " of %" PRIu64
		" here by now; ask again",
		applier_consumed(store->applier), q->of.upto);
	refuse(store, q, -EAGAIN, &err);
}

/* True: it is answered. */
static bool question_look(
	struct answers_store *store, const struct question *q, uint64_t now_ns)
{
	if (store->failure) {
		refuse(store, q, store->failure, &store->why);
		return true;
	}
	if (applier_consumed(store->applier) >= q->of.upto) {
		answer(store, q); /* W1 */
		return true;
	}
	if (now_ns < q->of.deadline_ns)
		return false;
	is_late(store, q);
	return true;
}

/* ---- The thread ---- */

static void questions_look(struct answers_store *store, uint64_t now_ns)
{
	struct question **place = &store->questions;

	while (*place) {
		struct question *q = *place;

		if (!question_look(store, q, now_ns)) {
			place = &q->next;
			continue;
		}
		*place = q->next;
		free(q);
		atomic_fetch_sub(&store->answers->waiting, 1);
	}
}

static void store_fail(struct answers_store *store, int code, uint64_t now_ns)
{
	store->failure = code;
	store->failed_ns = now_ns;
	applier_drop(store->applier);
}

/* Whether there is anything to do for it: somebody asks, or did a while ago. */
static bool is_live(struct answers_store *store, uint64_t now_ns)
{
	if (store->failure && now_ns - store->failed_ns >= RETRY_NS)
		store->failure = 0;
	if (store->questions)
		return true;
	if (applier_is_begun(store->applier) &&
		now_ns - store->asked_ns >= ANSWERS_IDLE_NS)
		applier_drop(store->applier);
	return applier_is_begun(store->applier);
}

/* True: there may be more to do at once. */
static bool store_turn(struct answers_store *store, uint64_t now_ns, bool *live_p)
{
	bool more = false;
	int rc;

	if (!is_live(store, now_ns)) {
		atomic_store(&store->applied, 0);
		return false;
	}
	*live_p = true;
	if (store->questions)
		store->asked_ns = now_ns;
	if (!store->failure) {
		rc = applier_step(store->applier, &more, &store->why);
		if (rc)
			store_fail(store, rc, now_ns);
	}
	atomic_store(&store->applied, applier_consumed(store->applier));
	questions_look(store, now_ns);
	return more && !store->failure;
}

static bool stores_turn(struct answers *answers, bool *live_p)
{
	struct answers_store *store;
	uint64_t now_ns = clock_now_ns();
	bool more = false;

	(void)pthread_mutex_lock(&answers->lock);
	store = answers->stores;
	(void)pthread_mutex_unlock(&answers->lock);
	*live_p = false;
	for (; store; store = store->next) {
		if (store_turn(store, now_ns, live_p))
			more = true;
	}
	return more;
}

static void asked_take_over(struct answers *answers)
{
	struct question *q = answers->asked;

	answers->asked = NULL;
	answers->asked_end = &answers->asked;
	while (q) {
		struct question **end = &q->store->questions;
		struct question *next = q->next;

		while (*end)
			end = &(*end)->next;
		q->next = NULL;
		*end = q;
		q = next;
	}
}

/* Takes over what was asked; waits a while if nothing was.  False: it is to end. */
static bool asked_await(struct answers *answers, uint64_t wait_ns)
{
	struct timespec until = time_at(clock_now_ns() + wait_ns);
	bool goes_on;
	int rc = 0;

	(void)pthread_mutex_lock(&answers->lock);
	while (rc == 0 && wait_ns > 0 && !answers->stop && !answers->asked)
		rc = pthread_cond_timedwait(&answers->changed, &answers->lock, &until);
	asked_take_over(answers);
	goes_on = !answers->stop;
	(void)pthread_mutex_unlock(&answers->lock);
	return goes_on;
}

void *answers_run(void *context)
{
	struct answers *answers = context;
	bool more = false, live = false, abandoned;

	while (asked_await(answers, more ? 0 : live ? TICK_NS : REST_NS))
		more = stores_turn(answers, &live);
	(void)pthread_mutex_lock(&answers->lock);
	answers->finished = true;
	abandoned = answers->abandoned;
	(void)pthread_cond_broadcast(&answers->changed);
	(void)pthread_mutex_unlock(&answers->lock);
	if (abandoned)
		answers_release(answers);
	return NULL;
}
