/*
 * The search for an order of the operations of one part.
 *
 * Operations with an answer must all be put in order; the next one is among those that were asked
 * for before any of the rest had returned.  Those of unknown outcome may be put anywhere after they
 * were asked for, or left out.  It would take for ever to try all that may be, so of orders that
 * give the same answers only one is looked at:
 *
 *  - what has an unknown outcome stands right before an operation that it makes a difference to;
 *  - of two in a row that make no difference to each other the first is the one asked for first;
 *  - of two that ask for the same the one asked for first is used first;
 *  - what only reads, and can stand here, does.
 */
#ifndef PAWL_TESTS_LINEAR_SEARCH_H
#define PAWL_TESTS_LINEAR_SEARCH_H

#include <stdint.h>

#include "tests/linear/model.h"
#include "tests/linear/plan.h"
#include "tests/linear/visited.h"

struct search_limits {
	uint64_t
		states; /* for each part, so that a hard one leaves enough to the others */
	uint64_t deadline_ns; /* for all; of CLOCK_MONOTONIC */
};

struct search_end {
	enum linear_verdict verdict;
	const char *why; /* undecided: the limit that was reached */
	/* Bad: no order gets past the return of this one. */
	const struct move *blocked;
	uint32_t ordered; /* how many were put in order before it, by the best try */
};

/* What all parts use, one after the other. */
struct search_room {
	struct visited visited;
	struct cell
		*cells; /* of the plan; nothing is there before a search, and after it */
	struct cell *
		best; /* likewise; after a search that ended badly, what the best try left */
};

/* -ENOMEM. */
int search_part(const struct plan *plan, const struct part *part,
	struct search_room *room, const struct search_limits *limits,
	struct search_end *end_p) __attribute__((warn_unused_result));

#endif
