/*
 * Processes that draw numbers one by one, and keep every one with its times, while replicas
 * come and go.  They are forked once and work in *rounds*; between rounds they sleep.
 *
 * Each notes at which of its numbers its handle went on in another epoch, so that it is
 * known of every number which side of a change it was confirmed on.
 */
#ifndef PAWL_BENCH_CREW_H
#define PAWL_BENCH_CREW_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "bench/history.h"
#include "hw/error.h"

#define CREW_MAX 64
#define CREW_ROOM (UINT64_C(1) << 22) /* numbers of one round, all processes */

enum crew_pace {
	CREW_REST,
	CREW_GENTLE, /* one now and then */
	CREW_FULL,   /* as fast as possible, as long as there is plenty of room */
	CREW_END
};

struct crew;

/*
 * Forks @processes, 1 to CREW_MAX, that open @counter at @where and rest; *last_p is the
 * counter's newest number then.  -ENOMEM.  -EINTR: *interrupted became true.  -ECHILD: one
 * has died.  -ETIMEDOUT.  Or what the library says.
 */
int crew_start(unsigned int processes, const char *where, const char *counter,
	const volatile sig_atomic_t *interrupted, struct crew **crew_p, uint64_t *last_p,
	struct error *err) __attribute__((warn_unused_result));

/* Begins a round: what was drawn in the one before is forgotten. */
void crew_begin(struct crew *crew, enum crew_pace pace);
void crew_pace(struct crew *crew, enum crew_pace pace);

/*
 * Sleeps for @ns, but not past a failure.  -ENOSPC: the round was too long to keep all its
 * numbers.  Else errors as crew_start.
 */
int crew_sleep(struct crew *crew, uint64_t ns, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Waits until every process has drawn a number in an epoch from @epoch on, in this round.
 * Errors as crew_sleep; -ETIMEDOUT: not within 60 s.
 */
int crew_await_epoch(struct crew *crew, uint64_t epoch, struct error *err)
	__attribute__((warn_unused_result));

/* Ends the round: when it returns, nobody draws any more.  Errors as crew_sleep. */
int crew_finish(struct crew *crew, struct error *err) __attribute__((warn_unused_result));

/* What process @i drew in the round; until the next begins. */
void crew_part(const struct crew *crew, unsigned int i, struct history_part *part_p);

/*
 * How many of those process @i drew before it was in an epoch from @epoch on.  False: it
 * never was, in this round.
 */
bool crew_before_epoch(const struct crew *crew, unsigned int i, uint64_t epoch,
	uint64_t *count_p) __attribute__((warn_unused_result));

void crew_end(struct crew *crew);

#endif
