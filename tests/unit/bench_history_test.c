/* The checker that every benchmark trusts must see each way in which a history is wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/history.h"

#define PROCESSES 2
#define EACH_MAX 8

/* One process's turn, as lists that end with 0. */
struct draws {
	uint64_t values[EACH_MAX];
	uint64_t begins_ns[EACH_MAX];
	uint64_t ends_ns[EACH_MAX];
};

#define DREW(...)                         \
	{                                 \
		.values = { __VA_ARGS__ } \
	}
#define DREW_NOTHING            \
	{                       \
		.values = { 0 } \
	}

static struct history history;
static struct error err;

static void begin(uint64_t n, uint64_t last)
{
	assert_int_equal(history_init(&history, "test", n, last, 16, 8), 0);
}

static int end(void **state)
{
	(void)state;
	history_destroy(&history);
	return 0;
}

static int feed(const struct draws *draws)
{
	struct history_part parts[PROCESSES];

	for (int p = 0; p < PROCESSES; p++) {
		uint64_t count = 0;

		while (count < EACH_MAX && draws[p].values[count])
			count++;
		parts[p] = (struct history_part){draws[p].values, NULL, NULL, count};
		if (draws[0].ends_ns[0]) {
			parts[p].begins_ns = draws[p].begins_ns;
			parts[p].ends_ns = draws[p].ends_ns;
		}
	}
	return history_check(&history, parts, PROCESSES, &err);
}

static void refused(const struct draws *draws, const char *why)
{
	assert_int_equal(feed(draws), -EILSEQ);
	assert_non_null(strstr(err.text, "history is wrong"));
	assert_non_null(strstr(err.text, why));
}

static void turn_after_turn_is_accepted(void **state)
{
	(void)state;
	begin(1, 100);
	assert_int_equal(feed((struct draws[2]){DREW(101, 104, 105), DREW(102, 103)}), 0);
	assert_int_equal(feed((struct draws[2]){DREW_NOTHING, DREW(106, 107)}), 0);
	assert_int_equal(feed((struct draws[2]){DREW(108), DREW(109)}), 0);
	assert_int_equal(history.last, 109);
	assert_int_equal(history.additions, 9);
	assert_int_equal(history.timed, 0);
}

static void blocks_are_accepted(void **state)
{
	(void)state;
	begin(3, 0);
	assert_int_equal(feed((struct draws[2]){DREW(3, 12), DREW(6, 9)}), 0);
	assert_int_equal(feed((struct draws[2]){DREW(15), DREW_NOTHING}), 0);
	assert_int_equal(history.last, 15);
}

/* The bare fetch-add returns the word before, which begins at 0. */
static void a_word_that_begins_at_zero_is_accepted(void **state)
{
	const uint64_t values[] = {0, 5, 10};
	struct history_part part = {values, NULL, NULL, 3};

	(void)state;
	begin(5, 0 - UINT64_C(5));
	assert_int_equal(history_check(&history, &part, 1, &err), 0);
	assert_int_equal(history.last, 10);
}

static void a_number_drawn_twice_by_one_process_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused((struct draws[2]){DREW(1, 2, 2), DREW(3)}, "2 was handed out twice");
}

static void a_number_drawn_by_two_processes_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused((struct draws[2]){DREW(1, 2), DREW(2, 3)}, "2 was handed out twice");
}

static void a_number_of_an_earlier_turn_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	assert_int_equal(feed((struct draws[2]){DREW(1, 2), DREW(3)}), 0);
	refused((struct draws[2]){DREW(3, 4), DREW_NOTHING}, "3 was handed out twice");
}

static void a_gap_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused((struct draws[2]){DREW(1, 2), DREW(4)}, "numbers are missing");
}

static void a_gap_before_the_turn_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	assert_int_equal(feed((struct draws[2]){DREW(1), DREW(2)}), 0);
	refused((struct draws[2]){DREW(4), DREW(5)}, "numbers are missing");
}

static void a_block_that_cuts_into_another_is_seen(void **state)
{
	(void)state;
	begin(3, 0);
	refused((struct draws[2]){DREW(3, 8), DREW(9)}, "numbers are missing");
}

static void a_process_that_goes_back_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused((struct draws[2]){DREW(1, 3, 2), DREW(4)}, "process 0 drew 2 after 3");
}

static void additions_at_the_same_time_may_have_any_order(void **state)
{
	(void)state;
	begin(1, 0);
	assert_int_equal(
		feed((struct draws[2]){
			{.values = {2, 3}, .begins_ns = {10, 30}, .ends_ns = {20, 40}},
			{.values = {1, 4}, .begins_ns = {20, 35}, .ends_ns = {30, 50}}}),
		0);
	assert_int_equal(history.timed, 4);
}

static void a_smaller_number_after_a_larger_one_ended_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused((struct draws[2]){{.values = {2}, .begins_ns = {10}, .ends_ns = {20}},
			{.values = {1}, .begins_ns = {21}, .ends_ns = {30}}},
		"2 had been handed out 1 ns before the addition that got 1 began");
}

static void what_clocks_can_not_tell_apart_is_not_held_against_it(void **state)
{
	(void)state;
	begin(1, 0);
	history.clock_ns = 10;
	assert_int_equal(feed((struct draws[2]){
				 {.values = {2}, .begins_ns = {10}, .ends_ns = {20}},
				 {.values = {1}, .begins_ns = {30}, .ends_ns = {40}}}),
		0);
	refused((struct draws[2]){{.values = {4}, .begins_ns = {10}, .ends_ns = {20}},
			{.values = {3}, .begins_ns = {31}, .ends_ns = {40}}},
		"4 had been handed out 11 ns before the addition that got 3 began");
}

/* Nothing is wrong between neighbours: 4 was early for 1 only, and the others overlap. */
static void a_wrong_order_of_distant_numbers_is_seen(void **state)
{
	(void)state;
	begin(1, 0);
	refused(
		(struct draws[2]){
			{.values = {1, 3}, .begins_ns = {50, 40}, .ends_ns = {60, 70}},
			{.values = {2, 4}, .begins_ns = {5, 30}, .ends_ns = {55, 45}}},
		"4 had been handed out 5 ns before the addition that got 1 began");
}

static void times_of_blocks_are_checked_too(void **state)
{
	(void)state;
	begin(4, 8);
	refused((struct draws[2]){{.values = {16}, .begins_ns = {10}, .ends_ns = {20}},
			{.values = {12}, .begins_ns = {25}, .ends_ns = {30}}},
		"16 had been handed out 5 ns before the addition that got 12 began");
}

static void a_turn_longer_than_agreed_is_refused(void **state)
{
	const uint64_t values[17] = {1};
	struct history_part untimed = {values, NULL, NULL, 17};
	struct history_part timed = {values, values, values, 9};

	(void)state;
	begin(1, 0);
	assert_int_equal(history_check(&history, &untimed, 1, &err), -ENOBUFS);
	assert_int_equal(history_check(&history, &timed, 1, &err), -ENOBUFS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(turn_after_turn_is_accepted, end),
		cmocka_unit_test_teardown(blocks_are_accepted, end),
		cmocka_unit_test_teardown(a_word_that_begins_at_zero_is_accepted, end),
		cmocka_unit_test_teardown(
			a_number_drawn_twice_by_one_process_is_seen, end),
		cmocka_unit_test_teardown(a_number_drawn_by_two_processes_is_seen, end),
		cmocka_unit_test_teardown(a_number_of_an_earlier_turn_is_seen, end),
		cmocka_unit_test_teardown(a_gap_is_seen, end),
		cmocka_unit_test_teardown(a_gap_before_the_turn_is_seen, end),
		cmocka_unit_test_teardown(a_block_that_cuts_into_another_is_seen, end),
		cmocka_unit_test_teardown(a_process_that_goes_back_is_seen, end),
		cmocka_unit_test_teardown(
			additions_at_the_same_time_may_have_any_order, end),
		cmocka_unit_test_teardown(
			a_smaller_number_after_a_larger_one_ended_is_seen, end),
		cmocka_unit_test_teardown(
			what_clocks_can_not_tell_apart_is_not_held_against_it, end),
		cmocka_unit_test_teardown(a_wrong_order_of_distant_numbers_is_seen, end),
		cmocka_unit_test_teardown(times_of_blocks_are_checked_too, end),
		cmocka_unit_test_teardown(a_turn_longer_than_agreed_is_refused, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
