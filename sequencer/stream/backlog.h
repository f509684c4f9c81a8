/*
 * What a joiner's archive lacks, from before its log begins: files can not be read one-sided, so
 * a member that has an archive feeds it, as it feeds any subscriber (Subscribe, readers.h).
 *
 * The replica exposes an inbox and subscribes behind what its archive has.  The archiver takes
 * the inbox for a log: its commit point is how far the inbox is filled.  What the archiver has
 * taken is written into the reader's line at the member.  When nothing is missing any more up to
 * where the own log begins, the archiver is attached to that.
 *
 * B1  The inbox is read by the archiver only until archiver_detach, which is before
 *     stream_backlog_end.
 * B2  A position is given back to the feeder (Y1) after it was archived, or skipped: else the
 *     feeder would have no room behind a jump that is longer than the inbox.
 *
 * What the member does not have either is missing here too, and told (archiver_status).
 *
 * Driven in steps by the owner of the device; nothing blocks.
 */
#ifndef PAWL_STREAM_BACKLOG_H
#define PAWL_STREAM_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/archive/archiver.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"

#define STREAM_BACKLOG_SLOTS 1024 /* of the inbox, if the log has as many */

struct stream_backlog_config {
	struct device *device; /* listening; its owner calls progress */
	const struct stream_limits *limits;
	struct pages_config pages; /* of the inbox; its length is set here */
	uint64_t consumed;	   /* by the archive: it is fed from behind here */
};

struct stream_backlog;

/* Errors of expose, and -ENOMEM. */
int stream_backlog_begin(const struct stream_backlog_config *config,
	struct stream_backlog **backlog_p, struct error *err)
	__attribute__((warn_unused_result));

/* For the subscription: where the inbox is, and how many slots it has. */
const char *stream_backlog_address(const struct stream_backlog *backlog);
const struct memory *stream_backlog_memory(const struct stream_backlog *backlog);
uint32_t stream_backlog_slots(const struct stream_backlog *backlog);

/*
 * The member has answered: @address is that of its inbox memory (places.h), where the line of
 * @reader is (from 0).  Again after the link has failed, with the new answer.  Errors of connect.
 */
int stream_backlog_fed(struct stream_backlog *backlog, const char *address,
	uint64_t token, uint32_t reader, struct error *err)
	__attribute__((warn_unused_result));

/* For archiver_attach. */
struct archiver_source stream_backlog_source(const struct stream_backlog *backlog);

/* True: positions have come since the last step, and the archiver should be woken. */
bool stream_backlog_step(
	struct stream_backlog *backlog, uint64_t consumed, struct error *err);

/* 0; why the link to the member failed: it has to be subscribed again, there or elsewhere. */
int stream_backlog_error(const struct stream_backlog *backlog);

/* NULL: nothing. */
void stream_backlog_end(struct stream_backlog *backlog);

#endif
