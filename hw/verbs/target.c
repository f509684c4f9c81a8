#include "hw/verbs/target.h"

static bool range_valid(uint64_t base, uint64_t len)
{
	return len <= UINT64_MAX - base;
}

bool verbs_target_valid(const struct verbs_target *target)
{
	if (target->len == 0 || !range_valid(target->base, target->len))
		return false;
	if (target->hot_len == 0)
		return true;
	return target->hot_len % 8 == 0 && target->hot_offset % 8 == 0 &&
	       range_valid(target->hot_base, target->hot_len) &&
	       range_valid(target->hot_offset, target->hot_len) &&
	       target->hot_offset + target->hot_len <= target->len;
}

/* Bytes from @offset to the next border of the hot range. */
static uint64_t bytes_to_border(const struct verbs_target *target, uint64_t offset)
{
	uint64_t hot_end = target->hot_offset + target->hot_len;

	if (target->hot_len == 0 || offset >= hot_end)
		return target->len - offset;
	if (offset >= target->hot_offset)
		return hot_end - offset;
	return target->hot_offset - offset;
}

int verbs_target_split(const struct verbs_target *target, uint64_t offset, size_t len,
	struct verbs_part parts[VERBS_PARTS_MAX])
{
	int count = 0;

	while (len > 0) {
		struct verbs_part *part = &parts[count++];
		uint64_t room = bytes_to_border(target, offset);

		verbs_target_word(target, offset, &part->remote, &part->key);
		part->len = room < len ? (size_t)room : len;
		offset += part->len;
		len -= part->len;
	}
	return count;
}
