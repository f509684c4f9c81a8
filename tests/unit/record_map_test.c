/* The record of the store and the machine's: nothing is lost on the way there and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/daemon/record_map.h"

struct bed {
	struct roster roster;
	struct catalog catalog;
	struct cluster_facts facts;
	struct epoch_counter counters[4];
	struct epoch_record record;
	struct record stored;
};

static struct roster_entry entry_make(uint32_t id, uint64_t incarnation, uint64_t epoch)
{
	struct roster_entry entry = {.member = {id, incarnation},
		.transport = "shm",
		.memory_epoch = epoch,
		.controls_count = 1};

	(void)snprintf(entry.memory, sizeof(entry.memory), "shm path=/m%u len=8", id);
	(void)snprintf(entry.memory_path, sizeof(entry.memory_path), "/m%u", id);
	(void)snprintf(entry.controls[0], sizeof(entry.controls[0]), "unix:/r%u", id);
	return entry;
}

/* Replica 1 is here; replica 2 has its region of epoch 5 too, replica 3 only an old one. */
static void bed_make(struct bed *bed)
{
	struct roster_entry self = entry_make(1, 11, 5), second = entry_make(2, 22, 5),
			    third = entry_make(3, 33, 4);

	memset(bed, 0, sizeof(*bed));
	roster_init(&bed->roster, &self);
	assert_true(roster_learn(&bed->roster, &second));
	assert_true(roster_learn(&bed->roster, &third));
	assert_int_equal(catalog_init(&bed->catalog), 0);
	assert_true(catalog_learn(&bed->catalog, 0, "a", NULL));
	bed->facts = (struct cluster_facts){
		.name = "desk", .instance = 7, .counters_max = 4, .sessions_max = 8};
	bed->record = (struct epoch_record){.epoch = 5,
		.active_epoch = 5,
		.phase = EPOCH_ACTIVE,
		.proposer = {1, 11},
		.chain = {.count = 3, .at = {{1, 11}, {2, 22}, {3, 33}}},
		.former = {.count = 3, .at = {{1, 11}, {2, 22}, {3, 33}}},
		.lease_ns = 99,
		.counters_count = 1,
		.counters = bed->counters};
	bed->counters[0] = (struct epoch_counter){
		.base = 10, .stand = 6, .ceiling = 100, .reserve_max = 4};
}

/* Makes the store's record; @name is that of a counter which the catalog lacks. */
static void bed_store(struct bed *bed, const char *name)
{
	struct catalog_entry added = {.stream.slot_len = 0};
	struct error err = {.text = ""};

	if (name)
		(void)snprintf(added.name, sizeof(added.name), "%s", name);

	if (record_map_from_epoch(&bed->record, &bed->facts, &bed->roster, &bed->catalog,
		    name ? &added : NULL, &bed->stored, &err))
		fail_msg("%s", err.text);
}

static void bed_remove(struct bed *bed)
{
	record_free(&bed->stored);
	catalog_destroy(&bed->catalog);
}

/* Field by field: the bytes between the fields are anybody's. */
static void assert_chain_equal(
	const struct epoch_chain *got, const struct epoch_chain *want)
{
	assert_int_equal(got->count, want->count);
	for (uint32_t i = 0; i < want->count; i++)
		assert_true(epoch_member_same(got->at[i], want->at[i]));
}

static void comes_back_unchanged(void **state)
{
	static struct epoch_counter counters[COUNTERS_MAX];
	struct epoch_record back = {.counters = counters};
	struct error err = {.text = ""};
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed_store(&bed, NULL);
	assert_int_equal(record_validate(&bed.stored, &err), 0);
	assert_string_equal(bed.stored.cluster, "desk");
	assert_int_equal(bed.stored.instance, 7);
	assert_string_equal(bed.stored.counters[0].name, "a");
	record_map_to_epoch(&bed.stored, &back);
	assert_int_equal(back.epoch, 5);
	assert_int_equal(back.active_epoch, 5);
	assert_int_equal(back.phase, EPOCH_ACTIVE);
	assert_int_equal(back.lease_ns, 99);
	assert_true(epoch_member_same(back.proposer, bed.record.proposer));
	assert_chain_equal(&back.chain, &bed.record.chain);
	assert_chain_equal(&back.former, &bed.record.former);
	assert_int_equal(back.counters_count, 1);
	assert_int_equal(counters[0].base, 10);
	assert_int_equal(counters[0].stand, 6);
	assert_int_equal(counters[0].ceiling, 100);
	assert_int_equal(counters[0].reserve_max, 4);
	bed_remove(&bed);
}

/* A region of another epoch is not where the numbers of this one are. */
static void names_only_regions_of_the_epoch(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed_store(&bed, NULL);
	assert_string_equal(bed.stored.chain[1].memory_path, "/m2");
	assert_string_equal(bed.stored.chain[2].memory_path, "");
	assert_string_equal(bed.stored.chain[2].controls[0], "unix:/r3");
	bed_remove(&bed);
}

static void a_new_stream_gets_its_limits(void **state)
{
	struct catalog_entry added = {.name = "s",
		.stream = {.slot_len = 256,
			.slots = 1024,
			.rows = 8,
			.hole_timeout_ns = 1000000,
			.message_max = 1000}};
	struct catalog other;
	struct roster roster;
	struct roster_entry self = entry_make(9, 99, 0);
	struct error err = {.text = ""};
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed.record.counters_count = 2;
	bed.counters[1] = (struct epoch_counter){.ceiling = 50};
	assert_int_equal(record_map_from_epoch(&bed.record, &bed.facts, &bed.roster,
				 &bed.catalog, &added, &bed.stored, &err),
		0);
	assert_int_equal(record_validate(&bed.stored, &err), 0);
	assert_int_equal(catalog_init(&other), 0);
	roster_init(&roster, &self);
	assert_int_equal(record_map_learn(&bed.stored, &roster, &other, &err), 0);
	assert_null(catalog_stream(&other, 0));
	assert_true(stream_limits_same(catalog_stream(&other, 1), &added.stream));
	assert_int_equal(other.streams_count, 1);
	bed.stored.counters[1].stream.slots = 2048; /* an old copy of the store */
	assert_int_equal(record_map_learn(&bed.stored, &roster, &other, &err), -EUCLEAN);
	catalog_destroy(&other);
	bed_remove(&bed);
}

static void a_new_counter_gets_its_name(void **state)
{
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed.counters[1] = (struct epoch_counter){.ceiling = 50};
	bed.record.counters_count = 2;
	bed_store(&bed, "b");
	assert_string_equal(bed.stored.counters[0].name, "a");
	assert_string_equal(bed.stored.counters[1].name, "b");
	bed_remove(&bed);
}

static void a_renamed_counter_is_refused(void **state)
{
	struct error err = {.text = ""};
	struct bed bed;

	(void)state;
	bed_make(&bed);
	bed_store(&bed, NULL);
	assert_int_equal(
		record_map_learn(&bed.stored, &bed.roster, &bed.catalog, &err), 0);
	(void)strcpy(bed.stored.counters[0].name, "z");
	assert_int_equal(
		record_map_learn(&bed.stored, &bed.roster, &bed.catalog, &err), -EUCLEAN);
	assert_non_null(strstr(err.text, "'z'"));
	bed_remove(&bed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_unchanged),
		cmocka_unit_test(names_only_regions_of_the_epoch),
		cmocka_unit_test(a_new_stream_gets_its_limits),
		cmocka_unit_test(a_new_counter_gets_its_name),
		cmocka_unit_test(a_renamed_counter_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
