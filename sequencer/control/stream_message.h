/* What is decided about a stream, on the wire and back. */
#ifndef PAWL_CONTROL_STREAM_MESSAGE_H
#define PAWL_CONTROL_STREAM_MESSAGE_H

#include "sequencer/control/control.pb-c.h"
#include "sequencer/core/stream_limits.h"

/* Initialises @to. */
void stream_limits_to_wire(const struct stream_limits *from, Control__StreamLimits *to);

/* @from has passed its check, or its numbers are checked by the caller.  NULL: a counter. */
struct stream_limits stream_limits_from_wire(const Control__StreamLimits *from);

#endif
