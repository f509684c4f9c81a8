#include "sequencer/daemon/pulse.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/core/panic.h"

#define NS_PER_S UINT64_C(1000000000)

struct pulse {
	struct pulse_config config;
	pthread_t thread;
	_Atomic uint64_t shown_ns; /* when the loop was last seen to live */
	pthread_mutex_t mutex;	   /* of what follows */
	pthread_cond_t ending;
	bool ended;
	_Atomic uint64_t *words[PULSE_WORDS_MAX]; /* NULL: the place is free */
};

static bool loop_lives(const struct pulse *pulse, uint64_t now_ns)
{
	return now_ns < atomic_load(&pulse->shown_ns) + pulse->config.limit_ns;
}

/* The mutex is held. */
static void words_move(struct pulse *pulse)
{
	for (int i = 0; i < PULSE_WORDS_MAX; i++) {
		if (pulse->words[i])
			atomic_fetch_add(pulse->words[i], 1);
	}
}

/* The mutex is held, but for the waiting. */
static void beat_await(struct pulse *pulse)
{
	uint64_t due_ns = clock_now_ns() + pulse->config.beat_ns;
	struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_S),
		.tv_nsec = (long)(due_ns % NS_PER_S)};
	int rc = 0;

	while (!pulse->ended && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&pulse->ending, &pulse->mutex, &due);
}

static void *pulse_run(void *argument)
{
	struct pulse *pulse = argument;

	(void)pthread_mutex_lock(&pulse->mutex);
	while (!pulse->ended) {
		if (loop_lives(pulse, clock_now_ns()))
			words_move(pulse);
		beat_await(pulse);
	}
	(void)pthread_mutex_unlock(&pulse->mutex);
	return NULL;
}

/* A step of the wall clock is no reason to beat late. */
static void waiting_init(struct pulse *pulse)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&pulse->mutex, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&pulse->ending, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

static void pulse_free(struct pulse *pulse)
{
	(void)pthread_cond_destroy(&pulse->ending);
	(void)pthread_mutex_destroy(&pulse->mutex);
	free(pulse);
}

int pulse_start(
	const struct pulse_config *config, struct pulse **pulse_p, struct error *err)
{
	struct pulse *pulse = calloc(1, sizeof(*pulse));
	int rc;

	if (!pulse)
		return error_set(err, -ENOMEM, "pawld: heartbeat: out of memory");
	pulse->config = *config;
	waiting_init(pulse);
	pulse_show(pulse);
	rc = thread_start(&pulse->thread, "pawl-pulse", NULL, pulse_run, pulse);
	if (rc) {
		pulse_free(pulse);
		return error_set(err, rc,
			"pawld: heartbeat: thread: %s; let this user and service have "
			"more threads (ulimit -u, TasksMax)",
			error_reason(rc));
	}
	*pulse_p = pulse;
	return 0;
}

void pulse_show(struct pulse *pulse)
{
	atomic_store(&pulse->shown_ns, clock_now_ns()); /* partner: loop_lives */
}

static int place_find(const struct pulse *pulse, const _Atomic uint64_t *word)
{
	int i = 0;

	while (i < PULSE_WORDS_MAX && pulse->words[i] != word)
		i++;
	return i;
}

void pulse_add(struct pulse *pulse, _Atomic uint64_t *word)
{
	int place;

	(void)pthread_mutex_lock(&pulse->mutex);
	PAWL_ASSERT(place_find(pulse, word) == PULSE_WORDS_MAX); /* each once */
	place = place_find(pulse, NULL);
	PAWL_ASSERT(place < PULSE_WORDS_MAX); /* a replica holds fewer regions */
	pulse->words[place] = word;
	(void)pthread_mutex_unlock(&pulse->mutex);
}

void pulse_remove(struct pulse *pulse, _Atomic uint64_t *word)
{
	int place;

	(void)pthread_mutex_lock(&pulse->mutex);
	place = place_find(pulse, word);
	if (place < PULSE_WORDS_MAX)
		pulse->words[place] = NULL;
	(void)pthread_mutex_unlock(&pulse->mutex);
}

void pulse_stop(struct pulse *pulse)
{
	if (!pulse)
		return;
	(void)pthread_mutex_lock(&pulse->mutex);
	pulse->ended = true;
	(void)pthread_cond_signal(&pulse->ending);
	(void)pthread_mutex_unlock(&pulse->mutex);
	(void)pthread_join(pulse->thread, NULL);
	pulse_free(pulse);
}
