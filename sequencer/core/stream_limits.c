#include "sequencer/core/stream_limits.h"

#include "sequencer/core/stream_slot.h"

bool stream_limits_valid(const struct stream_limits *l)
{
	bool ring = l->slots >= STREAM_RING_MIN && l->slots <= STREAM_RING_MAX &&
		    (l->slots & (l->slots - 1)) == 0 &&
		    stream_slot_len_valid(l->slot_len) &&
		    (uint64_t)l->slots * l->slot_len <= STREAM_RING_BYTES_MAX;
	bool rows = l->rows > 0 && l->rows <= STREAM_ROWS_MAX;
	bool times = l->hole_timeout_ns >= STREAM_HOLE_MIN_NS &&
		     l->hole_timeout_ns <= STREAM_HOLE_MAX_NS;

	return ring && rows && times && l->message_max > 0 &&
	       l->message_max <= STREAM_MESSAGE_MAX &&
	       l->archiving <= STREAM_ARCHIVE_REQUIRED;
}
