/*
 * Up to where whoever asked for the end of a stream has to apply it, before he has everything that
 * was acknowledged to anybody before he asked (docs/protocol.md, "Storage").
 *
 * The end is what the counter of positions says.  If its epoch ends, positions that were drawn in it
 * and are not in the log by then will be drawn again, whenever somebody publishes next; so the end is
 * waited for only up to the base of any later epoch.  Everything that was acknowledged before he
 * asked was so in the epoch of the answer or before, and is within that base.
 */
#ifndef PAWL_CORE_STREAM_SYNC_H
#define PAWL_CORE_STREAM_SYNC_H

#include <stdint.h>

#include "sequencer/core/mutation.h"

/*
 * @end was confirmed in @asked_in, or before; @epoch, which begins behind @base, is the newest that
 * is known.
 */
static inline uint64_t stream_sync_end(
	uint64_t end, uint64_t asked_in, uint64_t epoch, uint64_t base)
{
	if (epoch <= asked_in || MUTATED(STORE_SYNC_BEYOND))
		return end;
	return base < end ? base : end;
}

#endif
