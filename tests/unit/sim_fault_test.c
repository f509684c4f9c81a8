/* Simulated memory when nodes stop or crash and what they send is held back or lost. */
#include <string.h>

#include "tests/unit/sim_rig.h"

static void memory_of_a_paused_node_answers(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 4);
	sim_node_pause(rig.world, OWNER);
	rig_add(&rig, 1);
	rig_settle(&rig);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.status, 0);
	assert_int_equal(rig_word(&rig), 1);
	rig_close(&rig);
}

static void paused_node_lets_nobody_in_until_it_is_resumed(void **state)
{
	struct link_config config = {.depth = DEPTH};
	struct link *link;
	struct rig rig;

	(void)state;
	rig_open(&rig, 5);
	sim_node_pause(rig.world, OWNER);
	assert_int_equal(
		ops->connect(rig.peer, ops->address(rig.memory), &config, &link, NULL),
		0);
	rig_settle(&rig);
	assert_int_equal(ops->progress(rig.owner, NULL), 0);
	rig_settle(&rig);
	assert_int_equal(ops->state(link, NULL), -EAGAIN);
	sim_node_resume(rig.world, OWNER);
	assert_int_equal(ops->progress(rig.owner, NULL), 0);
	rig_settle(&rig);
	assert_int_equal(ops->state(link, NULL), 0);
	ops->disconnect(link);
	rig_close(&rig);
}

static void connecting_to_a_paused_node_ends_in_time(void **state)
{
	struct link_config config = {.depth = DEPTH};
	struct error err = {""};
	struct link *link;
	struct rig rig;

	(void)state;
	rig_open(&rig, 6);
	sim_node_pause(rig.world, OWNER);
	assert_int_equal(
		ops->connect(rig.peer, ops->address(rig.memory), &config, &link, NULL),
		0);
	sim_world_run_until(
		rig.world, sim_world_now_ns(rig.world) + rig.config.timeout_ns);
	assert_int_equal(ops->state(link, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.text, "connect again"));
	sim_node_resume(rig.world, OWNER);
	assert_int_equal(ops->progress(rig.owner, NULL), 0);
	rig_settle(&rig);
	assert_int_equal(ops->state(link, NULL), -ETIMEDOUT);
	ops->disconnect(link);
	rig_close(&rig);
}

static void paused_peer_sees_its_completions_when_it_wakes(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 7);
	rig_add(&rig, 1);
	sim_node_pause(rig.world, PEER);
	rig_settle(&rig);
	assert_int_equal(rig_poll(&rig, &done), 0);
	sim_node_resume(rig.world, PEER);
	assert_int_equal(rig_poll(&rig, &done), 1);
	rig_close(&rig);
}

static void crashed_owner_changes_no_more_and_its_links_fail_in_time(void **state)
{
	struct memory_config memory = {.pages = {.len = 64}};
	struct completion done;
	struct device *device;
	struct memory *other;
	struct rig rig;
	uint64_t crashed_ns;

	(void)state;
	rig_open(&rig, 8);
	rig_add(&rig, 3);
	sim_node_crash(rig.world, OWNER);
	crashed_ns = sim_world_now_ns(rig.world);
	while (rig_poll(&rig, &done) == 0)
		assert_true(sim_world_step(rig.world));
	assert_in_range(
		sim_world_now_ns(rig.world) - crashed_ns, 1, rig.config.timeout_ns);
	assert_int_equal(done.status, -ETIMEDOUT);
	assert_int_equal(ops->state(rig.link, NULL), -ENOTCONN);
	rig_settle(&rig);
	assert_int_equal(rig_word(&rig), 0);
	assert_int_equal(ops->progress(rig.owner, NULL), -EIO);
	assert_int_equal(sim_device_open(rig.world, OWNER, &device), -ENODEV);
	sim_node_restart(rig.world, OWNER);
	assert_int_equal(ops->progress(rig.owner, NULL), -EIO); /* of an earlier life */
	assert_int_equal(sim_device_open(rig.world, OWNER, &device), 0);
	assert_int_equal(ops->expose(device, &memory, &other, NULL), 0);
	ops->withdraw(other);
	ops->close(device);
	rig_close(&rig);
}

/* How many of DEPTH additions still had an effect after @end_link, over many seeds. */
static void ghosts_check(void (*end_link)(struct rig *rig))
{
	unsigned int none = 0, some = 0, all = 0;

	for (uint64_t seed = 0; seed < 200; seed++) {
		struct rig rig;

		rig_open(&rig, seed);
		rig_add(&rig, DEPTH);
		end_link(&rig);
		assert_int_equal(rig_word(&rig), 0);
		rig_settle(&rig);
		none += rig_word(&rig) == 0;
		all += rig_word(&rig) == DEPTH;
		some += rig_word(&rig) > 0 && rig_word(&rig) < DEPTH;
		rig.link = rig_connect(&rig, 3);
		rig_close(&rig);
	}
	assert_true(none > 5 && some > 50 && all > 5);
}

static void disconnect_early(struct rig *rig)
{
	ops->disconnect(rig->link);
}

static void peer_crash(struct rig *rig)
{
	sim_node_crash(rig->world, PEER);
	ops->disconnect(rig->link);
	ops->close(rig->peer);
	sim_node_restart(rig->world, PEER);
	assert_int_equal(sim_device_open(rig->world, PEER, &rig->peer), 0);
}

static void operations_of_an_ended_link_may_arrive_later(void **state)
{
	(void)state;
	ghosts_check(disconnect_early);
	ghosts_check(peer_crash);
}

static void withdrawn_memory_is_safe_from_ghosts(void **state)
{
	struct link_config config = {.depth = DEPTH};
	struct link *link;
	struct rig rig;

	(void)state;
	rig_open(&rig, 9);
	rig_add(&rig, DEPTH);
	ops->disconnect(rig.link);
	ops->withdraw(rig.memory);
	rig_settle(&rig); /* a sanitizer would see a write into freed bytes */
	assert_int_equal(ops->connect(rig.peer, "sim node=1 memory=1 len=8192", &config,
				 &link, NULL),
		0);
	rig_settle(&rig);
	assert_int_equal(ops->state(link, NULL), -ECONNREFUSED);
	ops->disconnect(link);
	ops->close(rig.peer);
	ops->close(rig.owner);
	sim_world_close(rig.world);
}

static void partition_holds_operations_back_until_it_heals(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 10);
	sim_world_partition(rig.world, PEER, OWNER);
	rig_add(&rig, 1);
	sim_world_run_until(
		rig.world, sim_world_now_ns(rig.world) + rig.config.timeout_ns / 2);
	assert_int_equal(rig_word(&rig), 0);
	sim_world_heal(rig.world, OWNER, PEER);
	rig_settle(&rig);
	assert_int_equal(rig_word(&rig), 1);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.status, 0);
	rig_close(&rig);
}

static void partition_of_others_disturbs_nobody(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 11);
	sim_world_partition(rig.world, PEER, 5);
	sim_world_partition(rig.world, 3, OWNER);
	rig_add(&rig, 1);
	rig_settle(&rig);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.status, 0);
	rig_close(&rig);
}

static void nothing_behind_a_lost_request_takes_effect(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		rig_open(&rig, seed);
		rig_add(&rig, 2);
		(void)sim_world_step(rig.world); /* the first has its effect */
		sim_link_lose(rig.link, false);
		rig_settle(&rig);
		assert_int_equal(rig_word(&rig), 1);
		assert_int_equal(rig_poll(&rig, &done), 1);
		assert_int_equal(done.status, 0);
		assert_int_equal(rig_poll(&rig, &done), 1);
		assert_int_equal(done.status, -ETIMEDOUT);
		rig_close(&rig);
	}
}

static void lost_completion_leaves_its_effect(void **state)
{
	struct completion done;
	struct rig rig;

	(void)state;
	rig_open(&rig, 12);
	sim_link_lose(rig.link, true); /* the next one */
	rig_add(&rig, 1);
	rig_settle(&rig);
	assert_int_equal(rig_word(&rig), 1);
	assert_int_equal(rig_poll(&rig, &done), 1);
	assert_int_equal(done.status, -ETIMEDOUT);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_a_paused_node_answers),
		cmocka_unit_test(paused_node_lets_nobody_in_until_it_is_resumed),
		cmocka_unit_test(connecting_to_a_paused_node_ends_in_time),
		cmocka_unit_test(paused_peer_sees_its_completions_when_it_wakes),
		cmocka_unit_test(
			crashed_owner_changes_no_more_and_its_links_fail_in_time),
		cmocka_unit_test(operations_of_an_ended_link_may_arrive_later),
		cmocka_unit_test(withdrawn_memory_is_safe_from_ghosts),
		cmocka_unit_test(partition_holds_operations_back_until_it_heals),
		cmocka_unit_test(partition_of_others_disturbs_nobody),
		cmocka_unit_test(nothing_behind_a_lost_request_takes_effect),
		cmocka_unit_test(lost_completion_leaves_its_effect),
	};

	return cmocka_run_group_tests_name("sim_fault", tests, NULL, NULL);
}
