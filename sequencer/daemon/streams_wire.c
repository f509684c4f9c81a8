#include "sequencer/daemon/streams_wire.h"

#include <stdio.h>

static char *text_of(const char *text)
{
	return (char *)(uintptr_t)text;
}

void streams_places_to_wire(
	uint32_t counter, const struct stream_addresses *from, Control__StreamPlaces *to)
{
	*to = (Control__StreamPlaces)CONTROL__STREAM_PLACES__INIT;
	to->counter = counter;
	to->epoch = from->epoch;
	to->words = text_of(from->words);
	to->inbox = text_of(from->inbox);
	to->log = text_of(from->log);
	to->words_path = text_of(from->words_path);
	to->inbox_path = text_of(from->inbox_path);
	to->log_path = text_of(from->log_path);
}

static void text_take(char to[MEMORY_ADDRESS_MAX], const char *from)
{
	(void)snprintf(to, MEMORY_ADDRESS_MAX, "%s", from);
}

void streams_places_from_wire(
	const Control__StreamPlaces *from, struct stream_addresses *to)
{
	to->epoch = from->epoch;
	text_take(to->words, from->words);
	text_take(to->inbox, from->inbox);
	text_take(to->log, from->log);
	text_take(to->words_path, from->words_path);
	text_take(to->inbox_path, from->inbox_path);
	text_take(to->log_path, from->log_path);
}
