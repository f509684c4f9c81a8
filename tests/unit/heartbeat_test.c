/* Reading another replica's heartbeat: over simulated links, and over shared memory. */
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

#include "hw/sim/sim.h"
#include "sequencer/core/region.h"
#include "sequencer/daemon/heartbeat.h"

#define OWNER 0
#define WATCHER 1
#define BEAT_NS 1000000 /* of simulated time; a link gives up within one */
#define TOKEN 77

static const struct memory_ops *const ops = &sim_memory_ops;
static const struct epoch_member peer = {2, 22};

/* A peer with a region, and who looks at it. */
struct bed {
	struct sim_world *world;
	struct device *owner, *watcher;
	struct memory *memory;
	struct roster_entry entry;
	struct heartbeat heartbeat;
	bool beats;
	bool answers; /* the owner's processor makes connections progress */
	bool lets_in;
	enum heartbeat_news news;
};

static bool admit(void *context, const struct memory *memory, uint64_t token)
{
	const struct bed *bed = context;

	(void)memory;
	return bed->lets_in && token == TOKEN;
}

static void region_expose(struct bed *bed, uint64_t epoch)
{
	struct memory_config config = {.pages = {.len = REGION_COUNTERS_OFFSET}};

	assert_int_equal(ops->expose(bed->owner, &config, &bed->memory, NULL), 0);
	bed->entry.memory_epoch = epoch;
	(void)snprintf(bed->entry.memory, sizeof(bed->entry.memory), "%s",
		ops->address(bed->memory));
}

static void bed_open(struct bed *bed)
{
	struct sim_config config;

	memset(bed, 0, sizeof(*bed));
	sim_config_default(&config, 1);
	assert_int_equal(sim_world_open(&config, &bed->world, NULL), 0);
	assert_int_equal(sim_device_open(bed->world, OWNER, &bed->owner), 0);
	assert_int_equal(sim_device_open(bed->world, WATCHER, &bed->watcher), 0);
	ops->admit(bed->owner, admit, bed);
	bed->entry.member = peer;
	(void)snprintf(bed->entry.transport, sizeof(bed->entry.transport), "sim");
	bed->beats = bed->answers = bed->lets_in = true;
	region_expose(bed, 1);
	heartbeat_init(&bed->heartbeat, bed->watcher, TOKEN, BEAT_NS);
	assert_true(heartbeat_aim(&bed->heartbeat, &bed->entry));
	assert_false(heartbeat_aim(&bed->heartbeat, &bed->entry));
}

static void bed_close(struct bed *bed)
{
	heartbeat_close(&bed->heartbeat);
	if (bed->memory)
		ops->withdraw(bed->memory);
	ops->close(bed->watcher);
	ops->close(bed->owner);
	sim_world_close(bed->world);
}

static void beat(struct bed *bed)
{
	uint64_t *word;

	if (!bed->beats || !bed->memory)
		return;
	word = (uint64_t *)(void *)((char *)ops->base(bed->memory) +
				    REGION_HEARTBEAT_OFFSET);
	(*word)++;
}

/* Some beats of time.  Afterwards news is the last look. */
static void looks(struct bed *bed, unsigned int count)
{
	while (count-- > 0) {
		for (int i = 0; i < 10; i++) {
			sim_world_run_until(
				bed->world, sim_world_now_ns(bed->world) + BEAT_NS / 10);
			if (bed->answers)
				(void)ops->progress(bed->owner, NULL);
		}
		beat(bed);
		(void)ops->progress(bed->watcher, NULL);
		bed->news = heartbeat_look(&bed->heartbeat, sim_world_now_ns(bed->world));
	}
}

static void a_heart_that_beats_is_seen_to_move(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 1);
	assert_int_equal(bed.news, HEARTBEAT_NONE); /* it is only just connecting */
	looks(&bed, 4);
	for (int i = 0; i < 20; i++) {
		looks(&bed, 1);
		assert_int_equal(bed.news, HEARTBEAT_MOVED);
	}
	bed_close(&bed);
}

static void a_heart_that_stops_stands_still_until_it_beats_again(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 5);
	bed.beats = false;
	looks(&bed, 2); /* the last beat may be on its way */
	for (int i = 0; i < 20; i++) {
		looks(&bed, 1);
		assert_int_equal(bed.news, HEARTBEAT_STILL);
	}
	bed.beats = true;
	looks(&bed, 2);
	assert_int_equal(bed.news, HEARTBEAT_MOVED);
	bed_close(&bed);
}

static void the_first_look_at_a_stopped_heart_is_no_movement(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	beat(&bed);
	bed.beats = false;
	for (int i = 0; i < 20; i++) {
		looks(&bed, 1);
		assert_int_not_equal(bed.news, HEARTBEAT_MOVED);
	}
	assert_int_equal(bed.news, HEARTBEAT_STILL);
	bed_close(&bed);
}

static void a_dead_machine_stands_still_however_often_it_is_connected(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 5);
	sim_node_crash(bed.world, OWNER);
	bed.beats = bed.answers = false;
	looks(&bed, 3);
	for (int i = 0; i < 50; i++) {
		looks(&bed, 1);
		assert_int_equal(bed.news, HEARTBEAT_STILL);
	}
	assert_non_null(heartbeat_why(&bed.heartbeat));
	bed_close(&bed);
}

static void a_cut_that_heals_is_connected_again(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 5);
	sim_world_partition(bed.world, OWNER, WATCHER);
	looks(&bed, 3);
	for (int i = 0; i < 20; i++) {
		looks(&bed, 1);
		assert_int_equal(bed.news, HEARTBEAT_STILL);
	}
	sim_world_heal(bed.world, OWNER, WATCHER);
	looks(&bed, 10);
	assert_int_equal(bed.news, HEARTBEAT_MOVED);
	assert_null(heartbeat_why(&bed.heartbeat));
	bed_close(&bed);
}

static void a_stopped_heart_is_not_revived_by_a_new_link(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 5);
	bed.beats = false;
	looks(&bed, 3);
	sim_world_partition(bed.world, OWNER, WATCHER);
	looks(&bed, 10);
	sim_world_heal(bed.world, OWNER, WATCHER);
	for (int i = 0; i < 20; i++) {
		looks(&bed, 1);
		assert_int_equal(bed.news, HEARTBEAT_STILL);
	}
	bed_close(&bed);
}

static void a_region_that_was_withdrawn_is_no_sign_of_death(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	looks(&bed, 5);
	ops->withdraw(bed.memory);
	bed.memory = NULL;
	looks(&bed, 10);
	for (int i = 0; i < 10; i++) {
		looks(&bed, 1);
		assert_int_not_equal(bed.news, HEARTBEAT_STILL);
	}
	region_expose(&bed, 2);
	assert_true(heartbeat_aim(&bed.heartbeat, &bed.entry));
	looks(&bed, 10);
	assert_int_equal(bed.news, HEARTBEAT_MOVED);
	bed_close(&bed);
}

static void an_owner_that_does_not_know_us_yet_is_asked_again(void **state)
{
	struct bed bed;

	(void)state;
	bed_open(&bed);
	bed.lets_in = false;
	looks(&bed, 20);
	assert_int_equal(bed.news, HEARTBEAT_NONE);
	bed.lets_in = true;
	looks(&bed, 10);
	assert_int_equal(bed.news, HEARTBEAT_MOVED);
	bed_close(&bed);
}

static void without_a_region_there_is_nothing_to_look_at(void **state)
{
	struct roster_entry stranger = {.member = peer, .memory = "sim node=0"};
	struct bed bed;

	(void)state;
	bed_open(&bed);
	assert_true(heartbeat_aim(&bed.heartbeat, NULL));
	looks(&bed, 3);
	assert_int_equal(bed.news, HEARTBEAT_NONE);
	(void)snprintf(stranger.transport, sizeof(stranger.transport), "verbs");
	assert_false(heartbeat_aim(&bed.heartbeat, &stranger));
	looks(&bed, 3);
	assert_int_equal(bed.news, HEARTBEAT_NONE);
	bed_close(&bed);
}

static void on_shared_memory_one_look_is_enough(void **state)
{
	struct memory_config memory_config = {
		.pages = {.len = REGION_COUNTERS_OFFSET, .node = -1}};
	struct device_config config = {.listen = true};
	struct roster_entry entry = {.member = peer, .transport = "shm"};
	struct heartbeat heartbeat;
	struct memory *memory;
	struct device *device;
	struct error err = {0};
	uint64_t *word;

	(void)state;
	assert_int_equal(shm_memory_ops.open(&config, &device, &err), 0);
	assert_int_equal(shm_memory_ops.expose(device, &memory_config, &memory, &err), 0);
	word = (uint64_t *)(void *)((char *)shm_memory_ops.base(memory) +
				    REGION_HEARTBEAT_OFFSET);
	(void)snprintf(
		entry.memory, sizeof(entry.memory), "%s", shm_memory_ops.address(memory));
	heartbeat_init(&heartbeat, device, TOKEN, 1);
	assert_true(heartbeat_aim(&heartbeat, &entry));
	assert_int_equal(heartbeat_look(&heartbeat, 1), HEARTBEAT_STILL);
	for (uint64_t now_ns = 2; now_ns < 10; now_ns++) {
		(*word)++;
		assert_int_equal(heartbeat_look(&heartbeat, now_ns), HEARTBEAT_MOVED);
		assert_int_equal(heartbeat_look(&heartbeat, now_ns), HEARTBEAT_STILL);
	}
	heartbeat_close(&heartbeat);
	shm_memory_ops.withdraw(memory);
	shm_memory_ops.close(device);
}

static void a_memory_file_that_is_gone_is_no_sign_of_death(void **state)
{
	struct roster_entry entry = {.member = peer, .transport = "shm"};
	struct device_config config = {.device = NULL};
	struct heartbeat heartbeat;
	struct device *device;
	struct error err = {0};

	(void)state;
	(void)snprintf(entry.memory, sizeof(entry.memory),
		"shm path=/dev/shm/pawl-heartbeat-test-%d len=4096", (int)getpid());
	assert_int_equal(shm_memory_ops.open(&config, &device, &err), 0);
	heartbeat_init(&heartbeat, device, TOKEN, 1);
	assert_true(heartbeat_aim(&heartbeat, &entry));
	for (uint64_t now_ns = 1; now_ns < 10; now_ns++)
		assert_int_equal(heartbeat_look(&heartbeat, now_ns), HEARTBEAT_NONE);
	heartbeat_close(&heartbeat);
	shm_memory_ops.close(device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_heart_that_beats_is_seen_to_move),
		cmocka_unit_test(a_heart_that_stops_stands_still_until_it_beats_again),
		cmocka_unit_test(the_first_look_at_a_stopped_heart_is_no_movement),
		cmocka_unit_test(
			a_dead_machine_stands_still_however_often_it_is_connected),
		cmocka_unit_test(a_cut_that_heals_is_connected_again),
		cmocka_unit_test(a_stopped_heart_is_not_revived_by_a_new_link),
		cmocka_unit_test(a_region_that_was_withdrawn_is_no_sign_of_death),
		cmocka_unit_test(an_owner_that_does_not_know_us_yet_is_asked_again),
		cmocka_unit_test(without_a_region_there_is_nothing_to_look_at),
		cmocka_unit_test(on_shared_memory_one_look_is_enough),
		cmocka_unit_test(a_memory_file_that_is_gone_is_no_sign_of_death),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
