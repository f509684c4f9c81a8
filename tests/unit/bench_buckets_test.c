/* Slices of time, and the quantiles of what is in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bench/buckets.h"

static struct buckets buckets;

/* Three slices: 100 to 109, 110 to 119, 120 to 129. */
static int begin(void **state)
{
	(void)state;
	return buckets_init(&buckets, 100, 10, 3);
}

static int end(void **state)
{
	(void)state;
	buckets_destroy(&buckets);
	return 0;
}

static void add(uint64_t begin_ns, uint64_t end_ns)
{
	struct history_part part = {
		.begins_ns = &begin_ns, .ends_ns = &end_ns, .count = 1};

	assert_int_equal(buckets_add(&buckets, &part), 0);
}

static void counts_are(uint64_t first, uint64_t second, uint64_t third)
{
	assert_int_equal(buckets.latencies_ns[0].count, first);
	assert_int_equal(buckets.latencies_ns[1].count, second);
	assert_int_equal(buckets.latencies_ns[2].count, third);
}

static void a_number_is_where_it_ended(void **state)
{
	(void)state;
	add(95, 100);
	add(101, 109);
	add(109, 110);
	add(100, 129);
	counts_are(2, 1, 1);
	assert_true(series_spread(&buckets.latencies_ns[2]).max == 29);
}

static void what_is_outside_is_left_out(void **state)
{
	(void)state;
	add(90, 99);
	add(100, 130);
	add(0, 1);
	add(UINT64_MAX - 1, UINT64_MAX);
	counts_are(0, 0, 0);
}

static void processes_add_up(void **state)
{
	const uint64_t begins[] = {100, 104, 112}, ends[] = {104, 112, 113};
	struct history_part part = {.begins_ns = begins, .ends_ns = ends, .count = 3};

	(void)state;
	assert_int_equal(buckets_add(&buckets, &part), 0);
	assert_int_equal(buckets_add(&buckets, &part), 0);
	counts_are(2, 4, 0);
	assert_true(series_spread(&buckets.latencies_ns[1]).median == 4.5);
}

static void quantile_is(uint64_t count, unsigned int permille, double wanted)
{
	struct series series = {0};

	for (uint64_t i = count; i > 0; i--)
		assert_int_equal(series_add(&series, (double)i), 0);
	assert_true(series_quantile(&series, permille) == wanted);
	free(series.values);
}

static void a_quantile_is_the_least_that_is_not_exceeded(void **state)
{
	(void)state;
	quantile_is(0, 900, 0);
	quantile_is(1, 900, 1);
	quantile_is(10, 900, 9);
	quantile_is(11, 900, 10);
	quantile_is(20, 900, 18);
	quantile_is(10, 1000, 10);
	quantile_is(10, 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_number_is_where_it_ended, begin, end),
		cmocka_unit_test_setup_teardown(what_is_outside_is_left_out, begin, end),
		cmocka_unit_test_setup_teardown(processes_add_up, begin, end),
		cmocka_unit_test(a_quantile_is_the_least_that_is_not_exceeded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
