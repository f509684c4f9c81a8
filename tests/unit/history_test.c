/* The judge of counter histories finds what it is there to find. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/history.h"

#define JUDGE(...)                                              \
	judge((struct history_entry[]){__VA_ARGS__},            \
		sizeof((struct history_entry[]){__VA_ARGS__}) / \
			sizeof(struct history_entry))

static struct history_finding judge(struct history_entry *entries, size_t count)
{
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

static void gaps_are_counted(void **state)
{
	(void)state;
	assert_int_equal(JUDGE({1, 1, 0, 10}, {1, 5, 11, 20}, {2, 9, 21, 30}).gaps, 5);
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
		cmocka_unit_test(gaps_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
