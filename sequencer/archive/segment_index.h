/*
 * The index of a segment: a file beside it with the place of about one record in 64 KiB, so
 * that reading from the middle does not begin at the begin.
 *
 * It is a hint.  An entry counts if its CRC32C is right, and whoever follows it looks whether
 * that record is there; so it need not be on stable storage, and one that is missing, short or
 * damaged costs a search.  Therefore nothing here fails.
 *
 * An entry: position 8 bytes, offset / 8 in 4, CRC32C 4 over the segment's first position and
 * both.
 */
#ifndef PAWL_ARCHIVE_SEGMENT_INDEX_H
#define PAWL_ARCHIVE_SEGMENT_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/archive/files.h"

#define SEGMENT_INDEX_STEP 65536
#define SEGMENT_INDEX_ENTRY_LEN 16

struct segment_place {
	uint64_t position;
	uint64_t offset;
};

/* Whoever writes a segment keeps this. */
struct segment_index_writer {
	int fd;
	uint64_t first;
	uint64_t entries_count;
	uint64_t next_offset; /* the next entry is of a record from here on */
};

/* -1: there is none. */
int segment_index_open(const struct archive_place *place, uint64_t first, bool write);
int segment_index_create(const struct archive_place *place, uint64_t first);
void segment_index_remove(const struct archive_place *place, uint64_t first);

/* An index that is empty from now on; records begin at @records_offset. */
void segment_index_begin(const struct archive_place *place, int fd, uint64_t first,
	uint64_t records_offset, struct segment_index_writer *writer_p);
/* A record is in the segment; called for every one, in order. */
void segment_index_note(const struct archive_place *place,
	struct segment_index_writer *writer, uint64_t position, uint64_t offset);

/* The last record with an entry that is not behind @position; false: none is known. */
bool segment_index_before(const struct archive_place *place, int fd, uint64_t first,
	uint64_t position, struct segment_place *place_p);
/* The first record with an entry behind @position; false: none is known. */
bool segment_index_after(const struct archive_place *place, int fd, uint64_t first,
	uint64_t position, struct segment_place *place_p);

#endif
