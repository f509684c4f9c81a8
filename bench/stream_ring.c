#include "bench/stream_ring.h"

#include <string.h>

#define ROUND 64

static size_t stride_of(size_t message_len, size_t slot_len)
{
	size_t need = (message_len + sizeof(uint64_t) + ROUND - 1) / ROUND * ROUND;

	return need > slot_len ? need : slot_len;
}

size_t stream_bare_len(size_t message_len, size_t slot_len, uint64_t slots)
{
	return sizeof(struct stream_ring_words) +
	       slots * stride_of(message_len, slot_len);
}

void stream_bare_init(struct stream_bare *bare, void *memory, size_t message_len,
	size_t slot_len, uint64_t slots)
{
	*bare = (struct stream_bare){.words = memory,
		.bytes = (unsigned char *)memory + sizeof(struct stream_ring_words),
		.slot_len = stride_of(message_len, slot_len),
		.slots = slots};
}

static unsigned char *slot_at(const struct stream_bare *bare, uint64_t index)
{
	return bare->bytes + (index & (bare->slots - 1)) * bare->slot_len;
}

/* Acquire: the reader is done with the slots; its partner is stream_bare_release. */
uint64_t stream_bare_room(struct stream_bare *bare, uint64_t wanted)
{
	uint64_t room = bare->slots - (bare->own - bare->other);

	if (room < wanted) {
		bare->other = atomic_load_explicit(
			&bare->words->read, memory_order_acquire);
		room = bare->slots - (bare->own - bare->other);
	}
	return room < wanted ? room : wanted;
}

void stream_bare_put(struct stream_bare *bare, const void *bytes, size_t len)
{
	unsigned char *slot = slot_at(bare, bare->own++);
	uint64_t length = len;

	memcpy(slot, &length, sizeof(length));
	memcpy(slot + sizeof(length), bytes, len);
}

/* Release: the messages are there; its partner is stream_bare_ready. */
void stream_bare_publish(struct stream_bare *bare)
{
	atomic_store_explicit(&bare->words->written, bare->own, memory_order_release);
}

int stream_bare_is_taken(struct stream_bare *bare)
{
	bare->other = atomic_load_explicit(&bare->words->read, memory_order_acquire);
	return bare->other == bare->own;
}

uint64_t stream_bare_ready(struct stream_bare *bare, uint64_t wanted)
{
	uint64_t ready = bare->other - bare->own;

	if (ready == 0) {
		bare->other = atomic_load_explicit(
			&bare->words->written, memory_order_acquire);
		ready = bare->other - bare->own;
	}
	return ready < wanted ? ready : wanted;
}

const unsigned char *stream_bare_get(struct stream_bare *bare, size_t *len_p)
{
	const unsigned char *slot = slot_at(bare, bare->own++);
	uint64_t length;

	memcpy(&length, slot, sizeof(length));
	*len_p = length;
	return slot + sizeof(length);
}

void stream_bare_release(struct stream_bare *bare)
{
	atomic_store_explicit(&bare->words->read, bare->own, memory_order_release);
}
