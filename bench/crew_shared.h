/* What the parent and a crew's processes share. */
#ifndef PAWL_BENCH_CREW_SHARED_H
#define PAWL_BENCH_CREW_SHARED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "bench/crew.h"

#define CREW_LINE 128 /* bytes that one processor may fetch at once */
#define CREW_CHANGES_MAX 32

/* The handle went on in @epoch when @before numbers of the round had been drawn. */
struct crew_change {
	uint64_t epoch;
	uint64_t before;
};

/*
 * Written by its process alone, and read by the parent at any time: what a count covers is
 * written before the count, which is released, and read after it was acquired.
 */
struct crew_seat {
	alignas(CREW_LINE) _Atomic uint64_t count; /* numbers of this round */
	_Atomic unsigned int changes_count;
	struct crew_change changes[CREW_CHANGES_MAX];
	_Atomic uint32_t begun;	   /* the newest round it is in, or has been in */
	_Atomic uint32_t finished; /* the newest round it has ended */
	_Atomic int rc;		   /* why it draws no more; the reason is there before */
	struct error err;
	_Atomic bool ready; /* to draw: the counter stood at @last */
	uint64_t last;
};

struct crew_shared {
	alignas(CREW_LINE) _Atomic int pace; /* enum crew_pace */
	_Atomic uint32_t round;
	struct crew_seat seats[CREW_MAX];
};

/* One process's arrays, @max numbers long. */
struct crew_room {
	uint64_t *values;
	uint64_t *begins_ns;
	uint64_t *ends_ns;
	uint64_t max;
};

struct crew_member {
	pid_t parent;
	const char *where;
	const char *counter;
	struct crew_shared *shared;
	struct crew_seat *seat;
	struct crew_room room;
};

/* crew_member.c: draws until CREW_END, and exits. */
void crew_member_run(const struct crew_member *member) __attribute__((noreturn));

#endif
