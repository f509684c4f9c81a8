/* Rows of publishers: who gets which, and under what name. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/daemon/rows.h"

#define ROWS 3
#define EPOCH 5

static struct rows rows;
static struct stream_entry entries[ROWS]; /* what the table shows */
static uint64_t now_ns;

static struct stream_entry entry_of(void *context, uint32_t row)
{
	(void)context;
	assert_in_range(row, 0, ROWS - 1);
	return entries[row];
}

static int set_up(void **state)
{
	(void)state;
	memset(entries, 0, sizeof(entries));
	now_ns = 1;
	if (rows_init(&rows, ROWS))
		return -1;
	rows_begin(&rows, EPOCH, false, now_ns);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rows_destroy(&rows);
	return 0;
}

static int take(uint64_t token, uint64_t publisher, uint64_t *publisher_p)
{
	struct rows_ask ask = {.token = token,
		.publisher = publisher,
		.now_ns = now_ns,
		.entry = entry_of};

	return rows_take(&rows, &ask, publisher_p);
}

static uint64_t taken(uint64_t token)
{
	uint64_t publisher = 0;

	assert_int_equal(take(token, 0, &publisher), 0);
	assert_int_not_equal(publisher, 0);
	return publisher;
}

static uint64_t kept(uint64_t token, uint64_t publisher)
{
	uint64_t name = 1;

	assert_int_equal(take(token, publisher, &name), 0);
	return name;
}

/* It has published: the table shows it. */
static void published(uint64_t publisher, uint64_t id)
{
	entries[stream_publisher_row(publisher)] = (struct stream_entry){
		.publisher = publisher, .id = id};
}

static uint64_t name_of_epoch(uint64_t epoch, uint64_t sequence, uint32_t row)
{
	return stream_publisher_name(epoch << ROWS_SEQUENCE_BITS | sequence, row);
}

static void everybody_has_a_row_of_their_own(void **state)
{
	uint64_t a = taken(1), b = taken(2), c = taken(3), none = 0;

	(void)state;
	assert_int_not_equal(stream_publisher_row(a), stream_publisher_row(b));
	assert_int_not_equal(stream_publisher_row(b), stream_publisher_row(c));
	assert_int_not_equal(stream_publisher_row(a), stream_publisher_row(c));
	assert_int_equal(rows.held, 3);
	assert_int_equal(take(4, 0, &none), -EUSERS);
	assert_int_equal(rows.held, 3);
}

static void a_row_is_free_when_its_session_ends(void **state)
{
	uint64_t a = taken(1), b = taken(2), again;

	(void)state;
	(void)taken(3);
	rows_release(&rows, 2);
	rows_release(&rows, 77); /* it had none */
	assert_int_equal(rows.held, 2);
	again = taken(4);
	assert_int_equal(stream_publisher_row(again), stream_publisher_row(b));
	assert_true(
		stream_publisher_incarnation(again) > stream_publisher_incarnation(b));
	assert_int_equal(kept(1, a), a);
}

static void fresh_rows_go_before_used_ones(void **state)
{
	uint64_t a = taken(1), b;

	(void)state;
	rows_release(&rows, 1);
	b = taken(2);
	assert_int_not_equal(stream_publisher_row(a), stream_publisher_row(b));
}

static void the_row_that_was_given_first_goes_before_the_others(void **state)
{
	uint32_t row;

	(void)state;
	published(name_of_epoch(2, 1, 0), 9);
	published(name_of_epoch(1, 7, 1), 9);
	published(name_of_epoch(3, 0, 2), 9);
	now_ns += ROWS_GRACE_NS;
	row = stream_publisher_row(taken(1));
	assert_int_equal(row, 1);
	row = stream_publisher_row(taken(2));
	assert_int_equal(row, 0);
}

static void a_name_is_kept_until_another_has_its_row(void **state)
{
	uint64_t a = taken(1), later;

	(void)state;
	published(a, 3);
	assert_int_equal(kept(9, a), a); /* it joined again, under another token */
	later = stream_publisher_name(
		stream_publisher_incarnation(a) + 1, stream_publisher_row(a));
	published(later, 1);
	assert_int_equal(kept(9, a), 0);
}

static void a_name_is_lost_although_its_successor_has_not_published(void **state)
{
	uint64_t a = taken(1), b;

	(void)state;
	(void)taken(2);
	(void)taken(3);
	published(a, 3);
	rows_release(&rows, 1);
	b = taken(4);
	assert_int_equal(stream_publisher_row(a), stream_publisher_row(b));
	assert_int_equal(kept(1, a), 0);
	assert_int_equal(kept(4, b), b);
}

static void nobody_comes_with_a_name_of_the_future(void **state)
{
	(void)state;
	assert_int_equal(kept(1, name_of_epoch(EPOCH + 1, 0, 0)), 0);
	assert_int_equal(kept(1, name_of_epoch(EPOCH, 0, ROWS)), 0);
	assert_int_equal(rows.held, 0);
}

/* An entry shows 12 bits of the incarnation only. */
static void neighbours_in_a_row_differ_in_what_an_entry_shows(void **state)
{
	uint64_t a;

	(void)state;
	published(name_of_epoch(EPOCH - 1, 0, 0), 1);
	published(name_of_epoch(EPOCH - 1, 0, 1), 1);
	published(name_of_epoch(EPOCH - 1, 0, 2), 1);
	a = taken(1);
	assert_int_equal(
		stream_entry_id(stream_entry_word(entries[0].publisher, 1), a), 0);
	assert_int_equal(stream_publisher_incarnation(a) >> ROWS_SEQUENCE_BITS, EPOCH);
}

static void a_lost_answer_is_given_again(void **state)
{
	uint64_t a = taken(1);

	(void)state;
	assert_int_equal(taken(1), a);
	published(a, 1); /* it got it after all: its ids are used */
	assert_int_not_equal(taken(1), a);
	assert_int_equal(rows.held, 1);
}

static void a_new_head_gives_silent_publishers_time(void **state)
{
	uint64_t a = name_of_epoch(EPOCH, 0, 0), b = name_of_epoch(EPOCH, 0, 1), c;

	(void)state;
	published(a, 1);
	published(b, 1);
	rows_begin(&rows, EPOCH + 1, false, now_ns);
	assert_int_equal(stream_publisher_row(taken(1)), 2); /* nobody ever had it */
	assert_int_equal(kept(2, b), b);
	rows_release(&rows, 2); /* it spoke, and is gone */
	c = taken(3);
	assert_int_equal(stream_publisher_row(c), 1);
	(void)taken(4); /* there are no more: it can not be helped */
	assert_int_equal(kept(5, a), 0);
}

static void a_head_that_stays_knows_its_rows(void **state)
{
	uint64_t a = taken(1);

	(void)state;
	rows_begin(&rows, EPOCH + 1, true, now_ns);
	assert_int_equal(rows.held, 1);
	assert_int_equal(kept(1, a), a);
	assert_int_equal(stream_publisher_incarnation(taken(2)),
		(EPOCH + 1) << ROWS_SEQUENCE_BITS);
}

static void a_row_whose_names_are_used_up_is_not_given(void **state)
{
	uint64_t last = (1u << ROWS_SEQUENCE_BITS) - 1, none = 0;

	(void)state;
	for (uint32_t row = 0; row < ROWS; row++)
		published(name_of_epoch(EPOCH, last, row), 1);
	now_ns += ROWS_GRACE_NS;
	assert_int_equal(take(1, 0, &none), -EUSERS);
	rows_begin(&rows, EPOCH + 1, true, now_ns);
	(void)taken(1);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(everybody_has_a_row_of_their_own),
		STORY(a_row_is_free_when_its_session_ends),
		STORY(fresh_rows_go_before_used_ones),
		STORY(the_row_that_was_given_first_goes_before_the_others),
		STORY(a_name_is_kept_until_another_has_its_row),
		STORY(a_name_is_lost_although_its_successor_has_not_published),
		STORY(nobody_comes_with_a_name_of_the_future),
		STORY(neighbours_in_a_row_differ_in_what_an_entry_shows),
		STORY(a_lost_answer_is_given_again),
		STORY(a_new_head_gives_silent_publishers_time),
		STORY(a_head_that_stays_knows_its_rows),
		STORY(a_row_whose_names_are_used_up_is_not_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
