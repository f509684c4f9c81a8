/* The counters and words that an owner keeps in its region. */
#include "tests/unit/owner_rig.h"

static void a_counter_begins_at_its_base(void **state)
{
	struct bed *bed = *state;

	install(bed, 0, "orders", 41);
	assert_int_equal(owner_value(&bed->owner, 0), 41);
	assert_int_equal(owner_counter_base(&bed->owner, 0), 41);
	assert_string_equal(owner_counter_name(&bed->owner, 0), "orders");
	assert_int_equal(*word(bed, region_counter_offset(0)), 41);
	assert_int_equal(
		*word(bed, region_ceiling_offset(&bed->owner.layout, 0)), 41 + AHEAD);
}

static void installing_again_changes_nothing_but_the_ceiling(void **state)
{
	struct bed *bed = *state;
	uint64_t *ceiling = word(bed, region_ceiling_offset(&bed->owner.layout, 0));
	struct error err = {0};

	install(bed, 0, "orders", 41);
	*word(bed, region_counter_offset(0)) += 2;
	assert_int_equal(
		owner_counter_install(&bed->owner, 0, "orders", 50, 5000, &err), 0);
	assert_int_equal(owner_value(&bed->owner, 0), 43);
	assert_int_equal(owner_counter_base(&bed->owner, 0), 41);
	assert_int_equal(*ceiling, 5000);
}

static void a_ceiling_that_was_shown_is_never_taken_back(void **state)
{
	struct bed *bed = *state;
	uint64_t *ceiling = word(bed, region_ceiling_offset(&bed->owner.layout, 2));

	owner_ceiling_show(&bed->owner, 2, 500);
	assert_int_equal(*ceiling, 500);
	owner_ceiling_show(&bed->owner, 2, 499);
	assert_int_equal(*ceiling, 500);
	owner_ceiling_show(&bed->owner, 2, 501);
	assert_int_equal(*ceiling, 501);
}

/* The record has the order; a replica may hear of the second counter first. */
static void a_counter_is_where_the_record_has_it(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	install(bed, 2, "c", 7);
	assert_int_equal(bed->owner.counters_count, 3);
	assert_string_equal(owner_counter_name(&bed->owner, 2), "c");
	assert_string_equal(owner_counter_name(&bed->owner, 0), "");
	assert_string_equal(owner_counter_name(&bed->owner, 1), "");
	install(bed, 0, "a", 5);
	assert_int_equal(bed->owner.counters_count, 3);
	assert_int_equal(owner_counter_install(&bed->owner, 0, "b", 0, 0, &err), -EEXIST);
	assert_string_equal(owner_counter_name(&bed->owner, 0), "a");
	assert_int_equal(owner_value(&bed->owner, 0), 5);
}

static void there_is_room_for_as_many_counters_as_configured(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	for (uint32_t i = 0; i < 4; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		install(bed, i, name, 0);
	}
	assert_int_equal(owner_counter_install(&bed->owner, 4, "e", 0, 0, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "--counters-max"));
	assert_int_equal(bed->owner.counters_count, 4);
	assert_string_equal(owner_counter_name(&bed->owner, 2), "c");
	assert_string_equal(owner_counter_name(&bed->owner, 3), "d");
}

static void the_heartbeat_moves(void **state)
{
	struct bed *bed = *state;
	uint64_t *heartbeat = word(bed, REGION_HEARTBEAT_OFFSET);
	uint64_t before = *heartbeat;

	atomic_fetch_add(owner_heartbeat(&bed->owner), 1);
	assert_int_equal(*heartbeat, before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HEAD_TEST(a_counter_begins_at_its_base),
		HEAD_TEST(installing_again_changes_nothing_but_the_ceiling),
		HEAD_TEST(a_ceiling_that_was_shown_is_never_taken_back),
		HEAD_TEST(a_counter_is_where_the_record_has_it),
		HEAD_TEST(there_is_room_for_as_many_counters_as_configured),
		HEAD_TEST(the_heartbeat_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
