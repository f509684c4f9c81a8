#include "client/lib/staging.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Pages that nobody touches cost nothing. */
static int pages_reserve(struct staging *staging, struct error *err)
{
	void *bytes = mmap(NULL, staging->len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (bytes == MAP_FAILED)
		return error_set(err, -ENOMEM,
			"pawl: stream: no room for %zu bytes of messages in flight: %s; "
			"use a smaller depth or message_max",
			staging->len, error_reason(-errno));
	staging->ring.bytes = bytes;
	return 0;
}

static int source_expose(
	struct staging *staging, struct device *device, struct error *err)
{
	struct memory_config config = {.pages = {.len = staging->len,
					       .huge = PAGES_OFF,
					       .lock = PAGES_OFF,
					       .node = -1},
		.source = true};
	int rc = device->ops->expose(device, &config, &staging->memory, err);

	if (!rc)
		staging->ring.bytes = device->ops->base(staging->memory);
	return rc;
}

int staging_make(struct staging *staging, uint64_t slots, uint32_t slot_len,
	struct device *device, struct error *err)
{
	uint64_t room = 1;
	int rc;

	while (room < slots)
		room *= 2;
	*staging = (struct staging){.slots = room,
		.len = room * slot_len,
		.ring = {.slot_len = slot_len, .mask = (uint32_t)(room - 1)}};
	rc = device ? source_expose(staging, device, err) : pages_reserve(staging, err);
	if (rc)
		*staging = (struct staging){0};
	return rc;
}

void staging_free(struct staging *staging, bool forked)
{
	if (staging->memory && !forked)
		staging->memory->ops->withdraw(staging->memory);
	if (!staging->memory && staging->ring.bytes)
		(void)munmap(staging->ring.bytes, staging->len);
	*staging = (struct staging){0};
}

uint32_t staging_slots_of(const struct staging *staging, uint64_t len)
{
	uint32_t room = stream_slot_room(staging->ring.slot_len);

	return len <= room ? 1 : (uint32_t)((len + room - 1) / room);
}

uint16_t staging_part_len(const struct staging *staging, uint64_t len, uint32_t part)
{
	uint64_t room = stream_slot_room(staging->ring.slot_len);
	uint64_t left = len - part * room;

	return (uint16_t)(left < room ? left : room);
}

void staging_add(struct staging *staging, const void *bytes, uint64_t len)
{
	uint64_t room = stream_slot_room(staging->ring.slot_len);
	const unsigned char *from = bytes;

	for (; len > room; len -= room, from += room)
		memcpy(staging_payload(staging, staging->end++), from, room);
	if (len > 0)
		memcpy(staging_payload(staging, staging->end), from, len);
	staging->end++;
}
