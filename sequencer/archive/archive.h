/*
 * The archive of a stream: its committed positions in segment files of one directory, in order
 * (docs/protocol.md).  Here is the one that writes; archive_cursor.h reads beside it.
 *
 * Z1  A segment has consecutive positions.  Where positions are missing a new one begins, and
 *     its header says so.
 * Z2  A record counts only if it proves itself (scan.h).  What an append that failed or was
 *     interrupted left behind is overwritten or cut.
 * Z3  Readers are told of a position after its record is in the file, and the caller after
 *     that.
 * Z4  The synced point moves only after a sync that succeeded; when one fails, everything behind
 *     the synced point is forgotten and must be appended again, for the system may have dropped it.
 * Z5  What is damaged before the synced point is an error, and nothing is cut; behind it the
 *     tail is cut at the last whole record, and the cut is told.
 * Z6  The newest segment is never removed: its table tells what every publisher sent before.
 * Z7  One process writes: it holds a lock (flock) on a file of the directory.
 * Z8  With `snapshots` a segment goes only when all of its positions were acknowledged, and what
 *     was acknowledged never goes back.
 *
 * An archive belongs to one thread.  Calls block as long as the disk does, and allocate only
 * when a segment begins.  Errors are a closed list:
 *
 *  -EINVAL           a setting or an argument is wrong; nothing was done
 *  -EBUSY            another process writes here
 *  -EBADMSG          a file is damaged, at the offset that the text says
 *  -EPROTO           a file belongs to another cluster or stream, or is none of ours
 *  -EPROTONOSUPPORT  a newer Pawl wrote a file
 *  -ENOSPC           the disk or the quota is full, or the limit on files reached
 *  -EACCES, -ENOENT, -ENOMEM, -EIO
 */
#ifndef PAWL_ARCHIVE_ARCHIVE_H
#define PAWL_ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/files.h"
#include "sequencer/core/stream_table.h"

#define ARCHIVE_SEGMENT_LEN_MIN STREAM_SLOT_LEN_MAX
#define ARCHIVE_SEGMENT_LEN_MAX (UINT64_C(4) << 30)
#define ARCHIVE_SEGMENT_LEN_DEFAULT (UINT64_C(64) << 20)

enum archive_sync {
	ARCHIVE_SYNC_NEVER,    /* the system decides; survives the end of the process */
	ARCHIVE_SYNC_INTERVAL, /* what is older than the interval survives a loss of power */
	ARCHIVE_SYNC_ALWAYS, /* an append returns when it would survive that */
};

struct archive_config {
	const char *path; /* of the directory; made if missing */
	struct archive_identity identity;
	uint32_t rows;	      /* publishers that the stream can have */
	uint64_t segment_len; /* bytes of records in one segment; 0: the default */
	enum archive_sync sync;
	uint64_t sync_interval_ns;
	/*
	 * Retention, of whole segments, oldest first.  A segment goes when all segments
	 * together are larger than size_max, or when it was written longer than age_max_ns
	 * ago; 0: that rule is off.  With `snapshots` only what was acknowledged goes, and if
	 * no other rule is on it goes at once.
	 */
	uint64_t size_max;
	uint64_t age_max_ns;
	bool snapshots;
	const struct archive_files *files; /* NULL: the system's */
};

/* What opening cut off the tail. */
struct archive_cut {
	uint64_t bytes; /* 0: nothing was cut */
	uint64_t
		first; /* positions that are known to have been there; 0: none is known */
	uint64_t last;
	uint64_t offset; /* in the file, of the begin of what was cut */
	char file[ARCHIVE_NAME_MAX];
};

struct archive;

int archive_open(const struct archive_config *config, struct archive **archive_p,
	struct archive_cut *cut_p, struct error *err) __attribute__((warn_unused_result));

/* Syncs, unless the policy is `never`, and lets go.  The archive is closed even on an error. */
int archive_close(struct archive *archive, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Appends @count slots, each slot_len bytes, back to back, on a multiple of 8: the first has
 * position archive_next(), the others follow.  -EINVAL: a slot is not whole or not the next.
 * On an error archive_next() tells what is wanted next, which may be less than before (Z4);
 * with -ENOSPC or -EIO the archive is in alarm until an append succeeds.
 */
int archive_append(struct archive *archive, const void *slots, uint32_t count,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Goes on at @position, which is not before archive_next(): what is between will be missing.
 * @entries: the table of publishers as of there; NULL: it is not known, and the archive's
 * stays inexact.  In an archive that is empty this says where it begins.
 */
int archive_skip(struct archive *archive, uint64_t position,
	const struct stream_entry *entries, struct error *err)
	__attribute__((warn_unused_result));

/*
 * A snapshot has everything up to @position; never taken back.  archive_tick writes it down, for
 * the next life, and lets files go.
 */
void archive_acknowledge(struct archive *archive, uint64_t position);
uint64_t archive_acknowledged(const struct archive *archive);

/* What is due by the clock: sync and retention.  Called now and then, also when idle. */
int archive_tick(struct archive *archive, struct error *err)
	__attribute__((warn_unused_result));

/* When a sync is due by the interval, on the monotonic clock; 0: none is. */
uint64_t archive_due_ns(const struct archive *archive);

/* Syncs now, whatever the policy. */
int archive_sync_now(struct archive *archive, struct error *err)
	__attribute__((warn_unused_result));

/* The position that must be appended next. */
uint64_t archive_next(const struct archive *archive);
/* Archived up to here; 0: nothing. */
uint64_t archive_last(const struct archive *archive);
/* On stable storage up to here, as far as is known; 0: nothing. */
uint64_t archive_synced(const struct archive *archive);
/* The oldest position that is retained; 0: none. */
uint64_t archive_oldest(const struct archive *archive);
/* Bytes of all segments. */
uint64_t archive_size(const struct archive *archive);
/* The newest message of each publisher as of archive_next() - 1, ... */
const struct stream_table *archive_table(const struct archive *archive);
/* ... but for messages up to here, which were not seen; 0: it is exact. */
uint64_t archive_inexact(const struct archive *archive);

struct archive_alarm {
	int status;	   /* 0: no alarm */
	uint64_t since_ns; /* wall clock */
	uint64_t failures; /* in a row */
	struct error err;
};

const struct archive_alarm *archive_alarm(const struct archive *archive);

#endif
