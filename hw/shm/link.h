/*
 * The peer's half of shared memory: the link and its data path, entries of the ops table
 * in shm.c.  Their contract is that of hw/memory.h.
 */
#ifndef PAWL_HW_SHM_LINK_H
#define PAWL_HW_SHM_LINK_H

#include "hw/memory.h"

struct shm_device {
	struct device device;
	_Atomic unsigned int users; /* memories and links that are open on it; M10 */
	bool listen;
};

struct shm_memory {
	struct memory memory;
	struct pages pages;
	char address[MEMORY_ADDRESS_MAX];
};

static inline const struct shm_memory *shm_memory(const struct memory *memory)
{
	return (const struct shm_memory *)memory;
}

static inline struct shm_device *shm_device(struct device *device)
{
	return (struct shm_device *)device;
}

int shm_connect(struct device *device, const char *text, const struct link_config *config,
	struct link **link_p, struct error *err);
int shm_state(const struct link *link, struct error *err);
void shm_disconnect(struct link *link);

int shm_fetch_add(struct link *base, uint64_t offset, uint64_t n, uint64_t cookie);
_Atomic uint64_t *shm_word(struct link *base, uint64_t offset);
int shm_compare_swap(struct link *base, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie);
int shm_write(struct link *base, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie);
int shm_read(
	struct link *base, uint64_t offset, void *bytes, size_t len, uint64_t cookie);
int shm_write_read(struct link *base, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie);
int shm_put(struct link *base, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie);
int shm_poll(struct link *base, struct completion *completions, int max, int *count_p);

#endif
