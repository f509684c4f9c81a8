#include "sequencer/stream/feeder.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "hw/clock.h"
#include "hw/thread.h"
#include "sequencer/stream/feeder_internal.h"

#define IDLE_NS (1000 * NS_PER_MS)
#define LOOK_NS (10 * NS_PER_MS) /* between two looks at an archive's end */

struct feeder {
	pthread_t thread;
	struct feeder_lane *lanes; /* the thread's */

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct feeder_lane *asked; /* for the thread to take over */
	bool begun;
	bool finished;
	bool abandoned; /* the thread frees it */

	_Atomic uint64_t signals; /* grows with every wake; partner: feeder_sleep */
	atomic_bool asleep;	  /* partner: feeder_wake */
	atomic_bool stop;
};

static void lanes_free(struct feeder_lane *lanes)
{
	while (lanes) {
		struct feeder_lane *next = lanes->next;

		feeder_lane_free(lanes);
		lanes = next;
	}
}

static void asked_take_over(struct feeder *feeder)
{
	struct feeder_lane **last = &feeder->lanes;

	while (*last)
		last = &(*last)->next;
	(void)pthread_mutex_lock(&feeder->lock);
	*last = feeder->asked;
	feeder->asked = NULL;
	(void)pthread_mutex_unlock(&feeder->lock);
}

/* A piece of every lane.  True: there is more to do at once. */
static bool lanes_turn(struct feeder *feeder)
{
	struct feeder_lane **place = &feeder->lanes;
	bool more = false;

	asked_take_over(feeder);
	while (*place) {
		struct feeder_lane *lane = *place;

		if (atomic_load_explicit(&lane->ended, memory_order_acquire)) {
			*place = lane->next;
			feeder_lane_free(lane); /* I2 */
			continue;
		}
		if (feeder_lane_fill(lane))
			more = true;
		place = &lane->next;
	}
	return more;
}

static bool somebody_is_at_the_end(const struct feeder *feeder)
{
	for (const struct feeder_lane *lane = feeder->lanes; lane; lane = lane->next) {
		if (atomic_load_explicit(&lane->end, memory_order_relaxed))
			return true;
	}
	return false;
}

static struct timespec time_at(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
		.tv_nsec = (long)(ns % 1000000000u)};
}

/*
 * Sleeps unless somebody woke it since @signals.  Both sides store before they load, in one
 * order that all threads see: either the waker sees it asleep, or it sees the signal.
 */
static void feeder_sleep(struct feeder *feeder, uint64_t signals)
{
	uint64_t len = somebody_is_at_the_end(feeder) ? LOOK_NS : IDLE_NS;
	struct timespec until = time_at(clock_now_ns() + len);
	int rc = 0;

	(void)pthread_mutex_lock(&feeder->lock);
	atomic_store(&feeder->asleep, true);
	while (rc == 0 && atomic_load(&feeder->signals) == signals)
		rc = pthread_cond_timedwait(&feeder->changed, &feeder->lock, &until);
	atomic_store(&feeder->asleep, false);
	(void)pthread_mutex_unlock(&feeder->lock);
}

void feeder_wake(struct feeder *feeder)
{
	atomic_fetch_add(&feeder->signals, 1);
	if (!atomic_load(&feeder->asleep))
		return;
	(void)pthread_mutex_lock(&feeder->lock);
	(void)pthread_cond_broadcast(&feeder->changed);
	(void)pthread_mutex_unlock(&feeder->lock);
}

static void feeder_release(struct feeder *feeder)
{
	lanes_free(feeder->lanes);
	lanes_free(feeder->asked);
	(void)pthread_cond_destroy(&feeder->changed);
	(void)pthread_mutex_destroy(&feeder->lock);
	free(feeder);
}

static void *feeder_run(void *context)
{
	struct feeder *feeder = context;
	bool abandoned;

	for (;;) {
		uint64_t signals = atomic_load(&feeder->signals);

		if (atomic_load(&feeder->stop))
			break;
		if (!lanes_turn(feeder))
			feeder_sleep(feeder, signals);
	}
	(void)pthread_mutex_lock(&feeder->lock);
	feeder->finished = true;
	abandoned = feeder->abandoned;
	(void)pthread_cond_broadcast(&feeder->changed);
	(void)pthread_mutex_unlock(&feeder->lock);
	if (abandoned)
		feeder_release(feeder);
	return NULL;
}

int feeder_make(struct feeder **feeder_p, struct error *err)
{
	struct feeder *feeder = calloc(1, sizeof(*feeder));
	pthread_condattr_t monotonic;

	if (!feeder)
		return error_set(
			err, -ENOMEM, "stream: no memory to read archives; free some");
	(void)pthread_mutex_init(&feeder->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&feeder->changed, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	*feeder_p = feeder;
	return 0;
}

void feeder_free(struct feeder *feeder, uint64_t timeout_ns)
{
	struct timespec until = time_at(clock_now_ns() + timeout_ns);
	bool left = false;
	int rc = 0;

	atomic_store(&feeder->stop, true);
	feeder_wake(feeder);
	(void)pthread_mutex_lock(&feeder->lock);
	while (rc == 0 && feeder->begun && !feeder->finished)
		rc = pthread_cond_timedwait(&feeder->changed, &feeder->lock, &until);
	left = feeder->begun && !feeder->finished;
	feeder->abandoned = left;
	if (left)
		(void)pthread_detach(feeder->thread);
	(void)pthread_mutex_unlock(&feeder->lock);
	if (left)
		return;
	if (feeder->begun)
		(void)pthread_join(feeder->thread, NULL);
	feeder_release(feeder);
}

static bool thread_begin(struct feeder *feeder)
{
	if (!feeder->begun)
		feeder->begun = thread_start(&feeder->thread, "pawl-feeder", NULL,
					feeder_run, feeder) == 0;
	return feeder->begun;
}

struct feeder_lane *feeder_ask(
	struct feeder *feeder, const struct feeder_lane_config *config)
{
	struct feeder_lane *lane = feeder_lane_make(config);
	bool begun;

	if (!lane)
		return NULL;
	(void)pthread_mutex_lock(&feeder->lock);
	begun = thread_begin(feeder);
	if (begun) {
		lane->next = feeder->asked;
		feeder->asked = lane;
	}
	(void)pthread_mutex_unlock(&feeder->lock);
	if (!begun) {
		feeder_lane_free(lane);
		return NULL;
	}
	feeder_wake(feeder);
	return lane;
}

void feeder_end(struct feeder *feeder, struct feeder_lane *lane)
{
	atomic_store_explicit(&lane->ended, true, memory_order_release);
	feeder_wake(feeder);
}
