/*
 * One segment file: made whole under another name, taken up again, told how far it is.
 *
 * Errors, beside those of files_fail: -EBADMSG: it is damaged; -EPROTO: it is somebody else's;
 * -EPROTONOSUPPORT: a newer Pawl wrote it; -ENODATA: it is blank.  Calls block on the disk.
 */
#ifndef PAWL_ARCHIVE_SEGMENT_H
#define PAWL_ARCHIVE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/archive/files.h"
#include "sequencer/archive/segment_format.h"

#define SEGMENT_NEW "segment.new"

struct segment {
	int fd;	   /* -1: none */
	int index; /* of its index file; -1: none, and then positions are searched for */
	uint64_t file_len;
	struct segment_header header;
	bool state_known;
	struct segment_state state;
	char name[ARCHIVE_NAME_MAX];
};

/* "00000000000000000001.seg", and .idx of its index. */
void segment_name(uint64_t first, const char *suffix, char *name_p);
/* False: @name is not that of a segment, or has another suffix. */
bool segment_name_read(const char *name, const char *suffix, uint64_t *first_p);

/* Opens what is there and looks at header and state; the index is opened if there is one. */
int segment_open(const struct archive_place *place, uint64_t first, bool write,
	struct segment *segment_p, struct error *err) __attribute__((warn_unused_result));

/*
 * Makes the segment that @header describes, with the entries of @table; with @sync it is on
 * stable storage, name and all, before anything is appended.  On an error nothing is left.
 */
int segment_create(const struct archive_place *place, const struct segment_header *header,
	const struct stream_table *table, uint64_t synced, bool sync,
	struct segment *segment_p, struct error *err) __attribute__((warn_unused_result));

void segment_close(struct segment *segment);

/* The table as of the segment's begin.  -EPROTO: it has rows that @table has not. */
int segment_table_load(const struct archive_place *place, const struct segment *segment,
	struct stream_table *table, struct error *err)
	__attribute__((warn_unused_result));

/* -EPROTO: the segment has publishers that @table has no rows for. */
int segment_rows_fail(const struct archive_place *place, const struct segment *segment,
	const struct stream_table *table, struct error *err);

/* Tells readers and later lives; segment->state is @state then. */
int segment_state_store(const struct archive_place *place, struct segment *segment,
	const struct segment_state *state, struct error *err)
	__attribute__((warn_unused_result));

/* Looks at the state again; state_known tells whether it was whole. */
int segment_state_load(const struct archive_place *place, struct segment *segment,
	struct error *err) __attribute__((warn_unused_result));

/* Removes the files of a segment. */
int segment_remove(const struct archive_place *place, uint64_t first, struct error *err)
	__attribute__((warn_unused_result));

#endif
