#include <assert.h>
#include <errno.h>

#include "hw/sim/world.h"

bool sim_device_is_dead(const struct sim_device *device)
{
	const struct sim_node *node = &device->world->nodes[device->node];

	return node->crashed || node->incarnation != device->incarnation;
}

bool sim_nodes_are_parted(const struct sim_world *world, unsigned int a, unsigned int b)
{
	return (world->nodes[a].unreachable >> b & 1) != 0;
}

static struct sim_node *node_at(struct sim_world *world, unsigned int node)
{
	assert(node < world->config.nodes);
	return &world->nodes[node];
}

void sim_node_pause(struct sim_world *world, unsigned int node)
{
	node_at(world, node)->paused = true;
}

void sim_node_resume(struct sim_world *world, unsigned int node)
{
	node_at(world, node)->paused = false;
}

/* What the node itself had opened to others: packets that have left it are ghosts. */
static void links_from_node_end(struct sim_world *world, unsigned int node)
{
	for (unsigned int i = 0; i < world->config.links; i++) {
		struct sim_link *link = world->links[i];

		if (link && link->node == node && !link->closed)
			sim_link_fail(link, -EIO);
	}
}

static void memories_of_node_end(struct sim_world *world, unsigned int node)
{
	for (struct sim_memory *memory = world->memories; memory; memory = memory->next) {
		if (sim_device(memory->memory.device)->node != node)
			continue;
		memory->dead = true;
		while (memory->links)
			sim_link_expel(
				memory->links, -ETIMEDOUT, world->config.timeout_ns);
	}
}

void sim_node_crash(struct sim_world *world, unsigned int number)
{
	struct sim_node *node = node_at(world, number);

	if (node->crashed)
		return;
	node->crashed = true;
	node->paused = false;
	node->incarnation++;
	links_from_node_end(world, number);
	memories_of_node_end(world, number);
}

void sim_node_restart(struct sim_world *world, unsigned int node)
{
	node_at(world, node)->crashed = false;
}

void sim_world_partition(struct sim_world *world, unsigned int a, unsigned int b)
{
	assert(a != b);
	node_at(world, a)->unreachable |= (uint64_t)1 << b;
	node_at(world, b)->unreachable |= (uint64_t)1 << a;
}

void sim_world_heal(struct sim_world *world, unsigned int a, unsigned int b)
{
	node_at(world, a)->unreachable &= ~((uint64_t)1 << b);
	node_at(world, b)->unreachable &= ~((uint64_t)1 << a);
}
