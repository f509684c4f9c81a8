/* Marks written ahead, and the leases that make them worth something (T7). */
#include "tests/unit/ticket_rig.h"

static void a_reserved_number_needs_the_head_alone(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	submit(&t, 2, 2);
	post(&t, TICKET_DRAW, 0, 2);
	ticket_on_draw_at(&t.q, 10, 1050);
	take(&t, 2, 12);
	nothing_to_post(&t);
}

static void a_reserved_read_needs_the_lease_too(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	submit(&t, 0, 2);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw_at(&t.q, 10, 1050);
	take(&t, 2, 10);
	submit(&t, 0, 3);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw_at(&t.q, 10, 1110); /* from 1010, when the reads were sent */
	nothing_to_take(&t);
	post_round(&t, 1, 60);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 3, 10);
}

static void a_lease_counts_from_the_sending_of_its_reads(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t); /* sent at 1010, answered at 1040 */
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 10, 1110);
	nothing_to_take(&t);
}

static void an_addition_past_its_mark_takes_the_long_way(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	submit(&t, 51, 2);
	post(&t, TICKET_DRAW, 0, 51);
	ticket_on_draw_at(&t.q, 10, 1050);
	nothing_to_take(&t);
	post_round(&t, 1, 111);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 2, 61);
}

static void half_a_lease_is_renewed_beside_ordinary_additions(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	submit(&t, 1, 2);
	submit(&t, 1, 3);
	post(&t, TICKET_DRAW, 0, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 10, 1061);
	take(&t, 2, 11);
	post_round(&t, 1, 61);
	ticket_on_draw_at(&t.q, 11, 1065); /* while the renewal is under way */
	take(&t, 3, 12);
	ticket_on_state(&t.q, 1, region_state_open(1));
	submit(&t, 1, 4);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 12, 1150); /* the new lease is from 1061 */
	take(&t, 4, 13);
}

static void a_queue_at_rest_renews_nothing(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	ticket_on_time(&t.q, 5000);
	nothing_to_post(&t);
}

static void a_renewal_that_meets_a_seal_ends_the_lease(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 10, 1061);
	take(&t, 2, 11);
	post_round(&t, 1, 61);
	submit(&t, 1, 3);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_state(&t.q, 1, region_state_sealed(1));
	ticket_on_draw_at(&t.q, 11, 1070);
	nothing_to_take(&t);
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
}

static void a_lease_ends_with_its_epoch(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 2, 1, 60);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 60, 1050);
	nothing_to_take(&t);
}

static void a_mark_never_goes_back_when_less_is_reserved(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t);
	ticket_reserve_set(&t.q, 0, 100);
	submit(&t, 1, 2);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t.q, 10, 1050);
	nothing_to_take(&t);
	post(&t, TICKET_WRITE_MARK, 1, 60); /* T4 */
}

static void an_addition_drawn_within_a_call_may_go_on_in_the_queue(void **state)
{
	struct table t;
	uint64_t index;

	(void)state;
	reserve_open(&t);
	assert_true(ticket_leased(&t.q));
	assert_true(ticket_covers(&t.q, 10, 50, 1050));
	assert_false(ticket_covers(&t.q, 10, 51, 1050));
	assert_false(ticket_covers(&t.q, 10, 1, 1110));
	assert_true(ticket_submit_drawn(&t.q, 1, 10, 2, &index));
	post_round(&t, 1, 61);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 2, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reserved_number_needs_the_head_alone),
		cmocka_unit_test(a_reserved_read_needs_the_lease_too),
		cmocka_unit_test(a_lease_counts_from_the_sending_of_its_reads),
		cmocka_unit_test(an_addition_past_its_mark_takes_the_long_way),
		cmocka_unit_test(half_a_lease_is_renewed_beside_ordinary_additions),
		cmocka_unit_test(a_queue_at_rest_renews_nothing),
		cmocka_unit_test(a_renewal_that_meets_a_seal_ends_the_lease),
		cmocka_unit_test(a_lease_ends_with_its_epoch),
		cmocka_unit_test(a_mark_never_goes_back_when_less_is_reserved),
		cmocka_unit_test(an_addition_drawn_within_a_call_may_go_on_in_the_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
