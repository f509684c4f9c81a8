#include "sequencer/archive/segment_format.h"

#include <string.h>

#include "sequencer/core/bytes.h"
#include "sequencer/core/crc32c.h"

#define MAGIC "PAWLARCH"
#define AT_VERSION 8
#define AT_SLOT_LEN 12
#define AT_INSTANCE 16
#define AT_FIRST 24
#define AT_BEFORE 32
#define AT_INEXACT 40
#define AT_EPOCH 48
#define AT_OPEN_PUBLISHER 56
#define AT_OPEN_ID 64
#define AT_CREATED 72
#define AT_LEN 80
#define AT_ENTRIES 88
#define AT_TABLE_CRC 92
#define AT_STREAM 96
#define AT_CRC (AT_STREAM + SEGMENT_STREAM_MAX)

#define STATE_AT_FLAGS 40
#define STATE_AT_CRC 44
#define STATE_SEALED 1u

void segment_header_write(unsigned char *block, const struct segment_header *header)
{
	memcpy(block, MAGIC, AT_VERSION);
	bytes_put(block + AT_VERSION, SEGMENT_VERSION, 4);
	bytes_put(block + AT_SLOT_LEN, header->slot_len, 4);
	bytes_put(block + AT_INSTANCE, header->instance, 8);
	bytes_put(block + AT_FIRST, header->first, 8);
	bytes_put(block + AT_BEFORE, header->before, 8);
	bytes_put(block + AT_INEXACT, header->inexact, 8);
	bytes_put(block + AT_EPOCH, header->epoch, 8);
	bytes_put(block + AT_OPEN_PUBLISHER, header->open_publisher, 8);
	bytes_put(block + AT_OPEN_ID, header->open_id, 8);
	bytes_put(block + AT_CREATED, header->created_ns, 8);
	bytes_put(block + AT_LEN, header->len, 8);
	bytes_put(block + AT_ENTRIES, header->entries_count, 4);
	bytes_put(block + AT_TABLE_CRC, header->table_crc, 4);
	memcpy(block + AT_STREAM, header->stream, SEGMENT_STREAM_MAX);
	bytes_put(block + AT_CRC, crc32c_update(0, block, AT_CRC), 4);
}

static bool header_is_possible(const struct segment_header *header)
{
	return stream_slot_len_valid(header->slot_len) && header->first > 0 &&
	       header->before < header->first && header->inexact < header->first &&
	       header->entries_count <= STREAM_ROWS_MAX &&
	       header->len >= segment_records_offset(header) &&
	       header->len < UINT64_C(1) << 40 &&
	       memchr(header->stream, '\0', SEGMENT_STREAM_MAX);
}

static void header_decode(const unsigned char *block, struct segment_header *header_p)
{
	*header_p = (struct segment_header){
		.slot_len = (uint32_t)bytes_get(block + AT_SLOT_LEN, 4),
		.entries_count = (uint32_t)bytes_get(block + AT_ENTRIES, 4),
		.instance = bytes_get(block + AT_INSTANCE, 8),
		.first = bytes_get(block + AT_FIRST, 8),
		.before = bytes_get(block + AT_BEFORE, 8),
		.inexact = bytes_get(block + AT_INEXACT, 8),
		.epoch = bytes_get(block + AT_EPOCH, 8),
		.open_publisher = bytes_get(block + AT_OPEN_PUBLISHER, 8),
		.open_id = bytes_get(block + AT_OPEN_ID, 8),
		.created_ns = bytes_get(block + AT_CREATED, 8),
		.len = bytes_get(block + AT_LEN, 8),
		.table_crc = (uint32_t)bytes_get(block + AT_TABLE_CRC, 4),
	};
	memcpy(header_p->stream, block + AT_STREAM, SEGMENT_STREAM_MAX);
}

enum segment_verdict segment_header_read(
	const unsigned char *block, struct segment_header *header_p)
{
	struct segment_header header;

	if (bytes_are_zero(block, SEGMENT_BLOCK_LEN))
		return SEGMENT_BLANK;
	if (memcmp(block, MAGIC, AT_VERSION))
		return SEGMENT_FOREIGN;
	if (bytes_get(block + AT_VERSION, 4) > SEGMENT_VERSION)
		return SEGMENT_NEWER;
	if (bytes_get(block + AT_CRC, 4) != crc32c_update(0, block, AT_CRC))
		return SEGMENT_DAMAGED;
	header_decode(block, &header);
	if (!header_is_possible(&header))
		return SEGMENT_DAMAGED;
	*header_p = header;
	return SEGMENT_SOUND;
}

/* The segment's first position counts as well: a state is never that of another file. */
static uint32_t state_crc(const unsigned char *bytes, uint64_t first)
{
	unsigned char name[8];

	bytes_put(name, first, sizeof(name));
	return crc32c_update(crc32c_update(0, name, sizeof(name)), bytes, STATE_AT_CRC);
}

void segment_state_write(
	unsigned char *bytes, uint64_t first, const struct segment_state *state)
{
	bytes_put(bytes, state->written, 8);
	bytes_put(bytes + 8, state->written_offset, 8);
	bytes_put(bytes + 16, state->synced, 8);
	bytes_put(bytes + 24, state->synced_offset, 8);
	bytes_put(bytes + 32, state->time_ns, 8);
	bytes_put(bytes + STATE_AT_FLAGS, state->sealed ? STATE_SEALED : 0, 4);
	bytes_put(bytes + STATE_AT_CRC, state_crc(bytes, first), 4);
}

bool segment_state_read(
	const unsigned char *bytes, uint64_t first, struct segment_state *state_p)
{
	struct segment_state state = {
		.written = bytes_get(bytes, 8),
		.written_offset = bytes_get(bytes + 8, 8),
		.synced = bytes_get(bytes + 16, 8),
		.synced_offset = bytes_get(bytes + 24, 8),
		.time_ns = bytes_get(bytes + 32, 8),
		.sealed = bytes_get(bytes + STATE_AT_FLAGS, 4) & STATE_SEALED,
	};

	if (bytes_get(bytes + STATE_AT_CRC, 4) != state_crc(bytes, first) ||
		state.written + 1 < first || state.synced_offset > state.written_offset ||
		state.written_offset % 8)
		return false;
	*state_p = state;
	return true;
}

uint32_t segment_table_write(unsigned char *bytes, const struct stream_table *table)
{
	uint32_t count = 0;

	for (uint32_t row = 0; row < table->rows; row++) {
		const struct stream_entry *entry = &table->entries[row];

		if (entry->publisher == 0)
			continue;
		bytes_put(bytes + (size_t)count * SEGMENT_ENTRY_LEN, entry->publisher, 8);
		bytes_put(bytes + (size_t)count * SEGMENT_ENTRY_LEN + 8, entry->id, 8);
		count++;
	}
	return count;
}

bool segment_table_read(
	const unsigned char *bytes, uint32_t count, struct stream_table *table)
{
	uint32_t next_row = 0;

	memset(table->entries, 0, table->rows * sizeof(*table->entries));
	for (uint32_t i = 0; i < count; i++) {
		uint64_t publisher = bytes_get(bytes + (size_t)i * SEGMENT_ENTRY_LEN, 8);
		uint32_t row = stream_publisher_row(publisher);

		if (row < next_row || row >= table->rows)
			return false;
		next_row = row + 1;
		table->entries[row] = (struct stream_entry){.publisher = publisher,
			.id = bytes_get(bytes + (size_t)i * SEGMENT_ENTRY_LEN + 8, 8)};
	}
	return true;
}
