/*
 * The link of a fault device: what became of each operation, and the data path.  Entries
 * of the ops table in fault.c; their contract is that of hw/memory.h.
 */
#ifndef PAWL_HW_FAULT_LINK_H
#define PAWL_HW_FAULT_LINK_H

#include <pthread.h>

#include "hw/fault/fault.h"
#include "hw/fault/random.h"

struct fault_memory;

struct fault_device {
	struct device device;
	struct device *inner;
	struct fault_plan plan;
	struct random random;
	pthread_mutex_t memories_mutex; /* M10: around the list, not what is in it */
	struct fault_memory *memories;
	unsigned int links;
	device_admit_fn admit;
	void *admit_context;
	char name[128];
};

static inline struct fault_device *fault_device(const struct device *device)
{
	return (struct fault_device *)(uintptr_t)device;
}

/* The memory of the inner device that a fault device's stands for. */
struct memory *fault_memory_inner(const struct memory *memory);

int fault_connect(struct device *device, const char *address,
	const struct link_config *config, struct link **link_p, struct error *err);
int fault_state(const struct link *link, struct error *err);
void fault_disconnect(struct link *link);

int fault_fetch_add(struct link *link, uint64_t offset, uint64_t n, uint64_t cookie);
int fault_compare_swap(struct link *link, uint64_t offset, uint64_t expected,
	uint64_t desired, uint64_t cookie);
int fault_write(struct link *link, uint64_t offset, const void *bytes, size_t len,
	uint64_t cookie);
int fault_read(
	struct link *link, uint64_t offset, void *bytes, size_t len, uint64_t cookie);
int fault_write_read(struct link *link, uint64_t write_offset, uint64_t word,
	uint64_t read_offset, void *bytes, uint64_t cookie);
int fault_put(struct link *link, uint64_t offset, const struct memory *source,
	uint64_t source_offset, size_t len, uint64_t cookie);
int fault_poll(struct link *link, struct completion *completions, int max, int *count_p);

#endif
