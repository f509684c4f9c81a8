#include "sequencer/core/marks.h"

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"

static uint64_t word_load(const void *region, uint64_t offset)
{
	const uint64_t *word = (const uint64_t *)(const void *)((const char *)region +
								offset);

	/* Peers' cards write it; after the seal, what an open state confirmed is there. */
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static void word_store(void *region, uint64_t offset, uint64_t value)
{
	uint64_t *word = (uint64_t *)(void *)((char *)region + offset);

	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}

uint64_t marks_report(
	const void *region, const struct region_layout *layout, uint32_t counter)
{
	uint64_t largest = word_load(region, region_floor_offset(layout, counter));

	PAWL_ASSERT(counter < layout->counters_max);
	if (MUTATED(FLOOR_IGNORED))
		largest = 0;
	for (uint32_t row = 0; row < layout->sessions_max; row++) {
		uint64_t mark = word_load(
			region, region_mark_offset(layout, row, counter));

		if (mark > largest)
			largest = mark; /* K1 */
	}
	return largest;
}

void marks_row_fold(void *region, const struct region_layout *layout, uint32_t row)
{
	PAWL_ASSERT(row < layout->sessions_max);
	for (uint32_t i = 0; i < layout->counters_max; i++) {
		uint64_t mark = word_load(region, region_mark_offset(layout, row, i));
		uint64_t floor = word_load(region, region_floor_offset(layout, i));

		if (mark > floor && !MUTATED(FOLD_LEFT_OUT))
			word_store(region, region_floor_offset(layout, i), mark); /* K1 */
		word_store(region, region_mark_offset(layout, row, i), 0);
	}
}
