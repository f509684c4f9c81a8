/* The owner's side of a region: exact values after a seal, whoever died in between. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sequencer/daemon/owner.h"

static const struct owner_identity identity = {.replica = 1,
	.instance = 2,
	.incarnation = 3,
	.epoch = 4,
	.counters_max = 4,
	.sessions_max = 4,
	.head = true};
static const struct pages_config pages = {
	.huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1};

struct bed {
	char path[64];
	struct device *device;
	struct owner owner;
};

static int bed_make_as(void **state, bool head)
{
	struct owner_identity who = identity;
	struct bed *bed = calloc(1, sizeof(*bed));
	struct device_config config = {0};
	struct error err = {0};

	who.head = head;
	if (!bed || shm_memory_ops.open(&config, &bed->device, &err))
		return -1;
	(void)snprintf(bed->path, sizeof(bed->path), "/dev/shm/pawl-owner-test-%d",
		(int)getpid());
	if (owner_create(&bed->owner, bed->device, bed->path, &who, &pages, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = bed;
	return 0;
}

static int bed_make(void **state)
{
	return bed_make_as(state, true);
}

static int bed_make_backup(void **state)
{
	return bed_make_as(state, false);
}

static int bed_remove(void **state)
{
	struct bed *bed = *state;

	owner_close(&bed->owner, true);
	bed->device->ops->close(bed->device);
	free(bed);
	return 0;
}

/* As the end of its process does it; what it had mapped is still to be seen here. */
static void life_end(struct bed *bed)
{
	(void)close(bed->owner.file);
	bed->owner.file = -1;
}

static uint64_t *word(const struct bed *bed, uint64_t offset)
{
	struct memory *memory = bed->owner.memory;

	return (uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

static uint64_t *mark(const struct bed *bed, uint32_t row, uint32_t counter)
{
	return word(bed, region_mark_offset(&bed->owner.layout, row, counter));
}

/* How far ceilings are ahead of bases. */
#define AHEAD 1000

static void install(struct bed *bed, uint32_t index, const char *name, uint64_t base)
{
	struct error err = {0};

	if (owner_counter_install(&bed->owner, index, name, base, base + AHEAD, &err))
		fail_msg("%s", err.text);
}

static uint64_t seal_one(struct bed *bed)
{
	struct error err = {0};
	uint64_t value;

	assert_int_equal(owner_seal(&bed->owner, 1, &value, &err), 0);
	return value;
}

static uint64_t report_one(struct bed *bed)
{
	uint64_t value;

	owner_seal_backup(&bed->owner, 1, &value);
	return value;
}

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

static void the_heartbeat_moves(void **state)
{
	struct bed *bed = *state;
	uint64_t *heartbeat = word(bed, REGION_HEARTBEAT_OFFSET);
	uint64_t before = *heartbeat;

	owner_heartbeat(&bed->owner);
	assert_int_equal(*heartbeat, before + 1);
}

static int adopt(struct bed *bed, const struct owner_identity *who, struct error *err)
{
	struct owner second;
	int rc = owner_adopt(&second, bed->device, bed->path, who, &pages, err);

	if (!rc) {
		assert_int_equal(second.counters_count, bed->owner.counters_count);
		owner_close(&second, false);
	}
	return rc;
}

static void a_region_outlives_its_owner(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	life_end(bed);
	install(bed, 2, "orders", 5);
	assert_int_equal(adopt(bed, &identity, &err), 0);
}

/* In its next life the replica learns from the record what its region was. */
static void a_head_sealed_in_its_next_life_gives_its_exact_value(void **state)
{
	struct bed *bed = *state;
	struct owner_identity next = identity;
	struct owner second;
	struct error err = {0};
	uint64_t value = 0;

	life_end(bed);
	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(0)) += 4;
	next.incarnation = 77;
	next.head = false;
	assert_int_equal(
		owner_adopt(&second, bed->device, bed->path, &next, &pages, &err), 0);
	assert_int_equal(second.header.incarnation, identity.incarnation);
	assert_true(owner_is_open(&second));
	assert_int_equal(owner_seal(&second, 1, &value, &err), 0);
	assert_int_equal(value, 9);
	assert_false(owner_is_open(&bed->owner));
	owner_close(&second, false);
}

static void a_backup_sealed_in_its_next_life_reports_its_marks(void **state)
{
	struct bed *bed = *state;
	struct owner_identity next = identity;
	struct owner second;
	struct error err = {0};
	uint64_t value = 0;

	life_end(bed);
	install(bed, 0, "orders", 5);
	owner_activate(&bed->owner);
	*mark(bed, 3, 0) = 8;
	next.head = false;
	assert_int_equal(
		owner_adopt(&second, bed->device, bed->path, &next, &pages, &err), 0);
	owner_seal_backup(&second, 1, &value);
	assert_int_equal(value, 8);
	assert_false(owner_is_open(&bed->owner));
	owner_close(&second, false);
}

/* O4 */
static void a_living_owners_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	assert_int_equal(adopt(bed, &identity, &err), -EBUSY);
	assert_non_null(strstr(err.text, "same id"));
	life_end(bed);
	assert_int_equal(adopt(bed, &identity, &err), 0);
}

static void another_epochs_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct owner_identity other = identity;
	struct error err = {0};

	life_end(bed);
	other.epoch = 5;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
	other = identity;
	other.instance = 9;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
	other = identity;
	other.replica = 9;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
}

static void a_truncated_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

	life_end(bed);
	assert_int_equal(truncate(bed->path, 4096), 0);
	assert_int_equal(adopt(bed, &identity, &err), -EUCLEAN);
	assert_int_equal(truncate(bed->path, 10), 0);
	assert_int_equal(adopt(bed, &identity, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, bed->path));
}

static void counters_that_were_on_the_card_are_gone(void **state)
{
	struct bed *bed = *state;
	struct region_header header = bed->owner.header;
	struct error err = {0};

	life_end(bed);
	header.flags |= REGION_FLAG_COUNTERS_ON_CARD;
	region_header_seal(&header, &bed->owner.layout);
	memcpy(word(bed, 0), &header, sizeof(header));
	assert_int_equal(adopt(bed, &identity, &err), -ENODATA);
}

#define OWNER_TEST(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_remove)
#define BACKUP_TEST(test) \
	cmocka_unit_test_setup_teardown(test, bed_make_backup, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNER_TEST(a_counter_begins_at_its_base),
		OWNER_TEST(installing_again_changes_nothing_but_the_ceiling),
		OWNER_TEST(a_ceiling_that_was_shown_is_never_taken_back),
		OWNER_TEST(a_counter_is_where_the_record_has_it),
		OWNER_TEST(the_region_is_open_only_when_activated),
		OWNER_TEST(sealing_gives_the_exact_value),
		OWNER_TEST(sealing_again_gives_the_same_value_whoever_adds_meanwhile),
		OWNER_TEST(an_owner_that_died_over_a_seal_leaves_no_lower_value),
		OWNER_TEST(a_counter_that_is_used_up_stays_used_up),
		OWNER_TEST(counters_without_a_name_are_sealed_when_asked_for),
		OWNER_TEST(a_counter_sealed_before_it_was_installed_stays_sealed),
		OWNER_TEST(there_is_room_for_as_many_counters_as_configured),
		BACKUP_TEST(a_backup_reports_its_largest_mark_or_its_base),
		BACKUP_TEST(a_backup_sealed_again_reports_not_less),
		BACKUP_TEST(a_late_counter_keeps_marks_that_were_folded),
		BACKUP_TEST(a_backup_reports_nothing_at_the_limit_whatever_peers_wrote),
		OWNER_TEST(rows_at_a_head_do_not_touch_its_exact_values),
		OWNER_TEST(the_heartbeat_moves),
		OWNER_TEST(a_region_outlives_its_owner),
		OWNER_TEST(a_head_sealed_in_its_next_life_gives_its_exact_value),
		BACKUP_TEST(a_backup_sealed_in_its_next_life_reports_its_marks),
		OWNER_TEST(a_living_owners_region_is_not_taken_over),
		OWNER_TEST(another_epochs_region_is_not_taken_over),
		OWNER_TEST(a_truncated_region_is_not_taken_over),
		OWNER_TEST(counters_that_were_on_the_card_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
