/* What an owner tells of a region that it seals: exact values, or marks. */
#include "tests/unit/owner_rig.h"

static void the_region_is_open_only_when_activated(void **state)
{
	struct bed *bed = *state;

	assert_int_equal(*word(bed, REGION_STATE_OFFSET), region_state_sealed(4));
	owner_activate(&bed->owner);
	assert_int_equal(*word(bed, REGION_STATE_OFFSET), region_state_open(4));
}

static void sealing_gives_the_exact_value(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(0)) += 7;
	assert_int_equal(seal_one(bed), 12);
	assert_int_equal(*word(bed, REGION_STATE_OFFSET), region_state_sealed(4));
	assert_true(*word(bed, region_counter_offset(0)) >= COUNTER_LIMIT);
}

static void sealing_again_gives_the_same_value_whoever_adds_meanwhile(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	assert_int_equal(seal_one(bed), 5);
	*word(bed, region_counter_offset(0)) += 100;
	assert_int_equal(seal_one(bed), 5);
}

static void an_owner_that_died_over_a_seal_leaves_no_lower_value(void **state)
{
	struct bed *bed = *state;
	uint64_t *floor = word(bed, region_floor_offset(&bed->owner.layout, 0));

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(0)) += 4;
	assert_int_equal(seal_one(bed), 9);
	/* As if it had died before it could remember: the flag of sealing only. */
	*floor = 5 | UINT64_C(1) << 62;
	*word(bed, region_counter_offset(0)) += 3; /* a late addition, never confirmed */
	assert_int_equal(seal_one(bed), 12);
}

static void a_counter_that_is_used_up_stays_used_up(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(0)) = COUNTER_LIMIT + 77;
	assert_int_equal(seal_one(bed), COUNTER_LIMIT - 1);
}

/* The record may have a counter that this head has not heard of yet. */
static void counters_without_a_name_are_sealed_when_asked_for(void **state)
{
	struct bed *bed = *state;
	uint64_t values[4] = {9, 9, 9, 9};
	struct error err = {0};

	install(bed, 1, "b", 5);
	install(bed, 3, "d", 6);
	owner_activate(&bed->owner);
	assert_int_equal(owner_seal(&bed->owner, 3, values, &err), 0);
	assert_int_equal(values[0], 0);
	assert_int_equal(values[1], 5);
	assert_int_equal(values[2], 0);
	assert_int_equal(values[3], 9); /* not asked for, and yet sealed */
	for (uint32_t i = 0; i < 4; i++)
		assert_true(*word(bed, region_counter_offset(i)) >= COUNTER_LIMIT);
	assert_int_equal(owner_seal(&bed->owner, 4, values, &err), 0);
	assert_int_equal(values[3], 6);
	assert_int_equal(owner_seal(&bed->owner, 5, values, &err), -ERANGE);
}

static void a_counter_sealed_before_it_was_installed_stays_sealed(void **state)
{
	struct bed *bed = *state;

	owner_activate(&bed->owner);
	assert_int_equal(seal_one(bed), 0);
	install(bed, 0, "orders", 3);
	assert_int_equal(*word(bed, region_counter_offset(0)), COUNTER_LIMIT);
	assert_int_equal(seal_one(bed), 0);
}

static void a_backup_reports_its_largest_mark_or_its_base(void **state)
{
	struct bed *bed = *state;
	uint64_t values[3];

	install(bed, 0, "a", 5);
	install(bed, 1, "b", 40);
	owner_activate(&bed->owner);
	*mark(bed, 0, 0) = 8;
	*mark(bed, 3, 0) = 11;
	*mark(bed, 1, 1) = 39;
	*mark(bed, 1, 2) = 2; /* a counter that this backup has not heard of yet */
	assert_int_equal(owner_value(&bed->owner, 0), 11);
	owner_seal_backup(&bed->owner, 3, values);
	assert_int_equal(values[0], 11);
	assert_int_equal(values[1], 40);
	assert_int_equal(values[2], 2);
	assert_int_equal(*word(bed, REGION_STATE_OFFSET), region_state_sealed(4));
	assert_false(owner_is_open(&bed->owner));
}

static void a_backup_sealed_again_reports_not_less(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "a", 5);
	owner_activate(&bed->owner);
	*mark(bed, 2, 0) = 11;
	assert_int_equal(report_one(bed), 11);
	owner_row_fold(&bed->owner, 2);
	assert_int_equal(*mark(bed, 2, 0), 0);
	assert_int_equal(report_one(bed), 11);
	*mark(bed, 2, 0) = 12;
	assert_int_equal(report_one(bed), 12);
	install(bed, 0, "a", 5);
	assert_int_equal(report_one(bed), 12);
}

/* A session may have marked a counter and ended before this backup hears of it. */
static void a_late_counter_keeps_marks_that_were_folded(void **state)
{
	struct bed *bed = *state;

	owner_activate(&bed->owner);
	*mark(bed, 2, 0) = 11;
	owner_row_fold(&bed->owner, 2);
	install(bed, 0, "a", 0);
	assert_int_equal(report_one(bed), 11);
}

static void a_backup_reports_nothing_at_the_limit_whatever_peers_wrote(void **state)
{
	struct bed *bed = *state;
	uint64_t values[6];

	owner_activate(&bed->owner);
	*mark(bed, 2, 0) = UINT64_MAX;
	owner_seal_backup(&bed->owner, 6, values);
	assert_int_equal(values[0], COUNTER_LIMIT - 1);
	assert_int_equal(values[5], 0); /* it has no room for so many */
	owner_row_fold(&bed->owner, 2);
	assert_int_equal(report_one(bed), COUNTER_LIMIT - 1);
}

static void rows_at_a_head_do_not_touch_its_exact_values(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "a", 5);
	*mark(bed, 1, 0) = UINT64_MAX;
	owner_row_fold(&bed->owner, 1);
	assert_int_equal(seal_one(bed), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAD_TEST(the_region_is_open_only_when_activated),
		HEAD_TEST(sealing_gives_the_exact_value),
		HEAD_TEST(sealing_again_gives_the_same_value_whoever_adds_meanwhile),
		HEAD_TEST(an_owner_that_died_over_a_seal_leaves_no_lower_value),
		HEAD_TEST(a_counter_that_is_used_up_stays_used_up),
		HEAD_TEST(counters_without_a_name_are_sealed_when_asked_for),
		HEAD_TEST(a_counter_sealed_before_it_was_installed_stays_sealed),
		BACKUP_TEST(a_backup_reports_its_largest_mark_or_its_base),
		BACKUP_TEST(a_backup_sealed_again_reports_not_less),
		BACKUP_TEST(a_late_counter_keeps_marks_that_were_folded),
		BACKUP_TEST(a_backup_reports_nothing_at_the_limit_whatever_peers_wrote),
		HEAD_TEST(rows_at_a_head_do_not_touch_its_exact_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
