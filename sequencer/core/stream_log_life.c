/* How a log begins, is taken up, sealed, filled and brought into the next epoch. */
#include <string.h>

#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/stream_log_internal.h"

static bool limits_are_valid(uint32_t slots, uint32_t slot_len, uint32_t rows)
{
	return slots >= STREAM_SLOTS_MIN && slots <= STREAM_SLOTS_MAX &&
	       (slots & (slots - 1)) == 0 && stream_slot_len_valid(slot_len) &&
	       rows > 0 && rows <= STREAM_ROWS_MAX;
}

bool stream_log_len(uint32_t slots, uint32_t slot_len, uint32_t rows, uint64_t *len_p)
{
	if (!limits_are_valid(slots, slot_len, rows))
		return false;
	*len_p = stream_log_ring_offset(rows) + (uint64_t)slots * slot_len;
	return true;
}

size_t stream_words_len(uint32_t rows)
{
	return sizeof(struct stream_words) + (size_t)rows * sizeof(uint64_t);
}

static void log_map(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows)
{
	unsigned char *bytes = memory;

	PAWL_ASSERT(limits_are_valid(slots, slot_len, rows));
	memset(log, 0, sizeof(*log));
	log->control = memory;
	log->waited_for = UINT64_MAX;
	stream_table_init(&log->table, (void *)(bytes + STREAM_TABLE_OFFSET), rows);
	log->ring = (struct stream_ring){.bytes = bytes + stream_log_ring_offset(rows),
		.slot_len = slot_len,
		.mask = slots - 1};
}

void stream_log_create(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows, uint64_t begin)
{
	log_map(log, memory, slots, slot_len, rows);
	word_store(&log->control->magic, 0); /* C12 */
	word_store(&log->control->epoch, 0);
	word_store(&log->control->prepared, 0);
	/* A bare fence: what is wiped behind them is nobody's atomics. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	memset(log->table.entries, 0, stream_log_ring_offset(rows) - STREAM_TABLE_OFFSET);
	for (uint64_t p = 0; p < slots; p++)
		stream_slot_clear(stream_ring_at(&log->ring, p)); /* C9 */
	*log->control = (struct stream_control){.slot_len = slot_len,
		.slots = slots,
		.rows = rows,
		.begin = begin,
		.oldest = begin + 1,
		.end = begin};
	word_store(&log->control->magic, STREAM_MAGIC);
}

static bool control_is_sound(const struct stream_control *control, uint32_t slots,
	uint32_t slot_len, uint32_t rows)
{
	return control->magic == STREAM_MAGIC && control->slots == slots &&
	       control->slot_len == slot_len && control->rows == rows &&
	       control->zero == 0 && control->begin <= control->end &&
	       control->oldest > control->begin && control->oldest <= control->end + 1 &&
	       control->end - control->oldest + 1 <= slots;
}

/*
 * What is retained is whole, and its positions are the right ones.  The table has every entry up
 * to some position not far before the end, for entries are written behind it (C7).
 */
static bool retained_replay(struct stream_log *log)
{
	for (uint64_t p = stream_log_oldest(log); p <= stream_log_end(log); p++) {
		struct stream_slot slot;

		if (!stream_slot_read(
			    stream_ring_at(&log->ring, p), log->ring.slot_len, &slot) ||
			slot.position != p)
			return false;
		(void)stream_table_apply(&log->table, &slot);
	}
	return true;
}

bool stream_log_adopt(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows)
{
	if (!limits_are_valid(slots, slot_len, rows) ||
		!control_is_sound(memory, slots, slot_len, rows))
		return false;
	log_map(log, memory, slots, slot_len, rows);
	log->phase = STREAM_SEALED;
	log->commit = log->control->begin;
	return retained_replay(log);
}

bool stream_log_seal(struct stream_log *log, uint64_t epoch, uint64_t *len_p)
{
	/* It was active without this replica having heard of it. */
	if (log->control->prepared == epoch && log->control->epoch < epoch)
		word_store(&log->control->epoch, epoch);
	if (log->control->epoch != epoch)
		return false;
	log->phase = STREAM_SEALED; /* C6 */
	*len_p = stream_log_end(log);
	if (MUTATED(STREAM_BASE_COMMIT) && log->commit > log->control->begin)
		*len_p = log->commit;
	return true;
}

bool stream_log_keeps(const struct stream_log *log, uint64_t from, uint64_t base)
{
	bool follows = log->control->epoch == from || log->control->prepared == from;

	return from != 0 && (follows || MUTATED(STREAM_LOG_KEPT)) &&
	       stream_log_end(log) <= base; /* C9 */
}

void stream_log_entries_set(
	struct stream_log *log, const struct stream_entry *entries, uint32_t rows)
{
	PAWL_ASSERT(log->phase != STREAM_OPEN && rows == log->table.rows);
	memcpy(log->table.entries, entries, rows * sizeof(*entries));
}

bool stream_log_fill(struct stream_log *log, const void *from)
{
	uint64_t p = stream_log_end(log) + 1;
	struct stream_slot slot;

	PAWL_ASSERT(log->phase != STREAM_OPEN);
	if (stream_slot_position(from) != p)
		return false;
	stream_log_oldest_move(log, p);
	if (!stream_slot_take(
		    stream_ring_at(&log->ring, p), from, log->ring.slot_len, p, 0, &slot))
		return false;
	word_store(&log->control->end, p);
	(void)stream_table_apply(&log->table, &slot); /* C7 */
	return true;
}

bool stream_log_fill_before(struct stream_log *log, const void *from)
{
	uint64_t p = stream_log_oldest(log) - 1;
	struct stream_slot slot;

	PAWL_ASSERT(log->phase != STREAM_OPEN);
	if (p == 0 || stream_slot_position(from) != p ||
		stream_log_end(log) - p >= stream_ring_slots(&log->ring) ||
		!stream_slot_take(stream_ring_at(&log->ring, p), from, log->ring.slot_len,
			p, 0, &slot))
		return false;
	/* The table knows of it.  The oldest is behind the begin for all who look meanwhile. */
	word_store(&log->control->begin, least(log->control->begin, p - 1));
	word_store(&log->control->oldest, p);
	return true;
}

bool stream_log_is_whole(const struct stream_log *log, uint64_t oldest)
{
	uint64_t retained = stream_log_end(log) + 1 - stream_log_oldest(log);

	return stream_log_oldest(log) <= oldest || retained >= log->ring.mask;
}

void stream_log_follow(struct stream_log *log, uint64_t epoch)
{
	PAWL_ASSERT(log->phase != STREAM_OPEN && epoch >= log->control->epoch &&
		    epoch > log->control->prepared);
	log->phase = STREAM_SEALED;
	word_store(&log->control->epoch, epoch); /* C11 */
}

void stream_log_prepare(struct stream_log *log, uint64_t epoch,
	struct stream_words *words, struct stream_inbox *inbox)
{
	uint64_t base = stream_log_end(log);

	PAWL_ASSERT(log->phase != STREAM_OPEN && epoch > log->control->epoch);
	log->commit =
		base; /* if this replica is sealed before it has heard that it is active */
	word_store(&log->control->prepared, epoch);
	words->commit = base;
	inbox->fed = (struct stream_fed){.end = base};
	words->back = (struct stream_back){.logged = base, .commit = base};
	for (uint32_t row = 0; row < log->table.rows; row++) {
		const struct stream_entry *entry = &log->table.entries[row];

		words->entries[row] = stream_entry_word(entry->publisher, entry->id);
	}
}

void stream_log_enter(struct stream_log *log, const struct stream_entering *entering)
{
	uint64_t base = stream_log_end(log);

	PAWL_ASSERT(log->phase != STREAM_OPEN);
	PAWL_ASSERT(log->control->prepared == entering->epoch); /* C9 */
	log->phase = STREAM_OPEN;
	word_store(&log->control->epoch, entering->epoch);
	log->head = entering->head;
	log->tail = entering->tail;
	log->places = entering->places;
	log->ceiling = entering->ceiling;
	log->hole_timeout_ns = entering->hole_timeout_ns;
	log->hole_upto = 0;
	log->commit = base;
	log->released = 0; /* until the successor has said what its subscribers need */
	log->told = (struct stream_back){.logged = base, .commit = base};
	stream_feed_init(&log->successor, stream_ring_slots(&log->ring), base);
	stream_log_released_update(log);
}
