/*
 * The subscriber machine: delivers what is committed, in order, each message once
 * (docs/protocol.md).
 *
 * It reads slots from one *source* at a time: its own inbox, which a replica feeds, or the log
 * of a replica on the same host, in place.  A source is a ring and two words: up to where it
 * can be read, and what it has no more.  The chain may change, and the source with it; positions
 * stay.
 *
 * D1  Positions are looked at in order, each once: `next` only grows.
 * D2  Nothing beyond the source's end is looked at, and an end is never beyond a commit point.
 * D3  A message is delivered once, whole, when its last slot is reached, and only if all its
 *     slots were found directly behind each other.
 * D4  A position is passed over only if the source has it no more, and then the range is told.
 * D5  One that waits at gaps stays where it is, with what it has of an open message, until it is
 *     told to skip the range, or a source is attached that has it.
 *
 * A subscriber belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_SUBSCRIBER_H
#define PAWL_CORE_STREAM_SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_slot.h"

enum stream_from {
	STREAM_FROM_OLDEST, /* what the source still has */
	STREAM_FROM_NOW,    /* what is committed after the source was first looked at */
	STREAM_FROM_POSITION,
};

enum stream_delivery_kind {
	STREAM_MESSAGE,
	STREAM_NOTHING, /* a void; only if asked for */
	STREAM_GONE, /* the range first to last was lost: lapped, or before the oldest */
	STREAM_TOO_LONG, /* a message that the buffer has no room for */
};

struct stream_delivery {
	enum stream_delivery_kind kind;
	uint64_t first; /* positions */
	uint64_t last;
	uint64_t publisher;
	uint64_t id;
	uint64_t time_ns; /* of its first slot */
	const void *
		payload; /* in the subscriber's slot or buffer, good until the next call */
	uint64_t len;
};

struct stream_subscriber_config {
	enum stream_from from;
	uint64_t position;     /* the first that is wanted */
	bool voids;	       /* be told of them */
	bool waits_at_gap;     /* STREAM_GONE is told again until the range is skipped */
	unsigned char *slot;   /* room for one slot, on a multiple of 8 */
	unsigned char *buffer; /* room for the longest message */
	uint64_t buffer_len;
};

struct stream_subscriber {
	struct stream_subscriber_config config;
	bool begun;    /* next is known */
	uint64_t next; /* nothing before it will be delivered */
	struct stream_ring ring;
	const uint64_t *end; /* words of the source; NULL: no source */
	const uint64_t *oldest;
	uint64_t seen; /* the source's end, when it was looked at last */
	bool open;     /* a message whose last slot was not reached yet, */
	bool too_long;
	struct stream_slot open_slot; /*   its first slot, */
	uint64_t open_len;	      /*   and its bytes so far */
	uint64_t deliveries;
	uint64_t gap_end; /* of the range that is waited at; 0: none was told */
};

void stream_subscriber_init(
	struct stream_subscriber *s, const struct stream_subscriber_config *config);

/* From now on it reads this ring; the words are the source's, good until the next attach. */
void stream_subscriber_attach(struct stream_subscriber *s, const struct stream_ring *ring,
	const uint64_t *end, const uint64_t *oldest);
void stream_subscriber_detach(struct stream_subscriber *s);

/* The next thing to deliver; false: nothing yet.  Looks at @count_max slots at most. */
bool stream_subscriber_poll(struct stream_subscriber *s, uint32_t count_max,
	struct stream_delivery *delivery_p);

/*
 * Whoever waits at a gap gives up the range that the last STREAM_GONE told.  Nothing, if there was
 * none, or if the range has been delivered since.
 */
void stream_subscriber_skip(struct stream_subscriber *s);

/* Everything up to here is not needed any more: what a feeder is told. */
static inline uint64_t stream_subscriber_consumed(const struct stream_subscriber *s)
{
	return s->begun ? s->next - 1 : 0;
}

#endif
