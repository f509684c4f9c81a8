/*
 * Bytes of any length in pieces of one size, so that what fits does not depend on what was there
 * before (I8).  A chain of pieces is called by its first one.
 */
#ifndef PAWL_CORE_KV_CELLS_H
#define PAWL_CORE_KV_CELLS_H

#include "sequencer/core/kv_command.h"
#include "sequencer/core/kv_pool.h"

#define KV_CELL_BYTES 60

struct kv_cell {
	uint32_t next; /* where the pool keeps its own word when the cell is free */
	unsigned char bytes[KV_CELL_BYTES];
};

static inline uint64_t kv_cells_needed(uint64_t len)
{
	return (len + KV_CELL_BYTES - 1) / KV_CELL_BYTES;
}

/* A chain with the bytes of @first and then of @second, which are not empty together. */
uint32_t kv_cells_make(struct kv_pool *cells, const struct kv_slice *first,
	const struct kv_slice *second);
/* Gives a chain back. */
void kv_cells_give(struct kv_pool *cells, uint32_t chain);

/* Fetches the first piece of a chain, or its second, into the processor's caches. */
void kv_cells_prefetch(const struct kv_pool *cells, uint32_t chain);
void kv_cells_prefetch_next(const struct kv_pool *cells, uint32_t chain);

/* Copies @len bytes that begin at @from. */
void kv_cells_copy(const struct kv_pool *cells, uint32_t chain, size_t from, void *bytes,
	size_t len);

/*
 * Compares @slice with @len bytes of the chain that begin at @from, as memcmp does; what is a begin
 * of the other comes before it.
 */
int kv_cells_compare(const struct kv_pool *cells, const struct kv_slice *slice,
	uint32_t chain, size_t from, size_t len);

#endif
