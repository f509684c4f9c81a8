/* What the two sides of the bare loop share: the memory's layout and its address. */
#ifndef PAWL_BENCH_RAW_VERBS_INTERNAL_H
#define PAWL_BENCH_RAW_VERBS_INTERNAL_H

#include <rdma/rdma_cma.h>
#include <stdint.h>

#include "hw/verbs/find.h"

#define RAW_VERBS_COUNTER 0 /* offsets; each word has a cache line of its own */
#define RAW_VERBS_MARK 64
#define RAW_VERBS_STATE 128
#define RAW_VERBS_LEN 192

struct raw_verbs_target {
	uint64_t base;
	uint32_t key;
};

/* Takes an address line apart.  -EINVAL. */
int raw_verbs_target_read(const char *address, struct raw_verbs_target *target_p,
	union verbs_sockaddr *owner_p);

/* A device's limit of atomics at once as the connection manager wants it: 1 to 255. */
static inline uint8_t raw_verbs_clamp(int limit)
{
	if (limit < 1)
		return 1;
	return limit < UINT8_MAX ? (uint8_t)limit : UINT8_MAX;
}

#endif
