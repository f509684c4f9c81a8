#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/histogram.h"
#include "bench/result.h"

static struct histogram h;

static int begin_empty(void **state)
{
	(void)state;
	histogram_clear(&h);
	return 0;
}

static void an_empty_histogram_has_only_zeros(void **state)
{
	(void)state;
	assert_int_equal(histogram_quantile(&h, 500), 0);
	assert_int_equal(histogram_quantile(&h, 1000), 0);
	assert_int_equal(h.max, 0);
}

static void small_values_are_exact(void **state)
{
	(void)state;
	for (uint64_t v = 1; v <= 200; v++)
		histogram_add(&h, v);
	assert_int_equal(histogram_quantile(&h, 1), 1);
	assert_int_equal(histogram_quantile(&h, 5), 1);
	assert_int_equal(histogram_quantile(&h, 6), 2);
	assert_int_equal(histogram_quantile(&h, 500), 100);
	assert_int_equal(histogram_quantile(&h, 990), 198);
	assert_int_equal(histogram_quantile(&h, 999), 200);
	assert_int_equal(histogram_quantile(&h, 1000), 200);
}

static void one_slow_value_in_a_thousand_shows_at_the_end_only(void **state)
{
	(void)state;
	for (int i = 0; i < 999; i++)
		histogram_add(&h, 10);
	histogram_add(&h, 123456789);
	assert_int_equal(histogram_quantile(&h, 999), 10);
	assert_int_equal(histogram_quantile(&h, 1000), 123456789);
	assert_int_equal(h.max, 123456789);
}

/* Of three values the middle one, whose bucket must end close above it. */
static void check_width(uint64_t value)
{
	uint64_t found;

	histogram_clear(&h);
	histogram_add(&h, 0);
	histogram_add(&h, value);
	histogram_add(&h, UINT64_MAX);
	found = histogram_quantile(&h, 500);
	assert_true(found >= value);
	assert_true(found - value <= value / 256);
}

static void every_size_is_kept_to_one_part_in_256(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		uint64_t power = UINT64_C(1) << bit;

		check_width(power - 1);
		check_width(power);
		check_width(power + power / 3);
	}
	check_width(UINT64_MAX);
}

static void buckets_keep_the_order_of_values(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (uint64_t v = 1; v < UINT64_MAX / 3; v += v / 100 + 1) {
		uint64_t found;

		histogram_clear(&h);
		histogram_add(&h, v);
		histogram_add(&h, UINT64_MAX);
		found = histogram_quantile(&h, 500);
		assert_true(found >= before);
		before = found;
	}
}

static void a_value_counts_as_often_as_it_is_said(void **state)
{
	(void)state;
	histogram_clear(&h);
	histogram_add_times(&h, 7, 3);
	histogram_add_times(&h, 9, 0);
	histogram_add_times(&h, 8, 1);
	assert_int_equal(h.count, 4);
	assert_int_equal(h.max, 8);
	assert_int_equal(histogram_quantile(&h, 750), 7);
	assert_int_equal(histogram_quantile(&h, 1000), 8);
}

static void two_histograms_merge_into_one(void **state)
{
	static struct histogram other;

	(void)state;
	histogram_clear(&other);
	for (uint64_t v = 1; v <= 100; v++)
		histogram_add(v % 2 ? &h : &other, v);
	histogram_merge(&h, &other);
	assert_int_equal(h.count, 100);
	assert_int_equal(h.max, 100);
	assert_int_equal(histogram_quantile(&h, 500), 50);
	assert_int_equal(histogram_quantile(&h, 990), 99);
	histogram_clear(&other);
	histogram_merge(&other, &h);
	assert_int_equal(histogram_quantile(&other, 1000), 100);
}

static void a_series_tells_its_middle_and_its_ends(void **state)
{
	struct result result = {0};
	struct series *series = &result.rate_ratios;

	(void)state;
	assert_true(series_spread(series).max == 0);
	for (int i = 100; i >= 1; i--)
		assert_int_equal(series_add(series, i), 0);
	assert_true(series_spread(series).min == 1);
	assert_true(series_spread(series).median == 50.5);
	assert_true(series_spread(series).max == 100);
	assert_int_equal(series_add(series, 1000), 0);
	assert_true(series_spread(series).median == 51);
	result_destroy(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_histogram_has_only_zeros, begin_empty),
		cmocka_unit_test_setup(small_values_are_exact, begin_empty),
		cmocka_unit_test_setup(
			one_slow_value_in_a_thousand_shows_at_the_end_only, begin_empty),
		cmocka_unit_test_setup(
			every_size_is_kept_to_one_part_in_256, begin_empty),
		cmocka_unit_test_setup(buckets_keep_the_order_of_values, begin_empty),
		cmocka_unit_test_setup(
			a_value_counts_as_often_as_it_is_said, begin_empty),
		cmocka_unit_test_setup(two_histograms_merge_into_one, begin_empty),
		cmocka_unit_test(a_series_tells_its_middle_and_its_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
