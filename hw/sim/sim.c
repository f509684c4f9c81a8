#include "hw/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/sim/world.h"

#define SIM_PAGE 64

int sim_device_open(struct sim_world *world, unsigned int node, struct device **device_p)
{
	struct sim_device *device;

	if (node >= world->config.nodes)
		return -EINVAL;
	if (world->nodes[node].crashed)
		return -ENODEV;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	device->device.ops = &sim_memory_ops;
	device->world = world;
	device->node = node;
	device->incarnation = world->nodes[node].incarnation;
	(void)snprintf(device->name, sizeof(device->name), "sim node %u", node);
	world->devices_count++;
	*device_p = &device->device;
	return 0;
}

static int sim_open(
	const struct device_config *config, struct device **device_p, struct error *err)
{
	(void)config;
	(void)device_p;
	return error_set(err, -ENODEV,
		"sim: device: there is no world to open it in; use sim_device_open");
}

static void sim_close(struct device *base)
{
	struct sim_device *device = sim_device(base);

	assert(device->users == 0);
	while (device->waiting)
		sim_link_forget(device->waiting);
	device->world->devices_count--;
	free(device);
}

static int sim_fd(const struct device *device)
{
	(void)device;
	return -1;
}

static void sim_admit(struct device *base, device_admit_fn admit, void *context)
{
	struct sim_device *device = sim_device(base);

	device->admit = admit;
	device->admit_context = context;
}

static const char *sim_describe(const struct device *device)
{
	return sim_device(device)->name;
}

/* The rules of memory configurations that have a meaning here. */
static int memory_check(const struct sim_device *device,
	const struct memory_config *config, struct error *err)
{
	const struct sim_world *world = device->world;

	if (sim_device_is_dead(device))
		return error_set(err, -ENODEV,
			"sim: %s: memory: the node has crashed; restart it",
			device->name);
	if (config->pages.len == 0 || config->pages.adopt)
		return error_set(err, -EINVAL,
			"sim: %s: memory: it is to be empty or adopted; neither is "
			"possible here",
			device->name);
	if (config->pages.len > world->config.memory_len - world->memory_len)
		return error_set(err, -ENOMEM,
			"sim: %s: memory: %zu bytes are more than the world has left; "
			"raise "
			"memory_len",
			device->name, config->pages.len);
	return 0;
}

static struct sim_memory *memory_alloc(size_t len)
{
	struct sim_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->len = (len + SIM_PAGE - 1) / SIM_PAGE * SIM_PAGE;
	memory->bytes = aligned_alloc(SIM_PAGE, memory->len);
	if (!memory->bytes) {
		free(memory);
		return NULL;
	}
	memset(memory->bytes, 0, memory->len);
	memory->pages = (struct pages){
		.base = memory->bytes, .len = memory->len, .fd = -1, .node = -1};
	return memory;
}

static int sim_expose(struct device *base, const struct memory_config *config,
	struct memory **memory_p, struct error *err)
{
	struct sim_device *device = sim_device(base);
	struct sim_world *world = device->world;
	struct sim_memory *memory;
	int rc = memory_check(device, config, err);

	if (rc)
		return rc;
	memory = memory_alloc(config->pages.len);
	if (!memory)
		return error_set(
			err, -ENOMEM, "sim: %s: memory: out of memory", device->name);
	memory->memory = (struct memory){
		.ops = &sim_memory_ops, .device = base, .source = config->source};
	memory->number = ++world->memories_ever;
	(void)snprintf(memory->address, sizeof(memory->address),
		"sim node=%u memory=%llu len=%zu", device->node,
		(unsigned long long)memory->number, memory->len);
	memory->next = world->memories;
	world->memories = memory;
	world->memory_len += memory->len;
	device->users++;
	*memory_p = &memory->memory;
	return 0;
}

static void sim_withdraw(struct memory *base)
{
	struct sim_memory *memory = sim_memory(base);
	struct sim_device *device = sim_device(base->device);
	struct sim_memory **at = &device->world->memories;

	while (memory->links)
		sim_link_expel(memory->links, -EIO, device->world->config.latency_max_ns);
	while (*at != memory)
		at = &(*at)->next;
	*at = memory->next;
	device->world->memory_len -= memory->len;
	device->users--;
	free(memory->bytes);
	free(memory);
}

static const char *sim_address(const struct memory *memory)
{
	return sim_memory(memory)->address;
}

static void *sim_base(const struct memory *memory)
{
	return sim_memory(memory)->bytes;
}

static size_t sim_len(const struct memory *memory)
{
	return sim_memory(memory)->len;
}

static const struct pages *sim_pages(const struct memory *memory)
{
	return &sim_memory(memory)->pages;
}

static bool sim_hot_on_card(const struct memory *memory)
{
	(void)memory;
	return false;
}

static uint64_t sim_load(const struct memory *memory, size_t offset)
{
	uint64_t word;

	assert(offset % 8 == 0 && offset < sim_memory(memory)->len);
	memcpy(&word, sim_memory(memory)->bytes + offset, sizeof(word));
	return word;
}

static void sim_evict(struct memory *base, uint64_t token)
{
	struct sim_memory *memory = sim_memory(base);
	struct sim_world *world = sim_device(base->device)->world;
	struct sim_link *next;

	for (struct sim_link *link = memory->links; link; link = next) {
		next = link->next;
		if (link->token == token)
			sim_link_expel(link, -EIO, world->config.latency_max_ns);
	}
}

const struct memory_ops sim_memory_ops = {
	.name = "sim",
	.open = sim_open,
	.close = sim_close,
	.fd = sim_fd,
	.progress = sim_progress,
	.admit = sim_admit,
	.describe = sim_describe,
	.expose = sim_expose,
	.withdraw = sim_withdraw,
	.address = sim_address,
	.base = sim_base,
	.len = sim_len,
	.pages = sim_pages,
	.load = sim_load,
	.hot_on_card = sim_hot_on_card,
	.evict = sim_evict,
	.connect = sim_connect,
	.state = sim_state,
	.disconnect = sim_disconnect,
	.fetch_add = sim_fetch_add,
	.compare_swap = sim_compare_swap,
	.write = sim_write,
	.read = sim_read,
	.write_read = sim_write_read,
	.put = sim_put,
	.poll = sim_poll,
	.word = NULL,
};
