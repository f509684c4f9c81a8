/*
 * A log that is written while others read it in place: threads that really run beside each other,
 * for the thread sanitizer to look at, and for what it does not know: that nothing torn comes out.
 */
#include "tests/unit/stream_rig.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "sequencer/core/stream_subscriber.h"
#include "sequencer/core/words.h"

#define MESSAGES 100000u
#define READERS 2

struct shared {
	struct bench bench;
	_Atomic bool over;
};

struct reader {
	struct shared *shared;
	pthread_t thread;
	uint64_t messages, voids, gone, wrong;
};

/* Every tenth position is left out, and becomes a void. */
static bool is_left_out(uint64_t position)
{
	return position % 10 == 0;
}

static void payload_make(uint64_t position, uint64_t payload[2])
{
	payload[0] = position * UINT64_C(0x9e3779b97f4a7c15);
	payload[1] = ~payload[0];
}

static void publish(struct bench *b, uint64_t position, uint64_t id)
{
	struct stream_slot slot = {.position = position,
		.epoch = EPOCH,
		.publisher = publisher(0),
		.id = id,
		.len = 16,
		.flags = STREAM_FIRST | STREAM_LAST};
	uint64_t payload[2];

	payload_make(position, payload);
	stream_slot_write(stream_ring_at(&b->inbox, position), &slot, payload);
}

/* As the publisher's window has it: the slot's former position is committed. */
static void *publisher_run(void *context)
{
	struct shared *shared = context;
	struct bench *b = &shared->bench;
	uint64_t id = 0;

	for (uint64_t p = 1; p <= MESSAGES; p++) {
		while (p > word_load(&b->words->commit) + SLOTS / 2)
			(void)sched_yield();
		if (!is_left_out(p))
			publish(b, p, ++id);
	}
	return NULL;
}

static void delivery_check(struct reader *r, const struct stream_delivery *d)
{
	uint64_t wanted[2];

	switch (d->kind) {
	case STREAM_MESSAGE:
		payload_make(d->first, wanted);
		r->messages++;
		r->wrong += d->len != 16 || memcmp(d->payload, wanted, 16) != 0 ||
			    is_left_out(d->first);
		break;
	case STREAM_NOTHING:
		r->voids++;
		r->wrong += !is_left_out(d->first);
		break;
	case STREAM_GONE:
		r->gone += d->last - d->first + 1;
		break;
	default:
		r->wrong++;
	}
}

static void *reader_run(void *context)
{
	struct reader *r = context;
	struct bench *b = &r->shared->bench;
	_Alignas(8) unsigned char slot[SLOT_LEN];
	unsigned char buffer[SLOT_LEN];
	struct stream_subscriber_config config = {.from = STREAM_FROM_POSITION,
		.position = 1,
		.voids = true,
		.slot = slot,
		.buffer = buffer,
		.buffer_len = sizeof(buffer)};
	struct stream_subscriber s;
	struct stream_delivery d;

	stream_subscriber_init(&s, &config);
	stream_subscriber_attach(
		&s, &b->log.ring, &b->words->commit, &b->log.control->oldest);
	while (stream_subscriber_consumed(&s) < MESSAGES &&
		!atomic_load(&r->shared->over)) {
		if (stream_subscriber_poll(&s, 64, &d))
			delivery_check(r, &d);
		else
			(void)sched_yield();
	}
	while (stream_subscriber_poll(&s, 64, &d))
		delivery_check(r, &d);
	return NULL;
}

/* The log's own thread; holes fall due at once. */
static void log_run(struct shared *shared)
{
	struct bench *b = &shared->bench;
	uint64_t now_ns = 0;

	while (stream_log_end(&b->log) < MESSAGES) {
		uint64_t next = stream_log_end(&b->log) + 1;

		now_ns += is_left_out(next) ? HOLE_NS : 0;
		if (!advance(b, is_left_out(next) ? next : 0, now_ns))
			(void)sched_yield();
	}
}

static void what_is_read_in_place_is_never_torn(void **state)
{
	static struct shared shared;
	struct reader readers[READERS] = {{.shared = &shared}, {.shared = &shared}};
	pthread_t writer;

	(void)state;
	bench_open(&shared.bench, true, true);
	for (unsigned int i = 0; i < READERS; i++)
		assert_int_equal(
			pthread_create(&readers[i].thread, NULL, reader_run, &readers[i]),
			0);
	assert_int_equal(pthread_create(&writer, NULL, publisher_run, &shared), 0);
	log_run(&shared);
	assert_int_equal(pthread_join(writer, NULL), 0);
	atomic_store(&shared.over, true);
	for (unsigned int i = 0; i < READERS; i++) {
		struct reader *r = &readers[i];

		assert_int_equal(pthread_join(r->thread, NULL), 0);
		assert_int_equal(r->wrong, 0);
		assert_true(r->messages > 0);
		assert_int_equal(r->messages + r->voids + r->gone, MESSAGES);
	}
	bench_close(&shared.bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read_in_place_is_never_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
