/* Additions that touch the words themselves, past the queue (ticket_direct). */
#include "tests/unit/ticket_rig.h"

/* The words of a head and two backups, as a process that maps them has them. */
struct words {
	uint64_t head;
	uint64_t marks[2];
	uint64_t states[2];
};

static struct words words_open(uint64_t epoch, uint64_t value)
{
	return (struct words){.head = value,
		.states = {region_state_open(epoch), region_state_open(epoch)}};
}

static uint64_t draw(struct words *w, uint64_t n)
{
	w->head += n;
	return w->head - n;
}

/* The steps after the draw.  True: confirmed. */
static bool mark_and_check(struct table *t, struct words *w, uint64_t v, uint64_t n)
{
	bool open = true;
	uint64_t mark;

	if (!ticket_confirmed_within(&t->q, v, n))
		return false;
	mark = ticket_direct_mark(&t->q, v, n, 0);
	for (uint32_t i = 0; i < t->q.backups; i++)
		w->marks[i] = mark;
	for (uint32_t i = 0; i < t->q.backups; i++)
		open = open && w->states[i] == region_state_open(t->q.epoch);
	return open;
}

static bool add(struct table *t, struct words *w, uint64_t n, uint64_t *last_p)
{
	uint64_t v = draw(w, n), index;

	*last_p = v + n;
	if (mark_and_check(t, w, v, n))
		return true;
	assert_true(ticket_submit_drawn(&t->q, n, v, 9, &index));
	return false;
}

static void the_mark_is_at_every_backup_when_a_number_is_confirmed(void **state)
{
	struct words w = words_open(3, 40);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 3, 2, 40);
	for (uint64_t i = 1; i <= 20; i++) { /* no slot of the queue is used up */
		assert_true(ticket_direct(&t.q));
		assert_true(add(&t, &w, 2, &last));
		assert_int_equal(last, 40 + 2 * i);
		assert_int_equal(w.marks[0], last);
		assert_int_equal(w.marks[1], last);
	}
	nothing_to_post(&t);
	nothing_to_take(&t);
}

static void a_sealed_backup_hands_the_ticket_to_the_queue(void **state)
{
	struct words w = words_open(3, 0);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 3, 2, 0);
	w.states[1] = region_state_sealed(3);
	assert_false(add(&t, &w, 1, &last));
	assert_false(ticket_direct(&t.q));
	post_round(&t, 1, 1);
	post_round(&t, 2, 1);
	ticket_on_state(&t.q, 2, region_state_sealed(3));
	nothing_to_take(&t);
	ticket_enter_epoch(&t.q, 4, 0, 1);
	take(&t, 9, 1);
	assert_true(ticket_direct(&t.q));
}

static void a_sealed_head_hands_the_ticket_to_the_queue(void **state)
{
	struct words w = words_open(3, COUNTER_LIMIT + 5);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 3, 1, 0);
	assert_false(add(&t, &w, 1, &last));
	assert_int_equal(w.marks[0], 0); /* no mark is above the limit */
	assert_int_equal(t.q.phase, TICKET_CHECKING);
	post(&t, TICKET_READ_STATE, 0, 0);
	ticket_on_state(&t.q, 0, region_state_sealed(3));
	ticket_enter_epoch(&t.q, 4, 0, 5);
	post(&t, TICKET_DRAW, 0, 1);
	ticket_on_draw(&t.q, 5);
	take(&t, 9, 6);
}

static void a_number_above_the_ceiling_waits_in_the_queue(void **state)
{
	struct words w = words_open(1, 8);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 1, 0, 0);
	ticket_ceiling_set(&t.q, 10);
	assert_true(add(&t, &w, 2, &last));
	assert_false(add(&t, &w, 1, &last));
	assert_false(ticket_direct(&t.q)); /* or it would overtake the one that waits */
	post(&t, TICKET_READ_CEILING, 0, 0);
	ticket_on_ceiling(&t.q, 100);
	take(&t, 9, 11);
	assert_true(ticket_direct(&t.q));
}

static void a_round_writes_no_mark_below_one_stored_directly(void **state)
{
	struct words w = words_open(1, 0);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 1, 1, 0);
	assert_true(add(&t, &w, 30, &last));
	ticket_on_lost(&t.q);
	ticket_enter_epoch(&t.q, 1, 1, 0); /* the same epoch over another link */
	submit(&t, 0, 2);
	post(&t, TICKET_DRAW, 0, 0);
	ticket_on_draw(&t.q, 12); /* no head would answer so; T4 stands by itself */
	post(&t, TICKET_WRITE_MARK, 1, 30);
}

static void a_mark_stored_directly_is_not_below_one_written_ahead(void **state)
{
	struct table t;

	(void)state;
	reserve_open(&t); /* marks are at 60, the head is at 10 */
	assert_false(ticket_direct(&t.q));
	ticket_reserve_set(&t.q, 0, 0);
	assert_true(ticket_direct(&t.q));
	assert_int_equal(ticket_direct_mark(&t.q, 10, 1, 0), 60);
	assert_int_equal(ticket_direct_mark(&t.q, 60, 1, 0), 61);
}

static void marks_begin_anew_in_the_next_epoch(void **state)
{
	struct words w = words_open(1, 50);
	struct table t;
	uint64_t last;

	(void)state;
	table_open(&t, 1, 1, 0);
	assert_true(add(&t, &w, 1, &last));
	ticket_on_lost(&t.q);
	assert_false(ticket_direct(&t.q));
	ticket_enter_epoch(&t.q, 2, 1, 20); /* everything was lost but a mark of 20 */
	assert_int_equal(ticket_direct_mark(&t.q, 20, 1, 0), 21);
}

static void nothing_overtakes_what_the_queue_has_not_settled(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 1, 0);
	submit(&t, 1, 1);
	assert_false(ticket_direct(&t.q));
	post(&t, TICKET_DRAW, 0, 1);
	assert_false(ticket_direct(&t.q)); /* drawn, perhaps, and not known */
	ticket_on_draw(&t.q, 0);
	assert_false(ticket_direct(&t.q)); /* its round is under way */
	post_round(&t, 1, 1);
	ticket_on_state(&t.q, 1, region_state_open(1));
	assert_true(ticket_direct(&t.q));
	take(&t, 1, 1);
}

static void a_queue_without_room_draws_nothing_it_could_not_take_over(void **state)
{
	struct table t;

	(void)state;
	table_open(&t, 1, 0, 0);
	for (uint64_t i = 0; i < DEPTH; i++) {
		assert_true(ticket_direct(&t.q));
		submit(&t, 1, i);
		post(&t, TICKET_DRAW, 0, 1);
		ticket_on_draw(&t.q, i);
	}
	assert_false(ticket_direct(&t.q));
	take(&t, 0, 1);
	assert_true(ticket_direct(&t.q));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mark_is_at_every_backup_when_a_number_is_confirmed),
		cmocka_unit_test(a_sealed_backup_hands_the_ticket_to_the_queue),
		cmocka_unit_test(a_sealed_head_hands_the_ticket_to_the_queue),
		cmocka_unit_test(a_number_above_the_ceiling_waits_in_the_queue),
		cmocka_unit_test(a_round_writes_no_mark_below_one_stored_directly),
		cmocka_unit_test(a_mark_stored_directly_is_not_below_one_written_ahead),
		cmocka_unit_test(marks_begin_anew_in_the_next_epoch),
		cmocka_unit_test(nothing_overtakes_what_the_queue_has_not_settled),
		cmocka_unit_test(
			a_queue_without_room_draws_nothing_it_could_not_take_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
