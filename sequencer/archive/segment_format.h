/*
 * The format of a segment file: a block about it, a table, and records back to back.
 *
 *     0        header: whose it is, its first position, and what was before it; with a CRC32C;
 *              written once, before the file has its name
 *     2048     state: how far it is; with a CRC32C; written again and again
 *     4096     table: the newest message of every publisher before the first position
 *              (stream_table.h), 16 bytes for each that ever published
 *     then     records: the used bytes of a slot as the log had them (stream_slot.h), filled
 *              up with zeros to a multiple of 8
 *
 * Numbers are little-endian.  Positions in a segment follow each other; where some are missing
 * a new segment begins, and its header says up to where the archive goes before it.
 *
 * A record proves itself by its slot's CRC32C and by its position, the state only says what
 * may be expected to be there.
 */
#ifndef PAWL_ARCHIVE_SEGMENT_FORMAT_H
#define PAWL_ARCHIVE_SEGMENT_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_slot.h"
#include "sequencer/core/stream_table.h"

#define SEGMENT_VERSION 1
#define SEGMENT_BLOCK_LEN 4096
#define SEGMENT_STATE_AT 2048
#define SEGMENT_STATE_LEN 48
#define SEGMENT_ENTRY_LEN 16
#define SEGMENT_STREAM_MAX 64

struct segment_header {
	uint32_t slot_len;
	uint32_t entries_count; /* of the table */
	uint64_t instance;
	uint64_t first;
	uint64_t before;  /* newest archived position before it; 0: none */
	uint64_t inexact; /* messages up to here may not be in the table; 0: all are */
	uint64_t epoch;	  /* of the newest slot before it */
	uint64_t open_publisher; /* as in struct stream_table */
	uint64_t open_id;
	uint64_t created_ns; /* wall clock */
	uint64_t len;	     /* of the file, while records are appended */
	uint32_t table_crc;
	char stream[SEGMENT_STREAM_MAX];
};

struct segment_state {
	uint64_t written;	 /* newest position that is in the file, */
	uint64_t written_offset; /*   and where its record ends */
	uint64_t synced;	 /* newest position that is on stable storage, */
	uint64_t synced_offset;
	uint64_t time_ns; /* wall clock of the newest append */
	bool sealed;	  /* nothing will be appended any more */
};

enum segment_verdict {
	SEGMENT_SOUND,
	SEGMENT_BLANK,	 /* zeros: the machine lost its power before it was written */
	SEGMENT_FOREIGN, /* something else */
	SEGMENT_NEWER,	 /* of a version that is not known here */
	SEGMENT_DAMAGED,
};

/* @block: SEGMENT_BLOCK_LEN bytes, zeroed by the writer's caller. */
void segment_header_write(unsigned char *block, const struct segment_header *header);
enum segment_verdict segment_header_read(
	const unsigned char *block, struct segment_header *header_p);

/* @bytes: SEGMENT_STATE_LEN of them.  False: not whole, or that of another segment. */
void segment_state_write(
	unsigned char *bytes, uint64_t first, const struct segment_state *state);
bool segment_state_read(const unsigned char *bytes, uint64_t first,
	struct segment_state *state_p) __attribute__((warn_unused_result));

/* Entries of publishers that have published; @bytes has room for all rows. */
uint32_t segment_table_write(unsigned char *bytes, const struct stream_table *table);
/* False: an entry is in no row of @table, or they are not in the order of rows. */
bool segment_table_read(const unsigned char *bytes, uint32_t count,
	struct stream_table *table) __attribute__((warn_unused_result));

/* Whether the table can have what the slot's publisher sends. */
static inline bool segment_table_has_row(
	const struct stream_table *table, const struct stream_slot *slot)
{
	return slot->flags & STREAM_VOID ||
	       stream_publisher_row(slot->publisher) < table->rows;
}

static inline uint64_t segment_records_offset(const struct segment_header *header)
{
	return SEGMENT_BLOCK_LEN + (uint64_t)header->entries_count * SEGMENT_ENTRY_LEN;
}

/* Bytes that a slot takes in a segment. */
static inline uint32_t segment_record_len(const struct stream_slot *slot)
{
	return (stream_slot_used(slot) + 7) & ~UINT32_C(7);
}

#endif
