/*
 * Subscribers of a stream at one replica: in place and fed, slow, lapped, lost, and waited for.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "sequencer/stream/readers_internal.h"
#include "tests/unit/readers_rig.h"

static struct stream_reader_answer add_in_place(uint64_t token, uint64_t consumed)
{
	struct stream_reader_config config = {
		.token = token, .consumed = consumed, .inbox = "", .program = "books"};
	struct stream_reader_answer answer;

	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
	return answer;
}

static void a_reader_in_place_has_a_line_and_a_lag(void **state)
{
	uint32_t reader;

	(void)state;
	bed_open();
	bed_publish_all(10);
	reader = add_in_place(5, 4).reader;
	assert_int_equal(reader_status(0).lag, 6);
	line_write(reader, 7);
	assert_int_equal(reader_status(0).lag, 3);
	bed_publish_all(20);
	assert_int_equal(reader_status(0).lag, 13);
	assert_int_equal(reader_status(0).consumed, 7);
	assert_false(reader_status(0).fed);
	assert_string_equal(reader_status(0).program, "books");
	assert_false(reader_status(0).slow);
	bed_publish_all(40);
	assert_true(reader_status(0).slow);
}

static void a_line_is_believed_between_what_it_said_and_the_commit_point(void **state)
{
	uint32_t reader;

	(void)state;
	bed_open();
	bed_publish_all(10);
	reader = add_in_place(5, 4).reader;
	line_write(reader, UINT64_MAX);
	assert_int_equal(reader_status(0).consumed, 10);
	line_write(reader, 3);
	assert_int_equal(reader_status(0).consumed, 10);
	/* Nor is it believed that it has more than there is when it comes. */
	assert_int_equal(add_in_place(6, 1000).consumed, 10);
}

static void a_line_of_a_former_reader_is_not_the_next_ones(void **state)
{
	uint32_t first, second;

	(void)state;
	bed_open();
	bed_publish_all(50);
	first = add_in_place(5, 50).reader;
	readers_remove(bed.readers, 5, first, 0);
	second = add_in_place(6, 20).reader;
	assert_int_not_equal(first, second);
	line_write(first, 50);
	assert_int_equal(reader_status(0).consumed, 20);
	readers_evict(bed.readers, 6);
	for (uint32_t i = 0; i < STREAM_READERS_MAX; i++)
		assert_int_equal(add_in_place(7, 20).consumed, 20);
	for (uint32_t i = 0; i < STREAM_READERS_MAX; i++)
		assert_int_equal(reader_status(i).consumed, 20);
}

/* The answer was lost with a connection or an epoch. */
static void who_asks_again_without_its_number_is_the_same_reader(void **state)
{
	struct stream_reader_config config = {
		.token = 5, .inbox = "", .consumed = 20, .subscriber = 3};
	struct stream_reader_status status;
	struct stream_reader_answer first, again, other;

	(void)state;
	bed_open();
	bed_publish_all(50);
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &first, &bed.err), 0);
	config.consumed = 30;
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &again, &bed.err), 0);
	assert_int_equal(first.reader, again.reader);
	assert_int_equal(again.consumed, 30);
	config.subscriber = 4;
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &other, &bed.err), 0);
	assert_int_not_equal(first.reader, other.reader);
	readers_remove(bed.readers, 6, 0, 3); /* another session's */
	assert_true(readers_status(bed.readers, &bed.log, 1, &status));
	readers_remove(bed.readers, 5, 0, 3);
	assert_true(readers_status(bed.readers, &bed.log, 0, &status));
	assert_int_equal(status.reader, other.reader);
	readers_remove(bed.readers, 5, 0, 4);
	assert_false(readers_status(bed.readers, &bed.log, 0, &status));
}

static void only_so_many_fit_and_a_session_takes_its_own_along(void **state)
{
	struct stream_reader_config config = {.token = 9, .inbox = ""};
	struct stream_reader_status status;
	struct stream_reader_answer answer;

	(void)state;
	bed_open();
	for (uint32_t i = 0; i < STREAM_READERS_MAX; i++)
		(void)add_in_place(i % 2, 0);
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), -EUSERS);
	assert_non_null(strstr(bed.err.text, BED_STREAM));
	/* Another session's reader is not ended by a wrong guess. */
	readers_remove(bed.readers, 9, 1, 0);
	assert_true(
		readers_status(bed.readers, &bed.log, STREAM_READERS_MAX - 1, &status));
	readers_evict(bed.readers, 1);
	assert_true(readers_status(
		bed.readers, &bed.log, STREAM_READERS_MAX / 2 - 1, &status));
	assert_false(
		readers_status(bed.readers, &bed.log, STREAM_READERS_MAX / 2, &status));
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct stream_reader_config config = {.token = 9,
		.inbox = "shm path=/nowhere/at/all len=4096",
		.inbox_slots = 12};
	struct stream_reader_status status;
	struct stream_reader_answer answer;
	uint64_t len;

	(void)state;
	bed_open();
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), -EINVAL);
	config.inbox_slots = 16;
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), -ENOENT);
	config.inbox = "nonsense";
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), -EINVAL);
	assert_true(stream_log_seal(&bed.log, 1, &len));
	config.inbox = "";
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), -EAGAIN);
	assert_false(readers_status(bed.readers, &bed.log, 0, &status));
}

static void a_fed_subscriber_gets_all_in_order_around_both_rings(void **state)
{
	struct subscriber small, large;

	(void)state;
	bed_open();
	subscriber_open(&small, 8, 1, 0);
	subscriber_open(&large, 256, 2, 0);
	for (uint64_t p = 7; p <= 2100; p += 7) {
		bed_publish_all(p);
		subscriber_wait(&small, p);
		subscriber_wait(&large, p);
	}
	assert_int_equal(small.gone + large.gone, 0);
	assert_true(reader_status(0).fed);
	assert_int_equal(reader_status(0).lag, 0);
	subscriber_close(&small);
	subscriber_close(&large);
}

static void a_subscriber_that_sleeps_stops_nobody_and_is_told_what_it_lost(void **state)
{
	struct subscriber slow, fast;

	(void)state;
	bed_open();
	subscriber_open(&slow, 8, 1, 0);
	subscriber_open(&fast, 64, 2, 0);
	for (uint64_t p = 30; p <= 600; p += 30) {
		bed_publish_all(p);
		subscriber_wait(&fast, p);
	}
	assert_int_equal(fast.gone, 0);
	assert_true(reader_status(0).slow);
	/* It has its inbox full, and then the log's ring. */
	subscriber_wait(&slow, 600);
	assert_int_equal(slow.gone, 600 - 8 - BED_SLOTS);
	bed_publish_all(620);
	subscriber_wait(&slow, 620);
	assert_int_equal(slow.gone, 600 - 8 - BED_SLOTS);
	subscriber_close(&slow);
	subscriber_close(&fast);
}

/* The card reads the log late, when other positions are in it. */
static void what_was_torn_on_its_way_is_not_delivered_and_not_waited_for(void **state)
{
	struct subscriber s;

	(void)state;
	bed_open();
	subscriber_open(&s, 256, 1, 0);
	bed_publish_all(10);
	subscriber_wait(&s, 10);
	bed_link.held = true;
	bed_publish_all(40);
	bed_publish_all(150);
	subscriber_poll(&s);
	assert_int_equal(s.next, 11);
	bed_link.held = false;
	subscriber_wait(&s, 150);
	assert_in_range(s.gone, 1, 150 - BED_SLOTS);
	subscriber_close(&s);
}

static void a_lost_link_ends_one_feed_and_is_told_once(void **state)
{
	struct subscriber lost, other;
	struct error line;

	(void)state;
	bed_open();
	subscriber_open(&lost, 32, 1, 0);
	bed_publish_all(10);
	subscriber_wait(&lost, 10);
	bed_link.fails = true;
	bed_publish_all(11);
	bed_link.fails = false;
	assert_true(readers_line(bed.readers, &line));
	assert_non_null(strstr(line.text, "books, process 1001"));
	assert_false(readers_line(bed.readers, &line));
	subscriber_open(&other, 32, 2, 11);
	bed_publish_all(500);
	subscriber_wait(&other, 500);
	subscriber_poll(&lost);
	assert_in_range(lost.next, 11, 12);
	assert_false(readers_line(bed.readers, &line));
	subscriber_close(&lost);
	subscriber_close(&other);
}

/* In place, then fed into an inbox, and in place again: the same reader all the time. */
static void a_reader_that_asks_again_goes_on_as_that_one(void **state)
{
	struct stream_reader_config config = {.token = 3, .inbox = ""};
	struct stream_reader_answer answer;
	struct subscriber s;

	(void)state;
	bed_open();
	bed_publish_all(20);
	subscriber_open(&s, 32, 3, 5);
	subscriber_wait(&s, 20);
	config.reader = s.answer.reader;
	config.consumed = 20;
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
	assert_int_equal(answer.reader, s.answer.reader);
	assert_false(reader_status(0).fed);
	bed_publish_all(30);
	subscriber_poll(&s);
	assert_int_equal(s.next, 21);
	/* Somebody else's number is not taken over. */
	config.token = 4;
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
	assert_int_not_equal(answer.reader, s.answer.reader);
	subscriber_close(&s);
}

static void nobody_waits_for_a_reader_unless_the_stream_blocks(void **state)
{
	(void)state;
	bed_open();
	(void)add_in_place(1, 0);
	bed_publish_all(1000);
	assert_int_equal(
		readers_waited_for(bed.readers, &bed.log, bed.now_ns), UINT64_MAX);
}

static void a_stream_that_blocks_waits_for_the_slowest(void **state)
{
	struct subscriber s;
	uint32_t reader;

	(void)state;
	bed.limits.blocks = true;
	bed_open();
	reader = add_in_place(1, 0).reader;
	subscriber_open(&s, 8, 2, 0);
	for (uint64_t p = 0; p < 500; p += 20) {
		line_write(reader, p);
		for (int i = 0; i < 100; i++) {
			assert_in_range(bed_publish(1000), p, p + BED_SLOTS - 1);
			subscriber_poll(&s);
		}
		assert_int_equal(bed.log.commit, p + BED_SLOTS - 1);
		assert_true(stream_log_oldest(&bed.log) <= p + 1);
	}
	readers_evict(bed.readers, 1);
	for (int i = 0; i < 1000 && bed_publish(1000) < 1000; i++)
		subscriber_poll(&s);
	subscriber_wait(&s, 1000);
	assert_int_equal(s.gone, 0);
	subscriber_close(&s);
}

static void a_stream_that_blocks_waits_for_a_lost_link_until_its_session_ends(
	void **state)
{
	struct subscriber s;

	(void)state;
	bed.limits.blocks = true;
	bed_open();
	subscriber_open(&s, 8, 2, 0);
	bed_publish_all(10);
	bed_link.fails = true;
	(void)bed_publish(11);
	bed_link.fails = false;
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_in_range(bed.log.commit, BED_SLOTS - 1, BED_SLOTS + 10);
	readers_evict(bed.readers, 2);
	bed_publish_all(1000);
	subscriber_close(&s);
}

/* A new subscriber is waited for from where it begins, though all before was released. */
static void a_stream_that_blocks_waits_for_whom_it_has_just_met(void **state)
{
	struct stream_reader_config config = {.token = 1, .inbox = "", .oldest = true};
	struct stream_reader_answer answer;

	(void)state;
	bed.limits.blocks = true;
	bed_open();
	bed_publish_all(500);
	assert_int_equal(
		readers_add(bed.readers, &bed.log, &config, &answer, &bed.err), 0);
	assert_int_equal(answer.consumed, stream_log_oldest(&bed.log) - 1);
	assert_int_equal(answer.consumed, 500 - BED_SLOTS);
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(stream_log_oldest(&bed.log), answer.consumed + 1);
	line_write(answer.reader, answer.consumed + 30);
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, answer.consumed + 30 + BED_SLOTS - 1);
}

static const struct stream_chain alone = {
	.count = 1, .at = {{.replica = 1, .incarnation = 1}}};

/* It read at a member that died, slowly; it comes back before the grace is over. */
static void who_comes_back_after_a_failover_has_lost_nothing(void **state)
{
	uint64_t base;
	uint32_t reader;

	(void)state;
	bed.limits.blocks = true;
	bed_open();
	bed_publish_all(500);
	base = bed.log.commit;
	bed.readers->hold.epoch = 0; /* it was no member of the epoch before */
	bed_next_epoch(&alone);
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, base);
	bed.now_ns += READERS_GRACE_NS / 2;
	reader = add_in_place(8, base - 40).reader;
	bed.now_ns += READERS_GRACE_NS;
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, base - 40 + BED_SLOTS - 1);
	assert_int_equal(stream_log_oldest(&bed.log), base - 40);
	line_write(reader, base);
	for (int i = 0; i < 100; i++)
		(void)bed_publish(1000);
	assert_int_equal(bed.log.commit, base + BED_SLOTS - 1);
}

/* Who was the head knows what was released, and when nobody is lost nobody must come back. */
static void a_change_that_loses_nobody_does_not_stop_publishing(void **state)
{
	struct stream_chain joined = alone;

	(void)state;
	bed.limits.blocks = true;
	bed_open();
	bed_publish_all(500);
	joined.at[1] = (struct stream_member){.replica = 2, .incarnation = 9};
	bed.readers->hold.chain = alone;
	bed_next_epoch(&alone);
	bed_publish_all(1000);
	/* The second member goes: its readers need no more than a ring, and that is released. */
	bed.readers->hold.chain = joined;
	bed.readers->hold.chain.count = 2;
	bed_next_epoch(&alone);
	for (int i = 0; i < 100; i++)
		(void)bed_publish(2000);
	assert_int_equal(bed.log.commit, 1000 + BED_SLOTS - 1);
	bed.now_ns += READERS_GRACE_NS;
	bed_publish_all(2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BED_STORY(a_reader_in_place_has_a_line_and_a_lag),
		BED_STORY(a_line_is_believed_between_what_it_said_and_the_commit_point),
		BED_STORY(a_line_of_a_former_reader_is_not_the_next_ones),
		BED_STORY(who_asks_again_without_its_number_is_the_same_reader),
		BED_STORY(only_so_many_fit_and_a_session_takes_its_own_along),
		BED_STORY(what_makes_no_sense_is_refused),
		BED_STORY(a_fed_subscriber_gets_all_in_order_around_both_rings),
		BED_STORY(a_subscriber_that_sleeps_stops_nobody_and_is_told_what_it_lost),
		BED_STORY(what_was_torn_on_its_way_is_not_delivered_and_not_waited_for),
		BED_STORY(a_lost_link_ends_one_feed_and_is_told_once),
		BED_STORY(a_reader_that_asks_again_goes_on_as_that_one),
		BED_STORY(nobody_waits_for_a_reader_unless_the_stream_blocks),
		BED_STORY(a_stream_that_blocks_waits_for_the_slowest),
		BED_STORY(
			a_stream_that_blocks_waits_for_a_lost_link_until_its_session_ends),
		BED_STORY(a_stream_that_blocks_waits_for_whom_it_has_just_met),
		BED_STORY(who_comes_back_after_a_failover_has_lost_nothing),
		BED_STORY(a_change_that_loses_nobody_does_not_stop_publishing),
	};

	return cmocka_run_group_tests_name("readers", tests, NULL, NULL);
}
