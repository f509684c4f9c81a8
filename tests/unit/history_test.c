/* The judge of counter histories finds what it is there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/history.h"

#define ENTRIES_MAX 8

/* Each is n, last, invoked, returned. */
#define JUDGE(...)                                \
	judge((const uint64_t[][4]){__VA_ARGS__}, \
		sizeof((const uint64_t[][4]){__VA_ARGS__}) / sizeof(uint64_t[4]))

static struct history_finding judge(const uint64_t (*rows)[4], size_t count)
{
	struct history_entry entries[ENTRIES_MAX];

	assert_true(count <= ENTRIES_MAX);
	for (size_t i = 0; i < count; i++)
		entries[i] = (struct history_entry){.n = rows[i][0],
			.last = rows[i][1],
			.invoked = rows[i][2],
			.returned = rows[i][3]};
	return history_check(entries, count);
}

static void numbers_in_order_are_linearizable(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {2, 3, 5, 20}, {0, 3, 21, 30}).verdict,
		HISTORY_LINEARIZABLE);
}

static void concurrent_additions_may_come_in_any_order(void **state)
{
	(void)state;
	assert_int_equal(
		JUDGE({1, 2, 0, 10}, {1, 1, 5, 20}).verdict, HISTORY_LINEARIZABLE);
}

static void a_number_given_twice_is_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {1, 1, 20, 30}).verdict, HISTORY_DUPLICATE);
}

static void overlapping_blocks_are_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({5, 5, 0, 10}, {3, 7, 20, 30}).verdict, HISTORY_DUPLICATE);
}

static void a_smaller_number_later_is_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 2, 0, 10}, {1, 1, 11, 20}).verdict, HISTORY_DISORDER);
}

static void a_stale_read_is_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {1, 2, 11, 20}, {0, 1, 21, 30}).verdict,
		HISTORY_STALE);
}

static void a_read_of_a_number_from_the_future_is_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({0, 1, 0, 10}, {1, 1, 11, 20}).verdict, HISTORY_STALE);
	assert_int_equal(JUDGE({0, 5, 0, 10}, {1, 1, 11, 20}).verdict, HISTORY_DISORDER);
}

static void reads_that_go_back_are_found(void **state)
{
	(void)state;
	assert_int_equal(
		JUDGE({1, 1, 0, 50}, {1, 2, 0, 50}, {0, 2, 1, 10}, {0, 1, 11, 20})
			.verdict,
		HISTORY_STALE);
}

static void a_read_of_the_inside_of_a_block_is_found(void **state)
{
	struct history_finding found;

	(void)state;
	found = JUDGE({3, 3, 0, 10}, {3, 6, 11, 20}, {0, 5, 12, 19});
	assert_int_equal(found.verdict, HISTORY_TORN);
	assert_int_equal(found.first.last, 5);
	assert_int_equal(found.second.last, 6);
}

static void reads_of_one_value_have_no_order(void **state)
{
	(void)state;
	assert_int_equal(
		JUDGE({1, 1, 0, 50}, {0, 1, 1, 10}, {0, 1, 20, 30}, {0, 1, 2, 40})
			.verdict,
		HISTORY_LINEARIZABLE);
}

static void an_addition_below_what_stood_before_is_found(void **state)
{
	(void)state;
	assert_int_equal(
		JUDGE({7, 7, 0, 0}, {1, 8, 1, 10}).verdict, HISTORY_LINEARIZABLE);
	assert_int_equal(JUDGE({7, 7, 0, 0}, {1, 7, 1, 10}).verdict, HISTORY_DUPLICATE);
}

static void a_counter_that_ends_below_what_it_gave_is_found(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {1, 2, 11, 20}, {0, 1, 99, 99}).verdict,
		HISTORY_STALE);
}

static void gaps_are_counted(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {1, 5, 11, 20}, {2, 9, 21, 30}).gaps, 5);
}

static void what_a_read_showed_and_nobody_took_is_a_gap(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {0, 4, 11, 20}).gaps, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_in_order_are_linearizable),
		cmocka_unit_test(concurrent_additions_may_come_in_any_order),
		cmocka_unit_test(a_number_given_twice_is_found),
		cmocka_unit_test(overlapping_blocks_are_found),
		cmocka_unit_test(a_smaller_number_later_is_found),
		cmocka_unit_test(a_stale_read_is_found),
		cmocka_unit_test(a_read_of_a_number_from_the_future_is_found),
		cmocka_unit_test(reads_that_go_back_are_found),
		cmocka_unit_test(a_read_of_the_inside_of_a_block_is_found),
		cmocka_unit_test(reads_of_one_value_have_no_order),
		cmocka_unit_test(an_addition_below_what_stood_before_is_found),
		cmocka_unit_test(a_counter_that_ends_below_what_it_gave_is_found),
		cmocka_unit_test(gaps_are_counted),
		cmocka_unit_test(what_a_read_showed_and_nobody_took_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
