/* Reads a segment from begin to end, and tells what is in it and what is wrong with its tail. */
#ifndef PAWL_ARCHIVE_REPLAY_H
#define PAWL_ARCHIVE_REPLAY_H

#include "sequencer/archive/archive.h"
#include "sequencer/archive/scan.h"
#include "sequencer/archive/segment_index.h"

struct replay {
	uint64_t last;	 /* position; the one before the segment's first if it is empty */
	uint64_t offset; /* where its record ends */
	uint64_t epoch;	 /* of the newest slot */
	struct archive_cut tail; /* what is behind it and should not be */
};

/*
 * Reads all whole records of @segment; none that ends behind @limit.  @table becomes that of the
 * end.  @index: begun, filled anew; or NULL.  Reads with @scan's window.  -EBADMSG: a record is damaged that was
 * on stable storage (Z5); else as segment_table_load.
 */
int replay_segment(const struct archive_place *place, const struct segment *segment,
	uint64_t limit, struct scan *scan, struct stream_table *table,
	struct segment_index_writer *index, struct replay *replay_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
