/*
 * The region: the memory that a replica exposes for one epoch, and where things sit in it
 * (docs/protocol.md).
 *
 *     0      header        who this is; written once, before anybody may connect
 *     256    state         epoch x 2 + sealed bit
 *     320    heartbeat     moves while the replica lives
 *     384    scratch       for self-tests; nobody relies on its value
 *     4096   counters      one 64-byte line per counter, its word first
 *     ...    floors        one word per counter: its base in this epoch
 *     ...    ceilings      one word per counter, at the head: nothing above is confirmed
 *     ...    histories     how the newest REGION_HISTORY epochs before it were resolved
 *     ...    directory     one 128-byte entry per counter: its name
 *     ...    rows          one row of marks per session: one word per counter
 *
 * Every section begins on a 64-byte line.  Words are little-endian, as the network cards
 * that change them are.
 *
 * G1  An offset computed here lies inside the region, on a multiple of 8, and belongs to
 *     exactly one section.
 * G2  Only the owner writes the header, the floors, ceilings, histories, directory and
 *     heartbeat.
 * G3  A counter word below COUNTER_LIMIT is that counter's value; at or above it the
 *     region is sealed, or the counter is used up (the state word tells which).
 */
#ifndef PAWL_CORE_REGION_H
#define PAWL_CORE_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/limits.h"

#define REGION_MAGIC UINT64_C(0x314e47524c574150) /* "PAWLRGN1" */
#define REGION_VERSION 2
#define REGION_LINE 64
#define REGION_HISTORY 8 /* epochs whose stands a region remembers */

#define REGION_STATE_OFFSET 256
#define REGION_HEARTBEAT_OFFSET 320
#define REGION_SCRATCH_OFFSET 384
#define REGION_COUNTERS_OFFSET 4096

/* What a header says; bytes 0 to 119 of a region. */
struct region_header {
	uint64_t magic;
	uint32_t version;
	uint32_t replica; /* id of the replica that owns it */
	uint64_t len; /* bytes of the whole region, as region_layout_make computes them */
	uint64_t instance;    /* of the cluster; a random number made with it */
	uint64_t incarnation; /* of the replica; a random number made at each start */
	uint64_t epoch;
	uint32_t counters_max;
	uint32_t sessions_max;
	uint64_t flags;	     /* REGION_FLAG_ */
	uint64_t created_ns; /* wall clock, for people */
	uint32_t reserved[10];
	uint32_t zero;
	uint32_t crc; /* CRC32C of the bytes before it */
};

/* The counter words are on the network card: the file does not hold their values. */
#define REGION_FLAG_COUNTERS_ON_CARD UINT64_C(1)

struct region_counter {
	uint64_t word;
	uint64_t unused[7];
};

struct region_entry {
	uint64_t used; /* 1 when the entry names a counter; stored last, with release */
	uint32_t name_len; /* bytes, 1 to COUNTER_NAME_MAX */
	uint32_t crc;	   /* CRC32C of the name */
	char name[COUNTER_NAME_MAX + 1];
	uint64_t reserved[6];
};

_Static_assert(sizeof(struct region_header) == 120, "region header layout");
_Static_assert(offsetof(struct region_header, crc) == 116, "region header layout");
_Static_assert(sizeof(struct region_header) <= REGION_STATE_OFFSET, "header meets state");
_Static_assert(sizeof(struct region_counter) == REGION_LINE, "one line per counter");
_Static_assert(sizeof(struct region_entry) == 128, "directory entry layout");
_Static_assert(REGION_STATE_OFFSET % REGION_LINE == 0, "state has a line of its own");
_Static_assert(
	REGION_HEARTBEAT_OFFSET - REGION_STATE_OFFSET >= REGION_LINE, "state line");
_Static_assert(
	REGION_SCRATCH_OFFSET + REGION_LINE <= REGION_COUNTERS_OFFSET, "scratch line");

/* Where the sections of a region of given limits are.  All values are bytes. */
struct region_layout {
	uint32_t counters_max;
	uint32_t sessions_max;
	uint64_t floors;
	uint64_t ceilings;
	uint64_t histories;
	uint64_t history_len; /* of one epoch: its number, the one before, a stand each */
	uint64_t directory;
	uint64_t rows;
	uint64_t row_len;
	uint64_t len;
};

/* What is wrong with the bytes of a region that somebody else left. */
enum region_fault {
	REGION_SOUND,
	REGION_NOT_A_REGION, /* the magic is not there */
	REGION_OTHER_VERSION,
	REGION_DAMAGED_HEADER, /* checksum, or limits that can not be */
	REGION_WRONG_LENGTH,
	REGION_DAMAGED_DIRECTORY,
};

/* False when a limit is zero or over COUNTERS_MAX or SESSIONS_MAX. */
bool region_layout_make(uint32_t counters_max, uint32_t sessions_max,
	struct region_layout *layout_p) __attribute__((warn_unused_result));

static inline uint64_t region_counter_offset(uint32_t counter)
{
	return REGION_COUNTERS_OFFSET + (uint64_t)counter * sizeof(struct region_counter);
}

static inline uint64_t region_floor_offset(
	const struct region_layout *l, uint32_t counter)
{
	return l->floors + (uint64_t)counter * sizeof(uint64_t);
}

static inline uint64_t region_ceiling_offset(
	const struct region_layout *l, uint32_t counter)
{
	return l->ceilings + (uint64_t)counter * sizeof(uint64_t);
}

static inline uint64_t region_history_offset(
	const struct region_layout *l, uint32_t place)
{
	return l->histories + place * l->history_len;
}

static inline uint64_t region_entry_offset(
	const struct region_layout *l, uint32_t counter)
{
	return l->directory + (uint64_t)counter * sizeof(struct region_entry);
}

static inline uint64_t region_mark_offset(
	const struct region_layout *l, uint32_t session, uint32_t counter)
{
	return l->rows + session * l->row_len + (uint64_t)counter * sizeof(uint64_t);
}

/* The state word of an epoch. */
static inline uint64_t region_state_open(uint64_t epoch)
{
	return epoch * 2;
}

static inline uint64_t region_state_sealed(uint64_t epoch)
{
	return epoch * 2 + 1;
}

/* Fills in magic, version, len and crc; the other fields are the caller's. */
void region_header_seal(struct region_header *header, const struct region_layout *layout);

/*
 * Judges the first @len bytes at @bytes, which may be anything.  With REGION_SOUND,
 * *header_p and *layout_p are set and every offset is inside @len.
 */
enum region_fault region_check(const void *bytes, uint64_t len,
	struct region_header *header_p, struct region_layout *layout_p)
	__attribute__((warn_unused_result));

/*
 * Writes the name of counter @counter into a region's directory.  @entry is the owner's
 * view of it.  Names are checked by the caller (names_counter_valid).
 */
void region_entry_write(struct region_entry *entry, const char *name, uint32_t name_len);

/* True when the entry names a counter and is undamaged. */
bool region_entry_sound(const struct region_entry *entry);

#endif
