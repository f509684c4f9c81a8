/*
 * Is what a counter handed out what it promises?  A *history* is fed turn by turn with
 * everything that was drawn in the turn, by all processes, and holds it to these rules:
 *
 *  R1  Each addition took its own numbers: none is handed out twice.
 *  R2  None is missing: the turn's numbers go on where the turn before ended.
 *  R3  Within one process, numbers increase.
 *  R4  Between processes, numbers follow real time: an addition that had ended before
 *      another began has the smaller number.  For turns with times only.
 *
 * Additions all take the same count of numbers, n, and are known by their last one.
 */
#ifndef PAWL_BENCH_HISTORY_H
#define PAWL_BENCH_HISTORY_H

#include <stdint.h>

#include "hw/error.h"

/*
 * How far the clocks of two processors may be apart: virtual ones, which are moved from core
 * to core, by some tens of nanoseconds.
 */
#define HISTORY_CLOCK_NS 200

/* What one process drew in a turn, in the order in which it got it. */
struct history_part {
	const uint64_t *values;
	const uint64_t *begins_ns; /* of each addition, or NULL, as are the ends */
	const uint64_t *ends_ns;
	uint64_t count;
};

struct history {
	const char *name; /* for messages */
	uint64_t n;
	uint64_t last;	    /* the newest number of the turns so far; wraps */
	uint64_t clock_ns;  /* R4: less than this between two processes proves nothing */
	uint64_t additions; /* found good so far */
	uint64_t timed;	    /* of these, with times */

	uint64_t additions_max; /* in one turn */
	uint64_t timed_max;	/* in one turn with times */
	uint64_t *taken;	/* one bit for each addition of a turn */
	uint64_t *begins_ns;	/* of a turn's additions, by number */
	uint64_t *ends_ns;
};

/*
 * The first turn's numbers follow @last, and clocks are taken to be exact.  All memory is allocated here, for turns of at
 * most that many additions.  -ENOMEM.
 */
int history_init(struct history *h, const char *name, uint64_t n, uint64_t last,
	uint64_t additions_max, uint64_t timed_max) __attribute__((warn_unused_result));
void history_destroy(struct history *h);

/*
 * One turn, @parts_count processes; R4 is checked when all parts have times.  -EILSEQ: a
 * rule is broken, @err says which and where.  -ENOBUFS: more additions than agreed.
 */
int history_check(struct history *h, const struct history_part *parts,
	unsigned int parts_count, struct error *err) __attribute__((warn_unused_result));

#endif
