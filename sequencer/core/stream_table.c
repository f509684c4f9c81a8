#include "sequencer/core/stream_table.h"

#include <stddef.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/words.h"

void stream_table_init(
	struct stream_table *table, struct stream_entry *entries, uint32_t rows)
{
	PAWL_ASSERT(rows > 0 && rows <= STREAM_ROWS_MAX);
	*table = (struct stream_table){.entries = entries, .rows = rows};
}

static const struct stream_entry *entry_of(
	const struct stream_table *table, uint64_t publisher)
{
	uint32_t row = stream_publisher_row(publisher);

	return row < table->rows ? &table->entries[row] : NULL;
}

bool stream_table_knows_room(const struct stream_table *table, uint64_t publisher)
{
	const struct stream_entry *entry = entry_of(table, publisher);

	return entry && entry->publisher <= publisher;
}

uint64_t stream_table_id(const struct stream_table *table, uint64_t publisher)
{
	const struct stream_entry *entry = entry_of(table, publisher);

	return entry && entry->publisher == publisher ? entry->id : 0;
}

bool stream_table_accepts(
	const struct stream_table *table, const struct stream_slot *slot)
{
	if (!stream_table_knows_room(table, slot->publisher) || slot->id > STREAM_ID_MAX)
		return false;
	if (MUTATED(STREAM_ANY_ID))
		return true;
	if (slot->flags & STREAM_FIRST)
		return slot->id == stream_table_id(table, slot->publisher) + 1; /* Q1 */
	return slot->publisher == table->open_publisher &&
	       slot->id == table->open_id; /* Q2 */
}

bool stream_table_apply(struct stream_table *table, const struct stream_slot *slot)
{
	uint32_t row = stream_publisher_row(slot->publisher);

	table->open_publisher = 0;
	table->open_id = 0;
	if (slot->flags & STREAM_VOID || row >= table->rows)
		return false;
	if (!(slot->flags & STREAM_LAST)) {
		table->open_publisher = slot->publisher;
		table->open_id = slot->id;
		return false;
	}
	/* Behind the log's end, for whoever reads a log that is written, or takes it up (C7). */
	word_store(&table->entries[row].publisher, slot->publisher);
	word_store(&table->entries[row].id, slot->id);
	return true;
}
