/*
 * The history of additions to one counter, and whether it is linearizable: the judge of the
 * simulator and of the system tests.
 *
 * An addition of n that returned `last` took the numbers last - n + 1 to last; a read
 * (n = 0) returned the value.  Times are in any unit, the same for all.
 *
 *  - no number is taken twice, and no read shows the inside of a block;
 *  - an addition invoked after another returned has larger numbers;
 *  - a read invoked after an addition returned is not below its last number, an addition
 *    invoked after a read returned lies above it, and reads do not go back.
 *
 * What stood before the history began is an addition that returned before any other was
 * invoked, and what the counter was found to be in the end is a read, invoked when all the
 * others had returned.
 */
#ifndef PAWL_TESTS_HISTORY_H
#define PAWL_TESTS_HISTORY_H

#include <stddef.h>
#include <stdint.h>

struct history_entry {
	uint64_t n;
	uint64_t last;
	uint64_t invoked;
	uint64_t returned;
	/* Where it stands, for whoever tells of it. */
	uint32_t client;
	uint32_t line;
};

enum history_verdict {
	HISTORY_LINEARIZABLE,
	HISTORY_DUPLICATE, /* a number was taken twice */
	HISTORY_TORN,	   /* a read shows a number inside a block */
	HISTORY_DISORDER,  /* a later addition has a smaller number */
	HISTORY_STALE, /* a read missed what had returned, or showed what was to come */
};

struct history_finding {
	enum history_verdict verdict;
	struct history_entry first;  /* the two entries that contradict each other, */
	struct history_entry second; /*   by their numbers */
	uint64_t gaps;		     /* numbers up to the largest seen that nobody took */
};

/* Sorts @entries in place, by their numbers.  Takes O(n log n). */
struct history_finding history_check(struct history_entry *entries, size_t count);

const char *history_verdict_name(enum history_verdict verdict);

#endif
