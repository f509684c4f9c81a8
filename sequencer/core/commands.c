#include "sequencer/core/commands.h"

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"

void commands_init(struct commands *c, struct command *ring, uint64_t depth)
{
	PAWL_ASSERT(depth > 0 && (depth & (depth - 1)) == 0);
	*c = (struct commands){.ring = ring, .mask = depth - 1};
}

static struct command *command_at(const struct commands *c, uint64_t number)
{
	return &c->ring[number & c->mask];
}

uint64_t commands_submit(
	struct commands *c, uint64_t id, uint64_t cookie, uint8_t listener)
{
	PAWL_ASSERT(!commands_are_full(c));
	PAWL_ASSERT(commands_in_flight(c) == 0 ||
		    command_at(c, c->submitted)->id < id); /* I2 */
	*command_at(c, ++c->submitted) = (struct command){id, cookie, listener};
	return c->submitted;
}

/* The oldest in flight is decided (I1, I2). */
static struct command_outcome decide(struct commands *c)
{
	const struct command *command = command_at(c, ++c->decided);

	return (struct command_outcome){.number = c->decided,
		.cookie = command->cookie,
		.listener = command->listener};
}

bool commands_on_delivery(struct commands *c, uint64_t self, uint64_t publisher,
	uint64_t id, uint64_t position, struct command_outcome *outcome_p)
{
	bool own = publisher == self || MUTATED(STORE_OWN_BY_ID);

	if (commands_in_flight(c) == 0 || !own || id != command_at(c, c->decided + 1)->id)
		return false;
	*outcome_p = decide(c);
	outcome_p->position = position;
	return true;
}

void commands_sync_begin(struct commands *c, bool doubt)
{
	c->asked_in_doubt = doubt;
}

bool commands_sync_end(struct commands *c)
{
	bool resolved = c->asked_in_doubt; /* I4 */

	c->asked_in_doubt = false;
	return resolved;
}

bool commands_drop(struct commands *c, int status, struct command_outcome *outcome_p)
{
	if (commands_in_flight(c) == 0)
		return false;
	*outcome_p = decide(c);
	outcome_p->status = status;
	return true;
}
