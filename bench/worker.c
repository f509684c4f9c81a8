/* One of the processes of a team. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/distance.h"
#include "bench/team_shared.h"
#include "client/lib/wait.h"
#include "hw/clock.h"

#define IDLE_LOOK_NS 50000

static void stay_on_cpu(const struct worker *w)
{
	cpu_set_t cpus;

	if (w->cpu < 0)
		return;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)w->cpu, &cpus);
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

static void call_await(const struct worker *w, uint32_t before)
{
	struct timespec pause = {.tv_nsec = IDLE_LOOK_NS};

	while (atomic_load(&w->shared->number) == before)
		(void)nanosleep(&pause, NULL);
}

/*
 * Arrives, and leaves at the moment that the parent then names: all at the same time.  The
 * parent may also give the turn up and make another call.
 */
static uint64_t start_await(struct worker *w, uint32_t number)
{
	atomic_store(&w->seat->arrived, number);
	while (atomic_load(&w->shared->go) != number &&
		atomic_load(&w->shared->number) == number)
		(void)sched_yield();
	while (clock_now_ns() < w->shared->start_ns)
		wait_relax();
	return w->shared->start_ns;
}

static int turn_run(struct worker *w, uint32_t number)
{
	struct turn turn = w->shared->call.turn;
	uint64_t start_ns = start_await(w, number);

	w->seat->count = 0;
	if (turn.what != TURN_DISTANCE)
		return w->config.work->turn(w, &turn, start_ns);
	w->seat->round_trip_ns = 0;
	if (w->place < 2)
		w->seat->round_trip_ns = distance_run(
			&w->shared->ball, w->place == 0, start_ns + turn.length_ns);
	return 0;
}

void worker_run(struct worker *w)
{
	uint32_t number = 0;
	enum call_kind kind = CALL_OPEN;

	child_bind(w->parent);
	stay_on_cpu(w);
	while (kind != CALL_END) {
		call_await(w, number);
		number = atomic_load(&w->shared->number);
		kind = w->shared->call.kind;
		w->seat->rc = 0;
		if (kind == CALL_OPEN)
			w->seat->rc = w->config.work->open(w);
		else if (kind == CALL_TURN)
			w->seat->rc = turn_run(w, number);
		else
			w->config.work->close(w);
		atomic_store(&w->seat->done, number);
	}
	_exit(EXIT_SUCCESS);
}
