/* Nothing above the ceiling is confirmed (T8). */
#include "tests/unit/ticket_rig.h"

static void a_number_above_the_ceiling_waits_for_it(void **state)
{
	struct table t;

	(void)state;
	table_below(&t, 10);
	submit(&t, 4, 1);
	submit(&t, 4, 2);
	post(&t, TICKET_DRAW, 0, 4);
	post(&t, TICKET_DRAW, 0, 4);
	ticket_on_draw(&t.q, 4);
	ticket_on_draw(&t.q, 8);
	take(&t, 1, 8);
	nothing_to_take(&t);
	post(&t, TICKET_READ_CEILING, 0, 0);
	post(&t, TICKET_READ_STATE, 0, 0);
	nothing_to_post(&t);
	ticket_on_ceiling(&t.q, 10);
	ticket_on_state(&t.q, 0, region_state_open(1));
	post(&t, TICKET_READ_CEILING, 0, 0); /* it asks until it is enough */
	ticket_on_ceiling(&t.q, 100);
	take(&t, 2, 12);
	nothing_to_post(&t);
}

static void a_ceiling_of_an_epoch_that_is_over_is_not_waited_for(void **state)
{
	struct table t;

	(void)state;
	table_below(&t, 10);
	table_drawn(&t, 4, 8);
	post(&t, TICKET_READ_CEILING, 0, 0);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_ceiling(&t.q, 10);
	ticket_on_state(&t.q, 0, region_state_sealed(1));
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
	ticket_ceiling_set(&t.q, 112);
	ticket_enter_epoch(&t.q, 2, 0, 12);
	take(&t, 1, 12);
}

static void a_head_that_was_open_before_says_nothing_about_the_limit(void **state)
{
	struct table t;

	(void)state;
	table_below(&t, 10);
	submit(&t, 4, 1);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 4);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 8);
	post(&t, TICKET_READ_CEILING, 0, 0);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_draw(&t.q, COUNTER_LIMIT + 12);
	ticket_on_state(&t.q, 0, region_state_open(1)); /* sent before the seal was met */
	assert_int_equal(t.q.phase, TICKET_CHECKING);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_state(&t.q, 0, region_state_sealed(1));
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
}

static void a_read_above_the_ceiling_waits_too(void **state)
{
	struct table t;

	(void)state;
	table_below(&t, 10);
	table_drawn(&t, 0, 11);
	nothing_to_take(&t);
	post(&t, TICKET_READ_CEILING, 0, 0);
	ticket_on_ceiling(&t.q, 11);
	take(&t, 1, 11);
}

static void a_lease_does_not_reach_above_the_ceiling(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	ticket_ceiling_set(&t.q, 20);
	assert_true(ticket_covers(&t.q, 10, 10, 1050));
	assert_false(ticket_covers(&t.q, 10, 11, 1050));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_above_the_ceiling_waits_for_it),
		cmocka_unit_test(a_ceiling_of_an_epoch_that_is_over_is_not_waited_for),
		cmocka_unit_test(
			a_head_that_was_open_before_says_nothing_about_the_limit),
		cmocka_unit_test(a_read_above_the_ceiling_waits_too),
		cmocka_unit_test(a_lease_does_not_reach_above_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
