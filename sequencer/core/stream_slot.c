#include "sequencer/core/stream_slot.h"

#include <stddef.h>
#include <string.h>

#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

#define AT_EPOCH 8
#define AT_PUBLISHER 16
#define AT_ID 24
#define AT_TIME 32
#define AT_LEN 40
#define AT_VERSION 42
#define AT_FLAGS 43
#define AT_CRC 44

/* The word at the begin of a slot in memory that others read or write. */
static void position_store(unsigned char *slot, uint64_t position)
{
	uint64_t word;

	bytes_put((unsigned char *)&word, position, sizeof(word));
	/* Partner: stream_slot_position, of whoever reads in place. */
	__atomic_store_n((uint64_t *)(void *)slot, word, __ATOMIC_RELEASE);
}

uint64_t stream_slot_position(const void *slot)
{
	/* Partner: position_store, of the log's owner. */
	uint64_t word = __atomic_load_n((const uint64_t *)slot, __ATOMIC_ACQUIRE);

	return bytes_get((const unsigned char *)&word, sizeof(word));
}

/* A word of a slot's header in memory that others may be writing; only a hint. */
static uint64_t word_glance(const unsigned char *slot, unsigned int at)
{
	uint64_t word = __atomic_load_n(
		(const uint64_t *)(const void *)(slot + at), __ATOMIC_RELAXED);

	return bytes_get((const unsigned char *)&word, sizeof(word));
}

/* Of a slot whose position may not be in its place yet. */
static uint32_t crc_of(const unsigned char *slot, uint64_t position, uint16_t len)
{
	return crc32c_joined(position, slot + AT_EPOCH, AT_CRC - AT_EPOCH,
		slot + STREAM_SLOT_HEADER, len);
}

/*
 * Everything but the position.  The checksum is of the caller's bytes and of words that are nobody
 * else's, never of what @to shows; and what was stored is not loaded again, which would wait for
 * all stores before it.
 */
static void body_write(
	unsigned char *to, const struct stream_slot *slot, const void *payload)
{
	uint64_t facts = slot->len | (uint64_t)STREAM_SLOT_VERSION << 16 |
			 (uint64_t)slot->flags << 24;
	uint64_t words[] = {bytes_order(slot->epoch), bytes_order(slot->publisher),
		bytes_order(slot->id), bytes_order(slot->time_ns), bytes_order(facts)};
	uint64_t crc = crc32c_joined(
		slot->position, words, AT_CRC - AT_EPOCH, payload, slot->len);

	bytes_put(to + AT_EPOCH, slot->epoch, 8);
	bytes_put(to + AT_PUBLISHER, slot->publisher, 8);
	bytes_put(to + AT_ID, slot->id, 8);
	bytes_put(to + AT_TIME, slot->time_ns, 8);
	bytes_put(to + AT_LEN, facts | crc << 32, 8);
	if (slot->len > 0 && payload != to + STREAM_SLOT_HEADER)
		memcpy(to + STREAM_SLOT_HEADER, payload, slot->len);
}

void stream_slot_write(void *to, const struct stream_slot *slot, const void *payload)
{
	PAWL_ASSERT(slot->position > 0);
	body_write(to, slot, payload);
	position_store(to, slot->position);
}

static bool flags_are_possible(
	uint8_t flags, uint16_t len, uint64_t publisher, uint64_t id)
{
	if (flags & STREAM_VOID)
		return flags == STREAM_VOID && len == 0;
	return flags <= (STREAM_FIRST | STREAM_LAST) && id > 0 &&
	       stream_publisher_incarnation(publisher) > 0;
}

/*
 * The header says that it is @position's; whether it is whole the CRC tells (U1).  Field by field:
 * a struct that is copied right after its words were stored makes the processor wait for them.
 */
static bool body_read(const unsigned char *from, uint32_t slot_len, uint64_t position,
	struct stream_slot *slot_p)
{
	uint64_t publisher = bytes_get(from + AT_PUBLISHER, 8);
	uint64_t id = bytes_get(from + AT_ID, 8);
	uint16_t len = (uint16_t)bytes_get(from + AT_LEN, 2);
	uint8_t flags = from[AT_FLAGS];

	if (position == 0 || from[AT_VERSION] != STREAM_SLOT_VERSION ||
		len > stream_slot_room(slot_len) ||
		!flags_are_possible(flags, len, publisher, id))
		return false;
	if (bytes_get(from + AT_CRC, 4) != crc_of(from, position, len) &&
		!MUTATED(STREAM_NO_CRC))
		return false;
	slot_p->position = position;
	slot_p->epoch = bytes_get(from + AT_EPOCH, 8);
	slot_p->publisher = publisher;
	slot_p->id = id;
	slot_p->time_ns = bytes_get(from + AT_TIME, 8);
	slot_p->len = len;
	slot_p->flags = flags;
	return true;
}

bool stream_slot_read(const void *from, uint32_t slot_len, struct stream_slot *slot_p)
{
	return body_read(from, slot_len, bytes_get(from, 8), slot_p);
}

static bool epoch_is_right(uint64_t found, uint64_t epoch)
{
	return epoch == 0 || found == epoch || MUTATED(STREAM_NO_EPOCH);
}

bool stream_slot_take(void *to, const void *from, uint32_t slot_len, uint64_t position,
	uint64_t epoch, struct stream_slot *slot_p)
{
	unsigned char *copy = to;
	const unsigned char *source = from;
	uint32_t len;

	if (stream_slot_position(from) != position ||
		!epoch_is_right(word_glance(source, AT_EPOCH), epoch))
		return false;
	len = (uint32_t)(word_glance(source, AT_LEN) & 0xffff) + STREAM_SLOT_HEADER;
	if (len > slot_len)
		return false;
	position_store(copy, 0);
	/*
	 * The stores of the copy stay behind that of the position (U3), and its loads before
	 * the second look: a copy that met a writer is found out by that look and by its CRC.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	words_copy(copy + AT_EPOCH, source + AT_EPOCH, len - AT_EPOCH);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (stream_slot_position(from) != position ||
		(uint32_t)bytes_get(copy + AT_LEN, 2) + STREAM_SLOT_HEADER > len ||
		!epoch_is_right(bytes_get(copy + AT_EPOCH, 8), epoch) ||
		!body_read(copy, slot_len, position, slot_p))
		return false;
	position_store(copy, position);
	return true;
}

void stream_slot_clear(void *slot)
{
	position_store(slot, 0);
}

void stream_slot_void(void *to, uint64_t position, uint64_t epoch)
{
	struct stream_slot slot = {
		.position = position, .epoch = epoch, .flags = STREAM_VOID};
	_Alignas(8) unsigned char header[STREAM_SLOT_HEADER] = {0};

	body_write(header, &slot, NULL);
	position_store(to, 0);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* as in stream_slot_take */
	words_copy((unsigned char *)to + AT_EPOCH, header + AT_EPOCH,
		STREAM_SLOT_HEADER - AT_EPOCH);
	position_store(to, position);
}
