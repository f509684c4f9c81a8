#include "sequencer/core/region.h"

#include <string.h>

#include "sequencer/core/crc32c.h"
#include "sequencer/core/names.h"
#include "sequencer/core/panic.h"

static uint64_t line_round(uint64_t len)
{
	return (len + REGION_LINE - 1) / REGION_LINE * REGION_LINE;
}

bool region_layout_make(
	uint32_t counters_max, uint32_t sessions_max, struct region_layout *layout_p)
{
	struct region_layout l = {
		.counters_max = counters_max, .sessions_max = sessions_max};

	if (counters_max == 0 || counters_max > COUNTERS_MAX)
		return false;
	if (sessions_max == 0 || sessions_max > SESSIONS_MAX)
		return false;
	l.floors = region_counter_offset(counters_max);
	l.ceilings = line_round(l.floors + counters_max * sizeof(uint64_t));
	l.histories = line_round(l.ceilings + counters_max * sizeof(uint64_t));
	l.history_len = line_round((2 + counters_max) * sizeof(uint64_t));
	l.directory = l.histories + REGION_HISTORY * l.history_len;
	l.rows = l.directory + counters_max * sizeof(struct region_entry);
	l.row_len = line_round(counters_max * sizeof(uint64_t));
	l.len = l.rows + sessions_max * l.row_len;
	PAWL_ASSERT(l.floors % REGION_LINE == 0 && l.rows % REGION_LINE == 0); /* G1 */
	*layout_p = l;
	return true;
}

static uint32_t header_crc(const struct region_header *header)
{
	return crc32c_update(0, header, offsetof(struct region_header, crc));
}

void region_header_seal(struct region_header *header, const struct region_layout *layout)
{
	header->magic = REGION_MAGIC;
	header->version = REGION_VERSION;
	header->counters_max = layout->counters_max;
	header->sessions_max = layout->sessions_max;
	header->len = layout->len;
	memset(header->reserved, 0, sizeof(header->reserved));
	header->zero = 0;
	header->crc = header_crc(header);
}

static bool directory_sound(const char *bytes, const struct region_layout *layout)
{
	for (uint32_t i = 0; i < layout->counters_max; i++) {
		struct region_entry entry;

		memcpy(&entry, bytes + region_entry_offset(layout, i), sizeof(entry));
		if (entry.used && !region_entry_sound(&entry))
			return false;
	}
	return true;
}

enum region_fault region_check(const void *bytes, uint64_t len,
	struct region_header *header_p, struct region_layout *layout_p)
{
	struct region_header header;
	struct region_layout layout;

	if (len < REGION_COUNTERS_OFFSET)
		return REGION_WRONG_LENGTH;
	memcpy(&header, bytes, sizeof(header));
	if (header.magic != REGION_MAGIC)
		return REGION_NOT_A_REGION;
	if (header.version != REGION_VERSION)
		return REGION_OTHER_VERSION;
	if (header.crc != header_crc(&header) || header.epoch == 0)
		return REGION_DAMAGED_HEADER;
	if (!region_layout_make(header.counters_max, header.sessions_max, &layout))
		return REGION_DAMAGED_HEADER;
	if (header.len != layout.len || len < layout.len)
		return REGION_WRONG_LENGTH;
	if (!directory_sound(bytes, &layout))
		return REGION_DAMAGED_DIRECTORY;
	*header_p = header;
	*layout_p = layout;
	return REGION_SOUND;
}

void region_entry_write(struct region_entry *entry, const char *name, uint32_t name_len)
{
	PAWL_ASSERT(name_len >= 1 && name_len <= COUNTER_NAME_MAX);
	memset(entry->name, 0, sizeof(entry->name));
	memcpy(entry->name, name, name_len);
	entry->name_len = name_len;
	entry->crc = crc32c_update(0, name, name_len);
	/* Whoever finds it used (acquire, or after the writer's death) finds the name. */
	__atomic_store_n(&entry->used, 1, __ATOMIC_RELEASE);
}

bool region_entry_sound(const struct region_entry *entry)
{
	if (entry->used != 1)
		return false;
	if (entry->name_len < 1 || entry->name_len > COUNTER_NAME_MAX)
		return false;
	if (entry->crc != crc32c_update(0, entry->name, entry->name_len))
		return false;
	return names_counter_valid(entry->name, entry->name_len);
}
