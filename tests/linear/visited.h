/*
 * The configurations that a search has been in: what was put in order, and the state that came of
 * it.  Kept whole, so that two are never taken for one.
 *
 * A configuration is a *place*, words that must be the same, and a set of operations of unknown
 * outcome that were made use of.  From the same place nothing can be reached with more of them used
 * up that can not be reached with fewer, so a superset counts as seen.
 */
#ifndef PAWL_TESTS_LINEAR_VISITED_H
#define PAWL_TESTS_LINEAR_VISITED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/linear/budget.h"

struct visited {
	struct budget *budget;
	uint64_t *
		words; /* the configurations, one behind the other; the first word is not used */
	size_t used, room;
	uint64_t *heads; /* by hash: where the newest of a chain begins; 0: nowhere */
	size_t heads_room;
	size_t count;
};

void visited_begin(struct visited *visited, struct budget *budget);
void visited_end(struct visited *visited);

/* Forgets all and keeps the room. */
void visited_clear(struct visited *visited);

/*
 * *seen_p: it, or one with fewer used up, was there; if not, it is now.  All sets have the same
 * length as long as nothing is cleared.  -ENOBUFS, -ENOMEM.
 */
int visited_add(struct visited *visited, const uint64_t *place, size_t place_count,
	const uint64_t *set, size_t set_count, bool *seen_p)
	__attribute__((warn_unused_result));

#endif
