/*
 * A slot: one position's place in an inbox or a log of a stream, and how it proves that it is
 * whole (docs/protocol.md).
 *
 *     0   position    8 bytes; 0 while the slot is being overwritten
 *     8   epoch       8, in which the position was drawn
 *     16  publisher   8: incarnation x 65536 + row
 *     24  id          8, of the message: 1, 2, 3 ... of each publisher
 *     32  time        8, wall clock of the publisher in ns, for people
 *     40  length      2, bytes of payload
 *     42  version     1
 *     43  flags       1
 *     44  CRC32C      4, over everything before it and the payload
 *     48  payload
 *
 * Numbers are little-endian.  A position begins with 1, so that empty memory is no slot.
 *
 * U1  A slot counts only with the right version, possible flags and length, and a CRC32C that
 *     is right over header and payload; and only where its position is the one awaited.
 * U2  What is verified is a copy that nobody else writes, never the bytes that others can
 *     still change.
 * U3  Whoever overwrites a slot of a log takes its position away first and stores the new one
 *     last; whoever reads it in place looks at the position again after copying.
 *
 * Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_SLOT_H
#define PAWL_CORE_STREAM_SLOT_H

#include <stdbool.h>
#include <stdint.h>

#define STREAM_SLOT_LEN_MIN 64
#define STREAM_SLOT_LEN_MAX 65536
#define STREAM_SLOT_HEADER 48
#define STREAM_SLOT_VERSION 1

#define STREAM_FIRST 1u /* a message begins here, */
#define STREAM_LAST 2u	/*   and ends here */
#define STREAM_VOID 4u	/* the position will never hold a message */

#define STREAM_ROWS_MAX 65536
#define STREAM_INCARNATION_MAX ((UINT64_C(1) << 48) - 1)

struct stream_slot {
	uint64_t position;
	uint64_t epoch;
	uint64_t publisher;
	uint64_t id;
	uint64_t time_ns;
	uint16_t len;
	uint8_t flags;
};

/* Slots of one length, as many as a power of two; position p is in number p & mask. */
struct stream_ring {
	unsigned char *bytes; /* on a multiple of 64 */
	uint32_t slot_len;
	uint32_t mask;
};

static inline uint64_t stream_publisher_name(uint64_t incarnation, uint32_t row)
{
	return incarnation << 16 | row;
}

static inline uint32_t stream_publisher_row(uint64_t publisher)
{
	return (uint32_t)(publisher & 0xffff);
}

static inline uint64_t stream_publisher_incarnation(uint64_t publisher)
{
	return publisher >> 16;
}

static inline uint64_t stream_ring_slots(const struct stream_ring *ring)
{
	return (uint64_t)ring->mask + 1;
}

static inline unsigned char *stream_ring_at(
	const struct stream_ring *ring, uint64_t position)
{
	return ring->bytes + (position & ring->mask) * ring->slot_len;
}

/* Slots between the one that is looked at and the one that is fetched into the cache. */
#define STREAM_AHEAD 8

/*
 * The slot will be looked at soon: its header and the begin of its payload come nearer.  A hint
 * that changes nothing; for slots that nobody writes any more, or it slows the writer.
 */
static inline void stream_ring_prefetch(const struct stream_ring *ring, uint64_t position)
{
	const unsigned char *slot = stream_ring_at(ring, position);

	__builtin_prefetch(slot);
	__builtin_prefetch(slot + 64);
}

/*
 * The same for a slot that is going to be overwritten: its lines are taken from whoever read them
 * last before the stores wait for them.
 */
static inline void stream_ring_prefetch_own(
	const struct stream_ring *ring, uint64_t position)
{
	const unsigned char *slot = stream_ring_at(ring, position);

#if defined(__x86_64__) /* the compiler would take the hint for reading */
	__asm__ volatile("prefetchw %0\n\tprefetchw %1" ::"m"(slot[0]), "m"(slot[64]));
#else
	__builtin_prefetch(slot, 1);
	__builtin_prefetch(slot + 64, 1);
#endif
}

/* A length that a stream can have: a multiple of 64 from MIN to MAX. */
static inline bool stream_slot_len_valid(uint32_t slot_len)
{
	return slot_len >= STREAM_SLOT_LEN_MIN && slot_len <= STREAM_SLOT_LEN_MAX &&
	       slot_len % 64 == 0;
}

/* Bytes of payload that a slot of @slot_len has room for. */
static inline uint32_t stream_slot_room(uint32_t slot_len)
{
	return slot_len - STREAM_SLOT_HEADER;
}

/* Bytes of a slot that are used. */
static inline uint32_t stream_slot_used(const struct stream_slot *slot)
{
	return STREAM_SLOT_HEADER + (uint32_t)slot->len;
}

/*
 * Writes a slot into memory that nobody reads meanwhile.  @payload has slot->len bytes and may
 * be where it belongs already (at @to + STREAM_SLOT_HEADER).  A void has no payload.
 */
void stream_slot_write(void *to, const struct stream_slot *slot, const void *payload);

/* Judges @slot_len bytes that may be anything, and that nobody changes (U1, U2). */
bool stream_slot_read(const void *from, uint32_t slot_len, struct stream_slot *slot_p)
	__attribute__((warn_unused_result));

/* The position that is there now; a hint, until a copy has been verified. */
uint64_t stream_slot_position(const void *slot);

/*
 * Copies a slot out of memory that others may be writing, if it is that of @position and, unless
 * @epoch is 0, of that epoch; and verifies the copy.  False: it is not there, or not whole.
 * *slot_p is set on success only; @to may be garbage otherwise.  @to may be a slot of a log,
 * which is then overwritten as U3 has it.
 */
bool stream_slot_take(void *to, const void *from, uint32_t slot_len, uint64_t position,
	uint64_t epoch, struct stream_slot *slot_p) __attribute__((warn_unused_result));

/* Takes a log's slot away: it holds no position. */
void stream_slot_clear(void *slot);

/* Writes a void into a log's slot, as U3 has it. */
void stream_slot_void(void *to, uint64_t position, uint64_t epoch);

#endif
