/*
 * What a stream is compared with: a ring of slots in memory that two processes share, one
 * writing and one reading, and nothing else.  Each side has a word that the other only reads,
 * on a line of its own, and keeps what it saw of the other's, so that it looks again only when
 * it has to.
 */
#ifndef PAWL_BENCH_STREAM_RING_H
#define PAWL_BENCH_STREAM_RING_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_RING_LINE 128 /* bytes that one processor may fetch at once */

struct stream_ring_words {
	alignas(STREAM_RING_LINE) _Atomic uint64_t written; /* released by the writer */
	alignas(STREAM_RING_LINE) _Atomic uint64_t read;    /* released by the reader */
};

/* One side's view; what is ever written and read is counted from 0. */
struct stream_bare {
	struct stream_ring_words *words;
	unsigned char *bytes;
	size_t slot_len;
	uint64_t slots; /* a power of two */
	uint64_t own;	/* written or read, of which the word may not tell yet */
	uint64_t other; /* as last seen */
};

/* Bytes of a ring for messages of @message_len with slots of at least @slot_len. */
size_t stream_bare_len(size_t message_len, size_t slot_len, uint64_t slots);

/* @memory has so many bytes, zero at first, on a line of their own. */
void stream_bare_init(struct stream_bare *bare, void *memory, size_t message_len,
	size_t slot_len, uint64_t slots);

/* The writer: how many of @wanted messages there is room for. */
uint64_t stream_bare_room(struct stream_bare *bare, uint64_t wanted);
/* Copies a message in, for which there is room. */
void stream_bare_put(struct stream_bare *bare, const void *bytes, size_t len);
/* Tells the reader of all that was put. */
void stream_bare_publish(struct stream_bare *bare);
/* The reader has taken everything that was put. */
int stream_bare_is_taken(struct stream_bare *bare);

/* The reader: how many of @wanted messages are there. */
uint64_t stream_bare_ready(struct stream_bare *bare, uint64_t wanted);
/* The next message, which is there; good until it is released. */
const unsigned char *stream_bare_get(struct stream_bare *bare, size_t *len_p);
/* Gives back all that were got. */
void stream_bare_release(struct stream_bare *bare);

#endif
