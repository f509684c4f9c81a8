/*
 * One-sided memory within one machine: a memory file that both sides have mapped, and the
 * processor's own atomics.
 *
 * Operations take effect within the call, in program order; what is left to do at poll is
 * to hand over the completions.  So a link of this kind never fails, and there is no
 * connection: whoever may open the file is a peer.  That is why the owner's gate (admit)
 * is never asked here and evict can end nobody: the file's mode is the gate, and the
 * caller must know by other means that a peer is gone.  A peer keeps its bytes when the
 * owner withdraws them.  A device that does not listen tells nobody where its memories are.
 */
#include "hw/memory.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/shm/address.h"
#include "hw/shm/copy.h"
#include "hw/shm/link.h"

static int shm_open(
	const struct device_config *config, struct device **device_p, struct error *err)
{
	struct shm_device *device = calloc(1, sizeof(*device));

	if (!device)
		return error_set(err, -ENOMEM, "shm: device: out of memory");
	device->device.ops = &shm_memory_ops;
	device->listen = config->listen; /* all there is to choose */
	*device_p = &device->device;
	return 0;
}

static void shm_close(struct device *device)
{
	assert(shm_device(device)->users == 0);
	free(device);
}

static int shm_fd(const struct device *device)
{
	(void)device;
	return -1;
}

static int shm_progress(struct device *device, struct error *err)
{
	(void)device;
	(void)err;
	return 0;
}

static void shm_admit(struct device *device, device_admit_fn admit, void *context)
{
	(void)device; /* never asked; see the top */
	(void)admit;
	(void)context;
}

static const char *shm_describe(const struct device *device)
{
	(void)device;
	return "shm";
}

/* Whether the memory will have an address, asked before there is a file to clean up. */
static int path_check(const struct pages_config *config, struct error *err)
{
	char text[MEMORY_ADDRESS_MAX];

	if (!config->path)
		return 0;
	return shm_address_format(config->path, pages_round(config->len), text, err);
}

static int memory_name(struct shm_memory *memory, const char *path, struct error *err)
{
	char anonymous[64];

	if (!path) {
		(void)snprintf(anonymous, sizeof(anonymous), "/proc/%ld/fd/%d",
			(long)getpid(), memory->pages.fd);
		path = anonymous;
	}
	return shm_address_format(path, memory->pages.len, memory->address, err);
}

static int shm_expose(struct device *device, const struct memory_config *config,
	struct memory **memory_p, struct error *err)
{
	struct shm_memory *memory;
	int rc = path_check(&config->pages, err);

	if (rc)
		return rc;
	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return error_set(err, -ENOMEM, "shm: memory: out of memory");
	memory->memory = (struct memory){.ops = &shm_memory_ops,
		.device = device,
		.source = config->source || !shm_device(device)->listen};
	rc = pages_map(&config->pages, &memory->pages, err);
	if (rc) {
		free(memory);
		return rc;
	}
	if (shm_device(device)->listen)
		rc = memory_name(memory, config->pages.path, err);
	assert(rc == 0); /* path_check has seen the same path and length */
	shm_device(device)->users++;
	*memory_p = &memory->memory;
	return 0;
}

static void shm_withdraw(struct memory *memory)
{
	shm_device(memory->device)->users--;
	pages_unmap(&((struct shm_memory *)memory)->pages);
	free(memory);
}

static const char *shm_address(const struct memory *memory)
{
	return shm_memory(memory)->address;
}

static void *shm_base(const struct memory *memory)
{
	return shm_memory(memory)->pages.base;
}

static size_t shm_len(const struct memory *memory)
{
	return shm_memory(memory)->pages.len;
}

static uint64_t shm_load(const struct memory *memory, size_t offset)
{
	const struct pages *pages = &shm_memory(memory)->pages;

	assert(offset % 8 == 0 && offset < pages->len);
	return copy_word_load((const unsigned char *)pages->base + offset);
}

static void shm_evict(struct memory *memory, uint64_t token)
{
	(void)memory; /* out of reach; see the top */
	(void)token;
}

static const struct pages *shm_pages(const struct memory *memory)
{
	return &shm_memory(memory)->pages;
}

static bool shm_hot_on_card(const struct memory *memory)
{
	(void)memory;
	return false;
}

const struct memory_ops shm_memory_ops = {
	.name = "shm",
	.open = shm_open,
	.close = shm_close,
	.fd = shm_fd,
	.progress = shm_progress,
	.admit = shm_admit,
	.describe = shm_describe,
	.expose = shm_expose,
	.withdraw = shm_withdraw,
	.address = shm_address,
	.base = shm_base,
	.len = shm_len,
	.pages = shm_pages,
	.load = shm_load,
	.hot_on_card = shm_hot_on_card,
	.evict = shm_evict,
	.connect = shm_connect,
	.state = shm_state,
	.disconnect = shm_disconnect,
	.fetch_add = shm_fetch_add,
	.compare_swap = shm_compare_swap,
	.write = shm_write,
	.read = shm_read,
	.write_read = shm_write_read,
	.put = shm_put,
	.poll = shm_poll,
	.word = shm_word,
};
