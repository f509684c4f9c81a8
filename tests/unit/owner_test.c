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
	.sessions_max = 4};
static const struct pages_config pages = {
	.huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1};

struct bed {
	char path[64];
	struct device *device;
	struct owner owner;
};

static int bed_make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct device_config config = {0};
	struct error err = {0};

	if (!bed || shm_memory_ops.open(&config, &bed->device, &err))
		return -1;
	(void)snprintf(bed->path, sizeof(bed->path), "/dev/shm/pawl-owner-test-%d",
		(int)getpid());
	if (owner_create(&bed->owner, bed->device, bed->path, &identity, &pages, &err)) {
		print_error("%s\n", err.text);
		return -1;
	}
	*state = bed;
	return 0;
}

static int bed_remove(void **state)
{
	struct bed *bed = *state;

	owner_close(&bed->owner, true);
	bed->device->ops->close(bed->device);
	free(bed);
	return 0;
}

static uint64_t *word(const struct bed *bed, uint64_t offset)
{
	struct memory *memory = bed->owner.memory;

	return (uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

static uint32_t counter_add(struct bed *bed, const char *name, uint64_t base)
{
	struct error err = {0};
	uint32_t index;

	assert_int_equal(owner_counter_add(&bed->owner, name, base, &index, &err), 0);
	return index;
}

static uint64_t seal_one(struct bed *bed)
{
	struct error err = {0};
	uint64_t values[4];

	assert_int_equal(owner_seal(&bed->owner, values, &err), 0);
	return values[0];
}

static void a_counter_begins_at_its_base(void **state)
{
	struct bed *bed = *state;
	uint32_t index = counter_add(bed, "orders", 41);

	assert_int_equal(owner_counter_value(&bed->owner, index), 41);
	assert_int_equal(owner_counter_base(&bed->owner, index), 41);
	assert_string_equal(owner_counter_name(&bed->owner, index), "orders");
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
	uint32_t index = counter_add(bed, "orders", 5);

	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(index)) += 7;
	assert_int_equal(seal_one(bed), 12);
	assert_int_equal(*word(bed, REGION_STATE_OFFSET), region_state_sealed(4));
	assert_true(*word(bed, region_counter_offset(index)) >= COUNTER_LIMIT);
}

static void sealing_again_gives_the_same_value_whoever_adds_meanwhile(void **state)
{
	struct bed *bed = *state;
	uint32_t index = counter_add(bed, "orders", 5);

	owner_activate(&bed->owner);
	assert_int_equal(seal_one(bed), 5);
	*word(bed, region_counter_offset(index)) += 100;
	assert_int_equal(seal_one(bed), 5);
}

static void an_owner_that_died_over_a_seal_leaves_no_lower_value(void **state)
{
	struct bed *bed = *state;
	uint32_t index = counter_add(bed, "orders", 5);
	uint64_t *floor = word(bed, region_floor_offset(&bed->owner.layout, index));

	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(index)) += 4;
	assert_int_equal(seal_one(bed), 9);
	/* As if it had died before it could remember: the flag of sealing only. */
	*floor = 5 | UINT64_C(1) << 62;
	*word(bed,
		region_counter_offset(index)) += 3; /* a late addition, never confirmed */
	assert_int_equal(seal_one(bed), 12);
}

static void a_counter_that_is_used_up_stays_used_up(void **state)
{
	struct bed *bed = *state;
	uint32_t index = counter_add(bed, "orders", 5);

	owner_activate(&bed->owner);
	*word(bed, region_counter_offset(index)) = COUNTER_LIMIT + 77;
	assert_int_equal(seal_one(bed), COUNTER_LIMIT - 1);
}

static void there_is_room_for_as_many_counters_as_configured(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};
	uint32_t index;

	for (int i = 0; i < 4; i++) {
		char name[2] = {(char)('a' + i), '\0'};

		counter_add(bed, name, 0);
	}
	assert_int_equal(owner_counter_add(&bed->owner, "e", 0, &index, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "--counters-max"));
	assert_true(owner_counter_find(&bed->owner, "c", &index));
	assert_int_equal(index, 2);
	assert_false(owner_counter_find(&bed->owner, "e", &index));
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

	counter_add(bed, "orders", 5);
	assert_int_equal(adopt(bed, &identity, &err), 0);
}

static void another_epochs_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct owner_identity other = identity;
	struct error err = {0};

	other.epoch = 5;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
	other = identity;
	other.instance = 9;
	assert_int_equal(adopt(bed, &other, &err), -EUCLEAN);
}

static void a_truncated_region_is_not_taken_over(void **state)
{
	struct bed *bed = *state;
	struct error err = {0};

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

	header.flags |= REGION_FLAG_COUNTERS_ON_CARD;
	region_header_seal(&header, &bed->owner.layout);
	memcpy(word(bed, 0), &header, sizeof(header));
	assert_int_equal(adopt(bed, &identity, &err), -ENODATA);
}

#define OWNER_TEST(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNER_TEST(a_counter_begins_at_its_base),
		OWNER_TEST(the_region_is_open_only_when_activated),
		OWNER_TEST(sealing_gives_the_exact_value),
		OWNER_TEST(sealing_again_gives_the_same_value_whoever_adds_meanwhile),
		OWNER_TEST(an_owner_that_died_over_a_seal_leaves_no_lower_value),
		OWNER_TEST(a_counter_that_is_used_up_stays_used_up),
		OWNER_TEST(there_is_room_for_as_many_counters_as_configured),
		OWNER_TEST(a_region_outlives_its_owner),
		OWNER_TEST(another_epochs_region_is_not_taken_over),
		OWNER_TEST(a_truncated_region_is_not_taken_over),
		OWNER_TEST(counters_that_were_on_the_card_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
