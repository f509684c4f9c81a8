/* The ticket machine, driven by hand: each test is one story of design.md, section 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"

#define DEPTH 8

struct table {
	struct ticket_queue q;
	struct ticket slots[DEPTH];
};

static void table_open(struct table *t, uint64_t epoch, uint32_t backups, uint64_t base)
{
	ticket_queue_init(&t->q, t->slots, DEPTH);
	ticket_enter_epoch(&t->q, epoch, backups, base);
}

static uint64_t submit(struct table *t, uint64_t n, uint64_t cookie)
{
	uint64_t index;

	assert_true(ticket_submit(&t->q, n, cookie, &index));
	return index;
}

/* Posts the next effect, which must be the expected one. */
static void post(
	struct table *t, enum ticket_effect_kind kind, uint32_t replica, uint64_t value)
{
	struct ticket_effect effect;

	assert_true(ticket_next_effect(&t->q, &effect));
	assert_int_equal(effect.kind, kind);
	assert_int_equal(effect.replica, replica);
	if (kind != TICKET_READ_STATE)
		assert_int_equal(effect.value, value);
	ticket_effect_posted(&t->q, &effect);
}

static void nothing_to_post(struct table *t)
{
	struct ticket_effect effect;

	assert_false(ticket_next_effect(&t->q, &effect));
}

static void take(struct table *t, uint64_t cookie, uint64_t last)
{
	struct ticket_result result;

	assert_true(ticket_take(&t->q, &result));
	assert_int_equal(result.outcome, TICKET_CONFIRMED);
	assert_int_equal(result.cookie, cookie);
	assert_int_equal(result.last, last);
}

static void nothing_to_take(struct table *t)
{
	struct ticket_result result;

	assert_false(ticket_take(&t->q, &result));
}

static void take_outcome(struct table *t, enum ticket_outcome outcome)
{
	struct ticket_result result;

	assert_true(ticket_take(&t->q, &result));
	assert_int_equal(result.outcome, outcome);
}

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
	submit(&t, ADDITION_MAX, 1);
	post(&t, TICKET_DRAW, 0, ADDITION_MAX);
	ticket_on_draw(&t.q, 10);
	take(&t, 1, 10 + ADDITION_MAX);
}

static void a_read_takes_no_number(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	submit(&t, 0, 1);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw(&t.q, 5);
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
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 9);
	nothing_to_take(&t);
	post(&t, TICKET_WRITE_MARK, 1, 10);
	post(&t, TICKET_READ_STATE, 1, 0);
	nothing_to_take(&t);
	ticket_on_state(&t.q, 1, region_state_open(3));
	take(&t, 1, 10);
}

static void the_mark_is_posted_before_the_state_is_read(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 3, 2, 0);
	submit(&t, 2, 1);
	post(&t, TICKET_DRAW, 0, 2);
	ticket_on_draw(&t.q, 0);
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
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 0);
	for (uint32_t backup = 1; backup <= 2; backup++) {
		post(&t, TICKET_WRITE_MARK, backup, 1);
		post(&t, TICKET_READ_STATE, backup, 0);
	}
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
	post(&t, TICKET_WRITE_MARK, 1, 1);
	post(&t, TICKET_READ_STATE, 1, 0);
	ticket_on_draw(&t.q, 1);
	ticket_on_draw(&t.q, 2);
	nothing_to_post(&t);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 0, 1);
	nothing_to_take(&t);
	post(&t, TICKET_WRITE_MARK, 1, 3);
	post(&t, TICKET_READ_STATE, 1, 0);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 1, 2);
	take(&t, 2, 3);
}

static void a_sealed_backup_suspends_the_ticket(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 4);
	post(&t, TICKET_WRITE_MARK, 1, 5);
	post(&t, TICKET_READ_STATE, 1, 0);
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
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 4);
	post(&t, TICKET_WRITE_MARK, 1, 5);
	post(&t, TICKET_READ_STATE, 1, 0);
	ticket_on_state(&t.q, 1, region_state_open(3));
	nothing_to_take(&t);
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
}

static void a_suspended_ticket_below_the_next_base_stands(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 4);
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
	submit(&t, 2, 1);
	post(&t, TICKET_DRAW, 0, 2);
	ticket_on_draw(&t.q, 4);
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
	submit(&t, 0, 1);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw(&t.q, 4);
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
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, COUNTER_LIMIT + 6);
	nothing_to_take(&t);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_state(&t.q, 0, region_state_sealed(1));
	assert_int_equal(t.q.phase, TICKET_SUSPENDED);
	ticket_enter_epoch(&t.q, 2, 0, 6);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 6);
	take(&t, 1, 7);
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
	submit(&t, 1, 1);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, COUNTER_LIMIT - 2);
	take(&t, 1, COUNTER_LIMIT - 1);
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
	post(&t, TICKET_WRITE_MARK, 1, 8);
	post(&t, TICKET_READ_STATE, 1, 0);
	ticket_on_state(&t.q, 1, region_state_open(4));
	take(&t, 1, 8);
	post(&t, TICKET_DRAW, 0, 1);
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

/* The epoch opens with a lease of 100 ns and marks written 50 ahead. */
static void reserve_open(struct table *t)
{
	table_open(t, 1, 1, 0);
	ticket_reserve_set(&t->q, 50, 100);
	ticket_on_time(&t->q, 1000);
	submit(t, 1, 1);
	post(t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t->q, 9, 1010);
	post(t, TICKET_WRITE_MARK, 1, 60);
	post(t, TICKET_READ_STATE, 1, 0);
	ticket_on_time(&t->q, 1040);
	ticket_on_state(&t->q, 1, region_state_open(1));
	take(t, 1, 10);
	nothing_to_post(t);
}

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
	post(&t, TICKET_WRITE_MARK, 1, 60);
	post(&t, TICKET_READ_STATE, 1, 0);
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
	post(&t, TICKET_WRITE_MARK, 1, 111);
	post(&t, TICKET_READ_STATE, 1, 0);
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
	post(&t, TICKET_WRITE_MARK, 1, 61);
	post(&t, TICKET_READ_STATE, 1, 0);
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
	post(&t, TICKET_WRITE_MARK, 1, 61);
	post(&t, TICKET_READ_STATE, 1, 0);
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
	post(&t, TICKET_WRITE_MARK, 1, 61);
	post(&t, TICKET_READ_STATE, 1, 0);
	ticket_on_state(&t.q, 1, region_state_open(1));
	take(&t, 2, 11);
}

static void a_number_above_the_ceiling_waits_for_it(void **state)
{
	struct table t;

	(void)state;
	ticket_queue_init(&t.q, t.slots, DEPTH);
	ticket_ceiling_set(&t.q, 10);
	ticket_enter_epoch(&t.q, 1, 0, 0);
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
	ticket_queue_init(&t.q, t.slots, DEPTH);
	ticket_ceiling_set(&t.q, 10);
	ticket_enter_epoch(&t.q, 1, 0, 0);
	submit(&t, 4, 1);
	post(&t, TICKET_DRAW, 0, 4);
	ticket_on_draw(&t.q, 8);
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
	ticket_queue_init(&t.q, t.slots, DEPTH);
	ticket_ceiling_set(&t.q, 10);
	ticket_enter_epoch(&t.q, 1, 0, 0);
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
	ticket_queue_init(&t.q, t.slots, DEPTH);
	ticket_ceiling_set(&t.q, 10);
	ticket_enter_epoch(&t.q, 1, 0, 0);
	submit(&t, 0, 1);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw(&t.q, 11);
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
		cmocka_unit_test(a_sealed_backup_suspends_the_ticket),
		cmocka_unit_test(an_answer_of_another_epoch_confirms_nothing),
		cmocka_unit_test(a_suspended_ticket_below_the_next_base_stands),
		cmocka_unit_test(a_suspended_ticket_above_the_next_base_is_drawn_again),
		cmocka_unit_test(a_suspended_read_is_made_again),
		cmocka_unit_test(
			an_addition_behind_a_suspended_read_stands_and_waits_its_turn),
		cmocka_unit_test(a_draw_that_comes_back_late_is_still_known),
		cmocka_unit_test(a_sealed_head_takes_nothing),
		cmocka_unit_test(a_counter_without_numbers_says_so),
		cmocka_unit_test(the_last_number_of_all_is_given_out),
		cmocka_unit_test(the_same_epoch_over_a_new_link_keeps_what_was_drawn),
		cmocka_unit_test(given_up_tickets_are_told_apart),
		cmocka_unit_test(a_dropped_ticket_leaves_no_result),
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
		cmocka_unit_test(a_number_above_the_ceiling_waits_for_it),
		cmocka_unit_test(a_ceiling_of_an_epoch_that_is_over_is_not_waited_for),
		cmocka_unit_test(
			a_head_that_was_open_before_says_nothing_about_the_limit),
		cmocka_unit_test(a_read_above_the_ceiling_waits_too),
		cmocka_unit_test(a_lease_does_not_reach_above_the_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
