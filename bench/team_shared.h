/*
 * What the parent and the workers share: a call for all, and a seat for each.
 *
 * The parent writes the call, then its number; each worker answers with that number.  For
 * a turn it does so twice: it has arrived and looks at the clock, and it is done.
 */
#ifndef PAWL_BENCH_TEAM_SHARED_H
#define PAWL_BENCH_TEAM_SHARED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "bench/team.h"

#define TEAM_LINE 128 /* bytes that one processor may fetch at once */

enum call_kind {
	CALL_OPEN,
	CALL_TURN,
	CALL_END
};

struct call {
	enum call_kind kind;
	struct turn turn;
	char where[TEAM_WHERE_MAX];
	char raws[CHAIN_MAX][TEAM_TEXT_MAX];
	unsigned int raws_count;
};

struct seat {
	alignas(TEAM_LINE) _Atomic uint32_t arrived;
	_Atomic uint32_t done;
	int rc; /* of the newest call, with the reason */
	struct error err;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t count;
	uint64_t round_trip_ns;
	struct {
		uint64_t n;
		uint64_t last;
		bool stamped;
	} sides[TURN_SIDES];
};

struct team_shared {
	alignas(TEAM_LINE) _Atomic uint64_t word;   /* bare, shm */
	alignas(TEAM_LINE) _Atomic uint64_t ball;   /* TURN_DISTANCE */
	alignas(TEAM_LINE) _Atomic uint32_t number; /* of the call */
	_Atomic uint32_t go;			    /* the call whose start is set */
	uint64_t start_ns;
	struct call call;
	alignas(TEAM_LINE) _Atomic bool full; /* a process has no room left */
	struct seat seats[TEAM_MAX];
};

/* One process's arrays: for its part of rate_max additions, and of timed_max times. */
struct team_room {
	uint64_t *values;
	uint64_t *begins_ns;
	uint64_t *ends_ns;
};

/* What one worker knows. */
struct worker {
	unsigned int place;
	pid_t parent;
	int cpu; /* to stay on, or -1 */
	struct team_config config;
	struct team_shared *shared;
	struct seat *seat;
	struct team_room room;
	struct side *sides[TURN_SIDES];
	void *state; /* of other work than sides */
};

/* worker.c: answers calls until CALL_END, and exits. */
void worker_run(struct worker *worker) __attribute__((noreturn));

#endif
