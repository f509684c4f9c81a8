/* What the tests of the client library's streams share. */
#ifndef PAWL_TESTS_CLIENT_STREAM_RIG_H
#define PAWL_TESTS_CLIENT_STREAM_RIG_H

#include "client/include/pawl/stream.h"
#include "tests/unit/client_rig.h"

#define STREAM_NAME "trades"

struct desk {
	struct rig rig; /* first, for rig_remove */
	struct pawl_stream *stream;
};

static inline struct desk *desk_make(unsigned int replicas, unsigned int chain)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	fake_begin(&d->rig.fake, replicas, chain);
	fake_stream_begin(&d->rig.fake);
	return d;
}

static inline void desk_join(struct desk *d, const struct pawl_options *options)
{
	if (pawl_open(fake_address(&d->rig.fake, 0), options, &d->rig.pawl))
		fail_msg("%s", pawl_errmsg(NULL));
}

static inline void desk_stream(struct desk *d, const struct pawl_stream_options *options)
{
	if (pawl_stream_open(d->rig.pawl, STREAM_NAME, options, &d->stream))
		fail_msg("%s", pawl_errmsg(d->rig.pawl));
}

/* A handle and the stream, as usual, of @chain members. */
static inline void desk_open(struct desk *d)
{
	struct pawl_options options = rig_options(&d->rig);

	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	desk_join(d, &options);
	desk_stream(d, NULL);
}

static inline uint64_t desk_publish(struct desk *d, const char *text)
{
	uint64_t position = 0;

	if (pawl_publish(d->stream, text, strlen(text), &position))
		fail_msg("%s", pawl_errmsg(d->rig.pawl));
	return position;
}

static inline void desk_submit(struct desk *d, const char *text, uint64_t cookie)
{
	if (pawl_publish_submit(d->stream, text, strlen(text), cookie))
		fail_msg("%s", pawl_errmsg(d->rig.pawl));
}

/* Polls until a result comes. */
static inline struct pawl_published desk_take(struct desk *d)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	struct pawl_published result;
	int count = 0;

	while (count == 0) {
		assert_true(clock_now_ns() < deadline);
		assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), 0);
	}
	return result;
}

/* Polls for a while in which no result may come. */
static inline void desk_take_nothing(struct desk *d, uint64_t wait_ns)
{
	uint64_t deadline = clock_now_ns() + wait_ns;
	struct pawl_published result;
	int count = 0;

	while (clock_now_ns() < deadline) {
		assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), 0);
		assert_int_equal(count, 0);
	}
}

static inline void desk_taken(struct desk *d, uint64_t cookie, uint64_t position)
{
	struct pawl_published result = desk_take(d);

	assert_int_equal(result.status, 0);
	assert_int_equal(result.cookie, cookie);
	assert_int_equal(result.position, position);
}

/* The log of @place has this message, of one slot, at @position. */
static inline void desk_logged(struct desk *d, unsigned int place, uint64_t position,
	uint64_t id, const char *text)
{
	struct stream_slot slot;
	char payload[PAWL_SLOT_HEADER + 65536];

	assert_true(fake_stream_read(&d->rig.fake, place, position, &slot, payload));
	assert_int_equal(slot.flags, STREAM_FIRST | STREAM_LAST);
	assert_int_equal(slot.publisher, d->rig.fake.stream.publisher);
	assert_int_equal(slot.id, id);
	assert_int_equal(slot.len, strlen(text));
	assert_memory_equal(payload, text, slot.len);
}

static inline void desk_void(struct desk *d, unsigned int place, uint64_t position)
{
	struct stream_slot slot;

	assert_true(fake_stream_read(&d->rig.fake, place, position, &slot, NULL));
	assert_int_equal(slot.flags, STREAM_VOID);
}

static inline struct pawl_stream_stats desk_stats(const struct desk *d)
{
	struct pawl_stream_stats stats;

	assert_int_equal(pawl_stream_stats_get(d->stream, &stats), 0);
	return stats;
}

#endif
