/* Where a stream's memory is, on the wire and back. */
#ifndef PAWL_DAEMON_STREAMS_WIRE_H
#define PAWL_DAEMON_STREAMS_WIRE_H

#include "sequencer/control/control.pb-c.h"
#include "sequencer/stream/places.h"

/* Initialises @to, which points into @from. */
void streams_places_to_wire(
	uint32_t counter, const struct stream_addresses *from, Control__StreamPlaces *to);

/* @from has passed its check (message.h). */
void streams_places_from_wire(
	const Control__StreamPlaces *from, struct stream_addresses *to);

#endif
