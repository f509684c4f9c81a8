/*
 * A stream's three stretches of memory at one replica, each exposed by itself, and what is where
 * in them.  Replicas, publishers and subscribers are peers of them.
 *
 *   log    outlives epochs.  Only its owner writes: struct stream_control, the table, the ring
 *          (core/stream_log.h).  Others fill their log from it, and subscribers on the host read
 *          it in place.
 *   inbox  outlives epochs, for a publisher's slots say of which epoch they are.  One line per
 *          reader, which the reader writes: everything up to that position it needs no more.
 *          Then a ring as large as the log's, which publishers write while this is the head.
 *   words  of one epoch, and fresh in every one: struct stream_words, then, behind
 *          stream_words_room(rows) bytes, the inbox that a backup's predecessor writes: struct
 *          stream_inbox and a ring as large as the log's.  A head's has no inbox.
 */
#ifndef PAWL_STREAM_PLACES_H
#define PAWL_STREAM_PLACES_H

#include <stdint.h>

#include "hw/memory.h"
#include "sequencer/core/stream_limits.h"
#include "sequencer/core/stream_log.h"

/* Subscribers of one stream at one replica. */
#define STREAM_READERS_MAX 256

struct stream_reader_line {
	uint64_t consumed;
	uint64_t unused[7];
};

#define STREAM_INBOX_RING (STREAM_READERS_MAX * sizeof(struct stream_reader_line))

static inline uint64_t stream_reader_offset(uint32_t reader)
{
	return reader * sizeof(struct stream_reader_line);
}

static inline uint64_t stream_ring_len(const struct stream_limits *l)
{
	return (uint64_t)l->slots * l->slot_len;
}

static inline uint64_t stream_inbox_len(const struct stream_limits *l)
{
	return STREAM_INBOX_RING + stream_ring_len(l);
}

/* Bytes of the words, on a line. */
static inline uint64_t stream_words_room(uint32_t rows)
{
	return (stream_words_len(rows) + 63) / 64 * 64;
}

static inline uint64_t stream_words_memory_len(const struct stream_limits *l, bool backup)
{
	uint64_t inbox = sizeof(struct stream_inbox) + stream_ring_len(l);

	return stream_words_room(l->rows) + (backup ? inbox : 0);
}

/* Where a member's memory of one stream can be reached; "" where there is none. */
struct stream_addresses {
	uint64_t epoch; /* of the words */
	char words[MEMORY_ADDRESS_MAX];
	char inbox[MEMORY_ADDRESS_MAX];
	char log[MEMORY_ADDRESS_MAX];
	char words_path[MEMORY_ADDRESS_MAX]; /* files, for peers on the same host */
	char inbox_path[MEMORY_ADDRESS_MAX];
	char log_path[MEMORY_ADDRESS_MAX];
};

#endif
