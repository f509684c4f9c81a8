/*
 * The link to a neighbour in the chain: made, watched, and made again after a pause when it has
 * failed or stalled.
 *
 * N1  After a link was made nothing of the one before can be written any more: the other side
 *     ends it before it lets the new one in (host_admit).
 * N2  There is an end to every wait: a link that is not made in time, or on which an operation
 *     is not answered in time, is given up; and there is a pause before the next.
 *
 * It belongs to the stream's thread; member and address are changed while that is held.
 */
#ifndef PAWL_STREAM_NEIGHBOUR_H
#define PAWL_STREAM_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/stream/host.h"

#define NEIGHBOUR_DEPTH 64

struct neighbour {
	struct stream_member member;	  /* incarnation 0: there is none on this side */
	char address[MEMORY_ADDRESS_MAX]; /* of its words; "": not known yet */
	struct link *link;
	bool up;
	bool fresh; /* it came up: what was sent before may not have arrived */
	uint32_t flight;
	uint64_t since_ns;    /* the oldest operation, or the link, waits since */
	uint64_t again_ns;    /* not linked before */
	uint64_t pause_ns;    /* after the next failure */
	uint64_t looked_ns;   /* at the link's state */
	uint64_t failures;    /* since it was up */
	struct error trouble; /* of the newest */
};

struct neighbour_ways {
	struct device *device;
	uint64_t token;
	uint64_t timeout_ns;
};

/* Nobody, until neighbour_told. */
void neighbour_begin(struct neighbour *n, const struct stream_member *member);

/* Its words are there.  Another address than before ends the link. */
void neighbour_told(struct neighbour *n, const char *address);

/* True: there is a link that can be written to. */
bool neighbour_tend(
	struct neighbour *n, const struct neighbour_ways *ways, uint64_t now_ns);

static inline bool neighbour_has_room(const struct neighbour *n, uint32_t operations)
{
	return n->up && n->flight + operations <= NEIGHBOUR_DEPTH;
}

/* False: the link has failed, and is given up. */
bool neighbour_write(struct neighbour *n, uint64_t offset, const void *bytes, size_t len,
	uint64_t now_ns);
bool neighbour_put(struct neighbour *n, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t now_ns);

/* Ends the link. */
void neighbour_close(struct neighbour *n);

#endif
