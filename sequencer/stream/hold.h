/*
 * What a stream that blocks holds back after a change that lost a member of its chain (readers.h,
 * R7): the lost member's subscribers live on, nobody else knows how far they are, and they come
 * back meanwhile.
 *
 * Only a head begins to hold, since it alone decides what is logged.  What it holds it goes on
 * holding when another one becomes the head, as long as it is in the chain itself: its
 * predecessors are told what it releases (C4).
 */
#ifndef PAWL_STREAM_HOLD_H
#define PAWL_STREAM_HOLD_H

#include <stdint.h>

#include "sequencer/core/stream_log.h"
#include "sequencer/stream/host.h"

/* Of one stream at one replica, in one life. */
struct stream_hold {
	uint64_t position; /* nothing beyond is released; UINT64_MAX: nothing is held */
	uint64_t until_ns;
	uint64_t epoch; /* entered last, and its chain; 0: none */
	struct stream_chain chain;
};

#define STREAM_HOLD_NONE ((struct stream_hold){.position = UINT64_MAX})

/*
 * The log of a stream that blocks will enter an epoch now, before stream_log_enter.  What it has
 * to hold is held for @grace_ns.
 */
void stream_hold_enter(struct stream_hold *hold, const struct stream_change *change,
	const struct stream_log *log, uint64_t now_ns, uint64_t grace_ns);

/* The log may overwrite up to here; UINT64_MAX: everything. */
uint64_t stream_hold_position(struct stream_hold *hold, uint64_t now_ns);

#endif
