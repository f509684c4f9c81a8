/*
 * The archive of one stream at this replica: opened, attached to the log in every epoch, and its
 * troubles told (docs/protocol.md).
 *
 * Opening an archive reads its newest segment, so a thread of its own does it, and tries again
 * until it succeeds.  It waits for the first log, because an archive that begins with an empty log
 * takes over its table; then it ends, and the archiver's thread goes on, from the oldest position
 * that the log still has.
 *
 * K1  The log's memory and words are read only between keeper_attach and keeper_detach.
 * K2  An archive that goes beyond the log to which it is attached is of another history: it is
 *     left as it is, and that is an alarm.
 * K3  A stream whose archive is required waits for it, also while the archive can not be opened
 *     or written.  Any other waits while the archive is well: in no alarm, and with nothing to do
 *     or something done within KEEPER_PATIENCE_NS; and while it is opened for the first time, for
 *     KEEPER_OPENING_NS at most, since a whole segment may have to be read.  So a publisher does
 *     not outrun a disk that keeps going, and one that is full or stuck stops nobody for longer.
 *
 * What is said to be consumed was appended; what a failed sync takes back later (Z4) may be
 * overwritten in the log by then, and is told as missing.
 *
 * The loop calls all of it, but for keeper_turn and keeper_waited_for, which the stream's thread
 * calls, or the loop while it holds that thread.
 */
#ifndef PAWL_STREAM_KEEPER_H
#define PAWL_STREAM_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/archive/archive.h"
#include "sequencer/archive/archiver.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"
#include "sequencer/stream/host.h"

#define KEEPER_PATIENCE_NS UINT64_C(1000000000)
#define KEEPER_OPENING_NS UINT64_C(10000000000)

/* Nothing here tells a jump from a loss (docs/protocol.md, "Archives"). */
#define KEEPER_JUMP                                                                   \
	"they were not retained or are lost, or the stream jumped over them when it " \
	"began again after the loss of all memory"

struct keeper_config {
	const struct stream_archive_settings *settings; /* read during the call */
	uint64_t instance;
	const char *stream;
	const struct stream_limits *limits;
	const struct archive_files *files; /* NULL: the system's */
};

struct keeper_status {
	bool archiving;	   /* it is opened, attached, and in no alarm */
	uint64_t oldest;   /* retained; 0: none */
	uint64_t archived; /* newest; 0: none */
	uint64_t synced;
	uint64_t missing; /* positions that the log overwrote before they were archived */
	struct error alarm; /* why nothing is archived, or "" */
};

struct keeper;

/*
 * Where the archive of a stream is below settings->directory: its name, with every character that
 * a file's name should not have as %XX.  -ENAMETOOLONG.
 */
int keeper_path(const struct stream_archive_settings *settings, const char *stream,
	char path[ARCHIVE_PATH_MAX], struct error *err)
	__attribute__((warn_unused_result));

/* -ENAMETOOLONG, -ENOMEM: no memory or no thread.  A disk that fails is an alarm later. */
int keeper_start(const struct keeper_config *config, struct keeper **keeper_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Archives what is committed in the attached log, syncs (unless the policy is `never`) and frees
 * the keeper.  -ETIMEDOUT: the disk has not answered in time; the log is detached, nothing of
 * it is touched any more, and this may be called again.  Any other error: the keeper is gone,
 * and the text says what is not archived.
 */
int keeper_stop(struct keeper *keeper, uint64_t timeout_ns, struct error *err)
	__attribute__((warn_unused_result));

/* The log has entered an epoch (stream_log_enter). */
void keeper_attach(struct keeper *keeper, const struct stream_log *log);
/*
 * Another member's archive feeds this one out of @source (backlog.h), and the log is not waited
 * for.  Until keeper_detach.
 */
void keeper_attach_backlog(struct keeper *keeper, const struct archiver_source *source);
/* The log has entered an epoch and will be attached later; it is to keep what it has (K4). */
void keeper_put_off(struct keeper *keeper);
/* There is more in what is attached. */
void keeper_wake(struct keeper *keeper);
/*
 * Before the words of the epoch go, and before the log is filled, made anew or unmapped.  Waits
 * for a copy that is under way and for no disk.
 */
void keeper_detach(struct keeper *keeper);

/*
 * The stream has stopped for good, with its log, which is sealed: what it has up to @base is
 * archived by keeper_stop.  The log stays until then.
 */
void keeper_finish(struct keeper *keeper, const struct stream_log *log, uint64_t base);

/*
 * The commit point is there.  Nobody is woken often, so the thread calls it in every turn; turns in
 * which only this is owed are turns without work, or the thread would keep others off its processor.
 */
void keeper_turn(struct keeper *keeper, uint64_t commit, uint64_t now_ns);

/* The log may overwrite up to here, as far as the archive goes (K3); UINT64_MAX: all. */
uint64_t keeper_waited_for(const struct keeper *keeper);

/* A line for the log: what was cut at opening, an alarm that begins or ends.  False: no news. */
bool keeper_line(struct keeper *keeper, struct error *line_p);

void keeper_status(struct keeper *keeper, struct keeper_status *status_p);

/* For whoever reads beside it (archive_cursor.h); good as long as the keeper.  Any thread. */
struct keeper_place {
	const char *path;
	struct archive_identity identity;
	const struct archive_files *files;
};
struct keeper_place keeper_place(const struct keeper *keeper);

/*
 * The first try to open the archive is under way, and not for KEEPER_OPENING_NS: what it has will
 * be known soon.  Any thread, no lock.
 */
bool keeper_is_opening(const struct keeper *keeper);
/* It is open, and keeper_archived is right. */
bool keeper_is_open(const struct keeper *keeper);

/* Oldest position and newest, 0: none, or it is not open yet.  Any thread, no lock. */
uint64_t keeper_oldest(const struct keeper *keeper);
uint64_t keeper_archived(const struct keeper *keeper);
/*
 * A snapshot of an application has everything up to @position.  False: that was known.  Any
 * thread may ask up to where, without a lock; what a former life was told is known once the
 * archive is open.
 */
bool keeper_acknowledge(struct keeper *keeper, uint64_t position);
uint64_t keeper_acknowledged(const struct keeper *keeper);
/* Up to here everything was archived, or is not to be had.  Any thread, no lock. */
uint64_t keeper_consumed(const struct keeper *keeper);

#endif
