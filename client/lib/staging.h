/*
 * Where messages wait until they are acknowledged and taken: a ring of whole slots, header and
 * payload as they will be in the head's inbox.
 *
 * N1  A slot is used by one message at a time, from its submission until it is taken, and until
 *     no put that reads it is in flight.
 */
#ifndef PAWL_CLIENT_STAGING_H
#define PAWL_CLIENT_STAGING_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/stream_slot.h"

/* Slots are counted from the first that was ever used. */
struct staging {
	struct stream_ring ring;
	uint64_t slots;
	uint64_t free_from; /* of those before nothing is needed any more */
	uint64_t end;	    /* the next message begins here */
	size_t len;
	struct memory *memory; /* a source of puts; NULL where the processor writes */
};

/*
 * Room for @slots at least.  @device: puts are made from it; NULL: the processor copies.  -ENOMEM,
 * and errors of expose.
 */
int staging_make(struct staging *staging, uint64_t slots, uint32_t slot_len,
	struct device *device, struct error *err) __attribute__((warn_unused_result));
/* @forked: what belongs to the parent's device stays. */
void staging_free(struct staging *staging, bool forked);

static inline unsigned char *staging_at(const struct staging *staging, uint64_t slot)
{
	return stream_ring_at(&staging->ring, slot);
}

static inline unsigned char *staging_payload(const struct staging *staging, uint64_t slot)
{
	return staging_at(staging, slot) + STREAM_SLOT_HEADER;
}

/* The slots of a message of @len bytes. */
uint32_t staging_slots_of(const struct staging *staging, uint64_t len);

/* Bytes of its part @part. */
uint16_t staging_part_len(const struct staging *staging, uint64_t len, uint32_t part);

static inline bool staging_has_room(const struct staging *staging, uint64_t slots)
{
	return slots <= staging->slots - (staging->end - staging->free_from);
}

/* Copies a message of @len bytes behind the others, where there is room for it. */
void staging_add(struct staging *staging, const void *bytes, uint64_t len);

#endif
