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
	return least(position, stream_hold_position(&readers->hold, now_ns)); /* R7 */
}

void readers_enter(struct readers *readers, const struct stream_change *change,
	const struct stream_log *log, uint64_t now_ns)
{
	if (readers->config.limits->blocks)
		stream_hold_enter(&readers->hold, change, log, now_ns, READERS_GRACE_NS);
}
