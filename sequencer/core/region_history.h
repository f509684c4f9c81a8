/*
 * What a region remembers of the epochs before its own (E9), so that it outlives the replica:
 * one that is killed and takes its region up again can still tell a client, which slept for
 * some epochs, what became of its tickets.
 *
 * @region is the owner's view of the whole region.  It is written before the region's epoch
 * can be active, and never again.
 */
#ifndef PAWL_CORE_REGION_HISTORY_H
#define PAWL_CORE_REGION_HISTORY_H

#include "sequencer/core/epoch.h"
#include "sequencer/core/region.h"

/* @history has stands of @counters_count counters, which the region has room for. */
void region_history_write(void *region, const struct region_layout *layout,
	const struct epoch_history *history, uint32_t counters_count);

/* The stands, of counters_max counters each, are in the region itself. */
void region_history_read(void *region, const struct region_layout *layout,
	struct epoch_history *history_p);

#endif
