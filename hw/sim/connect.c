#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/sim/world.h"

struct sim_address {
	unsigned int node;
	unsigned long long memory;
	size_t len;
};

/* Our own text only: whatever is not exactly as sim_expose wrote it is refused. */
static int address_parse(
	const char *text, struct sim_address *address_p, struct error *err)
{
	char again[MEMORY_ADDRESS_MAX];
	struct sim_address address = {0};
	int fields = sscanf(text, "sim node=%u memory=%llu len=%zu", &address.node,
		&address.memory, &address.len);

	(void)snprintf(again, sizeof(again), "sim node=%u memory=%llu len=%zu",
		address.node, address.memory, address.len);
	if (fields != 3 || strcmp(text, again) != 0 || address.node >= SIM_NODES_MAX)
		return error_set(err, -EINVAL,
			"sim: address '%.*s': not an address of simulated memory; "
			"expected "
			"'sim node=N memory=M len=BYTES'",
			MEMORY_ADDRESS_MAX, text);
	*address_p = address;
	return 0;
}

static struct sim_link *link_alloc(unsigned int depth)
{
	struct sim_link *link;
	uint32_t slots = 1;

	while (slots < depth)
		slots *= 2;
	link = calloc(1, sizeof(*link) + slots * sizeof(link->operations[0]));
	if (!link)
		return NULL;
	link->depth = depth;
	link->mask = slots - 1;
	link->stalled_ns = UINT64_MAX;
	return link;
}

static bool slot_find(const struct sim_world *world, unsigned int *slot_p)
{
	for (unsigned int i = 0; i < world->config.links; i++) {
		if (world->links[i])
			continue;
		*slot_p = i;
		return true;
	}
	return false;
}

static void memory_detach(struct sim_link *link)
{
	struct sim_link **at = &link->memory->links;

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->memory = NULL;
}

void sim_link_release(struct sim_link *link)
{
	if (!link->closed || link->events > 0)
		return;
	if (link->memory)
		memory_detach(link);
	sim_link_drop_effects(link);
	link->world->links[link->slot] = NULL;
	free(link);
}

void sim_link_forget(struct sim_link *link)
{
	struct sim_link **at;

	if (!link->waiting_on)
		return;
	at = &link->waiting_on->waiting;
	while (*at != link)
		at = &(*at)->next_waiting;
	*at = link->next_waiting;
	link->waiting_on = NULL;
}

void sim_link_expel(struct sim_link *link, int status, uint64_t ns)
{
	memory_detach(link);
	sim_link_drop_effects(link);
	sim_link_plan_failure(link, status, ns);
}

static struct sim_memory *memory_find(const struct sim_world *world, uint64_t number)
{
	struct sim_memory *memory = world->memories;

	while (memory && memory->number != number)
		memory = memory->next;
	return memory && !memory->dead ? memory : NULL;
}

static bool connect_is_late(const struct sim_link *link)
{
	return link->world->now_ns >= link->connect_deadline_ns;
}

static void connect_plan(struct sim_link *link, sim_call_fn call, uint64_t ns, int status)
{
	link->events++;
	sim_world_plan(link->world, link->world->now_ns + ns, call, link,
		(uint64_t)(int64_t)status);
}

/* The owner's verdict is back. */
static void connect_answer(void *context, uint64_t status)
{
	struct sim_link *link = context;

	link->events--;
	sim_world_trace_note(link->world, link->slot ^ status << 32);
	if (link->closed || link->phase != SIM_LINK_CONNECTING || connect_is_late(link)) {
		sim_link_release(link);
		return;
	}
	if (sim_nodes_are_parted(link->world, link->node, link->owner)) {
		connect_plan(link, connect_answer, link->world->config.latency_max_ns + 1,
			(int)(int64_t)status);
		return;
	}
	link->status = (int)(int64_t)status;
	link->phase = link->status ? SIM_LINK_REFUSED : SIM_LINK_CONNECTED;
	if (!link->status && !link->memory) /* expelled while the answer was on its way */
		sim_link_plan_failure(link, -EIO, link->world->config.latency_max_ns);
}

/* The wish to connect has reached the owner's node, or tries again when it can not. */
static void connect_arrive(void *context, uint64_t unused)
{
	struct sim_link *link = context;
	struct sim_world *world = link->world;
	struct sim_memory *memory;

	(void)unused;
	link->events--;
	if (link->closed || link->phase != SIM_LINK_CONNECTING || connect_is_late(link)) {
		sim_link_release(link);
		return;
	}
	if (world->nodes[link->owner].crashed ||
		sim_nodes_are_parted(world, link->node, link->owner)) {
		connect_plan(link, connect_arrive, world->config.latency_max_ns + 1, 0);
		return;
	}
	memory = memory_find(world, link->memory_number);
	if (!memory) {
		connect_plan(
			link, connect_answer, sim_world_latency_ns(world), -ECONNREFUSED);
		return;
	}
	link->waiting_on = sim_device(memory->memory.device);
	link->next_waiting = link->waiting_on->waiting;
	link->waiting_on->waiting = link;
}

static int connect_check(const struct sim_device *device,
	const struct link_config *config, struct error *err)
{
	if (config->depth < 1 || config->depth > LINK_DEPTH_MAX)
		return error_set(err, -EINVAL,
			"sim: link: depth of %u is not allowed; choose 1 to %d",
			config->depth, LINK_DEPTH_MAX);
	if (sim_device_is_dead(device))
		return error_set(err, -EADDRNOTAVAIL,
			"sim: %s: link: the node has crashed; restart it", device->name);
	return 0;
}

int sim_connect(struct device *base, const char *text, const struct link_config *config,
	struct link **link_p, struct error *err)
{
	struct sim_device *device = sim_device(base);
	struct sim_world *world = device->world;
	struct sim_address address = {0};
	struct sim_link *link;
	unsigned int slot;
	int rc = address_parse(text, &address, err);

	if (!rc)
		rc = connect_check(device, config, err);
	if (rc)
		return rc;
	if (!slot_find(world, &slot))
		return error_set(err, -ENOMEM,
			"sim: link: %u links are open or have ghosts; raise links",
			world->config.links);
	link = link_alloc(config->depth);
	if (!link)
		return error_set(err, -ENOMEM, "sim: link: out of memory");
	link->link = (struct link){.ops = &sim_memory_ops, .device = base};
	link->world = world;
	link->memory_number = address.memory;
	link->len = address.len;
	link->token = config->token;
	link->connect_deadline_ns = world->now_ns + world->config.timeout_ns;
	link->slot = slot;
	link->node = device->node;
	link->owner = address.node;
	world->links[slot] = link;
	device->users++;
	connect_plan(link, connect_arrive, sim_world_latency_ns(world), 0);
	*link_p = &link->link;
	return 0;
}

static int state_explain(const struct sim_link *link, int rc, struct error *err)
{
	return error_set(err, rc,
		"sim: link: node %u to memory %llu of node %u: %s: %s; connect again",
		link->node, (unsigned long long)link->memory_number, link->owner,
		rc == -ENOTCONN ? "failed" : "can not connect", error_reason(rc));
}

int sim_state(const struct link *base, struct error *err)
{
	const struct sim_link *link = sim_link(base);

	switch (link->phase) {
	case SIM_LINK_CONNECTED:
		return 0;
	case SIM_LINK_CONNECTING:
		return connect_is_late(link) ? state_explain(link, -ETIMEDOUT, err)
					     : -EAGAIN;
	case SIM_LINK_REFUSED:
		return state_explain(link, link->status, err);
	default:
		return state_explain(link, -ENOTCONN, err);
	}
}

void sim_disconnect(struct link *base)
{
	struct sim_link *link = sim_link(base);

	sim_device(base->device)->users--;
	sim_link_forget(link);
	link->closed = true;
	if (link->phase == SIM_LINK_CONNECTED)
		sim_link_haunt(link);
	sim_link_release(link);
}

/* The owner's processor decides about one link. */
static int connect_decide(struct sim_device *device, struct sim_link *link)
{
	struct sim_memory *memory = memory_find(device->world, link->memory_number);

	if (!memory || link->len != memory->len)
		return -ECONNREFUSED;
	if (device->admit &&
		!device->admit(device->admit_context, &memory->memory, link->token))
		return -EACCES;
	link->memory = memory;
	link->next = memory->links;
	memory->links = link;
	return 0;
}

int sim_progress(struct device *base, struct error *err)
{
	struct sim_device *device = sim_device(base);

	if (sim_device_is_dead(device))
		return error_set(err, -EIO,
			"sim: %s: device: the node has crashed; restart it",
			device->name);
	if (device->world->nodes[device->node].paused)
		return 0;
	while (device->waiting) {
		struct sim_link *link = device->waiting;

		sim_link_forget(link);
		connect_plan(link, connect_answer, sim_world_latency_ns(device->world),
			connect_decide(device, link));
	}
	return 0;
}
