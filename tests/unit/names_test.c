/* Which names a cluster and a counter may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

static void cluster_names_of_plain_characters_are_fine(void **state)
{
	const char *good[] = {"a", "A.b_c-9", "_", "9", "x.", "x-",
		"123456789012345678901234567890123456789012345678901234567890123"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(names_cluster_valid(good[i]));
}

static void cluster_names_that_lead_elsewhere_are_not(void **state)
{
	const char *bad[] = {"", ".", "..", ".hidden", "-option", "a/b", "a b", "a\n",
		"\x80", "a;",
		"1234567890123456789012345678901234567890123456789012345678901234"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(names_cluster_valid(bad[i]));
}

static void every_other_byte_is_no_part_of_a_cluster_name(void **state)
{
	const char *allowed =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	(void)state;
	for (int c = 1; c < 256; c++) {
		char name[] = {'a', (char)c, '\0'};

		assert_int_equal(names_cluster_valid(name), strchr(allowed, c) != NULL);
	}
}

static void counter_names_are_printable_ascii(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		char name = (char)c;

		assert_int_equal(names_counter_valid(&name, 1), c >= 0x20 && c <= 0x7e);
	}
}

static void counter_names_have_1_to_63_bytes(void **state)
{
	char name[COUNTER_NAME_MAX + 1];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_false(names_counter_valid(name, 0));
	assert_true(names_counter_valid(name, 1));
	assert_true(names_counter_valid(name, COUNTER_NAME_MAX));
	assert_false(names_counter_valid(name, COUNTER_NAME_MAX + 1));
	name[COUNTER_NAME_MAX - 1] = '\0';
	assert_false(names_counter_valid(name, COUNTER_NAME_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cluster_names_of_plain_characters_are_fine),
		cmocka_unit_test(cluster_names_that_lead_elsewhere_are_not),
		cmocka_unit_test(every_other_byte_is_no_part_of_a_cluster_name),
		cmocka_unit_test(counter_names_are_printable_ascii),
		cmocka_unit_test(counter_names_have_1_to_63_bytes),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
