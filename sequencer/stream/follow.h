/*
 * Copies the log of a member that serves the running epoch, while it runs, into the log of a
 * replica that is outside the chain and may join: at the change only the newest slots are
 * missing, and publishers wait for milliseconds (docs/protocol.md).
 *
 * W1  Nothing beyond the source's commit point is copied: what is not committed may never be,
 *     and a log can not be cut back.
 * W2  The copy counts as a log of the running epoch (stream_log_follow, C11) only when its table
 *     is that of its end.  The table is read once, before the slots; entries in it may be of
 *     slots up to the source's end behind that read, so it is right from where the copy has
 *     come to that end, for the slots that were copied have been applied on top of it.
 * W3  Slots are appended only after the source's control, read behind them, still showed the
 *     running epoch (as F3 of fill.h).
 * W4  Who is lapped begins again, and nearer to the end each time, so that a fast stream is
 *     caught up with.
 * W5  The log of a member of the running epoch is not touched, though its life may be another
 *     one: it may be needed to begin the next (C6).
 * W6  A copy that began nearer to the end gets what is older whenever it has what is newest, and
 *     counts only when it retains what the source retains (C11): a subscriber that has to go
 *     on here, when the others are gone, must find what they had for it.
 *
 * An own log that may be kept for the running epoch goes on where it ends.
 *
 * Driven in steps by the owner of device and log; nothing blocks.  When the replica is to be
 * prepared for the next epoch, this is ended and the log filled up (fill.h).
 */
#ifndef PAWL_STREAM_FOLLOW_H
#define PAWL_STREAM_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"

#define STREAM_FOLLOW_REST_NS UINT64_C(100000)

struct stream_follow_config {
	struct device *device;	   /* whose owner calls progress */
	const char *log_address;   /* of the source's log memory, */
	const char *words_address; /*   and of its words in this epoch; copied */
	uint64_t token;
	const struct stream_limits *limits;
	struct stream_log *log; /* not open; control is NULL if there is none yet */
	void *memory; /* for the log, stream_log_len bytes; where it is, if there is one */
	uint64_t epoch;	      /* that is running */
	uint64_t from;	      /* it followed this one; 0: none, or not known */
	uint64_t base;	      /* where it began */
	uint64_t patience_ns; /* a source that is silent for so long is lost */
};

enum stream_follow_state {
	STREAM_FOLLOW_COPYING, /* the log is of no use yet */
	STREAM_FOLLOW_BEHIND,  /* it counts (W2, W6), and keeps up */
	STREAM_FOLLOW_FAILED,  /* the source is lost; the log is what it was */
};

struct stream_follow_status {
	enum stream_follow_state state;
	uint64_t end;	 /* copied up to here */
	uint64_t commit; /* of the source, when it was read */
	uint32_t begun;	 /* times that the log was made anew */
};

struct stream_follow;

/* -EEXIST: the own log is a member's (W5).  -ENOMEM; errors of connect. */
int stream_follow_begin(const struct stream_follow_config *config,
	struct stream_follow **follow_p, struct error *err)
	__attribute__((warn_unused_result));

/* True: there was something to do.  When it keeps up it looks once in STREAM_FOLLOW_REST_NS. */
bool stream_follow_step(struct stream_follow *follow, uint64_t now_ns);

struct stream_follow_status stream_follow_status(const struct stream_follow *follow);

/* Why it failed, as stream_fill_error; 0 before. */
int stream_follow_error(const struct stream_follow *follow, struct error *err);

/* Ends the links too.  NULL: nothing. */
void stream_follow_end(struct stream_follow *follow);

#endif
