/*
 * What a store is, one operation after the other.  A *cell* is a key: its value and the position
 * at which it was written; of a lock the owner and the token; of a guarded resource nothing and the
 * largest token seen.  Positions of writes of one key grow.
 *
 * Of a write whose position was not told the cell knows only that it is larger than the ones
 * before (exact is 0); the first that tells it decides.
 */
#ifndef PAWL_TESTS_LINEAR_MODEL_H
#define PAWL_TESTS_LINEAR_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/linear/history.h"

struct cell {
	uint64_t
		version; /* of the newest write or deletion, if exact; else it is larger */
	uint32_t value;	 /* 0: nothing is there */
	uint32_t exact;
};

/* An operation whose items name cells (.key), and all of whose keys are there. */
struct move {
	uint64_t invoked, returned, position;
	const struct item *items;
	uint32_t compare, then, otherwise;
	uint32_t first;	 /* of the items, in the plan */
	uint32_t source; /* operation of the history */
	uint32_t part;
	enum linear_answer answer;
};

/* What was in a cell before. */
struct undo {
	struct cell before;
	uint32_t cell;
};

struct model {
	struct cell *cells;
	struct undo *undos; /* newest last; room for one per item that is applied */
	size_t undos_count;
};

/*
 * Does the operation as if it went the way of @answer, done or refused.  False: that contradicts
 * the cells or the answers that were given, and nothing was changed.
 */
bool model_apply(struct model *model, const struct move *move, enum linear_answer answer)
	__attribute__((warn_unused_result));

/* Back to where undos_count was @mark. */
void model_undo(struct model *model, size_t mark);

/* It may go this way, as far as its answer says. */
static inline bool move_may_go(const struct move *move, enum linear_answer answer)
{
	if (move->answer != LINEAR_UNTOLD)
		return move->answer == answer;
	return answer == LINEAR_DONE || move->compare > 0;
}

bool item_writes(const struct item *item);
/* It depends on what is there. */
bool item_observes(const struct item *item);

#endif
