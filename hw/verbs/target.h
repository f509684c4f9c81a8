/*
 * Where the bytes of an exposed memory are on the owner's device.  Most lie in its pages;
 * one range, the hot words, may lie on the card itself and has its own key and base.
 *
 * Invariant: the hot range is empty or wholly inside the memory, and hot_offset and
 * hot_len are multiples of 8, so no aligned word ever lies in both.
 */
#ifndef PAWL_HW_VERBS_TARGET_H
#define PAWL_HW_VERBS_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct verbs_target {
	uint64_t base;
	uint64_t len; /* bytes */
	uint64_t hot_base;
	uint64_t hot_offset;
	uint64_t hot_len; /* bytes; 0: no hot words on the card */
	uint32_t key;
	uint32_t hot_key;
};

/* A run of bytes under one key. */
struct verbs_part {
	uint64_t remote;
	size_t len;
	uint32_t key;
};

#define VERBS_PARTS_MAX 3 /* before, in and after the hot range */

/* Whether the numbers obey the invariant and no range wraps around. */
bool verbs_target_valid(const struct verbs_target *target);

static inline bool verbs_target_holds(
	const struct verbs_target *target, uint64_t offset, size_t len)
{
	return len <= target->len && offset <= target->len - len;
}

/* The place of the word at @offset, which the target holds. */
static inline void verbs_target_word(const struct verbs_target *target, uint64_t offset,
	uint64_t *remote_p, uint32_t *key_p)
{
	uint64_t hot = offset - target->hot_offset;

	if (hot < target->hot_len) {
		*remote_p = target->hot_base + hot;
		*key_p = target->hot_key;
		return;
	}
	*remote_p = target->base + offset;
	*key_p = target->key;
}

/*
 * Cuts a range that the target holds (@len > 0) at the borders of the hot range and
 * returns how many parts, 1 to VERBS_PARTS_MAX, in rising order of offset.
 */
int verbs_target_split(const struct verbs_target *target, uint64_t offset, size_t len,
	struct verbs_part parts[VERBS_PARTS_MAX]);

#endif
