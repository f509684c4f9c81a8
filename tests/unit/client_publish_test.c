/* Publishing through the client library: what comes into the log, and what is said about it. */
#include "tests/unit/client_stream_rig.h"

#include "client/lib/publish.h"

static const unsigned int second[] = {1};

static int desk_of_one(void **state)
{
	*state = desk_make(2, 1);
	return 0;
}

static int desk_of_two(void **state)
{
	*state = desk_make(2, 2);
	return 0;
}

static void a_message_is_published_and_acknowledged(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(pawl_stream_publisher(d->stream), 0);
	assert_int_equal(desk_publish(d, "buy 3"), 1);
	assert_int_equal(desk_publish(d, ""), 2);
	assert_int_equal(pawl_stream_publisher(d->stream), d->rig.fake.stream.publisher);
	desk_logged(d, 0, 1, 1, "buy 3");
	desk_logged(d, 0, 2, 2, "");
	assert_int_equal(desk_stats(d).acknowledged, 2);
}

static void in_a_chain_the_tail_acknowledges(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "first"), 1);
	d->rig.fake.stream.tail_held = true;
	desk_submit(d, "second", 7);
	desk_take_nothing(d, 20 * NS_PER_MS);
	desk_logged(d, 0, 2, 2, "second");
	d->rig.fake.stream.tail_held = false;
	desk_taken(d, 7, 2);
	desk_logged(d, 1, 2, 2, "second");
}

static void results_come_in_order_of_submission(void **state)
{
	struct desk *d = *state;
	char text[16];

	desk_open(d);
	for (uint64_t i = 1; i <= 500; i++) {
		(void)snprintf(text, sizeof(text), "%lu", (unsigned long)i);
		desk_submit(d, text, 1000 + i);
	}
	for (uint64_t i = 1; i <= 500; i++)
		desk_taken(d, 1000 + i, i);
	desk_logged(d, 0, 500, 500, "500");
	desk_take_nothing(d, NS_PER_MS);
}

static void many_at_once_take_few_draws(void **state)
{
	struct desk *d = *state;
	struct pawl_message messages[128];
	unsigned int submitted = 0;

	desk_open(d);
	assert_int_equal(desk_publish(d, "row and links"), 1);
	for (uint64_t i = 0; i < 128; i++)
		messages[i] = (struct pawl_message){"same", 4, i};
	assert_int_equal(pawl_publish_many(d->stream, messages, 128, &submitted), 0);
	assert_int_equal(submitted, 128);
	for (uint64_t i = 0; i < 128; i++)
		desk_taken(d, i, 2 + i);
	assert_int_equal(desk_stats(d).draws, 3);
}

static void a_full_depth_is_back_pressure(void **state)
{
	struct desk *d = *state;
	struct pawl_stream_options options = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_options handle = rig_options(&d->rig);
	struct pawl_message messages[6] = {{"m", 1, 0}, {"m", 1, 1}, {"m", 1, 2},
		{"m", 1, 3}, {"m", 1, 4}, {"m", 1, 5}};
	unsigned int submitted;
	void *room;
	size_t len;

	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	desk_join(d, &handle);
	options.depth = 4;
	desk_stream(d, &options);
	d->rig.fake.stream.held = true;
	assert_int_equal(pawl_publish_many(d->stream, messages, 6, &submitted), 0);
	assert_int_equal(submitted, 4);
	assert_int_equal(pawl_publish_submit(d->stream, "m", 1, 0), -EAGAIN);
	assert_int_equal(pawl_publish(d->stream, "m", 1, NULL), -EAGAIN);
	assert_int_equal(pawl_publish_reserve(d->stream, &room, &len), -EAGAIN);
	assert_int_equal(pawl_publish_many(d->stream, messages, 6, &submitted), 0);
	assert_int_equal(submitted, 0);
	d->rig.fake.stream.held = false;
	desk_taken(d, 0, 1);
	assert_int_equal(pawl_publish_submit(d->stream, "m", 1, 9), 0);
}

/* No slot is written over one that is not committed. */
static void the_window_holds_back_what_the_ring_has_no_room_for(void **state)
{
	struct desk *d = *state;
	unsigned int ring, count;

	desk_open(d);
	ring = d->rig.fake.stream.limits.slots;
	count = 8 * ring;
	/* Those that are drawn and wait for the window are no holes, however slow this is. */
	(void)pthread_mutex_lock(&d->rig.fake.lock);
	d->rig.fake.stream.members[0].log.hole_timeout_ns = RIG_WAIT_NS;
	(void)pthread_mutex_unlock(&d->rig.fake.lock);
	assert_int_equal(desk_publish(d, "0"), 1);
	d->rig.fake.stream.held = true;
	for (uint64_t i = 0; i < count; i++)
		desk_submit(d, "1", i);
	desk_take_nothing(d, 2 * NS_PER_MS);
	assert_int_equal(d->stream->publishing->machine.written, ring);
	d->rig.fake.stream.held = false;
	for (uint64_t i = 0; i < count; i++)
		desk_taken(d, i, 2 + i);
}

static void a_reserved_slot_is_published_without_a_copy(void **state)
{
	struct desk *d = *state;
	void *room;
	size_t len;

	desk_open(d);
	assert_int_equal(pawl_publish_commit(d->stream, 1, 0), -EINVAL);
	assert_int_equal(pawl_publish_reserve(d->stream, &room, &len), 0);
	assert_int_equal(len, 128 - PAWL_SLOT_HEADER);
	memset(room, 'x', len);
	assert_int_equal(pawl_publish_commit(d->stream, len + 1, 5), -EINVAL);
	memcpy(room, "in place", 8);
	assert_int_equal(pawl_publish_commit(d->stream, 8, 5), 0);
	desk_taken(d, 5, 1);
	desk_logged(d, 0, 1, 1, "in place");
	assert_int_equal(pawl_publish_commit(d->stream, 1, 0), -EINVAL);
}

static void a_reservation_that_is_not_committed_costs_nothing(void **state)
{
	struct desk *d = *state;
	void *room;
	size_t len;

	desk_open(d);
	assert_int_equal(pawl_publish_reserve(d->stream, &room, &len), 0);
	memset(room, 'x', len);
	assert_int_equal(desk_publish(d, "another"), 1);
	desk_logged(d, 0, 1, 1, "another");
	assert_int_equal(pawl_publish_commit(d->stream, 1, 0), -EINVAL);
}

static void bytes_fill(unsigned char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 131 + i / 251);
}

/* The message of @slots slots that ends at @last has those bytes. */
static void long_logged(struct desk *d, uint64_t last, uint32_t slots,
	const unsigned char *bytes, size_t len)
{
	struct stream_slot slot;
	unsigned char payload[128];
	size_t found = 0;

	for (uint32_t i = 0; i < slots; i++) {
		assert_true(fake_stream_read(
			&d->rig.fake, 0, last - slots + 1 + i, &slot, payload));
		assert_int_equal(slot.flags,
			(i == 0 ? STREAM_FIRST : 0) | (i + 1 == slots ? STREAM_LAST : 0));
		assert_true(found + slot.len <= len);
		assert_memory_equal(payload, bytes + found, slot.len);
		found += slot.len;
	}
	assert_int_equal(found, len);
}

static void a_long_message_takes_slots_in_a_row(void **state)
{
	struct desk *d = *state;
	unsigned char bytes[8000];
	uint64_t position;

	desk_open(d);
	bytes_fill(bytes, sizeof(bytes));
	assert_int_equal(desk_publish(d, "short"), 1);
	assert_int_equal(pawl_publish(d->stream, bytes, 8000, &position), 0);
	assert_int_equal(position, 101);
	long_logged(d, 101, 100, bytes, 8000);
	assert_int_equal(pawl_publish(d->stream, bytes, 81, &position), 0);
	assert_int_equal(position, 103);
	long_logged(d, 103, 2, bytes, 81);
	assert_int_equal(pawl_publish(d->stream, bytes, 80, &position), 0);
	assert_int_equal(position, 104);
	long_logged(d, 104, 1, bytes, 80);
	assert_int_equal(desk_stats(d).writes, 4);
}

/* Messages of half the staging each, so that it wraps in the middle of one. */
static void the_longest_messages_wrap_around_the_staging(void **state)
{
	struct desk *d = *state;
	unsigned char bytes[65536];
	uint64_t position;

	desk_open(d);
	bytes_fill(bytes, sizeof(bytes));
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pawl_publish(d->stream, bytes, 60000, &position), 0);
		long_logged(d, position, 750, bytes, 60000);
	}
}

static void a_message_that_is_too_long_is_refused(void **state)
{
	struct desk *d = *state;
	unsigned char bytes[65537] = {0};
	struct pawl_message messages[2] = {{bytes, 1, 1}, {bytes, 65537, 2}};
	unsigned int submitted;

	desk_open(d);
	assert_int_equal(pawl_publish(d->stream, bytes, 65537, NULL), -EMSGSIZE);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), "65537 bytes is too long"));
	assert_int_equal(pawl_publish_submit(d->stream, bytes, 65537, 0), -EMSGSIZE);
	assert_int_equal(pawl_publish_many(d->stream, messages, 2, &submitted), 0);
	assert_int_equal(submitted, 1);
	assert_int_equal(
		pawl_publish_many(d->stream, messages + 1, 1, &submitted), -EMSGSIZE);
	desk_taken(d, 1, 1);
	assert_int_equal(pawl_publish(d->stream, bytes, 65536, NULL), 0);
}

/* The head finds no whole slot, and voids it: the message and those behind it come again. */
static void a_message_that_met_a_void_is_drawn_again(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "first"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "spoiled", 2);
	desk_submit(d, "behind", 3);
	fake_stream_slot(&d->rig.fake, 0, 2)[50] ^= 1;
	d->rig.fake.stream.held = false;
	desk_taken(d, 2, 4);
	desk_taken(d, 3, 5);
	desk_void(d, 0, 2);
	desk_void(d, 0, 3);
	desk_logged(d, 0, 4, 2, "spoiled");
	desk_logged(d, 0, 5, 3, "behind");
	assert_int_equal(desk_stats(d).redone, 1);
}

static void a_publisher_that_waited_before_is_told_once(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	desk_submit(d, "in flight", 1);
	assert_int_equal(desk_publish(d, "waited for"), 2);
	desk_submit(d, "after", 3);
	desk_taken(d, 1, 1);
	desk_taken(d, 3, 3);
	desk_take_nothing(d, NS_PER_MS);
}

static void an_outcome_that_is_late_comes_by_poll(void **state)
{
	struct desk *d = *state;
	struct pawl_options options = rig_options(&d->rig);

	fake_stream_make(&d->rig.fake, STREAM_NAME, NULL);
	options.timeout_ns = 50 * NS_PER_MS;
	desk_join(d, &options);
	desk_stream(d, NULL);
	d->rig.fake.stream.held = true;
	assert_int_equal(pawl_publish(d->stream, "late", 4, NULL), -ETIMEDOUT);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), "stays in flight"));
	d->rig.fake.stream.held = false;
	desk_taken(d, 0, 1);
}

static void a_new_epoch_is_followed_and_nothing_is_twice(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "two", 2);
	desk_submit(d, "three", 3);
	desk_take_nothing(d, NS_PER_MS);
	fake_stream_change(&d->rig.fake, 2, 1, second);
	d->rig.fake.stream.held = false;
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	desk_taken(d, 2, 2);
	desk_taken(d, 3, 3);
	assert_int_equal(desk_publish(d, "four"), 4);
	desk_logged(d, 1, 1, 1, "one");
	desk_logged(d, 1, 2, 2, "two");
	desk_logged(d, 1, 3, 3, "three");
	desk_logged(d, 1, 4, 4, "four");
	assert_int_equal(d->rig.fake.stream.rows, 1);
}

/* It was logged, and the tail died before it was told: the next tail knows. */
static void what_was_in_before_the_epoch_ended_is_not_published_again(void **state)
{
	struct desk *d = *state;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.tail_held = true;
	desk_submit(d, "two", 2);
	while (fake_stream_length(&d->rig.fake, 0) < 2)
		usleep(100);
	fake_stream_change(&d->rig.fake, 2, 1, (const unsigned int[]){0});
	d->rig.fake.stream.tail_held = false;
	fake_serve(&d->rig.fake, 0, true);
	desk_taken(d, 2, 2);
	assert_int_equal(desk_publish(d, "three"), 3);
}

static void a_publisher_that_is_not_known_any_more_is_lost(void **state)
{
	struct desk *d = *state;
	struct pawl_published result;
	uint64_t position;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "two", 2);
	d->rig.fake.stream.forgets = true;
	fake_stream_change(&d->rig.fake, 2, 1, second);
	fake_serve(&d->rig.fake, 1, false);
	fake_serve(&d->rig.fake, 0, true);
	result = desk_take(d);
	assert_int_equal(result.cookie, 2);
	assert_int_equal(result.status, -ESTALE);
	assert_int_equal(pawl_publish(d->stream, "x", 1, &position), -ESTALE);
	assert_int_equal(pawl_publish_submit(d->stream, "x", 1, 0), -ESTALE);
	assert_non_null(strstr(pawl_errmsg(d->rig.pawl), "open a new handle"));
}

static void without_a_free_row_nothing_goes_in(void **state)
{
	struct desk *d = *state;
	struct pawl_published result;

	desk_open(d);
	d->rig.fake.stream.row_refusal = EUSERS;
	assert_int_equal(pawl_publish(d->stream, "x", 1, NULL), -EUSERS);
	assert_non_null(
		strstr(pawl_errmsg(d->rig.pawl), "rows for publishers are taken"));
	desk_submit(d, "y", 4);
	result = desk_take(d);
	assert_int_equal(result.cookie, 4);
	assert_int_equal(result.status, -EUSERS);
	assert_int_equal(fake_stream_length(&d->rig.fake, 0), 0);
	d->rig.fake.stream.row_refusal = 0;
	assert_int_equal(desk_publish(d, "z"), 1);
	desk_logged(d, 0, 1, 1, "z");
}

static void a_stopped_cluster_ends_what_is_in_flight(void **state)
{
	struct desk *d = *state;
	struct pawl_published result;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.fake.stream.held = true;
	desk_submit(d, "two", 2);
	fake_goodbye(&d->rig.fake, 0);
	result = desk_take(d);
	assert_int_equal(result.cookie, 2);
	assert_int_equal(result.status, -ESHUTDOWN);
}

static void a_child_can_not_publish(void **state)
{
	struct desk *d = *state;
	struct pawl_published result;
	unsigned int submitted;
	void *room;
	size_t len;
	int count;

	desk_open(d);
	assert_int_equal(desk_publish(d, "one"), 1);
	d->rig.pawl->hot->alive = 0;
	assert_int_equal(pawl_publish(d->stream, "x", 1, NULL), -EBADF);
	assert_int_equal(pawl_publish_submit(d->stream, "x", 1, 0), -EBADF);
	assert_int_equal(pawl_publish_many(d->stream, NULL, 0, &submitted), -EBADF);
	assert_int_equal(pawl_publish_reserve(d->stream, &room, &len), -EBADF);
	assert_int_equal(pawl_publish_commit(d->stream, 0, 0), -EBADF);
	assert_int_equal(pawl_publish_poll(d->stream, &result, 1, &count), -EBADF);
	d->rig.pawl->hot->alive = 1;
	assert_int_equal(pawl_publish_poll(d->stream, &result, 0, &count), -EINVAL);
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_is_published_and_acknowledged, desk_of_one),
		TEST(in_a_chain_the_tail_acknowledges, desk_of_two),
		TEST(results_come_in_order_of_submission, desk_of_one),
		TEST(many_at_once_take_few_draws, desk_of_one),
		TEST(a_full_depth_is_back_pressure, desk_of_one),
		TEST(the_window_holds_back_what_the_ring_has_no_room_for, desk_of_one),
		TEST(a_reserved_slot_is_published_without_a_copy, desk_of_one),
		TEST(a_reservation_that_is_not_committed_costs_nothing, desk_of_one),
		TEST(a_long_message_takes_slots_in_a_row, desk_of_one),
		TEST(the_longest_messages_wrap_around_the_staging, desk_of_one),
		TEST(a_message_that_is_too_long_is_refused, desk_of_one),
		TEST(a_message_that_met_a_void_is_drawn_again, desk_of_one),
		TEST(a_publisher_that_waited_before_is_told_once, desk_of_one),
		TEST(an_outcome_that_is_late_comes_by_poll, desk_of_one),
		TEST(a_new_epoch_is_followed_and_nothing_is_twice, desk_of_one),
		TEST(what_was_in_before_the_epoch_ended_is_not_published_again,
			desk_of_two),
		TEST(a_publisher_that_is_not_known_any_more_is_lost, desk_of_one),
		TEST(without_a_free_row_nothing_goes_in, desk_of_one),
		TEST(a_stopped_cluster_ends_what_is_in_flight, desk_of_one),
		TEST(a_child_can_not_publish, desk_of_one),
	};

	return cmocka_run_group_tests_name("client publish", tests, NULL, NULL);
}
