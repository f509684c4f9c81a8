/* What the tests of subscribers with fake replicas share. */
#ifndef PAWL_TESTS_SUBSCRIBER_RIG_H
#define PAWL_TESTS_SUBSCRIBER_RIG_H

#include "client/include/pawl/stream.h"
#include "client/lib/subscriber.h"
#include "tests/unit/client_rig.h"
#include "tests/unit/fake_source.h"

#define RIG_SEEN 8192
#define RIG_SOON_NS UINT64_C(20000000)

struct reading {
	struct rig rig;
	struct fake_source source;
	struct pawl_stream *stream;
	struct pawl_subscriber *s;
	struct pawl_delivery seen[RIG_SEEN]; /* their bytes are not kept */
	uint64_t value[RIG_SEEN];	     /* but for the first eight */
	unsigned int count;
};

static inline void reading_on_delivery(
	void *context, const struct pawl_delivery *delivery)
{
	struct reading *r = context;

	assert_true(r->count < RIG_SEEN);
	r->seen[r->count] = *delivery;
	if (delivery->len >= sizeof(uint64_t))
		memcpy(&r->value[r->count], delivery->bytes, sizeof(uint64_t));
	r->count++;
}

/* A cluster whose first @chain replicas of @count are the chain, and a handle on the first. */
static inline void *reading_make(
	unsigned int count, unsigned int chain, enum stream_archiving archiving)
{
	struct reading *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	fake_begin(&r->rig.fake, count, chain);
	fake_source_begin(&r->source, &r->rig.fake, archiving);
	return r;
}

/* For cmocka. */
static inline int reading_of_one(void **state)
{
	*state = reading_make(1, 1, STREAM_ARCHIVE_OFF);
	return 0;
}

static inline int reading_of_two(void **state)
{
	*state = reading_make(2, 2, STREAM_ARCHIVE_OFF);
	return 0;
}

static inline void reading_open(struct reading *r)
{
	struct pawl_options options = rig_options(&r->rig);

	options.wait = PAWL_WAIT_YIELD;
	if (pawl_open(fake_address(&r->rig.fake, 0), &options, &r->rig.pawl))
		fail_msg("%s", pawl_errmsg(NULL));
	if (pawl_stream_open(r->rig.pawl, "feed", NULL, &r->stream))
		fail_msg("%s", pawl_errmsg(r->rig.pawl));
}

static inline void reading_subscribe_with(
	struct reading *r, const struct pawl_subscribe_options *options)
{
	if (!r->rig.pawl)
		reading_open(r);
	if (pawl_subscribe(r->stream, options, &r->s))
		fail_msg("%s", pawl_errmsg(r->rig.pawl));
}

static inline void reading_subscribe(
	struct reading *r, enum pawl_from from, uint64_t position)
{
	struct pawl_subscribe_options options = PAWL_SUBSCRIBE_OPTIONS_INIT;

	options.from = from;
	options.position = position;
	reading_subscribe_with(r, &options);
}

static inline int reading_remove(void **state)
{
	struct reading *r = *state;

	pawl_close(r->rig.pawl);
	fake_source_end(&r->source);
	fake_end(&r->rig.fake);
	free(r);
	return 0;
}

/* Delivers until @count were, in all and not more, or an error comes. */
static inline int reading_until(struct reading *r, unsigned int count)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int rc = 0, got;

	while (!rc && r->count < count) {
		int max = count - r->count < 100 ? (int)(count - r->count) : 100;

		if (clock_now_ns() >= deadline)
			fail_msg("%u of %u were delivered", r->count, count);
		rc = pawl_subscriber_wait(
			r->s, reading_on_delivery, r, max, RIG_SOON_NS, &got);
	}
	return rc;
}

static inline void reading_gets(struct reading *r, unsigned int count)
{
	if (reading_until(r, count))
		fail_msg("%s", pawl_errmsg(r->rig.pawl));
	assert_int_equal(r->count, count);
}

static inline void reading_gets_nothing(struct reading *r)
{
	unsigned int before = r->count;
	int got;

	assert_int_equal(pawl_subscriber_wait(
				 r->s, reading_on_delivery, r, 100, RIG_SOON_NS, &got),
		0);
	assert_int_equal(got, 0);
	assert_int_equal(r->count, before);
}

/* Deliveries @from on are messages of one slot at @first, @first + 1, ... without a gap. */
static inline void reading_has(
	const struct reading *r, unsigned int from, uint64_t first, uint64_t last)
{
	assert_true(r->count >= from + (last - first + 1));
	for (uint64_t p = first; p <= last; p++) {
		const struct pawl_delivery *d = &r->seen[from + (p - first)];

		assert_int_equal(d->position, p);
		assert_int_equal(d->first, p);
		assert_int_equal(d->len, sizeof(uint64_t));
		assert_int_equal(d->time_ns, p);
		assert_false(d->is_void);
		assert_int_equal(r->value[from + (p - first)], p);
	}
}

/* Another epoch, with another chain. */
static inline void reading_change(
	struct reading *r, uint64_t epoch, unsigned int count, const unsigned int *chain)
{
	fake_source_enter(&r->source, epoch);
	fake_change(&r->rig.fake, epoch, count, chain);
}

/* Member @member has heard that its reader goes, and of no second one. */
static inline void reading_left(struct reading *r, unsigned int member)
{
	const unsigned int *heard = &r->source.logs[member].unsubscribes;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	while (__atomic_load_n(heard, __ATOMIC_ACQUIRE) == 0) {
		if (clock_now_ns() >= deadline)
			fail_msg("member %u has not heard of it", member);
		(void)usleep(100);
	}
	assert_int_equal(__atomic_load_n(heard, __ATOMIC_ACQUIRE), 1);
}

static inline void reading_lost(const struct reading *r, uint64_t first, uint64_t last)
{
	uint64_t lost_first, lost_last;

	pawl_subscriber_lost(r->s, &lost_first, &lost_last);
	assert_int_equal(lost_first, first);
	assert_int_equal(lost_last, last);
}

#endif
