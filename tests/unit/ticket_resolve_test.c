/* Tickets that the end of an epoch, or of a link, catches unconfirmed (T5). */
#include "tests/unit/ticket_rig.h"

static void a_sealed_backup_suspends_the_ticket(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	table_drawn(&t, 1, 4);
	post_round(&t, 1, 5);
	ticket_on_state(&t.q, 1, region_state_sealed(1));
	nothing_to_take(&t);
	nothing_to_post(&t);
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
}

static void an_answer_of_another_epoch_confirms_nothing(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 2, 1, 0);
	table_drawn(&t, 1, 4);
	post_round(&t, 1, 5);
	ticket_on_state(&t.q, 1, region_state_open(3));
	nothing_to_take(&t);
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
}

static void a_suspended_ticket_below_the_next_base_stands(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	table_drawn(&t, 1, 4);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 2, 0, 5);
	take(&t, 1, 5);
	nothing_to_post(&t);
}

static void a_suspended_ticket_above_the_next_base_is_drawn_again(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	table_drawn(&t, 2, 4);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 2, 0, 5); /* 6 is above it: a base never cuts a block */
	nothing_to_take(&t);
	post(&t, TICKET_DRAW, 0, 2);
	ticket_on_draw(&t.q, 5);
	take(&t, 1, 7);
	assert_int_equal(t.q.redraws, 1);
}

static void a_suspended_read_is_made_again(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	table_drawn(&t, 0, 4);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 2, 0, 9);
	nothing_to_take(&t);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw(&t.q, 9);
	take(&t, 1, 9);
}

static void an_addition_behind_a_suspended_read_stands_and_waits_its_turn(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	submit(&t, 0, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 0);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 4);
	ticket_on_draw(&t.q, 4);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 2, 0, 5);
	nothing_to_take(&t);
	post(&t, TICKET_DRAW, 0, 0);
	nothing_to_post(&t);
	ticket_on_draw(&t.q, 5);
	take(&t, 1, 5);
	take(&t, 2, 5);
}

static void a_draw_that_comes_back_late_is_still_known(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	submit(&t, 1, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_lost(&t.q);
	ticket_on_draw(&t.q, 0);
	ticket_enter_epoch(&t.q, 2, 0, 2);
	take(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1); /* the answer of the second never came */
	ticket_on_draw(&t.q, 2);
	take(&t, 2, 3);
}

static void a_sealed_head_takes_nothing(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	table_drawn(&t, 1, COUNTER_LIMIT + 6);
	nothing_to_take(&t);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_state(&t.q, 0, region_state_sealed(1));
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
	ticket_enter_epoch(&t.q, 2, 0, 6);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 6);
	take(&t, 1, 7);
}

static void the_same_epoch_over_a_new_link_keeps_what_was_drawn(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 4, 1, 0);
	submit(&t, 1, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 7);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 4, 1, 0);
	post_round(&t, 1, 8);
	ticket_on_state(&t.q, 1, region_state_open(4));
	take(&t, 1, 8);
	post(&t, TICKET_DRAW, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sealed_backup_suspends_the_ticket),
		cmocka_unit_test(an_answer_of_another_epoch_confirms_nothing),
		cmocka_unit_test(a_suspended_ticket_below_the_next_base_stands),
		cmocka_unit_test(a_suspended_ticket_above_the_next_base_is_drawn_again),
		cmocka_unit_test(a_suspended_read_is_made_again),
		cmocka_unit_test(
			an_addition_behind_a_suspended_read_stands_and_waits_its_turn),
		cmocka_unit_test(a_draw_that_comes_back_late_is_still_known),
		cmocka_unit_test(a_sealed_head_takes_nothing),
		cmocka_unit_test(the_same_epoch_over_a_new_link_keeps_what_was_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
