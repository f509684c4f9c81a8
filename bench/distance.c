#include "bench/distance.h"

#include <pthread.h>
#include <sched.h>
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

/* ---- Between threads ---- */

struct player {
	_Atomic uint64_t *ball;
	bool first;
	int cpu;
	uint64_t end_ns;
	uint64_t round_trip_ns;
};

static void *player_run(void *context)
{
	struct player *p = context;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((size_t)p->cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) == 0)
		p->round_trip_ns = distance_run(p->ball, p->first, p->end_ns);
	return NULL;
}

/* False: there are not two. */
static bool cpus_find(int *cpus_p)
{
	cpu_set_t cpus;
	int found = 0;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && found < 2; cpu++) {
		if (CPU_ISSET((size_t)cpu, &cpus))
			cpus_p[found++] = cpu;
	}
	return found == 2;
}

uint64_t distance_between(uint64_t length_ns, int *cpus_p)
{
	_Atomic uint64_t ball = 0;
	uint64_t end_ns = clock_now_ns() + length_ns;
	struct player players[2];
	pthread_t threads[2];
	int started = 0;

	if (!cpus_find(cpus_p))
		return 0;
	for (int i = 0; i < 2; i++) {
		players[i] = (struct player){.ball = &ball,
			.first = i == 0,
			.cpu = cpus_p[i],
			.end_ns = end_ns};
		if (pthread_create(&threads[i], NULL, player_run, &players[i]))
			break;
		started++;
	}
	for (int i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return players[0].round_trip_ns;
}
