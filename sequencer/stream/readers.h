/*
 * The subscribers of one stream at one replica (docs/protocol.md).
 *
 * A reader *in place* is on this host and needs nothing but its line.  A *fed* reader has an
 * inbox of its own, into which this replica writes committed slots over a link: out of the log,
 * or out of the archive for as long as the log does not have what comes next.
 *
 * R1  A position is fed once and in order, whether out of the archive or the log, unless it was
 *     torn (R3); what neither has is skipped, and the inbox's `oldest` says so (Y3).
 * R2  A range is skipped only when the reader has consumed all that it was sent: `oldest` is one
 *     word, and slots that wait before it would be taken for lost.
 * R3  A put reads the log until it completes (M9).  If the log has overwritten any of it by then,
 *     that part is fed again: a torn slot proves nothing (U1), so nobody delivered it.
 * R4  Nobody but a stream that blocks waits for a reader; and that one for as long as its session
 *     lives, also while its link is lost.
 * R5  What a reader writes into its line is believed between what it had and the commit point.
 * R6  A reader that needs what only the archive has is not waited for until it has reached the log.
 *     The archive of another replica (copy.h) is never waited for; it ends with its link.
 * R7  When a stream that blocks has lost a member of the chain, nothing that the lost member's
 *     readers may need is released for READERS_GRACE_NS: they come back meanwhile (hold.h).
 *
 * Feeding takes turns, a bounded piece each.  A link without room is tried in the next turn; one
 * that failed is ended, and the reader is not fed until it subscribes again.
 *
 * Belongs to the stream's thread, or to the loop while it holds that thread (H1).
 */
#ifndef PAWL_STREAM_READERS_H
#define PAWL_STREAM_READERS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/stream_log.h"
#include "sequencer/stream/feeder.h"
#include "sequencer/stream/host.h"
#include "sequencer/stream/keeper.h"
#include "sequencer/stream/places.h"

#define READERS_GRACE_NS UINT64_C(3000000000)

/* Devices, memories, keeper and feeder outlive the readers. */
struct readers_config {
	const char *stream; /* its name, for people; copied */
	const struct stream_limits *limits;
	struct device *device;
	const struct memory *log; /* exposed on that device, to put from (source) */
	const struct memory *inbox;
	struct keeper *keeper; /* NULL: there is no archive */
	struct feeder *feeder; /* NULL: there is no archive */
};

struct readers;

/* -ENOMEM. */
int readers_make(const struct readers_config *config, struct readers **readers_p,
	struct error *err) __attribute__((warn_unused_result));
/* Ends all links and readers. */
void readers_free(struct readers *readers);

/*
 * As stream_host_reader_add; and errors of connect.  A reader that asks again (config->reader, or
 * config->subscriber if it has not heard the answer) in the same session goes on as that one, with
 * what it asks for now; on an error it is as before.
 */
int readers_add(struct readers *readers, const struct stream_log *log,
	const struct stream_reader_config *config, struct stream_reader_answer *answer_p,
	struct error *err) __attribute__((warn_unused_result));
/* As stream_host_reader_remove. */
void readers_remove(
	struct readers *readers, uint64_t token, uint32_t reader, uint32_t subscriber);
/* The session is over, and with it all its readers. */
void readers_evict(struct readers *readers, uint64_t token);

/* Feeds.  True: something was done.  In any phase of the log. */
bool readers_turn(struct readers *readers, const struct stream_log *log, uint64_t now_ns);

/*
 * The log may overwrite up to here: for stream_log_waits_for, before every stream_log_advance.
 * UINT64_MAX: nobody is waited for.  The archive is asked as well (K3).
 */
uint64_t readers_waited_for(
	struct readers *readers, const struct stream_log *log, uint64_t now_ns);

/*
 * The log will enter an epoch now.  Before stream_log_enter, and then
 *
 *     stream_log_waits_for(log, readers_waited_for(readers, log, now_ns));
 */
void readers_enter(struct readers *readers, const struct stream_change *change,
	const struct stream_log *log, uint64_t now_ns);

/* The readers from 0; false past the last. */
bool readers_status(struct readers *readers, const struct stream_log *log, uint32_t index,
	struct stream_reader_status *status_p);

/* A line for the log: a feed that failed.  False: no news. */
bool readers_line(struct readers *readers, struct error *line_p);

#endif
