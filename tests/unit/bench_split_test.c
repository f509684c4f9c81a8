/* The parts of a takeover must be those between the moments, and add up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/split.h"

/* Every part has another length. */
static const struct split_moments moments = {.killed_ns = 1000,
	.noticed_ns = 1001,
	.claimed_ns = 1003,
	.sealed_ns = 1007,
	.installed_ns = 1015,
	.activated_ns = 1031,
	.first_ns = 1063,
	.last_ns = 1005};

static struct error err;

static void each_part_is_between_its_moments(void **state)
{
	static const uint64_t wanted[SPLIT_PARTS] = {1, 2, 4, 8, 16, 32, 63, 58};
	uint64_t parts_ns[SPLIT_PARTS];

	(void)state;
	assert_int_equal(split_make(&moments, parts_ns, &err), 0);
	for (int part = 0; part < SPLIT_PARTS; part++)
		assert_int_equal(parts_ns[part], wanted[part]);
}

static void names_are_those_of_the_parts(void **state)
{
	(void)state;
	assert_string_equal(split_name(SPLIT_DETECT), "detect");
	assert_string_equal(split_name(SPLIT_CLIENT), "client");
	assert_string_equal(split_name(SPLIT_TOTAL), "total");
	assert_string_equal(split_name(SPLIT_GAP), "gap");
}

/* Nobody was confirmed after the kill: then the gap is the longer one. */
static void the_gap_may_begin_before_the_kill(void **state)
{
	struct split_moments early = moments;
	uint64_t parts_ns[SPLIT_PARTS];

	(void)state;
	early.last_ns = 990;
	assert_int_equal(split_make(&early, parts_ns, &err), 0);
	assert_int_equal(parts_ns[SPLIT_GAP], 73);
	assert_int_equal(parts_ns[SPLIT_TOTAL], 63);
}

static void refused(const struct split_moments *wrong, const char *part)
{
	uint64_t parts_ns[SPLIT_PARTS];

	assert_int_equal(split_make(wrong, parts_ns, &err), -ERANGE);
	assert_non_null(strstr(err.text, part));
}

static void a_change_that_began_before_the_kill_is_refused(void **state)
{
	struct split_moments wrong = moments;

	(void)state;
	wrong.noticed_ns = 999;
	refused(&wrong, "its detect ends 1 ns before it begins");
}

static void a_step_that_is_missing_is_refused(void **state)
{
	struct split_moments wrong = moments;

	(void)state;
	wrong.installed_ns = 0;
	refused(&wrong, "its install ends 1007 ns before it begins");
}

static void a_number_before_the_epoch_was_active_is_refused(void **state)
{
	struct split_moments wrong = moments;

	(void)state;
	wrong.first_ns = 1030;
	refused(&wrong, "its client ends 1 ns before it begins");
}

static void a_former_number_after_the_first_is_refused(void **state)
{
	struct split_moments wrong = moments;

	(void)state;
	wrong.last_ns = 1064;
	refused(&wrong, "its gap ends 1 ns before it begins");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_part_is_between_its_moments),
		cmocka_unit_test(names_are_those_of_the_parts),
		cmocka_unit_test(the_gap_may_begin_before_the_kill),
		cmocka_unit_test(a_change_that_began_before_the_kill_is_refused),
		cmocka_unit_test(a_step_that_is_missing_is_refused),
		cmocka_unit_test(a_number_before_the_epoch_was_active_is_refused),
		cmocka_unit_test(a_former_number_after_the_first_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
