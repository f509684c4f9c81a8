#include "sequencer/control/stream_message.h"

void stream_limits_to_wire(const struct stream_limits *from, Control__StreamLimits *to)
{
	*to = (Control__StreamLimits)CONTROL__STREAM_LIMITS__INIT;
	to->slot_len = from->slot_len;
	to->slots = from->slots;
	to->rows = from->rows;
	to->blocks = from->blocks;
	to->archiving = from->archiving;
	to->hole_timeout_ns = from->hole_timeout_ns;
	to->message_max = from->message_max;
}

struct stream_limits stream_limits_from_wire(const Control__StreamLimits *from)
{
	if (!from)
		return (struct stream_limits){.slot_len = 0};
	return (struct stream_limits){.slot_len = from->slot_len,
		.slots = from->slots,
		.rows = from->rows,
		.blocks = from->blocks,
		.archiving = (enum stream_archiving)from->archiving,
		.hole_timeout_ns = from->hole_timeout_ns,
		.message_max = from->message_max};
}
