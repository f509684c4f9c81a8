/*
 * Things of one size in memory that was given once, called by their numbers.  What was never used
 * is not touched.
 */
#ifndef PAWL_CORE_KV_POOL_H
#define PAWL_CORE_KV_POOL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sequencer/core/panic.h"

#define KV_NONE UINT32_MAX

struct kv_pool {
	unsigned char *items;
	size_t item_len;
	uint32_t max;
	uint32_t begun; /* used at some time */
	uint32_t free;	/* the newest that was given back; it says the next one */
	uint32_t count;
};

static inline void kv_pool_init(
	struct kv_pool *pool, void *items, size_t item_len, uint32_t max)
{
	*pool = (struct kv_pool){
		.items = items, .item_len = item_len, .max = max, .free = KV_NONE};
}

static inline void *kv_pool_at(const struct kv_pool *pool, uint32_t item)
{
	return pool->items + item * pool->item_len;
}

static inline uint32_t kv_pool_number(const struct kv_pool *pool, const void *item)
{
	return (uint32_t)((size_t)((const unsigned char *)item - pool->items) /
			  pool->item_len);
}

/* One with any content; there is one, since limits were looked at before (I8). */
static inline uint32_t kv_pool_take(struct kv_pool *pool)
{
	uint32_t item = pool->free;

	PAWL_ASSERT(pool->count < pool->max); /* I8 */
	pool->count++;
	if (item == KV_NONE)
		return pool->begun++;
	memcpy(&pool->free, kv_pool_at(pool, item), sizeof(pool->free));
	return item;
}

static inline void kv_pool_give(struct kv_pool *pool, uint32_t item)
{
	PAWL_ASSERT(pool->count > 0 && item < pool->begun);
	memcpy(kv_pool_at(pool, item), &pool->free, sizeof(pool->free));
	pool->free = item;
	pool->count--;
}

#endif
