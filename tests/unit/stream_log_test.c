/* Head, middle and tail of a stream. */
#include "tests/unit/stream_rig.h"

static void a_lone_head_commits_what_it_accepts(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	message_put(&b, 2, 3, 1);
	assert_true(advance(&b, 2, 0));
	assert_int_equal(b.words->commit, 2);
	assert_int_equal(b.words->entries[0], stream_entry_word(publisher(0), 1));
	assert_int_equal(b.words->entries[3], stream_entry_word(publisher(3), 1));
	assert_false(advance(&b, 2, 0));
	bench_close(&b);
}

static void a_head_waits_for_the_next_position_only(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 2, 0, 1);
	assert_false(advance(&b, 2, 0));
	message_put(&b, 1, 1, 1);
	assert_true(advance(&b, 2, 1));
	assert_int_equal(stream_log_end(&b.log), 2);
	bench_close(&b);
}

static void a_hole_becomes_a_void_after_the_time_out(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 2, 0, 1);
	assert_false(advance(&b, 2, 100));
	assert_false(advance(&b, 2, 100 + HOLE_NS - 1));
	assert_true(advance(&b, 2, 100 + HOLE_NS));
	assert_int_equal(logged_id(&b, 1), 0);
	assert_int_equal(logged_id(&b, 2), 1);
	assert_int_equal(b.log.counts.holes, 1);
	bench_close(&b);
}

static void a_position_that_nobody_drew_is_no_hole(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	assert_false(advance(&b, 0, 0));
	assert_false(advance(&b, 0, 10 * HOLE_NS));
	assert_false(advance(&b, 1, 10 * HOLE_NS)); /* drawn now: the clock begins now */
	assert_false(advance(&b, 1, 11 * HOLE_NS - 1));
	assert_true(advance(&b, 1, 11 * HOLE_NS));
	bench_close(&b);
}

static void holes_of_one_look_become_voids_together(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	assert_false(advance(&b, 5, 0));
	assert_true(advance(&b, 5, HOLE_NS));
	assert_int_equal(stream_log_end(&b.log), 5);
	bench_close(&b);
}

static void a_sealed_counter_makes_no_holes(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	assert_false(advance(&b, (UINT64_C(1) << 60) + 3, 0));
	assert_false(advance(&b, (UINT64_C(1) << 60) + 3, HOLE_NS));
	bench_close(&b);
}

static void messages_behind_a_void_of_their_publisher_are_voids(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 2, 0, 2);
	message_put(&b, 3, 1, 1);
	message_put(&b, 4, 0, 3);
	message_put(&b, 5, 0, 1); /* drawn again */
	(void)advance(&b, 5, 0);
	assert_true(advance(&b, 5, HOLE_NS));
	assert_int_equal(stream_log_end(&b.log), 5);
	assert_int_equal(logged_id(&b, 1), 0);
	assert_int_equal(logged_id(&b, 2), 0);
	assert_int_equal(logged_id(&b, 3), 1);
	assert_int_equal(logged_id(&b, 4), 0);
	assert_int_equal(logged_id(&b, 5), 1);
	assert_int_equal(b.log.counts.refused, 2);
	bench_close(&b);
}

static void a_slot_of_a_former_epoch_does_not_count(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	inbox_put(&b, EPOCH - 1, 1, 0, 1, STREAM_FIRST | STREAM_LAST);
	assert_false(advance(&b, 1, 0));
	message_put(&b, 1, 0, 1);
	assert_true(advance(&b, 1, 1));
	bench_close(&b);
}

static void a_torn_slot_does_not_count_until_it_is_whole(void **state)
{
	struct bench b;
	unsigned char *payload;

	(void)state;
	bench_open(&b, true, true);
	message_put(&b, 1, 0, 1);
	payload = stream_ring_at(&b.inbox, 1) + STREAM_SLOT_HEADER;
	payload[2] = 'x';
	assert_false(advance(&b, 1, 0));
	payload[2] = 'c';
	assert_true(advance(&b, 1, 1));
	assert_int_equal(b.log.counts.unsound, 1);
	bench_close(&b);
}

static void a_head_stops_at_the_ceiling(void **state)
{
	struct bench b;
	struct stream_entering entering = {.epoch = EPOCH,
		.ceiling = 1,
		.hole_timeout_ns = HOLE_NS,
		.head = true,
		.tail = true};

	(void)state;
	bench_create(&b, 0);
	entering.places = (struct stream_places){
		.words = b.words, .inbox = b.fed, .ring = b.inbox};
	stream_log_prepare(&b.log, EPOCH, b.words, b.fed);
	stream_log_enter(&b.log, &entering);
	message_put(&b, 1, 0, 1);
	message_put(&b, 2, 0, 2);
	assert_true(advance(&b, 2, 0));
	assert_int_equal(stream_log_end(&b.log), 1);
	assert_false(advance(&b, 2, 10 * HOLE_NS));
	stream_log_ceiling_set(&b.log, 9);
	assert_true(advance(&b, 2, 10 * HOLE_NS));
	assert_int_equal(stream_log_end(&b.log), 2);
	bench_close(&b);
}

static void the_commit_point_is_the_tails_end_and_goes_back_up(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c);
	message_put(&c.head, 1, 0, 1);
	assert_true(advance(&c.head, 1, 0));
	assert_int_equal(c.head.words->commit, 0);
	chain_carry(&c.head, &c.middle);
	assert_true(advance(&c.middle, 0, 0));
	assert_int_equal(c.middle.words->commit, 0);
	chain_carry(&c.middle, &c.tail);
	assert_true(advance(&c.tail, 0, 0));
	assert_int_equal(c.tail.words->commit, 1);
	chain_answer(&c.middle, &c.tail);
	assert_int_equal(c.middle.words->commit, 1);
	chain_answer(&c.head, &c.middle);
	assert_int_equal(c.head.words->commit, 1);
	chain_close(&c);
}

static void a_backup_copies_voids_and_makes_none(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c);
	(void)advance(&c.head, 1, 0);
	assert_true(advance(&c.head, 1, HOLE_NS));
	assert_false(advance(&c.middle, 5, 0));
	assert_false(advance(&c.middle, 5, 5 * HOLE_NS));
	chain_carry(&c.head, &c.middle);
	assert_true(advance(&c.middle, 5, 5 * HOLE_NS));
	assert_int_equal(logged_id(&c.middle, 1), 0);
	chain_close(&c);
}

static void a_backup_waits_for_the_word_behind_the_slots(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c);
	message_put(&c.middle, 1, 0, 1); /* as the predecessor would, without the word */
	assert_false(advance(&c.middle, 0, 0));
	c.middle.fed->fed.end = 1;
	assert_true(advance(&c.middle, 0, 0));
	chain_close(&c);
}

static void a_head_fills_its_ring_but_for_one_and_waits(void **state)
{
	struct chain c;

	(void)state;
	chain_open(&c);
	for (uint64_t p = 1; p <= SLOTS; p++)
		message_put(&c.head, p, 0, p);
	assert_true(advance(&c.head, SLOTS, 0));
	assert_int_equal(stream_log_end(&c.head.log), SLOTS - 1);
	assert_false(advance(&c.head, SLOTS, 10 * HOLE_NS));
	chain_carry(&c.head, &c.middle);
	(void)advance(&c.middle, 0, 0);
	chain_carry(&c.middle, &c.tail);
	(void)advance(&c.tail, 0, 0);
	chain_answer(&c.middle, &c.tail);
	chain_answer(&c.head, &c.middle);
	assert_true(advance(&c.head, SLOTS, 0));
	assert_int_equal(stream_log_end(&c.head.log), SLOTS);
	assert_int_equal(stream_log_oldest(&c.head.log), 1);
	chain_close(&c);
}

static void a_run_is_split_where_the_ring_ends(void **state)
{
	struct chain c;
	struct stream_run run;

	(void)state;
	bench_create(&c.head, 5);
	bench_enter(&c.head, EPOCH, true, false);
	c.head.words->back.released = 5;
	(void)advance(&c.head, 5, 0);
	for (uint64_t p = 6; p <= 11; p++)
		message_put(&c.head, p, 0, p - 5);
	assert_true(advance(&c.head, 11, 0));
	assert_true(stream_log_run(&c.head.log, 64, &run));
	assert_int_equal(run.parts_count, 2);
	assert_int_equal(run.parts[0].first, 6);
	assert_int_equal(run.parts[0].count, 2);
	assert_int_equal(run.parts[1].first, 8);
	assert_int_equal(run.parts[1].count, 4);
	assert_int_equal(run.end, 11);
	bench_close(&c.head);
}

static void a_subscriber_that_must_be_waited_for_holds_the_head(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, true, true);
	stream_log_waits_for(&b.log, 0);
	for (uint64_t p = 1; p < SLOTS; p++)
		message_put(&b, p, 0, p);
	assert_true(advance(&b, 20, 0));
	message_put(&b, SLOTS, 0, SLOTS);
	assert_int_equal(b.words->commit, SLOTS - 1);
	assert_false(advance(&b, 20, 20 * HOLE_NS));
	stream_log_waits_for(&b.log, 1);
	(void)advance(&b, 20, 21 * HOLE_NS);
	assert_true(stream_log_end(&b.log) == SLOTS || advance(&b, 20, 21 * HOLE_NS));
	assert_int_equal(stream_log_end(&b.log), SLOTS);
	bench_close(&b);
}

static void a_link_that_was_replaced_sends_again_what_was_not_consumed(void **state)
{
	struct chain c;
	struct stream_run run;

	(void)state;
	chain_open(&c);
	message_put(&c.head, 1, 0, 1);
	message_put(&c.head, 2, 0, 2);
	(void)advance(&c.head, 2, 0);
	assert_true(stream_log_run(&c.head.log, 1, &run));
	stream_feed_run_posted(&c.head.log.successor, &run); /* lost */
	stream_log_successor_again(&c.head.log);
	assert_true(stream_log_run(&c.head.log, 64, &run));
	assert_int_equal(run.parts[0].first, 1);
	assert_int_equal(run.end, 2);
	chain_close(&c);
}

/* What came over the former link is logged after the new one began where the answers were. */
static void a_successor_may_have_more_than_its_new_link_brought(void **state)
{
	struct bench b;
	struct stream_run run;

	(void)state;
	bench_open(&b, true, false);
	for (uint64_t p = 1; p < SLOTS; p++)
		message_put(&b, p, 0, p);
	assert_true(advance(&b, SLOTS, 0));
	assert_true(stream_log_run(&b.log, SLOTS, &run));
	stream_feed_run_posted(&b.log.successor, &run);
	stream_log_successor_again(&b.log);
	b.words->back = (struct stream_back){.logged = 5, .commit = 6, .released = 6};
	assert_true(stream_log_look_back(&b.log));
	assert_int_equal(b.log.commit, 6);
	for (uint64_t p = SLOTS; p < SLOTS + 6; p++)
		message_put(&b, p, 0, p);
	assert_true(advance(&b, SLOTS + 6, 0));
	assert_int_equal(stream_log_oldest(&b.log), 6);
	assert_true(stream_log_run(&b.log, SLOTS, &run));
	assert_int_equal(run.parts[0].first, 7);
	assert_int_equal(run.end, SLOTS + 5);
	bench_close(&b);
}

/* Words of a neighbour that went mad move nothing beyond the log. */
static void a_successor_that_says_it_has_more_than_there_is_is_not_believed(void **state)
{
	struct bench b;
	struct stream_run run;

	(void)state;
	bench_open(&b, true, false);
	message_put(&b, 1, 0, 1);
	assert_true(advance(&b, 1, 0));
	b.words->back = (struct stream_back){.logged = 9, .commit = 9, .released = 9};
	assert_false(stream_log_look_back(&b.log));
	assert_int_equal(b.log.commit, 0);
	b.words->back = (struct stream_back){.logged = 9, .released = UINT64_MAX};
	assert_false(stream_log_look_back(&b.log));
	assert_int_equal(b.log.successor.sent, 1);
	assert_false(stream_log_run(&b.log, SLOTS, &run));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lone_head_commits_what_it_accepts),
		cmocka_unit_test(a_head_waits_for_the_next_position_only),
		cmocka_unit_test(a_hole_becomes_a_void_after_the_time_out),
		cmocka_unit_test(a_position_that_nobody_drew_is_no_hole),
		cmocka_unit_test(holes_of_one_look_become_voids_together),
		cmocka_unit_test(a_sealed_counter_makes_no_holes),
		cmocka_unit_test(messages_behind_a_void_of_their_publisher_are_voids),
		cmocka_unit_test(a_slot_of_a_former_epoch_does_not_count),
		cmocka_unit_test(a_torn_slot_does_not_count_until_it_is_whole),
		cmocka_unit_test(a_head_stops_at_the_ceiling),
		cmocka_unit_test(the_commit_point_is_the_tails_end_and_goes_back_up),
		cmocka_unit_test(a_backup_copies_voids_and_makes_none),
		cmocka_unit_test(a_backup_waits_for_the_word_behind_the_slots),
		cmocka_unit_test(a_head_fills_its_ring_but_for_one_and_waits),
		cmocka_unit_test(a_run_is_split_where_the_ring_ends),
		cmocka_unit_test(a_subscriber_that_must_be_waited_for_holds_the_head),
		cmocka_unit_test(
			a_link_that_was_replaced_sends_again_what_was_not_consumed),
		cmocka_unit_test(a_successor_may_have_more_than_its_new_link_brought),
		cmocka_unit_test(
			a_successor_that_says_it_has_more_than_there_is_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
