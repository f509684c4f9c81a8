/* What 'pawl-bench stream' measures with: schedules, messages, the order, the bare ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench/stream_budget.h"
#include "bench/stream_order.h"
#include "bench/stream_ring.h"
#include "bench/stream_schedule.h"

#define LEN 100

/* One message per 1000 ns, for 10 us from 5000 on. */
static struct stream_schedule schedule_at_a_rate(void)
{
	struct stream_schedule s;

	stream_schedule_begin(&s, 5000, 10000, 1e6, 0, 1);
	return s;
}

static void a_message_is_due_at_its_moment(void **state)
{
	struct stream_schedule s = schedule_at_a_rate();

	(void)state;
	assert_int_equal(stream_schedule_due(&s, 4999, 64), 0);
	assert_int_equal(stream_schedule_due(&s, 5000, 64), 1);
	assert_int_equal(stream_schedule_intended_ns(&s, 5500, 0), 5000);
	stream_schedule_sent(&s, 1);
	assert_int_equal(stream_schedule_due(&s, 5999, 64), 0);
	assert_int_equal(stream_schedule_due(&s, 6000, 64), 1);
	assert_int_equal(stream_schedule_intended_ns(&s, 6100, 0), 6000);
}

static void what_a_stall_held_up_counts_from_its_moment(void **state)
{
	struct stream_schedule s = schedule_at_a_rate();

	(void)state;
	stream_schedule_sent(&s, 1);
	assert_int_equal(stream_schedule_due(&s, 9999, 64), 4);
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(
			stream_schedule_intended_ns(&s, 9999, i), 6000 + 1000 * i);
	assert_int_equal(stream_schedule_due(&s, 9999, 3), 3);
	stream_schedule_sent(&s, 3);
	assert_int_equal(stream_schedule_due(&s, 9999, 64), 1);
	assert_int_equal(stream_schedule_intended_ns(&s, 9999, 0), 9000);
}

static void a_schedule_ends_with_its_last_message_however_late(void **state)
{
	struct stream_schedule s = schedule_at_a_rate();

	(void)state;
	assert_int_equal(stream_schedule_due(&s, 1000000, 64), 10);
	stream_schedule_sent(&s, 9);
	assert_false(stream_schedule_is_over(&s, 1000000));
	assert_int_equal(stream_schedule_intended_ns(&s, 1000000, 0), 14000);
	stream_schedule_sent(&s, 1);
	assert_true(stream_schedule_is_over(&s, 1000000));
	assert_int_equal(stream_schedule_due(&s, 1000000, 64), 0);
}

static void publishers_take_turns_within_an_interval(void **state)
{
	struct stream_schedule s;

	(void)state;
	stream_schedule_begin(&s, 5000, 10000, 1e6, 3, 4);
	assert_int_equal(stream_schedule_due(&s, 5749, 64), 0);
	assert_int_equal(stream_schedule_due(&s, 5750, 64), 1);
}

static void without_a_rate_the_time_alone_ends_it(void **state)
{
	struct stream_schedule s;

	(void)state;
	stream_schedule_begin(&s, 5000, 10000, 0, 1, 2);
	assert_int_equal(stream_schedule_due(&s, 4999, 64), 0);
	assert_int_equal(stream_schedule_due(&s, 5000, 64), 64);
	stream_schedule_sent(&s, 64);
	assert_int_equal(stream_schedule_due(&s, 14999, 7), 7);
	assert_int_equal(stream_schedule_intended_ns(&s, 14999, 5), 14999);
	assert_false(stream_schedule_is_over(&s, 14999));
	assert_true(stream_schedule_is_over(&s, 15000));
	assert_int_equal(stream_schedule_due(&s, 15000, 64), 0);
}

static void any_changed_byte_of_a_message_is_seen(void **state)
{
	struct stream_stamp stamp = {.intended_ns = 9, .number = 3, .publisher = 2}, read;
	unsigned char bytes[LEN + 8];

	(void)state;
	for (size_t len = STREAM_MESSAGE_MIN; len <= LEN; len++) {
		memset(bytes, 0xee, sizeof(bytes));
		stream_message_fill(bytes, len, &stamp);
		assert_int_equal(bytes[len], 0xee);
		assert_true(stream_message_read(bytes, len, &read));
		assert_int_equal(read.intended_ns, 9);
		assert_int_equal(read.number, 3);
		assert_int_equal(read.publisher, 2);
		for (size_t i = 0; i < len; i++) {
			bytes[i] ^= 4;
			assert_false(stream_message_read(bytes, len, &read));
			bytes[i] ^= 4;
		}
		assert_false(stream_message_read(bytes, len + 1, &read));
		assert_false(stream_message_read(bytes, len - 1, &read));
	}
}

static unsigned char message[LEN];

/* Message @number of @publisher, in one slot at @position, with an id that is its number. */
static struct stream_got got(uint64_t position, uint64_t publisher, uint64_t number)
{
	struct stream_stamp stamp = {
		.intended_ns = position, .number = number, .publisher = publisher};

	stream_message_fill(message, LEN, &stamp);
	return (struct stream_got){.position = position,
		.first = position,
		.publisher = 1000 + publisher,
		.id = number,
		.bytes = message,
		.len = LEN};
}

static int take(struct stream_order *order, struct stream_got what)
{
	uint64_t intended_ns;
	struct error err;

	return stream_order_take(order, &what, &intended_ns, &err);
}

/* Message 1 of publisher 0 at 1, message 1 of publisher 1 at 2. */
static struct stream_order order_begun(void)
{
	struct stream_order order = {0};

	assert_int_equal(take(&order, got(1, 0, 1)), 0);
	assert_int_equal(take(&order, got(2, 1, 1)), 0);
	return order;
}

static void good_order_is_taken(void **state)
{
	struct stream_order order = order_begun();
	struct stream_got what = got(9, 0, 2);
	uint64_t intended_ns = 0;
	struct error err;

	(void)state;
	assert_int_equal(stream_order_take(&order, &what, &intended_ns, &err), 0);
	assert_int_equal(intended_ns, 9);
	assert_int_equal(order.messages, 3);
	assert_int_equal(stream_order_expect(&order, 0, 2, &err), 0);
	assert_int_equal(stream_order_expect(&order, 1, 1, &err), 0);
	assert_int_equal(stream_order_expect(&order, 2, 0, &err), 0);
}

static void position_that_does_not_rise_is_wrong(void **state)
{
	struct stream_order order = order_begun();
	struct stream_got what = got(4, 0, 2);

	(void)state;
	assert_int_equal(take(&order, got(2, 0, 2)), -EILSEQ);
	assert_int_equal(take(&order, got(1, 0, 2)), -EILSEQ);
	what.first = 2;
	assert_int_equal(take(&order, what), -EILSEQ);
	what.first = 5;
	assert_int_equal(take(&order, what), -EILSEQ);
	assert_int_equal(order.messages, 2);
}

static void missing_and_repeated_messages_are_wrong(void **state)
{
	struct stream_order order = order_begun();

	(void)state;
	assert_int_equal(take(&order, got(3, 0, 1)), -EILSEQ);
	assert_int_equal(take(&order, got(3, 0, 3)), -EILSEQ);
	assert_int_equal(take(&order, got(3, 2, 2)), -EILSEQ);
	assert_int_equal(take(&order, got(3, 0, 2)), 0);
}

static void other_names_and_ids_are_wrong(void **state)
{
	struct stream_order order = order_begun();
	struct stream_got what = got(3, 0, 2);

	(void)state;
	what.id = 3;
	assert_int_equal(take(&order, what), -EILSEQ);
	what.id = 1;
	assert_int_equal(take(&order, what), -EILSEQ);
	what.id = 2;
	what.publisher = 1001;
	assert_int_equal(take(&order, what), -EILSEQ);
}

static void long_message_takes_several_ids(void **state)
{
	struct stream_order order = order_begun();
	struct stream_got what = got(5, 0, 2);

	(void)state;
	what.first = 3;
	what.id = 1;
	assert_int_equal(take(&order, what), -EILSEQ);
	what.id = 4;
	assert_int_equal(take(&order, what), 0);
}

static void damaged_message_and_unknown_publisher_are_wrong(void **state)
{
	struct stream_order order = order_begun();
	struct stream_got what = got(3, 0, 2);

	(void)state;
	message[LEN - 1] ^= 1;
	assert_int_equal(take(&order, what), -EILSEQ);
	assert_int_equal(take(&order, got(3, STREAM_PUBLISHERS_MAX, 1)), -EILSEQ);
	what.len = 8;
	assert_int_equal(take(&order, what), -EILSEQ);
}

static void message_that_was_not_delivered_is_missed(void **state)
{
	struct stream_order order = order_begun();
	struct error err;

	(void)state;
	assert_int_equal(stream_order_expect(&order, 0, 2, &err), -EILSEQ);
	assert_int_equal(stream_order_expect(&order, 3, 1, &err), -EILSEQ);
	assert_int_equal(stream_order_expect(&order, 0, 0, &err), -EILSEQ);
}

static void another_order_is_another_digest(void **state)
{
	struct stream_order a = order_begun(), b = order_begun(), c = {0};

	(void)state;
	assert_true(a.digest == b.digest);
	assert_int_equal(take(&c, got(1, 1, 1)), 0);
	assert_int_equal(take(&c, got(2, 0, 1)), 0);
	assert_true(a.digest != c.digest);
	assert_int_equal(take(&a, got(3, 0, 2)), 0);
	assert_int_equal(take(&b, got(4, 0, 2)), 0);
	assert_true(a.digest != b.digest);
}

/* Both ends of a ring of 4 slots, which in life are two processes. */
struct ring {
	void *memory;
	struct stream_bare writer;
	struct stream_bare reader;
};

static struct ring ring_begin(void)
{
	size_t len = stream_bare_len(LEN, 64, 4);
	struct ring ring = {
		.memory = aligned_alloc(STREAM_RING_LINE, (len + 127) / 128 * 128)};

	assert_non_null(ring.memory);
	memset(ring.memory, 0, len);
	stream_bare_init(&ring.writer, ring.memory, LEN, 64, 4);
	stream_bare_init(&ring.reader, ring.memory, LEN, 64, 4);
	return ring;
}

static void ring_put(struct ring *ring, unsigned char byte)
{
	unsigned char bytes[LEN];

	memset(bytes, byte, LEN);
	stream_bare_put(&ring->writer, bytes, LEN - byte);
}

static void ring_expect(struct ring *ring, unsigned char byte)
{
	size_t len;
	const unsigned char *bytes = stream_bare_get(&ring->reader, &len);

	assert_int_equal(len, LEN - byte);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(bytes[i], byte);
}

static void ring_tells_of_messages_when_they_are_published(void **state)
{
	struct ring ring = ring_begin();

	(void)state;
	assert_int_equal(stream_bare_room(&ring.writer, 9), 4);
	ring_put(&ring, 1);
	ring_put(&ring, 2);
	assert_int_equal(stream_bare_ready(&ring.reader, 9), 0);
	stream_bare_publish(&ring.writer);
	assert_int_equal(stream_bare_ready(&ring.reader, 1), 1);
	assert_int_equal(stream_bare_ready(&ring.reader, 9), 2);
	ring_expect(&ring, 1);
	ring_expect(&ring, 2);
	assert_int_equal(stream_bare_ready(&ring.reader, 9), 0);
	free(ring.memory);
}

static void ring_has_room_when_slots_are_released(void **state)
{
	struct ring ring = ring_begin();

	(void)state;
	for (unsigned char i = 1; i <= 4; i++)
		ring_put(&ring, i);
	stream_bare_publish(&ring.writer);
	assert_int_equal(stream_bare_room(&ring.writer, 1), 0);
	assert_int_equal(stream_bare_ready(&ring.reader, 9), 4);
	ring_expect(&ring, 1);
	assert_int_equal(stream_bare_room(&ring.writer, 1), 0);
	assert_false(stream_bare_is_taken(&ring.writer));
	stream_bare_release(&ring.reader);
	assert_int_equal(stream_bare_room(&ring.writer, 9), 1);
	ring_put(&ring, 5);
	stream_bare_publish(&ring.writer);
	for (unsigned char i = 2; i <= 5; i++) {
		assert_in_range(stream_bare_ready(&ring.reader, 9), 1, 4);
		ring_expect(&ring, i);
	}
	stream_bare_release(&ring.reader);
	assert_true(stream_bare_is_taken(&ring.writer));
	free(ring.memory);
}

static void publishers_may_post_two_operations_for_a_slot(void **state)
{
	struct pawl_stream_stats stats = {.submitted = 10, .draws = 10, .writes = 10};
	struct error err;

	(void)state;
	assert_int_equal(stream_budget_check_publishers(&stats, 1, &err), 0);
	stats.writes = 11;
	assert_int_equal(stream_budget_check_publishers(&stats, 1, &err), -ERANGE);
	assert_int_equal(stream_budget_check_publishers(&stats, 2, &err), 0);
	stats.redone = 1;
	assert_int_equal(stream_budget_check_publishers(&stats, 1, &err), 0);
	stats = (struct pawl_stream_stats){.submitted = 10, .draws = 11};
	assert_int_equal(stream_budget_check_publishers(&stats, 1, &err), -ERANGE);
}

static void replica_may_post_two_writes_for_a_run(void **state)
{
	struct stream_replica replica = {.runs = 10, .writes = 20};
	struct error err;

	(void)state;
	assert_int_equal(stream_budget_check_replica(&replica, &err), 0);
	replica.writes = 21;
	assert_int_equal(stream_budget_check_replica(&replica, &err), -ERANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_due_at_its_moment),
		cmocka_unit_test(what_a_stall_held_up_counts_from_its_moment),
		cmocka_unit_test(a_schedule_ends_with_its_last_message_however_late),
		cmocka_unit_test(publishers_take_turns_within_an_interval),
		cmocka_unit_test(without_a_rate_the_time_alone_ends_it),
		cmocka_unit_test(any_changed_byte_of_a_message_is_seen),
		cmocka_unit_test(good_order_is_taken),
		cmocka_unit_test(position_that_does_not_rise_is_wrong),
		cmocka_unit_test(missing_and_repeated_messages_are_wrong),
		cmocka_unit_test(other_names_and_ids_are_wrong),
		cmocka_unit_test(long_message_takes_several_ids),
		cmocka_unit_test(damaged_message_and_unknown_publisher_are_wrong),
		cmocka_unit_test(message_that_was_not_delivered_is_missed),
		cmocka_unit_test(another_order_is_another_digest),
		cmocka_unit_test(publishers_may_post_two_operations_for_a_slot),
		cmocka_unit_test(replica_may_post_two_writes_for_a_run),
		cmocka_unit_test(ring_tells_of_messages_when_they_are_published),
		cmocka_unit_test(ring_has_room_when_slots_are_released),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
