/* What a backup reports, and rows that change hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/marks.h"

#define COUNTERS 2
#define ROWS 3

struct fixture {
	struct region_layout layout;
	char *region;
};

static struct fixture fixture_open(void)
{
	struct fixture f;

	assert_true(region_layout_make(COUNTERS, ROWS, &f.layout));
	f.region = aligned_alloc(REGION_LINE, f.layout.len);
	assert_non_null(f.region);
	memset(f.region, 0, f.layout.len);
	return f;
}

static uint64_t *floor_of(struct fixture *f, uint32_t counter)
{
	return (uint64_t *)(void *)(f->region + region_floor_offset(&f->layout, counter));
}

static uint64_t *mark_of(struct fixture *f, uint32_t row, uint32_t counter)
{
	return (uint64_t *)(void *)(f->region +
				    region_mark_offset(&f->layout, row, counter));
}

static void the_largest_mark_of_each_counter_is_reported(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	*mark_of(&f, 0, 0) = 5;
	*mark_of(&f, 2, 0) = 9;
	*mark_of(&f, 1, 1) = 7;
	assert_int_equal(marks_report(f.region, &f.layout, 0), 9);
	assert_int_equal(marks_report(f.region, &f.layout, 1), 7);
	free(f.region);
}

static void a_counter_that_nobody_marked_is_at_its_floor(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	*floor_of(&f, 1) = 40;
	*mark_of(&f, 0, 1) = 30;
	assert_int_equal(marks_report(f.region, &f.layout, 1), 40);
	assert_int_equal(marks_report(f.region, &f.layout, 0), 0);
	free(f.region);
}

static void a_folded_row_is_empty_and_still_counts(void **state)
{
	struct fixture f = fixture_open();

	(void)state;
	*floor_of(&f, 0) = 3;
	*floor_of(&f, 1) = 50;
	*mark_of(&f, 1, 0) = 8;
	*mark_of(&f, 1, 1) = 20;
	*mark_of(&f, 2, 0) = 6;
	marks_row_fold(f.region, &f.layout, 1);
	assert_int_equal(*mark_of(&f, 1, 0), 0);
	assert_int_equal(*mark_of(&f, 2, 0), 6);
	assert_int_equal(*floor_of(&f, 0), 8);
	assert_int_equal(*floor_of(&f, 1), 50);
	assert_int_equal(marks_report(f.region, &f.layout, 0), 8);
	free(f.region);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_largest_mark_of_each_counter_is_reported),
		cmocka_unit_test(a_counter_that_nobody_marked_is_at_its_floor),
		cmocka_unit_test(a_folded_row_is_empty_and_still_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
