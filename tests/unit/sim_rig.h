/* A simulated world with an owner on one node and a peer on another, for its unit tests. */
#ifndef PAWL_TESTS_SIM_RIG_H
#define PAWL_TESTS_SIM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "hw/sim/sim.h"

#define DEPTH 8
#define PEER 0
#define OWNER 1

struct rig {
	struct sim_config config;
	struct sim_world *world;
	struct device *owner;
	struct device *peer;
	struct memory *memory;
	struct link *link;
};

static const struct memory_ops *const ops = &sim_memory_ops;

static inline struct link *rig_connect(struct rig *rig, uint64_t token)
{
	struct link_config config = {.depth = DEPTH, .token = token};
	struct link *link;

	assert_int_equal(
		ops->connect(rig->peer, ops->address(rig->memory), &config, &link, NULL),
		0);
	while (ops->state(link, NULL) == -EAGAIN) {
		sim_world_run_until(rig->world, sim_world_now_ns(rig->world) + 1000);
		assert_int_equal(ops->progress(rig->owner, NULL), 0);
	}
	assert_int_equal(ops->state(link, NULL), 0);
	return link;
}

static inline void rig_open(struct rig *rig, uint64_t seed)
{
	struct memory_config memory = {.pages = {.len = 8192}};

	sim_config_default(&rig->config, seed);
	assert_int_equal(sim_world_open(&rig->config, &rig->world, NULL), 0);
	assert_int_equal(sim_device_open(rig->world, OWNER, &rig->owner), 0);
	assert_int_equal(sim_device_open(rig->world, PEER, &rig->peer), 0);
	assert_int_equal(ops->expose(rig->owner, &memory, &rig->memory, NULL), 0);
	rig->link = rig_connect(rig, 1);
}

static inline void rig_close(struct rig *rig)
{
	ops->disconnect(rig->link);
	ops->withdraw(rig->memory);
	ops->close(rig->peer);
	ops->close(rig->owner);
	sim_world_close(rig->world);
}

static inline uint64_t rig_word(const struct rig *rig)
{
	return ops->load(rig->memory, 0);
}

static inline int rig_poll(struct rig *rig, struct completion *done)
{
	int count = -1;

	assert_int_equal(ops->poll(rig->link, done, 1, &count), 0);
	return count;
}

static inline void rig_add(struct rig *rig, unsigned int times)
{
	for (uint64_t i = 0; i < times; i++)
		assert_int_equal(ops->fetch_add(rig->link, 0, 1, i), 0);
}

/* Lets everything happen that is going to. */
static inline void rig_settle(struct rig *rig)
{
	while (sim_world_step(rig->world))
		;
}

#endif
