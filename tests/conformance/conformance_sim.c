/*
 * The suite in simulated time.  The owner is node 1, peers are node 0; links break because
 * nothing passes between them any more, and then because the owner crashes.
 */
#include "hw/sim/sim.h"
#include "tests/conformance/conformance.h"

#define PEER 0
#define OWNER 1

static struct sim_world *world;

static int world_begin(void)
{
	struct sim_config config;

	sim_config_default(&config, 20240229);
	config.memory_len = 64 * FIXTURE_MEMORY;
	return sim_world_open(&config, &world, NULL);
}

static void world_end(void)
{
	sim_world_close(world);
}

static int device_open(bool owner, struct device **device_p, struct error *err)
{
	int rc = sim_device_open(world, owner ? OWNER : PEER, device_p);

	return rc ? error_set(err, rc, "sim: device: can not be opened") : 0;
}

static void time_pass(void)
{
	if (!sim_world_step(world))
		sim_world_run_until(world, sim_world_now_ns(world) + 1000);
}

static void link_break_by_partition(struct fixture *fixture)
{
	(void)fixture;
	sim_world_partition(world, PEER, OWNER);
}

static void link_break_by_crash(struct fixture *fixture)
{
	(void)fixture;
	sim_node_crash(world, OWNER);
}

static void link_break_by_loss(struct fixture *fixture)
{
	sim_link_lose(fixture->link, false);
}

int main(int argc, char **argv)
{
	struct conformance_bed beds[4] = {
		{
			.name = "sim, parted",
			.ops = &sim_memory_ops,
			.begin = world_begin,
			.end = world_end,
			.open = device_open,
			.let_time_pass = time_pass,
			.break_link = link_break_by_partition,
			.unreachable = "sim node=3 memory=99 len=4096",
			.one_thread = true,
			.has_gate = true,
			.can_evict = true,
			.hammer_count = 20000,
			.cycles_count = 500,
		},
	};

	beds[1] = beds[0];
	beds[1].name = "sim, owner crashes";
	beds[1].break_link = link_break_by_crash;
	beds[2] = beds[0];
	beds[2].name = "sim, request lost";
	beds[2].break_link = link_break_by_loss;
	return conformance_main(argc, argv, beds);
}
