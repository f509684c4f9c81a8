/*
 * Fills a log up to where an epoch begins, by one-sided reads of another member's log (C9).
 *
 * The source is a log that may be written while it is read, by a member that may not have heard
 * that its epoch is over.  What makes it safe:
 *
 * F1  A source counts if its control shows that its log is one of the epoch that the new one
 *     follows, or was prepared for the new one, and that it ends at the base.  Logs of one epoch
 *     are each a begin of the other (C3), so up to the base it has what everybody has, even if
 *     it is a zombie that has not been sealed and goes on later.
 * F2  The table counts if the control shows the same before and after it was read.  A log's end
 *     moves before its entries do (C7), so there is nothing in it from beyond the base, and what
 *     may be missing or torn is the newest slot's entry, which filling writes again.
 * F3  Slots are appended only after the control, read behind them, still showed the same log: it
 *     was not made anew meanwhile.  A slot that was overwritten since has another position and is
 *     refused by stream_log_fill, and then all begins again.
 *
 * The own log is kept if it may be (stream_log_keeps) and the source still has the slot that
 * comes next; else it is made anew, with the source's table and what the source retains.
 *
 * Driven in steps by the owner of device and log; nothing blocks, and a step moves STREAM_PULL_LEN
 * bytes (pull.h) at most.  If it fails, another source is tried, or the same again.
 */
#ifndef PAWL_STREAM_FILL_H
#define PAWL_STREAM_FILL_H

#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"

struct stream_fill_config {
	struct device *device; /* whose owner calls progress */
	const char *address;   /* of the source's log memory; copied */
	uint64_t token;
	const struct stream_limits *limits;
	struct stream_log *log; /* not open; control is NULL if there is none yet */
	void *memory; /* for the log, stream_log_len bytes; where it is, if there is one */
	uint64_t from;
	uint64_t epoch;
	uint64_t base;
	uint64_t deadline_ns; /* clock_now_ns */
};

enum stream_fill_state {
	STREAM_FILL_RUNNING,
	STREAM_FILL_DONE, /* the log ends at the base, and its table is right */
	STREAM_FILL_FAILED,
};

struct stream_fill;

/* -ENOMEM; errors of connect.  The log is as it was. */
int stream_fill_begin(const struct stream_fill_config *config,
	struct stream_fill **fill_p, struct error *err)
	__attribute__((warn_unused_result));

enum stream_fill_state stream_fill_step(struct stream_fill *fill, uint64_t now_ns);

/*
 * Why it failed, 0 before; *err says it in words.
 *  -ETIMEDOUT             the deadline
 *  -ENOTCONN, -ECONNREFUSED, -EACCES, -EIO, ...  the link, as memory.h has it
 *  -ESTALE                the log there is of other epochs, or ends elsewhere
 *  -EPROTO                there is no log, or one with other limits, or a slot is not whole
 *  -EAGAIN                the source changed while it was read
 * The own log was not touched, or is a begin of what it is to be: it may be kept or filled
 * further as its control says.  One that was being made anew is of no epoch.
 */
int stream_fill_error(const struct stream_fill *fill, struct error *err);

/* Ends the link too.  NULL: nothing. */
void stream_fill_end(struct stream_fill *fill);

#endif
