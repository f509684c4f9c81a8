/*
 * Reads the records of a segment one after the other, through a window of its bytes.
 *
 * A record is there if its slot is whole and of the position that must come next, if it ends
 * before the limit, and if it is filled up with zeros.  Anything else is no record, and where
 * the next one would begin is then not known.
 */
#ifndef PAWL_ARCHIVE_SCAN_H
#define PAWL_ARCHIVE_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/archive/segment.h"

#define SCAN_WINDOW_LEN (256 * 1024)

struct scan {
	const struct archive_place *place;
	const struct segment *segment;
	unsigned char *window; /* and room for a slot of zeros behind it */
	uint64_t window_offset;
	uint64_t window_len;
	uint64_t offset;   /* of the next record */
	uint64_t position; /* of the next record */
	uint64_t limit;	   /* nothing is read from here on */
};

struct scan_record {
	bool whole;
	struct stream_slot slot;
	const unsigned char
		*bytes; /* of the slot, on a multiple of 8; until the next call */
};

/* -ENOMEM.  One window serves many segments. */
int scan_make(struct scan *scan_p) __attribute__((warn_unused_result));
void scan_free(struct scan *scan);

/* From the record of @position, which is at @offset. */
void scan_begin(struct scan *scan, const struct archive_place *place,
	const struct segment *segment, uint64_t position, uint64_t offset,
	uint64_t limit);

/* There may be more bytes by now than there were. */
void scan_extend(struct scan *scan, uint64_t limit);

/* The next record, if it is whole; then the scan is behind it.  Errors as files_fail. */
int scan_next(struct scan *scan, struct scan_record *record_p, struct error *err)
	__attribute__((warn_unused_result));

/* Bytes from the next record to the last one that is not zero, in all of the file. */
int scan_rest(struct scan *scan, uint64_t *len_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
