/*
 * The processes of 'pawl-bench store': each is a client of both sides, a store of Pawl and an
 * etcd, and in a turn all do the same operations on one of them, so many in flight.  A turn is
 * over when all that was begun has ended.
 *
 *     storage_work.c  the turns, alike for both sides
 *     storage_pawl.c  one side
 *     storage_etcd.c  the other
 *
 * A seat is written by its process while it is in a turn, and read by the parent afterwards; but
 * acked is looked at by all.
 */
#ifndef PAWL_BENCH_STORAGE_WORK_H
#define PAWL_BENCH_STORAGE_WORK_H

#include "bench/histogram.h"
#include "bench/storage_ledger.h"
#include "bench/storage_options.h"
#include "bench/team_shared.h"

#define STORAGE_NAME "pawl-bench"
#define STORAGE_TURN_TIMEOUT_NS UINT64_C(25000000000)
#define STORAGE_KEY_LEN 8

struct storage_seat {
	/* The newest version that this client was told of a write. */
	alignas(TEAM_LINE) _Atomic uint64_t acked[TURN_SIDES];
	alignas(TEAM_LINE) struct histogram writes_ns; /* of this turn */
	struct histogram reads_ns;
	uint64_t operations;
	uint64_t begin_ns;
	uint64_t end_ns; /* of the last of them */
	uint64_t cpu_ns; /* that the process has used */
};

struct storage_shared {
	_Atomic unsigned int finished;	       /* clients, in this turn */
	_Atomic bool failed;		       /* somebody has given up: so do all */
	const struct storage_options *options; /* where it was before the fork */
	struct storage_ledger ledger;
	int etcd_port; /* 0: none */
	struct storage_seat seats[STORAGE_CLIENTS_MAX];
};

/* Memory for the processes; NULL: there is none. */
struct storage_shared *storage_shared_make(
	const struct storage_options *options, int etcd_port);
void storage_shared_free(struct storage_shared *shared);
/* Before each turn. */
void storage_shared_begin(struct storage_shared *shared);

extern const struct team_work storage_work;

/* ---- Within a process ---- */

struct storage_client;

/* What the sides do.  0, or -errno with the reason in the worker's seat. */
struct storage_side {
	int (*open)(struct storage_client *c, void **state_p);
	/* Begins the operation at @place; it may end in the call.  -EAGAIN: not now. */
	int (*start)(struct storage_client *c, unsigned int place);
	/* Moves everything on.  *count_p: what has come; 0: it may be worth a pause. */
	int (*move)(struct storage_client *c, int *count_p);
	/* Nobody writes any more: gets to know what others have written. */
	int (*settle)(struct storage_client *c);
	void (*close)(void *state);
};

extern const struct storage_side storage_pawl;
extern const struct storage_side storage_etcd;

struct storage_client {
	struct worker *w;
	const struct storage_options *options;
	struct storage_shared *shared;
	struct storage_seat *seat;
	enum turn_side side;
	bool looks; /* the turn is about what is there: TURN_CHECK */
	void *states[TURN_SIDES];
	uint64_t *seen[TURN_SIDES];   /* of each key, versions that it was told of */
	uint64_t numbers[TURN_SIDES]; /* writes, ever */
	uint64_t random;
	int rc; /* of what has ended */
	unsigned int depth;
	unsigned int in_flight;
	unsigned int
		free[STORAGE_DEPTH_MAX]; /* places without an operation, the first ones */
	struct storage_operation operations[STORAGE_DEPTH_MAX];
	unsigned int ended_count;
	unsigned int ended[STORAGE_DEPTH_MAX]; /* since the last look at the clock */
};

/* STORAGE_KEY_LEN bytes. */
void storage_key_write(uint32_t key, unsigned char *bytes);

/* A side says that an operation has ended; its time is taken at the next look at the clock. */
void storage_ended(struct storage_client *c, unsigned int place,
	const struct storage_answer *answer);
/* The time of all that have ended is now. */
void storage_times_take(struct storage_client *c, uint64_t now_ns);
/* It has ended, but how long it took is not counted. */
void storage_time_drop(struct storage_client *c);

static inline void *storage_state(const struct storage_client *c)
{
	return c->states[c->side];
}

/* A local read is not counted as linearizable, on either side. */
static inline bool storage_reads_locally(const struct storage_client *c)
{
	return c->looks || c->options->reading == PAWL_READ_LOCAL;
}

#endif
