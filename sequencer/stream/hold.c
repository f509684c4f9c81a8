#include "sequencer/stream/hold.h"

#include <stdbool.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/words.h"

uint64_t stream_hold_position(struct stream_hold *hold, uint64_t now_ns)
{
	if (hold->position != UINT64_MAX && now_ns >= hold->until_ns)
		hold->position = UINT64_MAX;
	return hold->position;
}

static bool chain_has(const struct stream_chain *chain, struct stream_member member)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		if (stream_member_same(chain->at[i], member))
			return true;
	}
	return false;
}

/* Whether all members of the epoch before are known, and still there. */
static bool nobody_is_lost(
	const struct stream_hold *hold, const struct stream_change *change)
{
	if (MUTATED(STREAM_LOST_READERS))
		return true;
	if (change->from == 0 || change->from != hold->epoch)
		return false;
	for (uint32_t i = 0; i < hold->chain.count; i++) {
		if (!chain_has(&change->chain, hold->chain.at[i]))
			return false;
	}
	return true;
}

/*
 * What every reader of the epoch before has consumed, as far as the head of the new one knows.  A
 * head logs nothing that is further than a ring from that (C4), so it can not be less than a
 * ring before the base; and who was the head already knows what was released.
 */
static uint64_t consumed_by_all(const struct stream_hold *hold,
	const struct stream_change *change, const struct stream_log *log)
{
	uint64_t ring = MUTATED(STREAM_HOLD_AT_BASE) ? 0 : log->ring.mask;
	uint64_t position = change->base > ring ? change->base - ring : 0;

	if (log->head && change->from == hold->epoch && log->released > position)
		return log->released;
	return position;
}

/* Nothing was ever published, and no epoch of it was seen here: nobody waits for more. */
static bool is_new(const struct stream_hold *hold, const struct stream_change *change)
{
	return hold->epoch == 0 && change->base == 0;
}

void stream_hold_enter(struct stream_hold *hold, const struct stream_change *change,
	const struct stream_log *log, uint64_t now_ns, uint64_t grace_ns)
{
	bool head = change->chain.place == 0;
	uint64_t held = stream_hold_position(hold, now_ns);

	if (head && !is_new(hold, change) && !nobody_is_lost(hold, change)) {
		hold->position = least(held, consumed_by_all(hold, change, log));
		hold->until_ns = now_ns + grace_ns;
	}
	hold->epoch = change->epoch;
	hold->chain = change->chain;
}
