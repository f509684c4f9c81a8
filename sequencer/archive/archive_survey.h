/*
 * What an archive knows when a whole cluster begins again: how far the order goes, and what is
 * needed to begin a log behind it (stream_log_create, stream_log_entries_set).  Of all members
 * the one that goes farthest has the longest committed prefix (docs/protocol.md).
 *
 * Nothing is changed and no lock is taken, so the archive may be in use.
 */
#ifndef PAWL_ARCHIVE_SURVEY_H
#define PAWL_ARCHIVE_SURVEY_H

#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/archive.h"

struct archive_survey {
	/*
	 * All positions up to here are decided, and a log begins behind them; 0: the archive is
	 * empty.  They are archived from `whole` on, if there is no damage, so a log may be made
	 * to begin before that and be filled from a cursor; `whole` is last + 1 if none is.
	 */
	uint64_t last;
	uint64_t whole;
	uint64_t oldest; /* that is retained; 0: none */
	uint64_t epoch;	 /* of the newest slot; later epochs are larger */
	uint64_t
		inexact; /* messages up to here may be missing in the entries; 0: none is */
	struct archive_cut tail; /* what opening for writing would cut */
};

/*
 * @entries: one for each of @rows, as of `last`.  -ENOENT: there is no archive.  -EINVAL: an
 * argument; else as archive_open.  Blocks while the newest segment is read.
 */
int archive_survey(const char *path, const struct archive_identity *identity,
	const struct archive_files *files, struct stream_entry *entries, uint32_t rows,
	struct archive_survey *survey_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
