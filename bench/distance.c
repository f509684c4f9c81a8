/*
 * How far two processors are apart: a cache line goes back and forth between them.  The
 * first process makes the number in it odd, the second makes it even again.
 */
#include <limits.h>

#include "bench/team_shared.h"
#include "hw/clock.h"

#define LOOKS 1024 /* between two looks at the clock */
#define TRIPS_UNMEASURED 100

/* Waits until the line holds @value; false when time is over. */
static bool ball_await(_Atomic uint64_t *ball, uint64_t value, uint64_t end_ns)
{
	for (;;) {
		for (int i = 0; i < LOOKS; i++) {
			if (atomic_load_explicit(ball, memory_order_acquire) == value)
				return true;
		}
		if (clock_now_ns() >= end_ns)
			return false;
	}
}

/* Trips until the time is over; the first few, while the other arrives, do not count. */
static void lead(struct worker *w, uint64_t end_ns)
{
	_Atomic uint64_t *ball = &w->shared->ball;
	uint64_t begin_ns = 0, trips = 0, now = 0;

	while (now < end_ns) {
		atomic_store_explicit(ball, 2 * trips + 1, memory_order_release);
		if (!ball_await(ball, 2 * trips + 2, end_ns))
			break;
		trips++;
		if (trips % TRIPS_UNMEASURED == 0) {
			now = clock_now_ns();
			if (begin_ns == 0)
				begin_ns = now;
			else
				w->seat->round_trip_ns = (now - begin_ns) /
							 (trips - TRIPS_UNMEASURED);
		}
	}
}

static void follow(struct worker *w, uint64_t end_ns)
{
	_Atomic uint64_t *ball = &w->shared->ball;

	for (uint64_t trips = 0; ball_await(ball, 2 * trips + 1, end_ns); trips++)
		atomic_store_explicit(ball, 2 * trips + 2, memory_order_release);
}

void distance_run(struct worker *w, uint64_t end_ns)
{
	w->seat->round_trip_ns = 0;
	if (w->place == 0)
		lead(w, end_ns);
	else if (w->place == 1)
		follow(w, end_ns);
}
