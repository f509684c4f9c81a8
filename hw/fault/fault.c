#include "hw/fault/fault.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hw/fault/link.h"

#define MILLION 1000000

struct fault_memory {
	struct memory memory;
	struct memory *inner;
	struct fault_memory *next; /* on the same device */
};

static const struct memory_ops *inner_ops(const struct memory *memory)
{
	return ((const struct fault_memory *)memory)->inner->ops;
}

static struct memory *inner_memory(const struct memory *memory)
{
	return ((const struct fault_memory *)memory)->inner;
}

struct memory *fault_memory_inner(const struct memory *memory)
{
	return inner_memory(memory);
}

int fault_device_open(const struct fault_plan *plan, const struct memory_ops *ops,
	struct device *inner, struct device **device_p)
{
	struct fault_device *device;

	if (plan->full > MILLION || plan->delay > MILLION || plan->lose > MILLION ||
		plan->cut > MILLION)
		return -EINVAL;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	(void)pthread_mutex_init(&device->memories_mutex, NULL);
	device->device.ops = &fault_memory_ops;
	device->inner = inner;
	device->plan = *plan;
	device->random.state = plan->seed;
	(void)snprintf(device->name, sizeof(device->name), "fault over %s",
		ops->describe(inner));
	*device_p = &device->device;
	return 0;
}

static int fault_open(
	const struct device_config *config, struct device **device_p, struct error *err)
{
	(void)config;
	(void)device_p;
	return error_set(err, -ENODEV,
		"fault: device: it wraps a device that is open already; use "
		"fault_device_open");
}

static void fault_close(struct device *base)
{
	struct fault_device *device = fault_device(base);

	assert(!device->memories && device->links == 0);
	device->inner->ops->close(device->inner);
	(void)pthread_mutex_destroy(&device->memories_mutex);
	free(device);
}

static int fault_fd(const struct device *device)
{
	const struct device *inner = fault_device(device)->inner;

	return inner->ops->fd(inner);
}

static int fault_progress(struct device *device, struct error *err)
{
	struct device *inner = fault_device(device)->inner;

	return inner->ops->progress(inner, err);
}

/* The inner device asks about its own memory; the gate knows ours. */
static bool admit_forward(void *context, const struct memory *inner, uint64_t token)
{
	struct fault_device *device = context;
	struct fault_memory *memory;

	(void)pthread_mutex_lock(&device->memories_mutex);
	memory = device->memories;
	while (memory && memory->inner != inner)
		memory = memory->next;
	(void)pthread_mutex_unlock(&device->memories_mutex);
	return memory && device->admit(device->admit_context, &memory->memory, token);
}

static void fault_admit(struct device *base, device_admit_fn admit, void *context)
{
	struct fault_device *device = fault_device(base);

	device->admit = admit;
	device->admit_context = context;
	device->inner->ops->admit(device->inner, admit ? admit_forward : NULL, device);
}

static const char *fault_describe(const struct device *device)
{
	return fault_device(device)->name;
}

static int fault_expose(struct device *base, const struct memory_config *config,
	struct memory **memory_p, struct error *err)
{
	struct fault_device *device = fault_device(base);
	struct fault_memory *memory = calloc(1, sizeof(*memory));
	int rc;

	if (!memory)
		return error_set(err, -ENOMEM, "fault: memory: out of memory");
	memory->memory = (struct memory){.ops = &fault_memory_ops, .device = base};
	rc = device->inner->ops->expose(device->inner, config, &memory->inner, err);
	if (rc) {
		free(memory);
		return rc;
	}
	memory->memory.source = memory->inner->source;
	(void)pthread_mutex_lock(&device->memories_mutex);
	memory->next = device->memories;
	device->memories = memory;
	(void)pthread_mutex_unlock(&device->memories_mutex);
	*memory_p = &memory->memory;
	return 0;
}

static void fault_withdraw(struct memory *memory)
{
	struct fault_device *device = fault_device(memory->device);
	struct fault_memory **at = &device->memories;

	(void)pthread_mutex_lock(&device->memories_mutex);
	while (&(*at)->memory != memory)
		at = &(*at)->next;
	*at = (*at)->next;
	(void)pthread_mutex_unlock(&device->memories_mutex);
	inner_ops(memory)->withdraw(inner_memory(memory));
	free(memory);
}

static const char *fault_address(const struct memory *memory)
{
	return inner_ops(memory)->address(inner_memory(memory));
}

static void *fault_base(const struct memory *memory)
{
	return inner_ops(memory)->base(inner_memory(memory));
}

static size_t fault_len(const struct memory *memory)
{
	return inner_ops(memory)->len(inner_memory(memory));
}

static const struct pages *fault_pages(const struct memory *memory)
{
	return inner_ops(memory)->pages(inner_memory(memory));
}

static bool fault_hot_on_card(const struct memory *memory)
{
	return inner_ops(memory)->hot_on_card(inner_memory(memory));
}

static uint64_t fault_load(const struct memory *memory, size_t offset)
{
	return inner_ops(memory)->load(inner_memory(memory), offset);
}

static void fault_evict(struct memory *memory, uint64_t token)
{
	inner_ops(memory)->evict(inner_memory(memory), token);
}

const struct memory_ops fault_memory_ops = {
	.name = "fault",
	.open = fault_open,
	.close = fault_close,
	.fd = fault_fd,
	.progress = fault_progress,
	.admit = fault_admit,
	.describe = fault_describe,
	.expose = fault_expose,
	.withdraw = fault_withdraw,
	.address = fault_address,
	.base = fault_base,
	.len = fault_len,
	.pages = fault_pages,
	.load = fault_load,
	.hot_on_card = fault_hot_on_card,
	.evict = fault_evict,
	.connect = fault_connect,
	.state = fault_state,
	.disconnect = fault_disconnect,
	.fetch_add = fault_fetch_add,
	.compare_swap = fault_compare_swap,
	.write = fault_write,
	.read = fault_read,
	.write_read = fault_write_read,
	.put = fault_put,
	.poll = fault_poll,
	.word = NULL,
};
