/*
 * What is decided about a stream when it is made, and never changes: the same at every replica
 * and in the record (docs/protocol.md).
 */
#ifndef PAWL_CORE_STREAM_LIMITS_H
#define PAWL_CORE_STREAM_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#define STREAMS_MAX 256			    /* streams of one cluster */
#define STREAM_RING_MIN (UINT32_C(1) << 10) /* slots of a stream that people make */
#define STREAM_RING_MAX (UINT32_C(1) << 24)
#define STREAM_RING_BYTES_MAX (UINT64_C(1) << 36)
#define STREAM_MESSAGE_MAX (UINT64_C(1) << 30) /* bytes of the longest message */
#define STREAM_HOLE_MIN_NS UINT64_C(10000)
#define STREAM_HOLE_MAX_NS UINT64_C(60000000000)

enum stream_archiving {
	STREAM_ARCHIVE_OFF,
	STREAM_ARCHIVE_ON,	 /* a full disk stops the archive, not the stream */
	STREAM_ARCHIVE_REQUIRED, /* what is not archived is not overwritten: back-pressure */
};

struct stream_limits {
	uint32_t slot_len; /* bytes; 0: this is a counter, not a stream */
	uint32_t slots;	   /* a power of two */
	uint32_t rows;	   /* publishers at a time */
	bool blocks;	   /* publishers wait for slow subscribers */
	enum stream_archiving archiving;
	uint64_t hole_timeout_ns;
	uint64_t message_max; /* bytes */
};

/* Whether a stream can be made like that. */
bool stream_limits_valid(const struct stream_limits *limits);

static inline bool stream_limits_same(
	const struct stream_limits *a, const struct stream_limits *b)
{
	return a->slot_len == b->slot_len && a->slots == b->slots && a->rows == b->rows &&
	       a->blocks == b->blocks && a->archiving == b->archiving &&
	       a->hole_timeout_ns == b->hole_timeout_ns &&
	       a->message_max == b->message_max;
}

#endif
