/* Which numbers of an ended epoch stand, for the newest active epochs (E9). */
#include <string.h>

#include "sequencer/core/epoch_internal.h"

void epoch_history_copy(
	struct epoch_history *to, const struct epoch_history *from, uint32_t counters)
{
	PAWL_ASSERT(from->count <= EPOCH_HISTORY);
	to->count = from->count;
	for (uint32_t i = 0; i < from->count; i++) {
		to->epochs[i] = from->epochs[i];
		to->froms[i] = from->froms[i];
		memcpy(to->stands[i], from->stands[i], counters * sizeof(uint64_t));
	}
}

void epoch_history_push(struct epoch_history *history, uint64_t epoch, uint64_t from,
	const struct epoch_counter *counters, uint32_t counters_count)
{
	uint64_t *oldest = history->stands[EPOCH_HISTORY - 1];

	for (uint32_t i = EPOCH_HISTORY - 1; i > 0; i--) {
		history->epochs[i] = history->epochs[i - 1];
		history->froms[i] = history->froms[i - 1];
		history->stands[i] = history->stands[i - 1];
	}
	history->epochs[0] = epoch;
	history->froms[0] = from;
	history->stands[0] = oldest;
	if (history->count < EPOCH_HISTORY)
		history->count++;
	for (uint32_t i = 0; i < counters_count; i++)
		oldest[i] = counters[i].stand;
}

uint64_t epoch_stand(const struct epoch_machine *m, uint64_t epoch, uint32_t counter)
{
	const struct epoch_history *history = &m->serving.history;

	PAWL_ASSERT(counter < m->config.counters_max);
	if (MUTATED(WRONG_EPOCH) && history->count > 0)
		return history->stands[0][counter];
	for (uint32_t i = 0; i < history->count; i++) {
		if (history->froms[i] == epoch)
			return history->stands[i][counter];
	}
	return 0;
}
