#include "sequencer/core/stream_subscriber.h"

#include <stddef.h>
#include <string.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

void stream_subscriber_init(
	struct stream_subscriber *s, const struct stream_subscriber_config *config)
{
	memset(s, 0, sizeof(*s));
	s->config = *config;
	if (config->from == STREAM_FROM_POSITION) {
		PAWL_ASSERT(config->position > 0);
		s->begun = true;
		s->next = config->position;
	}
}

void stream_subscriber_attach(struct stream_subscriber *s, const struct stream_ring *ring,
	const uint64_t *end, const uint64_t *oldest)
{
	s->ring = *ring;
	s->end = end;
	s->oldest = oldest;
	s->seen = 0;
	if (s->begun)
		return;
	s->begun = true;
	s->next = word_load(s->config.from == STREAM_FROM_NOW ? s->end : s->oldest);
	s->next += s->config.from == STREAM_FROM_NOW;
}

void stream_subscriber_detach(struct stream_subscriber *s)
{
	s->end = NULL;
}

static void open_drop(struct stream_subscriber *s)
{
	s->open = false;
	s->open_len = 0;
}

static void open_begin(struct stream_subscriber *s, const struct stream_slot *slot)
{
	s->open = true;
	s->too_long = false;
	s->open_slot = *slot;
	s->open_len = 0;
}

static void open_append(struct stream_subscriber *s, const struct stream_slot *slot)
{
	uint64_t at = s->open_len;

	s->open_len += slot->len;
	if (s->open_len > s->config.buffer_len)
		s->too_long = true;
	if (!s->too_long)
		memcpy(s->config.buffer + at, s->config.slot + STREAM_SLOT_HEADER,
			slot->len);
}

/* The slot goes on with the open message (D3); else it was begun before this subscriber was. */
static bool goes_on(const struct stream_subscriber *s, const struct stream_slot *slot)
{
	return s->open && slot->publisher == s->open_slot.publisher &&
	       slot->id == s->open_slot.id;
}

static void deliver_open(
	struct stream_subscriber *s, uint64_t last, struct stream_delivery *delivery_p)
{
	*delivery_p = (struct stream_delivery){
		.kind = s->too_long ? STREAM_TOO_LONG : STREAM_MESSAGE,
		.first = s->open_slot.position,
		.last = last,
		.publisher = s->open_slot.publisher,
		.id = s->open_slot.id,
		.time_ns = s->open_slot.time_ns,
		.payload = s->too_long ? NULL : s->config.buffer,
		.len = s->open_len};
	open_drop(s);
	s->deliveries++;
}

/* A message of one slot is delivered out of the copy that was verified. */
static void deliver_whole(struct stream_subscriber *s, const struct stream_slot *slot,
	struct stream_delivery *delivery_p)
{
	bool fits = slot->len <= s->config.buffer_len;

	open_drop(s);
	*delivery_p = (struct stream_delivery){
		.kind = fits ? STREAM_MESSAGE : STREAM_TOO_LONG,
		.first = slot->position,
		.last = slot->position,
		.publisher = slot->publisher,
		.id = slot->id,
		.time_ns = slot->time_ns,
		.payload = fits ? s->config.slot + STREAM_SLOT_HEADER : NULL,
		.len = slot->len};
	s->deliveries++;
}

/* True: there is something to deliver. */
static bool slot_consume(struct stream_subscriber *s, const struct stream_slot *slot,
	struct stream_delivery *delivery_p)
{
	PAWL_ASSERT(slot->position == s->next); /* D1 */
	s->next++;
	if (slot->flags == (STREAM_FIRST | STREAM_LAST)) {
		deliver_whole(s, slot, delivery_p);
		return true;
	}
	if (slot->flags & STREAM_VOID) {
		open_drop(s);
		*delivery_p = (struct stream_delivery){.kind = STREAM_NOTHING,
			.first = slot->position,
			.last = slot->position};
		return s->config.voids;
	}
	if (slot->flags & STREAM_FIRST)
		open_begin(s, slot);
	else if (!goes_on(s, slot))
		open_drop(s);
	if (!s->open)
		return false;
	open_append(s, slot);
	if (!(slot->flags & STREAM_LAST))
		return false;
	deliver_open(s, slot->position, delivery_p);
	return true;
}

void stream_subscriber_skip(struct stream_subscriber *s)
{
	uint64_t gap_end = s->gap_end;

	s->gap_end = 0;
	if (gap_end < s->next)
		return;
	s->next = gap_end + 1;
	open_drop(s);
}

/* What the source has no more is told, and passed over (D4) or waited at (D5). */
static bool gap_take(struct stream_subscriber *s, struct stream_delivery *delivery_p)
{
	uint64_t oldest = word_load(s->oldest);

	if (s->next >= oldest)
		return false;
	*delivery_p = (struct stream_delivery){
		.kind = STREAM_GONE, .first = s->next, .last = oldest - 1};
	s->gap_end = oldest - 1;
	if (!s->config.waits_at_gap)
		stream_subscriber_skip(s);
	return true;
}

/*
 * D2.  The end is looked at only when what was seen of it is used up: its line belongs to whoever
 * moves it, and so does that of the oldest.
 */
static bool next_is_there(struct stream_subscriber *s)
{
	if (s->next > s->seen)
		s->seen = word_load(s->end);
	return s->next <= s->seen;
}

static bool slot_look(struct stream_subscriber *s, struct stream_slot *slot_p)
{
	if (s->next + STREAM_AHEAD <= s->seen)
		stream_ring_prefetch(&s->ring, s->next + STREAM_AHEAD);
	return stream_slot_take(s->config.slot, stream_ring_at(&s->ring, s->next),
		s->ring.slot_len, s->next, 0, slot_p);
}

bool stream_subscriber_poll(struct stream_subscriber *s, uint32_t count_max,
	struct stream_delivery *delivery_p)
{
	while (s->end && count_max-- > 0) {
		struct stream_slot slot;

		if (!next_is_there(s)) /* no gap can be right behind the end */
			return s->next > s->seen + 1 && gap_take(s, delivery_p);
		if (!slot_look(s, &slot))
			return gap_take(s, delivery_p);
		if (slot_consume(s, &slot, delivery_p))
			return true;
	}
	return false;
}
