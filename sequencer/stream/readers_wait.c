/* Who is waited for (readers.h). */
#include <stddef.h>

#include "sequencer/core/words.h"
#include "sequencer/stream/readers_internal.h"

/* The log must keep what is behind that; UINT64_MAX: it has no more what comes next (R6). */
static uint64_t reader_needs(const struct reader *reader, const struct stream_log *log)
{
	return reader->consumed + 1 >= stream_log_oldest(log) ? reader->consumed
							      : UINT64_MAX;
}

uint64_t readers_waited_for(
	struct readers *readers, const struct stream_log *log, uint64_t now_ns)
{
	struct keeper *keeper = readers->config.keeper;
	uint64_t position = keeper ? keeper_waited_for(keeper) : UINT64_MAX;

	if (!readers->config.limits->blocks)
		return position; /* R4 */
	for (uint32_t i = 0; i < readers->top; i++) {
		struct reader *reader = &readers->at[i];

		if (reader->state == READER_NONE || reader->replica)
			continue;
		reader_look(readers, reader, log);
		position = least(position, reader_needs(reader, log));
	}
	if (readers->hold != UINT64_MAX && now_ns >= readers->hold_until_ns)
		readers->hold = UINT64_MAX;
	return least(position, readers->hold); /* R7 */
}

static bool chain_has(const struct stream_chain *chain, struct stream_member member)
{
	for (uint32_t i = 0; i < chain->count; i++) {
		if (chain->at[i].replica == member.replica &&
			chain->at[i].incarnation == member.incarnation)
			return true;
	}
	return false;
}

/* Whether all members of the epoch before are known, and still there. */
static bool nobody_is_lost(
	const struct readers *readers, const struct stream_change *change)
{
	if (change->from == 0 || change->from != readers->epoch)
		return false;
	for (uint32_t i = 0; i < readers->chain.count; i++) {
		if (!chain_has(&change->chain, readers->chain.at[i]))
			return false;
	}
	return true;
}

/*
 * What every reader of the epoch before has consumed, as far as the head of the new one knows.  A
 * head logs nothing that is further than a ring from that (C4), so it can not be less than a
 * ring before the base; and who was the head already knows what was released.
 */
static uint64_t consumed_by_all(const struct readers *readers,
	const struct stream_change *change, const struct stream_log *log)
{
	uint64_t ring = log->ring.mask;
	uint64_t position = change->base > ring ? change->base - ring : 0;

	if (log->head && change->from == readers->epoch && log->released > position)
		return log->released;
	return position;
}

void readers_enter(struct readers *readers, const struct stream_change *change,
	const struct stream_log *log, uint64_t now_ns)
{
	bool head = change->chain.place == 0;

	if (!head)
		readers->hold = UINT64_MAX;
	if (head && readers->config.limits->blocks && change->base > 0 &&
		!nobody_is_lost(readers, change)) {
		readers->hold = least(
			readers->hold, consumed_by_all(readers, change, log));
		readers->hold_until_ns = now_ns + READERS_GRACE_NS;
	}
	readers->epoch = change->epoch;
	readers->chain = change->chain;
}
