/*
 * What makes a difference to what: rules by which the search leaves out orders that give the same
 * answers as one that it looks at.
 */
#ifndef PAWL_TESTS_LINEAR_DEPENDS_H
#define PAWL_TESTS_LINEAR_DEPENDS_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/linear/model.h"

/*
 * @next may stand right behind @maybe, whose outcome is unknown.  Not if it writes over all that
 * @maybe wrote without looking: @maybe might as well have been left out.  Not if neither makes a
 * difference to the other: @maybe might as well stand behind it; but if @next is of unknown outcome,
 * too, both may have to be there for what follows, and then they stand @in_order.
 */
bool depends_may_follow(const struct move *maybe, const struct move *next, bool in_order,
	bool next_maybe);

/* The nearest before @i that asks for the same; UINT32_MAX. */
uint32_t depends_twin(const struct move *const *maybe, uint32_t i);

#endif
