/* The regions of a replica: what each report says, and what is left when one is retired. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sequencer/core/region_history.h"
#include "sequencer/daemon/region_set.h"

struct bed {
	struct region_set set;
	struct catalog catalog;
	struct device *device;
	struct pulse *pulse;
	struct epoch_counter counters[2];
	struct epoch_record record;
	struct epoch_history history;
	char cluster[32];
};

static int bed_make(void **state)
{
	struct bed *bed = calloc(1, sizeof(*bed));
	struct device_config config = {.listen = true};
	struct pulse_config beats = {.beat_ns = 1000000, .limit_ns = 60000000000};
	struct error err = {0};

	if (!bed || shm_memory_ops.open(&config, &bed->device, &err) ||
		pulse_start(&beats, &bed->pulse, &err) || catalog_init(&bed->catalog))
		return -1;
	(void)snprintf(bed->cluster, sizeof(bed->cluster), "rst%d", (int)getpid());
	bed->set = (struct region_set){.device = bed->device,
		.pulse = bed->pulse,
		.pages = {.huge = PAGES_OFF, .lock = PAGES_OFF, .node = -1},
		.directory = "/dev/shm",
		.cluster = bed->cluster,
		.replica = 2,
		.instance = 0xabc,
		.incarnation = 5,
		.sessions_max = 2};
	bed->record.counters = bed->counters;
	bed->record.counters_count = 2;
	bed->counters[0] = (struct epoch_counter){.base = 100, .ceiling = 1000};
	bed->counters[1] = (struct epoch_counter){.base = 7, .ceiling = 1000};
	(void)catalog_learn(&bed->catalog, 0, "a", NULL);
	(void)catalog_learn(&bed->catalog, 1, "b", NULL);
	*state = bed;
	return 0;
}

static int bed_remove(void **state)
{
	struct bed *bed = *state;

	region_set_close(&bed->set, true);
	pulse_stop(bed->pulse);
	bed->device->ops->close(bed->device);
	catalog_destroy(&bed->catalog);
	free(bed);
	return 0;
}

static struct held_region *install(struct bed *bed, uint64_t epoch, bool head)
{
	struct error err = {0};

	bed->record.epoch = epoch;
	assert_int_equal(region_set_install(&bed->set, &bed->record, &bed->history, 4,
				 head, &bed->catalog, &err),
		0);
	return region_set_find(&bed->set, epoch);
}

static _Atomic uint64_t *word(const struct held_region *region, uint64_t offset)
{
	struct memory *memory = region->owner.memory;

	return (_Atomic uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

static bool is_there(const char *path)
{
	struct stat at;

	return stat(path, &at) == 0;
}

static void a_head_reports_exact_values(void **state)
{
	struct bed *bed = *state;
	struct held_region *region = install(bed, 3, true);
	uint64_t values[2];
	struct error err = {0};

	assert_true(owner_is_open(&region->owner));
	(void)atomic_fetch_add(word(region, region_counter_offset(0)), 5);
	assert_int_equal(region_set_seal(&bed->set, 3, true, 2, values, &err), 0);
	assert_int_equal(values[0], 105);
	assert_int_equal(values[1], 7);
	assert_false(owner_is_open(&region->owner));
}

static void a_backup_reports_marks_and_floors(void **state)
{
	struct bed *bed = *state;
	struct held_region *region = install(bed, 3, false);
	uint64_t values[2];
	struct error err = {0};

	atomic_store(word(region, region_mark_offset(&region->owner.layout, 1, 0)), 130);
	assert_int_equal(region_set_seal(&bed->set, 3, false, 2, values, &err), 0);
	assert_int_equal(values[0], 130);
	assert_int_equal(values[1], 7);
	assert_int_equal(region_set_seal(&bed->set, 4, false, 2, values, &err), -ENOENT);
}

/* Whoever still has it mapped learns that its epoch is over. */
static void a_retired_region_is_sealed_and_goes(void **state)
{
	struct bed *bed = *state;
	struct held_region *region = install(bed, 3, true);
	struct link_config config = {.depth = 2};
	struct device *device = bed->device;
	char path[256];
	struct link *link;
	struct error err = {0};
	_Atomic uint64_t *state_word;

	(void)strcpy(path, region->owner.path);
	assert_int_equal(
		device->ops->connect(device, device->ops->address(region->owner.memory),
			&config, &link, &err),
		0);
	assert_int_equal(link_wait_connected(link, 1000000000, &err), 0);
	state_word = link->ops->word(link, REGION_STATE_OFFSET);
	assert_int_equal(atomic_load(state_word), region_state_open(3));
	(void)install(bed, 4, true);
	region_set_retire(&bed->set, 3, 1000);
	region_set_sweep(&bed->set, 1500, 1000);
	assert_non_null(region_set_find(&bed->set, 3));
	region_set_sweep(&bed->set, 2000, 1000);
	assert_null(region_set_find(&bed->set, 3));
	assert_non_null(region_set_find(&bed->set, 4));
	assert_false(is_there(path));
	assert_int_equal(atomic_load(state_word), region_state_sealed(3));
	link->ops->disconnect(link);
}

/* A new life takes the newest region up and removes what no record can name any more. */
static void a_new_life_adopts_and_cleans(void **state)
{
	struct bed *bed = *state;
	char old[256], newest[256], later[256];
	uint64_t incarnation = 0;
	uint64_t values[2];
	struct error err = {0};

	(void)strcpy(old, install(bed, 3, true)->owner.path);
	(void)strcpy(newest, install(bed, 4, true)->owner.path);
	(void)strcpy(later, install(bed, 9, true)->owner.path);
	region_set_close(&bed->set, false);
	bed->set.incarnation = 6;
	assert_int_equal(region_set_adopt(&bed->set, newest, 4, &incarnation, &err), 0);
	assert_int_equal(incarnation, 5);
	region_set_clean(&bed->set, 5, NULL);
	assert_false(is_there(old));
	assert_true(is_there(newest));
	assert_true(is_there(later));
	assert_int_equal(region_set_seal(&bed->set, 4, true, 2, values, &err), 0);
	assert_int_equal(values[0], 100);
	assert_int_equal(unlink(later), 0);
	assert_int_equal(
		region_set_adopt(&bed->set, old, 3, &incarnation, &err), -ENOENT);
}

/* What epochs before came to is known to a new life as well: clients may have slept. */
static void a_new_life_remembers_what_stood(void **state)
{
	struct bed *bed = *state;
	struct epoch_history history;
	uint64_t incarnation, stands[2][2] = {{90, 6}, {50, 3}};
	struct held_region *region;
	struct error err = {0};
	char path[256];

	bed->history = (struct epoch_history){.count = 2,
		.epochs = {4, 2},
		.froms = {2, 1},
		.stands = {stands[0], stands[1]}};
	(void)strcpy(path, install(bed, 4, true)->owner.path);
	region_set_close(&bed->set, false);
	assert_int_equal(region_set_adopt(&bed->set, path, 4, &incarnation, &err), 0);
	region = region_set_find(&bed->set, 4);
	region_history_read(region->owner.memory->ops->base(region->owner.memory),
		&region->owner.layout, &history);
	assert_int_equal(history.count, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(history.epochs[i], bed->history.epochs[i]);
		assert_int_equal(history.froms[i], bed->history.froms[i]);
		assert_memory_equal(history.stands[i], stands[i], sizeof(stands[i]));
	}
}

static void a_row_is_folded_in_every_region(void **state)
{
	struct bed *bed = *state;
	struct held_region *region = install(bed, 3, false);
	uint64_t mark = region_mark_offset(&region->owner.layout, 1, 0);

	atomic_store(word(region, mark), 150);
	region_set_row_fold(&bed->set, 1);
	assert_int_equal(atomic_load(word(region, mark)), 0);
	assert_int_equal(owner_value(&region->owner, 0), 150);
}

/* Whether it moved within @ms. */
static bool moves(const _Atomic uint64_t *heartbeat, int ms)
{
	uint64_t before = atomic_load(heartbeat);

	for (int i = 0; i < ms && atomic_load(heartbeat) == before; i++)
		(void)usleep(1000);
	return atomic_load(heartbeat) != before;
}

static void a_heartbeat_moves_while_its_region_is_in_service(void **state)
{
	struct bed *bed = *state;
	_Atomic uint64_t *first = word(install(bed, 3, true), REGION_HEARTBEAT_OFFSET);
	_Atomic uint64_t *second = word(install(bed, 4, false), REGION_HEARTBEAT_OFFSET);
	uint64_t incarnation;
	struct error err = {0};
	char path[256];

	assert_true(moves(first, 5000));
	assert_true(moves(second, 5000));
	region_set_retire(&bed->set, 3, 1000);
	assert_false(moves(first, 30));
	assert_true(moves(second, 5000));
	(void)strcpy(path, region_set_find(&bed->set, 4)->owner.path);
	region_set_close(&bed->set, false);
	assert_int_equal(region_set_adopt(&bed->set, path, 4, &incarnation, &err), 0);
	second = word(region_set_find(&bed->set, 4), REGION_HEARTBEAT_OFFSET);
	assert_true(moves(second, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_head_reports_exact_values, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_backup_reports_marks_and_floors, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_retired_region_is_sealed_and_goes, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_new_life_adopts_and_cleans, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_new_life_remembers_what_stood, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_row_is_folded_in_every_region, bed_make, bed_remove),
		cmocka_unit_test_setup_teardown(
			a_heartbeat_moves_while_its_region_is_in_service, bed_make,
			bed_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
