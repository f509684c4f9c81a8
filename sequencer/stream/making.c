#include "sequencer/stream/making.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "hw/thread.h"
#include "sequencer/core/panic.h"

struct maker {
	struct maker_config config;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wanted;
	pthread_cond_t done;
	struct making *first; /* the oldest first */
	bool ended;
};

static bool is_given_up(struct maker *maker, const struct making *making)
{
	bool given_up;

	(void)pthread_mutex_lock(&maker->mutex);
	given_up = making->given_up;
	(void)pthread_mutex_unlock(&maker->mutex);
	return given_up;
}

/* Only words have a spare, and only a log is locked. */
static int file_make(struct maker *maker, struct making *making, struct making_part *part)
{
	const struct stretch_common *common = maker->config.common;
	int rc;

	if (part == &making->words && spare_take(maker->config.spares, making->spare,
					      part->len, &part->stretch))
		return 0;
	rc = stretch_file_make(&part->stretch, common, part->len, &making->err);
	if (!rc && part == &making->log)
		rc = stretch_lock(&part->stretch, &making->err);
	return rc;
}

static int part_make(struct maker *maker, struct making *making, struct making_part *part)
{
	int rc;

	if (!part->stretch.path[0] || is_given_up(maker, making))
		return 0;
	rc = file_make(maker, making, part);
	if (rc || is_given_up(maker, making))
		return rc;
	return stretch_expose(&part->stretch, maker->config.common, making->device,
		part->len, &making->err);
}

static void parts_make(struct maker *maker, struct making *making)
{
	making->rc = part_make(maker, making, &making->log);
	if (!making->rc)
		making->rc = part_make(maker, making, &making->inbox);
	if (!making->rc)
		making->rc = part_make(maker, making, &making->words);
}

/* The mutex is held, but for the making. */
static void make_first(struct maker *maker)
{
	struct making *making = maker->first;

	maker->first = making->next;
	making->state = MAKING_RUNS;
	(void)pthread_mutex_unlock(&maker->mutex);
	parts_make(maker, making);
	(void)pthread_mutex_lock(&maker->mutex);
	making->state = MAKING_DONE; /* L1 */
	(void)pthread_cond_broadcast(&maker->done);
	maker->config.done(maker->config.context);
}

static void *maker_run(void *argument)
{
	struct maker *maker = argument;

	(void)pthread_mutex_lock(&maker->mutex);
	while (!maker->ended) {
		if (maker->first)
			make_first(maker);
		else
			(void)pthread_cond_wait(&maker->wanted, &maker->mutex);
	}
	(void)pthread_mutex_unlock(&maker->mutex);
	return NULL;
}

static void maker_free(struct maker *maker)
{
	(void)pthread_cond_destroy(&maker->done);
	(void)pthread_cond_destroy(&maker->wanted);
	(void)pthread_mutex_destroy(&maker->mutex);
	free(maker);
}

int maker_start(
	const struct maker_config *config, struct maker **maker_p, struct error *err)
{
	struct maker *maker = calloc(1, sizeof(*maker));
	int rc;

	if (!maker)
		return error_set(err, -ENOMEM, "stream: maker: out of memory");
	maker->config = *config;
	(void)pthread_mutex_init(&maker->mutex, NULL);
	(void)pthread_cond_init(&maker->wanted, NULL);
	(void)pthread_cond_init(&maker->done, NULL);
	rc = thread_start(&maker->thread, "pawl-maker", NULL, maker_run, maker);
	if (rc) {
		maker_free(maker);
		return error_set(err, rc, "stream: maker: thread: %s", error_reason(rc));
	}
	*maker_p = maker;
	return 0;
}

void maker_stop(struct maker *maker)
{
	(void)pthread_mutex_lock(&maker->mutex);
	PAWL_ASSERT(!maker->first);
	maker->ended = true;
	(void)pthread_cond_signal(&maker->wanted);
	(void)pthread_mutex_unlock(&maker->mutex);
	(void)pthread_join(maker->thread, NULL);
	maker_free(maker);
}

void making_begin(struct maker *maker, struct making *making)
{
	struct making **at = &maker->first;

	(void)pthread_mutex_lock(&maker->mutex);
	PAWL_ASSERT(making->state == MAKING_NONE); /* L2 */
	while (*at)
		at = &(*at)->next;
	*at = making;
	making->next = NULL;
	making->state = MAKING_WAITS;
	making->given_up = false;
	making->rc = 0;
	(void)pthread_cond_signal(&maker->wanted);
	(void)pthread_mutex_unlock(&maker->mutex);
}

bool making_end(struct maker *maker, struct making *making)
{
	bool done;

	(void)pthread_mutex_lock(&maker->mutex);
	done = making->state == MAKING_DONE;
	if (done)
		making->state = MAKING_NONE;
	(void)pthread_mutex_unlock(&maker->mutex);
	return done;
}

/* The mutex is held. */
static void unqueue(struct maker *maker, const struct making *making)
{
	struct making **at = &maker->first;

	while (*at != making)
		at = &(*at)->next;
	*at = making->next;
}

void making_give_up(struct maker *maker, struct making *making)
{
	(void)pthread_mutex_lock(&maker->mutex);
	making->given_up = true;
	if (making->state == MAKING_WAITS)
		unqueue(maker, making);
	while (making->state == MAKING_RUNS)
		(void)pthread_cond_wait(&maker->done, &maker->mutex);
	making->state = MAKING_NONE;
	(void)pthread_mutex_unlock(&maker->mutex);
}

void making_remove(struct making *making)
{
	stretch_close(&making->log.stretch, true);
	stretch_close(&making->inbox.stretch, true);
	stretch_close(&making->words.stretch, true);
}
