/*
 * The storage of one stream, applied at this replica (core/kv.h): to the messages of its own log, in
 * place, and of its archive where the log has no more what comes next.
 *
 * It begins with the first message that there ever was, or behind a snapshot that this replica keeps
 * (archive/snapshots.h), or it does not begin: a state from the middle on would be none.  Positions come from log and archive through one subscriber machine
 * (core/stream_subscriber.h), so each is looked at once and in order (D1), and none that is not
 * committed (D2).
 *
 * V1  The log's memory is read only between applier_attach and applier_detach, with the lock held;
 *     so applier_detach waits for one message to be copied, and for no disk.
 * V2  The machine is a function of what is committed up to applier_consumed.
 * V3  All memory that depends on the limits of a store is taken from a room that several share.
 *
 * One thread calls what is below, but for applier_attach, _detach and _applied.
 */
#ifndef PAWL_STREAM_APPLIER_H
#define PAWL_STREAM_APPLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/core/kv.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_slot.h"
#include "sequencer/stream/keeper.h"

/* Where the log is, in this epoch. */
struct applier_source {
	struct stream_ring ring;
	const uint64_t *commit; /* struct stream_words */
	const uint64_t *oldest; /* struct stream_control */
};

/* Bytes for machines (V3).  Of the thread that applies. */
struct applier_room {
	uint64_t max;
	uint64_t taken;
};

struct applier_config {
	const char *stream;
	const struct stream_limits *limits;
	const struct keeper_place *archive; /* NULL: there is none.  Copied */
	struct applier_room *room;
};

struct applier;

/* NULL: no memory.  Nothing is applied yet. */
struct applier *applier_make(const struct applier_config *config);
void applier_free(struct applier *applier);

/* Any thread, one at a time.  The log may be another one; positions go on. */
void applier_attach(struct applier *applier, const struct applier_source *source);
void applier_detach(struct applier *applier);

/*
 * Applies some of what there is; *moved_p: there may be more at once.  Begins, if it has not.
 * -ENOTSUP: it can not be applied here, and the text says why; -EIO, -EACCES, -ENOMEM and others of
 * archive_cursor.h.  Then applier_drop is next.
 */
int applier_step(struct applier *applier, bool *moved_p, struct error *err)
	__attribute__((warn_unused_result));

/* Everything up to here is applied, or was nothing to apply. */
uint64_t applier_consumed(const struct applier *applier);

/*
 * Asks the machine as it is.  The answer is good until the next call.  -ENOTSUP: there is none, for
 * nothing up to here founds a storage.
 */
int applier_query(struct applier *applier, const void *query, size_t len,
	struct machine_result *answer_p, struct error *err)
	__attribute__((warn_unused_result));

/* It has begun, and holds memory. */
bool applier_is_begun(const struct applier *applier);
/* Gives its memory back; the next step begins anew. */
void applier_drop(struct applier *applier);

#endif
