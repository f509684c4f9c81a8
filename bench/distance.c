#include "bench/distance.h"

#include <stdbool.h>

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
static uint64_t lead(_Atomic uint64_t *ball, uint64_t end_ns)
{
	uint64_t round_trip_ns = 0;
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
				round_trip_ns = (now - begin_ns) /
						(trips - TRIPS_UNMEASURED);
		}
	}
	return round_trip_ns;
}

static void follow(_Atomic uint64_t *ball, uint64_t end_ns)
{
	for (uint64_t trips = 0; ball_await(ball, 2 * trips + 1, end_ns); trips++)
		atomic_store_explicit(ball, 2 * trips + 2, memory_order_release);
}

uint64_t distance_run(_Atomic uint64_t *ball, bool first, uint64_t end_ns)
{
	if (first)
		return lead(ball, end_ns);
	follow(ball, end_ns);
	return 0;
}
