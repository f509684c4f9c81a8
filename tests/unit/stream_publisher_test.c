/* A publisher's messages: drawn, written, acknowledged, drawn again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/stream_publisher.h"
#include "sequencer/core/stream_slot.h"
#include "sequencer/core/stream_table.h"

#define DEPTH 8
#define RING 8
#define NAME stream_publisher_name(3, 1)

struct desk {
	struct stream_publisher p;
	struct stream_message messages[DEPTH];
	struct stream_publisher_effect e;
};

static void words(struct desk *d, uint64_t commit, uint64_t id)
{
	stream_publisher_on_words(&d->p, commit, stream_entry_word(NAME, id));
}

static void want(struct desk *d, enum stream_publisher_effect_kind kind)
{
	assert_true(stream_publisher_next(&d->p, &d->e));
	assert_int_equal(d->e.kind, kind);
	stream_publisher_posted(&d->p, &d->e);
}

static void want_nothing(struct desk *d)
{
	assert_false(stream_publisher_next(&d->p, &d->e));
}

static void want_write(struct desk *d, uint64_t id, uint64_t position)
{
	want(d, STREAM_WRITE);
	assert_int_equal(d->e.id, id);
	assert_int_equal(d->e.position, position);
}

static void desk_open(struct desk *d)
{
	stream_publisher_init(&d->p, NAME, d->messages, DEPTH);
	stream_publisher_enter(&d->p, 1, 0, RING);
	want(d, STREAM_READ);
	words(d, 0, 0);
}

static uint64_t submit(struct desk *d, uint32_t slots)
{
	uint64_t id;

	assert_true(stream_publisher_submit(&d->p, slots, 100 + d->p.submitted, &id));
	return id;
}

static void take(struct desk *d, uint64_t id, uint64_t position)
{
	struct stream_publisher_result result;

	assert_true(stream_publisher_take(&d->p, &result));
	assert_int_equal(result.outcome, STREAM_ACKNOWLEDGED);
	assert_int_equal(result.id, id);
	assert_int_equal(result.cookie, 99 + id);
	assert_int_equal(result.position, position);
}

static void take_nothing(struct desk *d)
{
	struct stream_publisher_result result;

	assert_false(stream_publisher_take(&d->p, &result));
}

/* Message @id is drawn alone, at @v, and written. */
static void draw_and_write(struct desk *d, uint64_t id, uint64_t v)
{
	want(d, STREAM_DRAW);
	stream_publisher_on_draw(&d->p, v);
	want_write(d, id, v + 1);
}

static void a_message_takes_one_draw_and_one_write(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 4);
	assert_int_equal(d.e.flags, STREAM_FIRST | STREAM_LAST);
	want(&d, STREAM_READ);
	want_nothing(&d);
	words(&d, 4, 0);
	take_nothing(&d);
	want(&d, STREAM_READ);
	words(&d, 5, 1);
	take(&d, 1, 5);
	take_nothing(&d);
	want_nothing(&d);
}

static void several_messages_are_drawn_at_once(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 2);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	assert_int_equal(d.e.n, 4);
	assert_int_equal(d.e.together, 3);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want_write(&d, 2, 2);
	assert_int_equal(d.e.flags, STREAM_FIRST);
	want_write(&d, 2, 3);
	assert_int_equal(d.e.flags, STREAM_LAST);
	assert_int_equal(d.e.part, 1);
	want_write(&d, 3, 4);
	want(&d, STREAM_READ);
	words(&d, 4, 3);
	take(&d, 1, 1);
	take(&d, 2, 3);
	take(&d, 3, 4);
}

static void draws_go_on_while_others_are_in_flight(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	want_nothing(&d);
	stream_publisher_on_draw(&d.p, 2);
	stream_publisher_on_draw(&d.p, 5);
	want_write(&d, 1, 3);
	want_write(&d, 2, 6);
}

static void the_commit_point_alone_acknowledges_nothing(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 0);
	want(&d, STREAM_READ);
	words(&d, 7, 0);
	take_nothing(&d);
}

static void after_a_void_all_behind_it_are_drawn_again_in_order(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want_write(&d, 2, 2);
	want(&d, STREAM_READ);
	words(&d, 1, 0);
	submit(&d, 1);
	want(&d, STREAM_READ); /* nothing is drawn until position 2 is decided */
	words(&d, 2, 0);
	want(&d, STREAM_DRAW);
	assert_int_equal(d.e.id, 1);
	assert_int_equal(d.e.n, 3);
	stream_publisher_on_draw(&d.p, 2);
	want_write(&d, 1, 3);
	want_write(&d, 2, 4);
	want_write(&d, 3, 5);
}

static void a_void_waits_for_draws_in_flight(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 0);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	want(&d, STREAM_READ);
	words(&d, 1, 0);
	want(&d, STREAM_READ);
	words(&d, 1, 0);
	stream_publisher_on_draw(&d.p, 1);
	want_write(&d, 2, 2); /* a refused slot costs less time than a hole */
	want(&d, STREAM_READ);
	words(&d, 2, 0);
	want(&d, STREAM_DRAW);
	assert_int_equal(d.e.id, 1);
}

static void nothing_is_written_beyond_the_window(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 10);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	for (uint64_t position = 1; position < RING; position++)
		want_write(&d, 1, position);
	submit(&d, 1);
	want(&d, STREAM_READ); /* and nothing is drawn meanwhile */
	want_nothing(&d);
	words(&d, 2, 0);
	want_write(&d, 1, 8);
	want_write(&d, 1, 9);
	want(&d, STREAM_READ);
	words(&d, 9, 0);
	want_write(&d, 1, 10);
	assert_int_equal(d.e.flags, STREAM_LAST);
	want(&d, STREAM_DRAW);
}

static void no_more_than_half_a_ring_is_drawn_at_once(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	for (int i = 0; i < 6; i++)
		submit(&d, 1);
	want(&d, STREAM_DRAW);
	assert_int_equal(d.e.n, RING / 2);
	want(&d, STREAM_DRAW);
	assert_int_equal(d.e.n, 6 - RING / 2);
}

static void after_a_failover_the_entry_decides(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want_write(&d, 2, 2);
	stream_publisher_on_lost(&d.p);
	want_nothing(&d);
	stream_publisher_enter(&d.p, 4, 1, RING);
	want(&d, STREAM_READ);
	want_nothing(&d);
	words(&d, 1, 1);
	take(&d, 1, 1);
	take_nothing(&d);
	draw_and_write(&d, 2, 1);
}

static void a_tail_below_the_base_is_asked_again(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 5);
	stream_publisher_on_lost(&d.p);
	stream_publisher_enter(&d.p, 2, 6, RING);
	want(&d, STREAM_READ);
	words(&d, 5, 0);
	want(&d, STREAM_READ);
	words(&d, 6, 1);
	take(&d, 1, 6);
}

static void over_new_links_positions_in_flight_are_waited_for(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 5);
	stream_publisher_on_lost(&d.p);
	stream_publisher_enter(&d.p, 1, 0, RING);
	want(&d, STREAM_READ);
	words(&d, 5, 0);
	want(&d, STREAM_READ);
	words(&d, 6, 0); /* it never arrived */
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 6);
	want_write(&d, 1, 7);
}

static void a_sealed_counter_ends_the_epoch(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, COUNTER_LIMIT + 3);
	want_nothing(&d);
	assert_int_equal(d.p.phase, STREAM_PUBLISHER_SUSPENDED);
	stream_publisher_enter(&d.p, 2, 3, RING);
	want(&d, STREAM_READ);
	words(&d, 3, 0);
	draw_and_write(&d, 1, 3);
}

static void a_table_that_forgot_ends_the_publisher(void **state)
{
	struct desk d;
	struct stream_publisher_result result;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want(&d, STREAM_WRITE);
	want(&d, STREAM_READ);
	words(&d, 1, 1);
	take(&d, 1, 1);
	stream_publisher_enter(&d.p, 2, 1000, RING);
	want(&d, STREAM_READ);
	words(&d, 1000, 0);
	assert_int_equal(d.p.phase, STREAM_PUBLISHER_LOST);
	assert_true(stream_publisher_take(&d.p, &result));
	assert_int_equal(result.outcome, STREAM_UNKNOWN);
	assert_int_equal(result.id, 2);
	take_nothing(&d);
	want_nothing(&d);
}

static void another_owners_entry_shows_nothing(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	draw_and_write(&d, 1, 0);
	want(&d, STREAM_READ);
	stream_publisher_on_words(
		&d.p, 0, stream_entry_word(stream_publisher_name(2, 1), 1));
	take_nothing(&d);
}

static void a_full_queue_refuses(void **state)
{
	struct desk d;
	uint64_t id;

	(void)state;
	desk_open(&d);
	for (int i = 0; i < DEPTH; i++)
		submit(&d, 1);
	assert_false(stream_publisher_submit(&d.p, 1, 0, &id));
}

/* Its name is said when the stream is asked; until then messages wait. */
static void a_publisher_may_be_named_later(void **state)
{
	struct desk d;

	(void)state;
	stream_publisher_init(&d.p, 0, d.messages, DEPTH);
	submit(&d, 1);
	want_nothing(&d);
	stream_publisher_named(&d.p, NAME);
	stream_publisher_enter(&d.p, 1, 0, RING);
	want(&d, STREAM_READ);
	words(&d, 0, 0);
	draw_and_write(&d, 1, 0);
	words(&d, 1, 1);
	take(&d, 1, 1);
}

static void an_outcome_can_be_seen_before_it_is_taken(void **state)
{
	struct stream_publisher_result result;
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 2);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want_write(&d, 2, 2);
	want_write(&d, 2, 3);
	assert_false(stream_publisher_peek(&d.p, 2, &result));
	words(&d, 3, 2);
	assert_true(stream_publisher_peek(&d.p, 2, &result));
	assert_int_equal(result.outcome, STREAM_ACKNOWLEDGED);
	assert_int_equal(result.position, 3);
	take(&d, 1, 1);
	take(&d, 2, 3);
}

static void what_is_abandoned_is_unknown_behind_what_was_acknowledged(void **state)
{
	struct stream_publisher_result result;
	struct desk d;

	(void)state;
	desk_open(&d);
	submit(&d, 1);
	submit(&d, 1);
	want(&d, STREAM_DRAW);
	stream_publisher_on_draw(&d.p, 0);
	want_write(&d, 1, 1);
	want_write(&d, 2, 2);
	words(&d, 1, 1);
	stream_publisher_abandon(&d.p);
	want_nothing(&d);
	take(&d, 1, 1);
	assert_true(stream_publisher_take(&d.p, &result));
	assert_int_equal(result.id, 2);
	assert_int_equal(result.outcome, STREAM_UNKNOWN);
	take_nothing(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_takes_one_draw_and_one_write),
		cmocka_unit_test(several_messages_are_drawn_at_once),
		cmocka_unit_test(draws_go_on_while_others_are_in_flight),
		cmocka_unit_test(the_commit_point_alone_acknowledges_nothing),
		cmocka_unit_test(after_a_void_all_behind_it_are_drawn_again_in_order),
		cmocka_unit_test(a_void_waits_for_draws_in_flight),
		cmocka_unit_test(nothing_is_written_beyond_the_window),
		cmocka_unit_test(no_more_than_half_a_ring_is_drawn_at_once),
		cmocka_unit_test(after_a_failover_the_entry_decides),
		cmocka_unit_test(a_tail_below_the_base_is_asked_again),
		cmocka_unit_test(over_new_links_positions_in_flight_are_waited_for),
		cmocka_unit_test(a_sealed_counter_ends_the_epoch),
		cmocka_unit_test(a_table_that_forgot_ends_the_publisher),
		cmocka_unit_test(another_owners_entry_shows_nothing),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(a_publisher_may_be_named_later),
		cmocka_unit_test(an_outcome_can_be_seen_before_it_is_taken),
		cmocka_unit_test(
			what_is_abandoned_is_unknown_behind_what_was_acknowledged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
