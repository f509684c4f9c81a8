/* Exposes memory: pages that the device may reach, and hot words on the card. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>

#include "hw/verbs/verbs_internal.h"

/*
 * Never IBV_ACCESS_RELAXED_ORDERING: rule M3 rests on the order of writes.  Never
 * IBV_ACCESS_ON_DEMAND: a page fault is no place for a counter.
 */
#define ACCESS                                                                       \
	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_WRITE | \
		IBV_ACCESS_REMOTE_ATOMIC)

int verbs_pin_error(
	const struct verbs_device *device, size_t len, int code, struct error *err)
{
	struct rlimit limit = {0, 0};
	char text[40] = "unlimited";

	(void)getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur != RLIM_INFINITY)
		(void)snprintf(text, sizeof(text), "%llu KiB",
			(unsigned long long)limit.rlim_cur / 1024);
	return error_set(err, -ENOMEM,
		"verbs: %s: %zu KiB of memory can not be pinned: %s; the locked-memory "
		"limit is "
		"%s, raise it (ulimit -l unlimited, or LimitMEMLOCK=infinity in a "
		"systemd unit)",
		device->name, (len + 1023) / 1024, error_reason(code), text);
}

static int expose_check(const struct verbs_device *device,
	const struct memory_config *config, struct error *err)
{
	const size_t len = pages_round(config->pages.len);

	if (config->hot_offset % 8 || config->hot_len % 8 || config->hot_len > len ||
		config->hot_offset > len - config->hot_len)
		return error_set(err, -EINVAL,
			"verbs: %s: hot words at %zu (%zu bytes) are not aligned words "
			"of a memory of "
			"%zu bytes: Invalid argument",
			device->name, config->hot_offset, config->hot_len, len);
	return 0;
}

static int pages_register(struct verbs_memory *memory, struct error *err)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct verbs_target *target = &memory->where.target;

	target->base = (uintptr_t)memory->pages.base;
	target->len = memory->pages.len;
	if (!device->listening)
		return 0;
	memory->pd = ibv_alloc_pd(device->context);
	if (!memory->pd)
		return error_set(err, -ENOMEM, "verbs: %s: no protection domain left: %s",
			device->name, error_reason(-errno));
	memory->mr = ibv_reg_mr(
		memory->pd, memory->pages.base, memory->pages.len, ACCESS);
	if (!memory->mr)
		return verbs_pin_error(device, memory->pages.len, -errno, err);
	target->key = memory->mr->rkey;
	return 0;
}

/* V4: the card may read it for this side's links. */
static int source_register(struct verbs_memory *memory, struct error *err)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);

	if (!memory->base.source)
		return 0;
	memory->source_mr = ibv_reg_mr(
		device->pd, memory->pages.base, memory->pages.len, 0);
	if (!memory->source_mr)
		return verbs_pin_error(device, memory->pages.len, -errno, err);
	return 0;
}

static void card_release(struct verbs_memory *memory)
{
	if (memory->dm_mr)
		(void)ibv_dereg_mr(memory->dm_mr);
	if (memory->dm)
		(void)ibv_free_dm(memory->dm);
	memory->dm_mr = NULL;
	memory->dm = NULL;
}

static bool card_acquire(struct verbs_memory *memory, size_t offset, size_t len)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct ibv_alloc_dm_attr attr = {.length = len};
	uint8_t *bytes = memory->pages.base;

	if (!device->card_memory || len == 0 || memory->base.source)
		return false;
	memory->dm = ibv_alloc_dm(device->context, &attr);
	if (!memory->dm)
		return false;
	memory->dm_mr = ibv_reg_dm_mr(
		memory->pd, memory->dm, 0, len, ACCESS | IBV_ACCESS_ZERO_BASED);
	return memory->dm_mr && ibv_memcpy_to_dm(memory->dm, 0, bytes + offset, len) == 0;
}

/* Puts the hot words on the card where that works; otherwise they stay in the pages. */
static void card_use(struct verbs_memory *memory, const struct memory_config *config)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct verbs_target *target = &memory->where.target;

	if (!card_acquire(memory, config->hot_offset, config->hot_len)) {
		card_release(memory);
		return;
	}
	target->hot_key = memory->dm_mr->rkey;
	target->hot_base = 0;
	target->hot_offset = config->hot_offset;
	target->hot_len = config->hot_len;
	(void)snprintf(device->text, sizeof(device->text), "%s %s, device memory",
		device->name, device->host);
}

/*
 * A number that no other memory at this port has or had, so that an address kept from an
 * earlier owner is refused and never leads to another's bytes.
 */
static int identify(struct verbs_memory *memory, struct error *err)
{
	struct verbs_device *device = verbs_device_of(memory->base.device);
	struct verbs_address *where = &memory->where;

	if (!device->listening)
		return 0;
	if (getrandom(&where->memory, sizeof(where->memory), 0) != sizeof(where->memory))
		return error_set(err, -ENOMEM, "verbs: %s: no random numbers: %s",
			device->name, error_reason(-errno));
	where->port = ntohs(rdma_get_src_port(device->anchor.id));
	memcpy(where->host, device->host, sizeof(where->host));
	if (verbs_address_write(where, memory->address, sizeof(memory->address)))
		return error_set(err, -EINVAL,
			"verbs: %s: address of %zu bytes is too long", device->name,
			sizeof(memory->address));
	return 0;
}

static void memory_free(struct verbs_memory *memory)
{
	card_release(memory);
	if (memory->source_mr)
		(void)ibv_dereg_mr(memory->source_mr);
	if (memory->mr)
		(void)ibv_dereg_mr(memory->mr);
	if (memory->pd)
		(void)ibv_dealloc_pd(memory->pd);
	pages_unmap(&memory->pages);
	free(memory);
}

/* From here on peers find it. */
static void memory_enlist(struct verbs_device *device, struct verbs_memory *memory)
{
	(void)pthread_mutex_lock(&device->memories_mutex);
	memory->next = device->memories;
	device->memories = memory;
	(void)pthread_mutex_unlock(&device->memories_mutex);
}

static void memory_delist(struct verbs_device *device, struct verbs_memory *memory)
{
	struct verbs_memory **place = &device->memories;

	(void)pthread_mutex_lock(&device->memories_mutex);
	while (*place != memory)
		place = &(*place)->next;
	*place = memory->next;
	(void)pthread_mutex_unlock(&device->memories_mutex);
}

int verbs_expose(struct device *base, const struct memory_config *config,
	struct memory **memory_p, struct error *err)
{
	struct verbs_device *device = verbs_device_of(base);
	struct verbs_memory *memory;
	int rc = expose_check(device, config, err);

	if (rc)
		return rc;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return error_set(err, -ENOMEM, "verbs: no memory for a memory");
	memory->base = (struct memory){.ops = &verbs_memory_ops,
		.device = base,
		.source = config->source || !device->listening};
	rc = pages_map(&config->pages, &memory->pages, err);
	if (rc) {
		free(memory);
		return rc;
	}
	rc = pages_register(memory, err);
	if (!rc)
		rc = source_register(memory, err);
	if (!rc) {
		card_use(memory, config);
		rc = identify(memory, err);
	}
	if (rc) {
		if (!config->pages.adopt)
			pages_remove(&memory->pages);
		memory_free(memory);
		return rc;
	}
	memory_enlist(device, memory);
	*memory_p = &memory->base;
	return 0;
}

void verbs_withdraw(struct memory *base)
{
	struct verbs_memory *memory = verbs_memory_of(base);

	memory_delist(verbs_device_of(base->device), memory);
	verbs_evict_all(memory);
	memory_free(memory);
}

const char *verbs_memory_address(const struct memory *memory)
{
	return verbs_memory_of(memory)->address;
}

void *verbs_memory_base(const struct memory *memory)
{
	return verbs_memory_of(memory)->pages.base;
}

size_t verbs_memory_len(const struct memory *memory)
{
	return verbs_memory_of(memory)->pages.len;
}

const struct pages *verbs_memory_pages(const struct memory *memory)
{
	return &verbs_memory_of(memory)->pages;
}

bool verbs_memory_on_card(const struct memory *memory)
{
	return verbs_memory_of(memory)->dm != NULL;
}

uint64_t verbs_memory_load(const struct memory *base, size_t offset)
{
	struct verbs_memory *memory = verbs_memory_of(base);
	const struct verbs_target *target = &memory->where.target;
	size_t hot = offset - (size_t)target->hot_offset;
	uint64_t word = 0;

	if (memory->dm && hot < target->hot_len) {
		(void)ibv_memcpy_from_dm(&word, memory->dm, hot, sizeof(word));
		return word;
	}
	return __atomic_load_n(
		(const uint64_t *)(const void *)((const char *)memory->pages.base +
						 offset),
		__ATOMIC_ACQUIRE);
}
