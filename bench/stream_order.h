/*
 * What one subscriber has got, held to the rules of a stream:
 *
 *  - positions rise, and a message's first slot is behind the message before;
 *  - of each publisher come the messages 1, 2, 3, ..., none missing and none again, under one
 *    name and with rising ids, which for messages of one slot are 1, 2, 3, ... too;
 *  - each message is whole.
 *
 * Two subscribers that got the same, in the same order, have the same digest.
 */
#ifndef PAWL_BENCH_STREAM_ORDER_H
#define PAWL_BENCH_STREAM_ORDER_H

#include <stdint.h>

#include "bench/stream_message.h"
#include "hw/error.h"

#define STREAM_PUBLISHERS_MAX 64

struct stream_order {
	uint64_t messages;
	uint64_t position; /* of the newest */
	uint64_t digest;
	struct {
		uint64_t name; /* 0: nothing has come from it */
		uint64_t id;
		uint64_t number; /* of the newest */
	} publishers[STREAM_PUBLISHERS_MAX];
};

/* What was delivered, as the library or the bare ring tells it. */
struct stream_got {
	uint64_t position;
	uint64_t first;
	uint64_t publisher;
	uint64_t id;
	const unsigned char *bytes;
	size_t len;
};

/*
 * The next one; *intended_ns_p is when it was meant to be sent.  -EILSEQ: it must not come
 * here, or is not what was sent, and @err says what is wrong with it.
 */
int stream_order_take(struct stream_order *order, const struct stream_got *got,
	uint64_t *intended_ns_p, struct error *err) __attribute__((warn_unused_result));

/*
 * Publisher @i has sent @count messages that were acknowledged.  -EILSEQ: it is not what has
 * come.
 */
int stream_order_expect(const struct stream_order *order, unsigned int i, uint64_t count,
	struct error *err) __attribute__((warn_unused_result));

#endif
