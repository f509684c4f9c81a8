/* The region's layout, and what is said of bytes that somebody else left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/region.h"

#define COUNTERS 5
#define SESSIONS 3

struct bytes {
	struct region_layout layout;
	char *at;
};

static struct bytes region_bytes(void)
{
	struct region_header header = {
		.replica = 1, .instance = 2, .incarnation = 3, .epoch = 4};
	struct bytes b;

	assert_true(region_layout_make(COUNTERS, SESSIONS, &b.layout));
	b.at = aligned_alloc(64, b.layout.len);
	assert_non_null(b.at);
	memset(b.at, 0, b.layout.len);
	region_header_seal(&header, &b.layout);
	memcpy(b.at, &header, sizeof(header));
	return b;
}

static enum region_fault judge(const struct bytes *b, uint64_t len)
{
	struct region_header header;
	struct region_layout layout;

	return region_check(b->at, len, &header, &layout);
}

static struct region_entry *entry(const struct bytes *b, uint32_t counter)
{
	return (struct region_entry *)(void *)(b->at +
					       region_entry_offset(&b->layout, counter));
}

static void sections_do_not_overlap(void **state)
{
	struct region_layout l;

	(void)state;
	assert_true(region_layout_make(COUNTERS, SESSIONS, &l));
	assert_true(region_counter_offset(COUNTERS - 1) + 64 <= l.floors);
	assert_true(region_floor_offset(&l, COUNTERS - 1) + 8 <= l.ceilings);
	assert_true(region_ceiling_offset(&l, COUNTERS - 1) + 8 <= l.histories);
	assert_true(l.history_len >= (2 + COUNTERS) * 8);
	assert_true(region_history_offset(&l, REGION_HISTORY) <= l.directory);
	assert_true(region_entry_offset(&l, COUNTERS - 1) + 128 <= l.rows);
	assert_true(region_mark_offset(&l, 0, COUNTERS - 1) + 8 <=
		    region_mark_offset(&l, 1, 0));
	assert_true(region_mark_offset(&l, SESSIONS - 1, COUNTERS - 1) + 8 <= l.len);
}

static void every_counter_has_a_line_of_its_own(void **state)
{
	(void)state;
	assert_int_equal(region_counter_offset(0) % REGION_LINE, 0);
	assert_int_equal(
		region_counter_offset(1) - region_counter_offset(0), REGION_LINE);
}

static void limits_out_of_range_have_no_layout(void **state)
{
	struct region_layout l;

	(void)state;
	assert_false(region_layout_make(0, 1, &l));
	assert_false(region_layout_make(1, 0, &l));
	assert_false(region_layout_make(COUNTERS_MAX + 1, 1, &l));
	assert_false(region_layout_make(1, SESSIONS_MAX + 1, &l));
	assert_true(region_layout_make(COUNTERS_MAX, SESSIONS_MAX, &l));
}

static void a_whole_region_is_sound(void **state)
{
	struct bytes b = region_bytes();

	(void)state;
	region_entry_write(entry(&b, 0), "orders", 6);
	assert_int_equal(judge(&b, b.layout.len), REGION_SOUND);
	free(b.at);
}

static void a_truncated_region_is_refused(void **state)
{
	struct bytes b = region_bytes();

	(void)state;
	assert_int_equal(judge(&b, b.layout.len - 1), REGION_WRONG_LENGTH);
	assert_int_equal(judge(&b, 0), REGION_WRONG_LENGTH);
	assert_int_equal(judge(&b, 64), REGION_WRONG_LENGTH);
	free(b.at);
}

static void a_region_of_another_version_is_refused(void **state)
{
	struct bytes b = region_bytes();
	uint32_t version = REGION_VERSION + 1;

	(void)state;
	memcpy(b.at + offsetof(struct region_header, version), &version, sizeof(version));
	assert_int_equal(judge(&b, b.layout.len), REGION_OTHER_VERSION);
	free(b.at);
}

static void other_bytes_are_no_region(void **state)
{
	struct bytes b = region_bytes();

	(void)state;
	memset(b.at, 'x', 8);
	assert_int_equal(judge(&b, b.layout.len), REGION_NOT_A_REGION);
	free(b.at);
}

static void every_flipped_bit_of_the_header_is_seen(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof(struct region_header); bit++) {
		struct bytes b = region_bytes();

		b.at[bit / 8] = (char)(b.at[bit / 8] ^ (1 << bit % 8));
		assert_int_not_equal(judge(&b, b.layout.len), REGION_SOUND);
		free(b.at);
	}
}

static void a_damaged_name_is_refused(void **state)
{
	struct bytes b = region_bytes();

	(void)state;
	region_entry_write(entry(&b, 0), "orders", 6);
	entry(&b, 0)->name[2] = 'X';
	assert_int_equal(judge(&b, b.layout.len), REGION_DAMAGED_DIRECTORY);
	free(b.at);
}

static void a_name_that_is_too_long_is_refused(void **state)
{
	struct bytes b = region_bytes();

	(void)state;
	region_entry_write(entry(&b, 0), "orders", 6);
	entry(&b, 0)->name_len = 64;
	assert_int_equal(judge(&b, b.layout.len), REGION_DAMAGED_DIRECTORY);
	entry(&b, 0)->name_len = 0;
	assert_int_equal(judge(&b, b.layout.len), REGION_DAMAGED_DIRECTORY);
	free(b.at);
}

static void sealed_and_open_are_different_for_every_epoch(void **state)
{
	(void)state;
	for (uint64_t epoch = 1; epoch < 100; epoch++) {
		assert_int_not_equal(
			region_state_open(epoch), region_state_sealed(epoch));
		assert_int_not_equal(
			region_state_sealed(epoch), region_state_open(epoch + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sections_do_not_overlap),
		cmocka_unit_test(every_counter_has_a_line_of_its_own),
		cmocka_unit_test(limits_out_of_range_have_no_layout),
		cmocka_unit_test(a_whole_region_is_sound),
		cmocka_unit_test(a_truncated_region_is_refused),
		cmocka_unit_test(a_region_of_another_version_is_refused),
		cmocka_unit_test(other_bytes_are_no_region),
		cmocka_unit_test(every_flipped_bit_of_the_header_is_seen),
		cmocka_unit_test(a_damaged_name_is_refused),
		cmocka_unit_test(a_name_that_is_too_long_is_refused),
		cmocka_unit_test(sealed_and_open_are_different_for_every_epoch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
