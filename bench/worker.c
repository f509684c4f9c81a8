/* One of the processes that draw numbers. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/child.h"
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

static int side_open(struct worker *w, enum turn_side which, const struct side_ops *ops,
	struct side_config *config)
{
	struct seat *seat = w->seat;
	int rc = ops->open(config, &w->sides[which], &seat->err);

	if (rc)
		return rc;
	seat->sides[which].n = w->sides[which]->n;
	seat->sides[which].last = w->sides[which]->last;
	seat->sides[which].stamped = ops->stamped;
	return 0;
}

static int sides_open(struct worker *w)
{
	struct side_config config = w->config.side;
	int rc;

	config.word = &w->shared->word;
	config.where = w->shared->call.where;
	config.raws_count = w->shared->call.raws_count;
	for (unsigned int i = 0; i < config.raws_count; i++)
		config.raws[i] = w->shared->call.raws[i];
	rc = side_open(
		w, TURN_BARE, config.verbs ? &side_bare_verbs : &side_bare_shm, &config);
	return rc ? rc : side_open(w, TURN_PAWL, &side_pawl, &config);
}

static void sides_close(struct worker *w)
{
	for (int i = 0; i < TURN_SIDES; i++) {
		if (w->sides[i])
			w->sides[i]->ops->close(w->sides[i]);
	}
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

static int chunk_run(struct worker *w, const struct turn *turn)
{
	struct side *side = w->sides[turn->side];
	struct seat *seat = w->seat;
	uint64_t at = seat->count;

	if (turn->what == TURN_RATE)
		return side->ops->run(
			side, w->config.chunk, w->room.values + at, &seat->err);
	return side->ops->run_timed(side, w->config.chunk, w->room.values + at,
		w->room.begins_ns + at, w->room.ends_ns + at, &seat->err);
}

/* Chunk after chunk, at least one, until the time is over or one of the processes has no more room. */
static int additions_run(struct worker *w, const struct turn *turn, uint64_t end_ns)
{
	struct seat *seat = w->seat;
	uint64_t room = (turn->what == TURN_RATE ? w->config.rate_max
						 : w->config.timed_max) /
			w->config.processes;

	seat->begin_ns = clock_now_ns();
	do {
		int rc = chunk_run(w, turn);

		if (rc)
			return rc;
		seat->count += w->config.chunk;
		seat->end_ns = clock_now_ns();
		if (room - seat->count < w->config.chunk)
			atomic_store(&w->shared->full, true);
	} while (seat->end_ns < end_ns && !atomic_load(&w->shared->full));
	return 0;
}

static int turn_run(struct worker *w, uint32_t number)
{
	struct turn turn = w->shared->call.turn;
	uint64_t end_ns = start_await(w, number) + turn.length_ns;

	w->seat->count = 0;
	if (turn.what != TURN_DISTANCE)
		return additions_run(w, &turn, end_ns);
	distance_run(w, end_ns);
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
			w->seat->rc = sides_open(w);
		else if (kind == CALL_TURN)
			w->seat->rc = turn_run(w, number);
		else
			sides_close(w);
		atomic_store(&w->seat->done, number);
	}
	_exit(EXIT_SUCCESS);
}
