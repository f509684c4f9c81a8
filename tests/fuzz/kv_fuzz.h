/* A storage so small that inputs meet its limits. */
#ifndef PAWL_TESTS_FUZZ_KV_FUZZ_H
#define PAWL_TESTS_FUZZ_KV_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/kv.h"

static const struct kv_limits limits = {.bytes_max = 600,
	.keys_max = 6,
	.key_max = 80,
	.value_max = 200,
	.sessions_max = 3,
	.locks_max = 3,
	.waiters_max = 3,
	.command_max = 1024,
	.reply_max = 1024};

static inline void require(bool claim)
{
	if (!claim)
		abort();
}

static inline struct kv *machine_make(void)
{
	uint64_t len = 0;
	void *memory;

	require(kv_memory_len(&limits, &len));
	memory = aligned_alloc(64, len);
	require(memory != NULL);
	return kv_create(&limits, memory, NULL, NULL);
}

#endif
