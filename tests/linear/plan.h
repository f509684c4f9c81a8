/*
 * A history prepared for a judge: keys that an operation joins are in one *part*, keys are cells,
 * those of a part one behind the other, and lists name all keys that there are.
 */
#ifndef PAWL_TESTS_LINEAR_PLAN_H
#define PAWL_TESTS_LINEAR_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/linear/budget.h"
#include "tests/linear/history.h"
#include "tests/linear/model.h"

struct part {
	uint32_t cells_first, cells_count;
	uint32_t moves_first, moves_count;
	size_t items_count; /* of all of its moves */
};

struct plan {
	const struct linear_history *history;
	struct budget budget;
	bool local_too;	   /* local reads join keys, too */
	uint32_t *cell_of; /* by number of the string; UINT32_MAX: not a key */
	uint32_t *keys;	   /* number of the string, by cell */
	uint32_t *part_of; /* by cell */
	struct item *items;
	size_t items_count, items_room;
	struct move
		*moves; /* sorted by part, then by the time at which they were invoked */
	uint32_t moves_count;
	struct part *parts;
	uint32_t parts_count;
	uint32_t cells_count;
};

/*
 * All operations but those that failed, reads without an answer and, unless @local_too, local
 * reads.  -ENOBUFS: @len_max bytes are not enough; -ENOMEM.
 */
int plan_begin(struct plan *plan, const struct linear_history *history, size_t len_max,
	bool local_too) __attribute__((warn_unused_result));
void plan_end(struct plan *plan);

#endif
