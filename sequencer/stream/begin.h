/*
 * How a stream begins without any log of before: in a new life of the cluster after a stop, or
 * after the loss of all memory (docs/protocol.md, "Streams and epochs").
 *
 * The table must be the same at every member (Q3), so in an epoch that follows none, with a base
 * above 0, one member begins from its archive and the others are filled from it (fill.h: its log
 * is prepared for that epoch).  With a base of 0 everybody begins empty.
 *
 * V1  The log ends at the base, whatever the archive has.
 * V2  The table has the archive's entries only if they are exact up to the base; else it is
 *     empty, and publishers of before end (A6).
 * V3  Slots are taken from the archive only without a gap up to the base.
 */
#ifndef PAWL_STREAM_BEGIN_H
#define PAWL_STREAM_BEGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/archive.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"

struct stream_begin_config {
	const char *path; /* of the stream's archive; NULL: there is none */
	struct archive_identity identity;
	const struct archive_files *files; /* NULL: the system's */
	const struct stream_limits *limits;
	void *memory; /* for the log, stream_log_len bytes */
	uint64_t base;
};

struct stream_begun {
	bool exact;	/* the table is right up to the base */
	uint64_t last;	/* of the archive; 0: it is empty or there is none */
	uint64_t begin; /* of the log; base: it is empty */
};

/*
 * Makes the log.  The archive may be in use.  Blocks while its newest segments are read.
 * -EEXIST: the archive has positions beyond the base, which in this stream will be others; the
 * log was not made.  Otherwise the log is made, empty if the archive is of no use: then a
 * negative number is what was wrong with it, as archive.h has it, and *begun_p is set.
 */
int stream_begin(const struct stream_begin_config *config, struct stream_log *log,
	struct stream_begun *begun_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * The archive goes on behind @end, where a log ends, if it ends before: what is between is missing
 * there.  @entries: the log's table, if it is right, so that the archive's will be; or NULL.
 * Errors of archive_skip.
 */
int stream_begin_archive(struct archive *archive, uint64_t end,
	const struct stream_entry *entries, struct error *err)
	__attribute__((warn_unused_result));

#endif
