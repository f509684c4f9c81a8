/* What a subscriber delivers, and feeding one. */
#include "tests/unit/stream_rig.h"

#include "sequencer/core/stream_subscriber.h"

#define BUFFER 12

struct reader {
	struct stream_subscriber s;
	struct stream_delivery d;
	_Alignas(8) unsigned char slot[SLOT_LEN];
	unsigned char buffer[BUFFER];
	uint64_t end, oldest;
	struct stream_ring ring;
};

static void reader_open(struct reader *r, enum stream_from from, uint64_t position)
{
	struct stream_subscriber_config config = {.from = from,
		.position = position,
		.voids = true,
		.slot = r->slot,
		.buffer = r->buffer,
		.buffer_len = BUFFER};

	r->ring = (struct stream_ring){.bytes = zeroed(SLOTS * SLOT_LEN),
		.slot_len = SLOT_LEN,
		.mask = SLOTS - 1};
	r->end = 0;
	r->oldest = 1;
	stream_subscriber_init(&r->s, &config);
}

static void attach(struct reader *r)
{
	stream_subscriber_attach(&r->s, &r->ring, &r->end, &r->oldest);
}

static void reader_close(struct reader *r)
{
	free(r->ring.bytes);
}

static void put(struct reader *r, uint64_t position, uint32_t row, uint64_t id,
	uint8_t flags, const char *payload)
{
	struct stream_slot slot = {.position = position,
		.epoch = 1,
		.publisher = publisher(row),
		.id = id,
		.len = (uint16_t)strlen(payload),
		.flags = flags};

	stream_slot_write(stream_ring_at(&r->ring, position), &slot, payload);
	r->end = position;
}

static void put_whole(struct reader *r, uint64_t position)
{
	put(r, position, 0, position, STREAM_FIRST | STREAM_LAST, "abc");
}

static void deliver(
	struct reader *r, enum stream_delivery_kind kind, uint64_t first, uint64_t last)
{
	assert_true(stream_subscriber_poll(&r->s, 64, &r->d));
	assert_int_equal(r->d.kind, kind);
	assert_int_equal(r->d.first, first);
	assert_int_equal(r->d.last, last);
}

static void deliver_nothing(struct reader *r)
{
	assert_false(stream_subscriber_poll(&r->s, 64, &r->d));
}

static void messages_come_in_order_each_once(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	deliver_nothing(&r); /* no source yet */
	attach(&r);
	deliver_nothing(&r);
	put_whole(&r, 1);
	put_whole(&r, 2);
	deliver(&r, STREAM_MESSAGE, 1, 1);
	assert_int_equal(r.d.len, 3);
	assert_memory_equal(r.d.payload, "abc", 3);
	deliver(&r, STREAM_MESSAGE, 2, 2);
	deliver_nothing(&r);
	assert_int_equal(stream_subscriber_consumed(&r.s), 2);
	reader_close(&r);
}

static void nothing_beyond_the_end_is_looked_at(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put_whole(&r, 1);
	r.end = 0;
	deliver_nothing(&r);
	reader_close(&r);
}

static void a_long_message_comes_whole_at_its_last_slot(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put(&r, 1, 0, 1, STREAM_FIRST, "abcd");
	put(&r, 2, 0, 1, 0, "efgh");
	deliver_nothing(&r);
	put(&r, 3, 0, 1, STREAM_LAST, "ij");
	deliver(&r, STREAM_MESSAGE, 1, 3);
	assert_int_equal(r.d.len, 10);
	assert_memory_equal(r.d.payload, "abcdefghij", 10);
	reader_close(&r);
}

static void a_message_that_was_cut_off_is_not_delivered(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put(&r, 1, 0, 1, STREAM_FIRST, "abcd");
	stream_slot_void(stream_ring_at(&r.ring, 2), 2, 1);
	put(&r, 3, 0, 1, STREAM_FIRST, "abcd");
	put(&r, 4, 0, 1, STREAM_LAST, "ef");
	deliver(&r, STREAM_NOTHING, 2, 2);
	deliver(&r, STREAM_MESSAGE, 3, 4);
	assert_memory_equal(r.d.payload, "abcdef", 6);
	reader_close(&r);
}

static void who_begins_inside_a_message_does_not_get_it(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 2);
	attach(&r);
	put(&r, 1, 0, 1, STREAM_FIRST, "abcd");
	put(&r, 2, 0, 1, STREAM_LAST, "ef");
	put(&r, 3, 0, 2, STREAM_FIRST | STREAM_LAST, "g");
	deliver(&r, STREAM_MESSAGE, 3, 3);
	reader_close(&r);
}

static void a_message_beyond_the_buffer_is_told_and_passed(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put(&r, 1, 0, 1, STREAM_FIRST, "0123456789");
	put(&r, 2, 0, 1, STREAM_LAST, "abc");
	put_whole(&r, 3);
	deliver(&r, STREAM_TOO_LONG, 1, 2);
	assert_int_equal(r.d.len, 13);
	assert_null(r.d.payload);
	deliver(&r, STREAM_MESSAGE, 3, 3);
	reader_close(&r);
}

static void from_now_and_from_the_oldest(void **state)
{
	struct reader now, oldest;

	(void)state;
	reader_open(&now, STREAM_FROM_NOW, 0);
	reader_open(&oldest, STREAM_FROM_OLDEST, 0);
	for (uint64_t p = 3; p <= 6; p++) {
		put_whole(&now, p);
		put_whole(&oldest, p);
	}
	now.oldest = oldest.oldest = 4;
	attach(&now);
	attach(&oldest);
	deliver_nothing(&now);
	put_whole(&now, 7);
	deliver(&now, STREAM_MESSAGE, 7, 7);
	deliver(&oldest, STREAM_MESSAGE, 4, 4);
	reader_close(&now);
	reader_close(&oldest);
}

static void a_lapped_reader_is_told_the_range(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	for (uint64_t p = 1; p <= 2; p++)
		put_whole(&r, p);
	deliver(&r, STREAM_MESSAGE, 1, 1);
	for (uint64_t p = 3; p <= 12; p++)
		put_whole(&r, p);
	r.oldest = 5;
	deliver(&r, STREAM_GONE, 2, 4);
	deliver(&r, STREAM_MESSAGE, 5, 5);
	reader_close(&r);
}

static void a_slot_that_is_being_overwritten_is_not_delivered(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put_whole(&r, 1);
	stream_ring_at(&r.ring, 1)[STREAM_SLOT_HEADER] ^= 1;
	r.end = 9;
	r.oldest = 2;
	deliver(&r, STREAM_GONE, 1, 1);
	reader_close(&r);
}

static void what_was_lost_does_not_complete_a_message(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put(&r, 1, 0, 1, STREAM_FIRST, "ab");
	deliver_nothing(&r);
	put(&r, 3, 0, 1, STREAM_LAST, "ef");
	put_whole(&r, 4);
	r.oldest = 3;
	deliver(&r, STREAM_GONE, 2, 2);
	deliver(&r, STREAM_MESSAGE, 4, 4);
	reader_close(&r);
}

static void who_waits_at_a_gap_stays_until_it_skips(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	r.s.config.waits_at_gap = true;
	attach(&r);
	for (uint64_t p = 5; p <= 9; p++)
		put_whole(&r, p);
	r.oldest = 5;
	deliver(&r, STREAM_GONE, 1, 4);
	assert_int_equal(stream_subscriber_consumed(&r.s), 0);
	r.oldest = 6;
	deliver(&r, STREAM_GONE, 1, 5);
	stream_subscriber_skip(&r.s);
	deliver(&r, STREAM_MESSAGE, 6, 6);
	stream_subscriber_skip(&r.s); /* there is nothing to skip */
	deliver(&r, STREAM_MESSAGE, 7, 7);
	reader_close(&r);
}

static void who_waits_at_a_gap_goes_on_from_a_source_that_has_it(void **state)
{
	struct reader live, archive;

	(void)state;
	reader_open(&live, STREAM_FROM_POSITION, 1);
	reader_open(&archive, STREAM_FROM_POSITION, 1);
	live.s.config.waits_at_gap = true;
	attach(&live);
	put(&live, 1, 0, 1, STREAM_FIRST, "ab");
	deliver_nothing(&live);
	for (uint64_t p = 4; p <= 6; p++)
		put_whole(&live, p);
	live.oldest = 4;
	deliver(&live, STREAM_GONE, 2, 3);
	put(&archive, 2, 0, 1, STREAM_LAST, "cd");
	put_whole(&archive, 3);
	stream_subscriber_attach(&live.s, &archive.ring, &archive.end, &archive.oldest);
	deliver(&live, STREAM_MESSAGE, 1, 2);
	assert_memory_equal(live.d.payload, "abcd", 4);
	deliver(&live, STREAM_MESSAGE, 3, 3);
	stream_subscriber_skip(&live.s); /* what was gone has been delivered */
	attach(&live);
	deliver(&live, STREAM_MESSAGE, 4, 4);
	reader_close(&live);
	reader_close(&archive);
}

static void another_source_goes_on_where_the_last_one_was(void **state)
{
	struct reader a, b;

	(void)state;
	reader_open(&a, STREAM_FROM_POSITION, 1);
	reader_open(&b, STREAM_FROM_POSITION, 1);
	attach(&a);
	put_whole(&a, 1);
	deliver(&a, STREAM_MESSAGE, 1, 1);
	for (uint64_t p = 1; p <= 2; p++)
		put_whole(&b, p);
	stream_subscriber_detach(&a.s);
	deliver_nothing(&a);
	stream_subscriber_attach(&a.s, &b.ring, &b.end, &b.oldest);
	deliver(&a, STREAM_MESSAGE, 2, 2);
	deliver_nothing(&a);
	reader_close(&a);
	reader_close(&b);
}

/* Its bytes are those of the slot's copy: a slot that changes under them changes nothing. */
static void a_short_message_is_delivered_out_of_the_copy(void **state)
{
	struct reader r;

	(void)state;
	reader_open(&r, STREAM_FROM_POSITION, 1);
	attach(&r);
	put_whole(&r, 1);
	deliver(&r, STREAM_MESSAGE, 1, 1);
	assert_ptr_equal(r.d.payload, r.slot + STREAM_SLOT_HEADER);
	memset(stream_ring_at(&r.ring, 1), 0xff, SLOT_LEN);
	assert_memory_equal(r.d.payload, "abc", 3);
	put(&r, 2, 0, 2, STREAM_FIRST | STREAM_LAST, "0123456789abc");
	deliver(&r, STREAM_TOO_LONG, 2, 2); /* longer than its buffer */
	reader_close(&r);
}

/* Feeds the reader's ring from a log, as a replica does. */
static void feed_carry(struct stream_feed *feed, struct bench *b, struct reader *r)
{
	struct stream_run run;
	struct stream_fed words;

	stream_feed_consumed(feed, stream_subscriber_consumed(&r->s));
	while (stream_log_run_to(&b->log, feed, 3, &run)) {
		for (uint32_t i = 0; i < run.parts_count; i++)
			memcpy(stream_ring_at(&r->ring, run.parts[i].first),
				stream_ring_at(&b->log.ring, run.parts[i].first),
				(size_t)run.parts[i].count * SLOT_LEN);
		stream_feed_run_posted(feed, &run);
	}
	if (stream_feed_words(feed, stream_log_oldest(&b->log), &words)) {
		r->end = words.end;
		r->oldest = words.oldest;
		stream_feed_words_posted(feed, &words);
	}
}

static void publish(struct bench *b, uint64_t first, uint64_t last)
{
	for (uint64_t p = first; p <= last; p++) {
		message_put(b, p, 0, p);
		(void)stream_log_advance(&b->log, p, 64, 0);
	}
}

static void a_fed_inbox_is_not_overwritten_before_it_is_read(void **state)
{
	struct reader r;
	struct bench b;
	struct stream_feed feed;

	(void)state;
	bench_open(&b, true, true);
	reader_open(&r, STREAM_FROM_OLDEST, 0);
	stream_feed_init(&feed, SLOTS, 0);
	feed_carry(&feed, &b, &r); /* the first words, before any slot */
	attach(&r);
	publish(&b, 1, 6);
	feed_carry(&feed, &b, &r);
	publish(&b, 7, 12);
	feed_carry(&feed, &b, &r);
	for (uint64_t p = 1; p <= SLOTS; p++)
		deliver(&r, STREAM_MESSAGE, p, p);
	deliver_nothing(&r);
	feed_carry(&feed, &b, &r);
	for (uint64_t p = SLOTS + 1; p <= 12; p++)
		deliver(&r, STREAM_MESSAGE, p, p);
	reader_close(&r);
	bench_close(&b);
}

static void a_fed_reader_that_is_lapped_goes_on_behind_the_gap(void **state)
{
	struct reader r;
	struct bench b;
	struct stream_feed feed;

	(void)state;
	bench_open(&b, true, true);
	reader_open(&r, STREAM_FROM_POSITION, 1);
	stream_feed_init(&feed, SLOTS, 0);
	attach(&r);
	publish(&b, 1, 2);
	feed_carry(&feed, &b, &r);
	publish(&b, 3, 30);
	feed_carry(&feed, &b, &r);
	deliver(&r, STREAM_MESSAGE, 1, 1);
	deliver(&r, STREAM_MESSAGE, 2, 2);
	deliver(&r, STREAM_GONE, 3, 22);
	feed_carry(&feed, &b, &r);
	for (uint64_t p = 23; p <= 30; p++)
		deliver(&r, STREAM_MESSAGE, p, p);
	deliver_nothing(&r);
	reader_close(&r);
	bench_close(&b);
}

static void a_subscriber_gets_only_what_is_committed(void **state)
{
	struct bench b;
	struct stream_feed feed;
	struct stream_run run;

	(void)state;
	bench_open(&b, true, false);
	b.words->back.released = 0;
	stream_feed_init(&feed, SLOTS, 0);
	publish(&b, 1, 3);
	assert_false(stream_log_run_to(&b.log, &feed, 9, &run));
	b.words->back.commit = 2;
	assert_true(stream_log_look_back(&b.log));
	assert_true(stream_log_run_to(&b.log, &feed, 9, &run));
	assert_int_equal(run.end, 2);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_in_order_each_once),
		cmocka_unit_test(nothing_beyond_the_end_is_looked_at),
		cmocka_unit_test(a_long_message_comes_whole_at_its_last_slot),
		cmocka_unit_test(a_message_that_was_cut_off_is_not_delivered),
		cmocka_unit_test(who_begins_inside_a_message_does_not_get_it),
		cmocka_unit_test(a_message_beyond_the_buffer_is_told_and_passed),
		cmocka_unit_test(from_now_and_from_the_oldest),
		cmocka_unit_test(a_lapped_reader_is_told_the_range),
		cmocka_unit_test(a_slot_that_is_being_overwritten_is_not_delivered),
		cmocka_unit_test(what_was_lost_does_not_complete_a_message),
		cmocka_unit_test(who_waits_at_a_gap_stays_until_it_skips),
		cmocka_unit_test(who_waits_at_a_gap_goes_on_from_a_source_that_has_it),
		cmocka_unit_test(another_source_goes_on_where_the_last_one_was),
		cmocka_unit_test(a_short_message_is_delivered_out_of_the_copy),
		cmocka_unit_test(a_fed_inbox_is_not_overwritten_before_it_is_read),
		cmocka_unit_test(a_fed_reader_that_is_lapped_goes_on_behind_the_gap),
		cmocka_unit_test(a_subscriber_gets_only_what_is_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
