/*
 * The ticket machine in one epoch, driven by hand: drawing, rounds of replication,
 * results and limits.
 */
#include "tests/unit/ticket_rig.h"

static void a_chain_of_one_confirms_what_is_drawn(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	submit(&t, 1, 7);
	post(&t, TICKET_DRAW, 0, 1);
	nothing_to_take(&t);
	ticket_on_draw(&t.q, 41);
	take(&t, 7, 42);
	nothing_to_take(&t);
}

static void a_block_ends_at_its_last_number(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	table_drawn(&t, ADDITION_MAX, 10);
	take(&t, 1, 10 + ADDITION_MAX);
}

static void a_read_takes_no_number(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	table_drawn(&t, 0, 5);
	take(&t, 1, 5);
}

static void results_come_in_order_of_submission(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	for (uint64_t i = 0; i < 3; i++) {
		submit(&t, 1, i);
		post(&t, TICKET_DRAW, 0, 1);
	}
	for (uint64_t i = 0; i < 3; i++)
		ticket_on_draw(&t.q, 10 * i);
	for (uint64_t i = 0; i < 3; i++)
		take(&t, i, 10 * i + 1);
}

static void a_full_queue_takes_no_more_until_a_result_is_taken(void **state)
{
	struct table t;
	uint64_t index;

	(void)state;
	table_open(&t, 1, 0, 0);
	for (uint64_t i = 0; i < DEPTH; i++) {
		submit(&t, 1, i);
		post(&t, TICKET_DRAW, 0, 1);
		ticket_on_draw(&t.q, i);
	}
	assert_false(ticket_submit(&t.q, 1, 99, &index));
	take(&t, 0, 1);
	assert_true(ticket_submit(&t.q, 1, 99, &index));
}

static void a_backup_shows_the_open_state_before_a_number_is_confirmed(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 3, 1, 0);
	table_drawn(&t, 1, 9);
	nothing_to_take(&t);
	post_round(&t, 1, 10);
	nothing_to_take(&t);
	ticket_on_state(&t.q, 1, region_state_open(3));
	take(&t, 1, 10);
}

static void the_mark_is_posted_before_the_state_is_read(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 3, 2, 0);
	table_drawn(&t, 2, 0);
	post(&t, TICKET_WRITE_MARK, 1, 2);
	post(&t, TICKET_READ_STATE, 1, 0);
	post(&t, TICKET_WRITE_MARK, 2, 2);
	post(&t, TICKET_READ_STATE, 2, 0);
	nothing_to_post(&t);
}

static void every_backup_must_answer(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 3, 2, 0);
	table_drawn(&t, 1, 0);
	for (uint32_t backup = 1; backup <= 2; backup++)
		post_round(&t, backup, 1);
	ticket_on_state(&t.q, 2, region_state_open(3));
	nothing_to_take(&t);
	ticket_on_state(&t.q, 1, region_state_open(3));
	take(&t, 1, 1);
}

static void one_round_covers_all_that_was_drawn_before_it(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	for (uint64_t i = 0; i < 3; i++) {
		submit(&t, 1, i);
		post(&t, TICKET_DRAW, 0, 1);
	}
	ticket_on_draw(&t.q, 0);
	post_round(&t, 1, 1);
	ticket_on_draw(&t.q, 1);
	ticket_on_draw(&t.q, 2);
	nothing_to_post(&t);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 0, 1);
	nothing_to_take(&t);
	post_round(&t, 1, 3);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 1, 2);
	take(&t, 2, 3);
}

static void a_counter_without_numbers_says_so(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	submit(&t, 1, 1);
	submit(&t, 5, 2);
	submit(&t, 1, 3);
	for (int i = 0; i < 3; i++) {
		struct ticket_effect effect;

		assert_true(ticket_next_effect(&t.q, &effect));
		ticket_effect_posted(&t.q, &effect);
	}
	ticket_on_draw(&t.q, COUNTER_LIMIT - 3);
	take(&t, 1, COUNTER_LIMIT - 2);
	ticket_on_draw(&t.q, COUNTER_LIMIT - 2);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_state(&t.q, 0, region_state_open(1));
	take_outcome(&t, TICKET_OVERFLOW);
	nothing_to_take(&t); /* the third is still on its way */
	ticket_on_draw(&t.q, COUNTER_LIMIT + 3);
	take_outcome(&t, TICKET_OVERFLOW);
	submit(&t, 1, 4);
	nothing_to_post(&t);
	take_outcome(&t, TICKET_OVERFLOW);
}

static void the_last_number_of_all_is_given_out(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	table_drawn(&t, 1, COUNTER_LIMIT - 2);
	take(&t, 1, COUNTER_LIMIT - 1);
}

static void given_up_tickets_are_told_apart(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	submit(&t, 1, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_lost(&t.q);
	ticket_abort(&t.q);
	take_outcome(&t, TICKET_ABORTED);
	take_outcome(&t, TICKET_ABORTED);
	nothing_to_take(&t);
}

static void a_dropped_ticket_leaves_no_result(void **state)
{
	struct table t;
	uint64_t index;

	(void)state;
	table_open(&t, 1, 0, 0);
	index = submit(&t, 1, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_drop(&t.q, index);
	ticket_on_draw(&t.q, 0);
	ticket_on_draw(&t.q, 1);
	take(&t, 2, 2);
	nothing_to_take(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chain_of_one_confirms_what_is_drawn),
		cmocka_unit_test(a_block_ends_at_its_last_number),
		cmocka_unit_test(a_read_takes_no_number),
		cmocka_unit_test(results_come_in_order_of_submission),
		cmocka_unit_test(a_full_queue_takes_no_more_until_a_result_is_taken),
		cmocka_unit_test(
			a_backup_shows_the_open_state_before_a_number_is_confirmed),
		cmocka_unit_test(the_mark_is_posted_before_the_state_is_read),
		cmocka_unit_test(every_backup_must_answer),
		cmocka_unit_test(one_round_covers_all_that_was_drawn_before_it),
		cmocka_unit_test(a_counter_without_numbers_says_so),
		cmocka_unit_test(the_last_number_of_all_is_given_out),
		cmocka_unit_test(given_up_tickets_are_told_apart),
		cmocka_unit_test(a_dropped_ticket_leaves_no_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
