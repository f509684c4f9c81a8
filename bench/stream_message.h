/*
 * The messages that 'pawl-bench stream' sends, on both sides: when each was meant to be sent,
 * whose it is and which of its publisher's, then bytes that follow from these, and a sum over
 * all of it.  So whoever gets one can tell that it is whole, and that it is the right one.
 */
#ifndef PAWL_BENCH_STREAM_MESSAGE_H
#define PAWL_BENCH_STREAM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What every message begins with. */
struct stream_stamp {
	uint64_t intended_ns; /* monotonic clock */
	uint64_t number;      /* 1, 2, 3, ... of each publisher */
	uint64_t publisher;   /* from 0 */
	uint64_t sum;
};

#define STREAM_MESSAGE_MIN sizeof(struct stream_stamp)

/* Fills all @len bytes, at least STREAM_MESSAGE_MIN.  @stamp's sum is ignored. */
void stream_message_fill(
	unsigned char *bytes, size_t len, const struct stream_stamp *stamp);

/* False: these are not the bytes of any message that is @len long. */
bool stream_message_read(const unsigned char *bytes, size_t len,
	struct stream_stamp *stamp_p) __attribute__((warn_unused_result));

/* A digest that depends on every bit of what it was given, and on the order. */
static inline uint64_t stream_digest(uint64_t digest, uint64_t word)
{
	digest = (digest ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return digest ^ digest >> 29;
}

/* Four words as one for a digest: each counts in its own way, and none waits for the others. */
static inline uint64_t stream_word_of(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return a * UINT64_C(0xd6e8feb86659fd93) + b * UINT64_C(0xa0761d6478bd642f) +
	       c * UINT64_C(0xe7037ed1a0b428db) + d * UINT64_C(0x8ebc6af09c88c6e3);
}

#endif
