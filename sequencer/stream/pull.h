/*
 * Reads stretches of another member's memory over a link of its own: in pieces, many in flight,
 * one stretch after the other.
 *
 * What arrives was never there all at once, for the owner may be writing; whoever asks must be
 * able to tell.  A stretch is posted only when the one before it has arrived.
 */
#ifndef PAWL_STREAM_PULL_H
#define PAWL_STREAM_PULL_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "hw/memory.h"

#define STREAM_PULL_DEPTH 16 /* pieces in flight, */
#define STREAM_PULL_LEN ((uint64_t)STREAM_PULL_DEPTH * LINK_TRANSFER_MAX) /* and bytes */

struct stream_pull {
	struct link *link; /* NULL: it is not open */
	uint64_t offset;   /* of the stretch */
	uint64_t len;
	uint64_t posted; /* bytes of it */
	uint64_t arrived;
	uint32_t flight; /* pieces */
	unsigned char *to;
};

/* Errors of connect. */
int stream_pull_open(struct stream_pull *pull, struct device *device, const char *address,
	uint64_t token, struct error *err) __attribute__((warn_unused_result));

/* A new stretch, for which @to has room; nothing of the one before is under way. */
void stream_pull_begin(struct stream_pull *pull, uint64_t offset, void *to, uint64_t len);

/*
 * 0: the stretch has arrived.  -EAGAIN: not yet.  Anything else: the link has failed, as
 * memory.h has it.  Posts and takes STREAM_PULL_LEN bytes at most; never blocks.
 */
int stream_pull_step(struct stream_pull *pull, struct error *err)
	__attribute__((warn_unused_result));

/* Afterwards nothing is written any more to where the stretch was to go. */
void stream_pull_close(struct stream_pull *pull);

#endif
