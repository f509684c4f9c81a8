/*
 * The archiver: a thread that copies what is committed out of a log in this process, in place,
 * and appends it to an archive (docs/protocol.md).
 *
 * It reads like any subscriber on the host: up to the commit point, each slot copied, verified
 * and its position looked at again (stream_slot.h, U3).  The log waits for it only if it is
 * told to: then the log's thread gives archiver_consumed() to stream_log_waits_for.  Else the
 * log may lap it, because the disk is slow or full; what it missed is missing in the archive,
 * is told, and archiving goes on behind it.
 *
 * The thread sleeps while there is nothing to do, until archiver_wake; it looks by itself once
 * a second at least.  A failed append is tried again until it succeeds.
 */
#ifndef PAWL_ARCHIVE_ARCHIVER_H
#define PAWL_ARCHIVE_ARCHIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/archive.h"
#include "sequencer/core/stream_slot.h"

/* Where the log is, in this epoch. */
struct archiver_source {
	struct stream_ring ring; /* slots as long as the archive's */
	const uint64_t *commit;	 /* struct stream_words */
	const uint64_t *oldest;	 /* struct stream_control */
	uint64_t
		begin; /* its oldest when it was attached: whoever attaches tells what is before */
	bool fed; /* out of another archive: what is skipped there is not to be had */
};

struct archiver_status {
	uint64_t consumed;
	uint64_t synced;
	uint64_t rounds; /* times that the thread looked for work */
	uint64_t
		missing_count; /* positions that the log overwrote before they were archived */
	uint64_t missing_first; /* the last range of them; 0: none */
	uint64_t missing_last;
	uint64_t
		skipped_first; /* the last range that the archive that fed it skipped; 0: none */
	uint64_t skipped_last;
	int alarm; /* why nothing is archived; 0: all is well */
	struct error err;
};

struct archiver;

/*
 * From now on the archive belongs to the thread; archiver_stop gives it back.  -ENOMEM: no
 * memory or no thread.
 */
int archiver_start(struct archive *archive, struct archiver **archiver_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * From now on it reads there.  The memory stays until archiver_detach, which waits for a copy that is
 * under way and for no disk.  The log may be another one; its positions go on.
 */
void archiver_attach(struct archiver *archiver, const struct archiver_source *source);
void archiver_detach(struct archiver *archiver);

/* The commit point has moved.  Any thread; no system call unless the archiver sleeps. */
void archiver_wake(struct archiver *archiver);

/* As archive_acknowledge, soon.  Any thread. */
void archiver_acknowledge(struct archiver *archiver, uint64_t position);

/* The log may overwrite up to here.  Any thread; no lock.  May go back when a sync failed. */
uint64_t archiver_consumed(const struct archiver *archiver);

/* The oldest position that is retained, and the newest; 0: none.  Any thread; no lock. */
uint64_t archiver_oldest(const struct archiver *archiver);
uint64_t archiver_last(const struct archiver *archiver);

/* Why nothing is archived; 0: all is well.  Any thread; no lock. */
int archiver_alarm(const struct archiver *archiver);

/* Any thread. */
void archiver_status(struct archiver *archiver, struct archiver_status *status_p);

/*
 * Archives what is committed by now, syncs (unless the policy is `never`) and ends the thread.
 * -ETIMEDOUT: the disk has not answered in time; the thread goes on and this may be called
 * again.  Any other result: the archiver is gone, and what is not archived is in the text;
 * errors as archive_append.
 */
int archiver_stop(struct archiver *archiver, uint64_t timeout_ns, struct error *err)
	__attribute__((warn_unused_result));

#endif
