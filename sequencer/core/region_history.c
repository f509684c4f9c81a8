#include "sequencer/core/region_history.h"

#include <string.h>

_Static_assert(REGION_HISTORY == EPOCH_HISTORY, "room for what a member remembers");

/* The epoch, the one that it followed, and the stands. */
static uint64_t *place_words(
	void *region, const struct region_layout *layout, uint32_t place)
{
	char *bytes = region;

	return (uint64_t *)(void *)(bytes + region_history_offset(layout, place));
}

void region_history_write(void *region, const struct region_layout *layout,
	const struct epoch_history *history, uint32_t counters_count)
{
	PAWL_ASSERT(history->count <= REGION_HISTORY);
	PAWL_ASSERT(counters_count <= layout->counters_max); /* G1 */
	for (uint32_t i = 0; i < history->count; i++) {
		uint64_t *words = place_words(region, layout, i);

		words[0] = history->epochs[i];
		words[1] = history->froms[i];
		memcpy(&words[2], history->stands[i], counters_count * sizeof(uint64_t));
	}
}

void region_history_read(
	void *region, const struct region_layout *layout, struct epoch_history *history_p)
{
	struct epoch_history history = {.count = 0};

	for (uint32_t i = 0; i < REGION_HISTORY; i++) {
		uint64_t *words = place_words(region, layout, i);

		if (words[0] == 0)
			break;
		history.epochs[i] = words[0];
		history.froms[i] = words[1];
		history.stands[i] = &words[2];
		history.count++;
	}
	*history_p = history;
}
