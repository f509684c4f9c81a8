/* What the tests of a region's owner share: a region of a head or a backup, and its words. */
#ifndef PAWL_TESTS_UNIT_OWNER_RIG_H
#define PAWL_TESTS_UNIT_OWNER_RIG_H

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

static inline int bed_make_as(void **state, bool head)
{
	struct owner_identity who = identity;
	struct bed *bed = calloc(1, sizeof(*bed));
	struct device_config config = {.listen = true};
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

static inline int bed_make(void **state)
{
	return bed_make_as(state, true);
}

static inline int bed_make_backup(void **state)
{
	return bed_make_as(state, false);
}

static inline int bed_remove(void **state)
{
	struct bed *bed = *state;

	owner_close(&bed->owner, true);
	bed->device->ops->close(bed->device);
	free(bed);
	return 0;
}

/* As the end of its process does it; what it had mapped is still to be seen here. */
static inline void life_end(struct bed *bed)
{
	(void)close(bed->owner.file);
	bed->owner.file = -1;
}

static inline uint64_t *word(const struct bed *bed, uint64_t offset)
{
	struct memory *memory = bed->owner.memory;

	return (uint64_t *)(void *)((char *)memory->ops->base(memory) + offset);
}

static inline uint64_t *mark(const struct bed *bed, uint32_t row, uint32_t counter)
{
	return word(bed, region_mark_offset(&bed->owner.layout, row, counter));
}

/* How far ceilings are ahead of bases. */
#define AHEAD 1000

static inline void install(
	struct bed *bed, uint32_t index, const char *name, uint64_t base)
{
	struct error err = {0};

	if (owner_counter_install(&bed->owner, index, name, base, base + AHEAD, &err))
		fail_msg("%s", err.text);
}

static inline uint64_t seal_one(struct bed *bed)
{
	struct error err = {0};
	uint64_t value;

	assert_int_equal(owner_seal(&bed->owner, 1, &value, &err), 0);
	return value;
}

static inline uint64_t report_one(struct bed *bed)
{
	uint64_t value;

	owner_seal_backup(&bed->owner, 1, &value);
	return value;
}

#define HEAD_TEST(test) cmocka_unit_test_setup_teardown(test, bed_make, bed_remove)
#define BACKUP_TEST(test) \
	cmocka_unit_test_setup_teardown(test, bed_make_backup, bed_remove)

#endif
