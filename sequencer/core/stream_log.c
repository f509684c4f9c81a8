#include "sequencer/core/stream_log.h"

#include <string.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"

/* A word that another thread or machine reads, or writes; whole, and behind what it covers. */
static uint64_t word_load(const uint64_t *word)
{
	return __atomic_load_n(
		word, __ATOMIC_ACQUIRE); /* partner: their write, or word_store */
}

static void word_store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(
		word, value, __ATOMIC_RELEASE); /* partner: word_load, or their read */
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool limits_are_valid(uint32_t slots, uint32_t slot_len, uint32_t rows)
{
	return slots >= STREAM_SLOTS_MIN && slots <= STREAM_SLOTS_MAX &&
	       (slots & (slots - 1)) == 0 && stream_slot_len_valid(slot_len) &&
	       rows > 0 && rows <= STREAM_ROWS_MAX;
}

/* On a line, as the slots behind them are to be. */
static uint64_t entries_len(uint32_t rows)
{
	return ((uint64_t)rows * sizeof(struct stream_entry) + 63) / 64 * 64;
}

bool stream_log_len(uint32_t slots, uint32_t slot_len, uint32_t rows, uint64_t *len_p)
{
	if (!limits_are_valid(slots, slot_len, rows))
		return false;
	*len_p = sizeof(struct stream_control) + entries_len(rows) +
		 (uint64_t)slots * slot_len;
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
	stream_table_init(&log->table, (void *)(bytes + sizeof(*log->control)), rows);
	log->ring = (struct stream_ring){
		.bytes = bytes + sizeof(*log->control) + entries_len(rows),
		.slot_len = slot_len,
		.mask = slots - 1};
}

void stream_log_create(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows, uint64_t begin)
{
	log_map(log, memory, slots, slot_len, rows);
	memset(log->table.entries, 0, entries_len(rows));
	*log->control = (struct stream_control){.magic = STREAM_MAGIC,
		.slot_len = slot_len,
		.slots = slots,
		.rows = rows,
		.begin = begin,
		.oldest = begin + 1,
		.end = begin};
	for (uint64_t p = 0; p < slots; p++)
		stream_slot_clear(stream_ring_at(&log->ring, p)); /* C9 */
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
	*len_p = MUTATED(STREAM_BASE_COMMIT) ? log->commit : stream_log_end(log);
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

/* The slot of @p is about to be overwritten by that of p + slots (C10). */
static void oldest_move(struct stream_log *log, uint64_t p)
{
	uint64_t slots = stream_ring_slots(&log->ring);

	if (p >= slots && p - slots >= stream_log_oldest(log))
		word_store(&log->control->oldest, p - slots + 1);
}

bool stream_log_fill(struct stream_log *log, const void *from)
{
	uint64_t p = stream_log_end(log) + 1;
	struct stream_slot slot;

	PAWL_ASSERT(log->phase != STREAM_OPEN);
	if (stream_slot_position(from) != p)
		return false;
	oldest_move(log, p);
	if (!stream_slot_take(
		    stream_ring_at(&log->ring, p), from, log->ring.slot_len, p, 0, &slot))
		return false;
	(void)stream_table_apply(&log->table, &slot);
	word_store(&log->control->end, p);
	return true;
}

static void commit_show(struct stream_log *log)
{
	if (log->commit > log->places.words->commit)
		word_store(&log->places.words->commit, log->commit);
}

static void released_update(struct stream_log *log)
{
	uint64_t released = least(log->commit, log->waited_for);

	if (!log->tail)
		released = least(released, word_load(&log->places.words->back.released));
	if (released > log->released)
		log->released = released;
}

void stream_log_prepare(
	struct stream_log *log, uint64_t epoch, struct stream_words *words)
{
	uint64_t base = stream_log_end(log);

	PAWL_ASSERT(log->phase != STREAM_OPEN && epoch > log->control->epoch);
	log->commit =
		base; /* if this replica is sealed before it has heard that it is active */
	word_store(&log->control->prepared, epoch);
	words->commit = base;
	words->fed = (struct stream_fed){.end = base};
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
	released_update(log);
}

void stream_log_ceiling_set(struct stream_log *log, uint64_t ceiling)
{
	if (ceiling > log->ceiling)
		log->ceiling = ceiling;
}

/* The newest position that there is room for (C4), and leave for (C8). */
static uint64_t log_limit(const struct stream_log *log)
{
	uint64_t room = log->released + log->ring.mask;

	if (MUTATED(STREAM_OVERWRITE))
		room = UINT64_MAX;
	return log->head ? least(room, log->ceiling) : room;
}

/* Position @p was drawn and could be written so long ago that nobody waits any longer (C5). */
static bool hole_is_due(
	struct stream_log *log, uint64_t p, uint64_t drawn, uint64_t now_ns)
{
	if (drawn >= COUNTER_LIMIT)
		return false; /* sealed: nobody draws here any more, and it ends soon */
	if (p > log->hole_upto) {
		log->hole_upto = least(drawn, log->released + log->ring.mask);
		log->hole_since_ns = now_ns;
		return false;
	}
	return now_ns - log->hole_since_ns >= log->hole_timeout_ns;
}

static void entry_show(struct stream_log *log, const struct stream_slot *slot)
{
	word_store(&log->places.words->entries[stream_publisher_row(slot->publisher)],
		stream_entry_word(slot->publisher, slot->id));
}

/* The slot is in its place: the log is longer by it (C7). */
static void append(struct stream_log *log, const struct stream_slot *slot)
{
	bool whole = stream_table_apply(&log->table, slot);

	PAWL_ASSERT(slot->position == stream_log_end(log) + 1); /* C1 */
	word_store(&log->control->end, slot->position);
	if (whole)
		entry_show(log, slot);
}

static void append_void(struct stream_log *log, uint64_t p)
{
	struct stream_slot slot = {.position = p, .flags = STREAM_VOID};

	PAWL_ASSERT(log->head || MUTATED(STREAM_BACKUP_VOIDS)); /* C2 */
	oldest_move(log, p);
	stream_slot_void(stream_ring_at(&log->ring, p), p, log->control->epoch);
	append(log, &slot);
}

/* The slot that the inbox has for @p, copied to its place in the log (U2). */
static bool slot_fetch(struct stream_log *log, uint64_t p, struct stream_slot *slot_p)
{
	const unsigned char *from = stream_ring_at(&log->places.inbox, p);

	if (!log->head && p > word_load(&log->places.words->fed.end))
		return false;
	if (stream_slot_position(from) != p)
		return false;
	oldest_move(log, p);
	if (stream_slot_take(stream_ring_at(&log->ring, p), from, log->ring.slot_len, p,
		    log->control->epoch, slot_p))
		return true;
	log->counts.unsound++;
	return false;
}

/* What a head makes of a slot. */
static void slot_judge(struct stream_log *log, const struct stream_slot *slot)
{
	if (!(slot->flags & STREAM_VOID) && stream_table_accepts(&log->table, slot)) {
		log->counts.accepted++;
		append(log, slot);
		return;
	}
	log->counts.refused++;
	append_void(log, slot->position);
}

static bool position_advance(
	struct stream_log *log, uint64_t p, uint64_t drawn, uint64_t now_ns)
{
	struct stream_slot slot;

	if (slot_fetch(log, p, &slot)) {
		if (log->head)
			slot_judge(log, &slot);
		else
			append(log, &slot);
		return true;
	}
	if ((log->head || MUTATED(STREAM_BACKUP_VOIDS)) &&
		hole_is_due(log, p, drawn, now_ns)) {
		log->counts.holes++;
		append_void(log, p);
		return true;
	}
	return false;
}

bool stream_log_advance(
	struct stream_log *log, uint64_t drawn, uint32_t count_max, uint64_t now_ns)
{
	uint64_t end;
	bool grew;

	if (log->phase != STREAM_OPEN)
		return false;
	end = stream_log_end(log);
	while (count_max-- > 0) {
		uint64_t p = stream_log_end(log) + 1;

		if (p > log_limit(log) || !position_advance(log, p, drawn, now_ns))
			break;
	}
	grew = stream_log_end(log) != end;
	if (log->tail && grew) {
		log->commit = stream_log_end(log); /* C3 */
		commit_show(log);
	}
	released_update(log);
	return grew;
}

bool stream_log_look_back(struct stream_log *log)
{
	const struct stream_back *back = &log->places.words->back;
	uint64_t commit;

	if (log->phase != STREAM_OPEN || log->tail)
		return false;
	commit = word_load(&back->commit);
	/* A word that was torn off its neighbours is older than they are, never wrong. */
	stream_feed_consumed(&log->successor, word_load(&back->logged));
	if (commit <= log->commit || commit > stream_log_end(log))
		return false;
	log->commit = commit;
	commit_show(log);
	released_update(log);
	return true;
}

void stream_log_waits_for(struct stream_log *log, uint64_t position)
{
	log->waited_for = position;
}

bool stream_log_run(struct stream_log *log, uint32_t count_max, struct stream_run *run_p)
{
	if (log->phase != STREAM_OPEN || log->tail)
		return false;
	PAWL_ASSERT(log->successor.sent + 1 >= stream_log_oldest(log) ||
		    MUTATED(STREAM_OVERWRITE)); /* C4 */
	return stream_feed_run(&log->successor, stream_ring_slots(&log->ring),
		stream_log_oldest(log), stream_log_end(log), count_max, run_p);
}

bool stream_log_run_to(const struct stream_log *log, struct stream_feed *feed,
	uint32_t count_max, struct stream_run *run_p)
{
	uint64_t limit = MUTATED(STREAM_FED_EARLY) ? stream_log_end(log) : log->commit;

	return log->phase == STREAM_OPEN &&
	       stream_feed_run(feed, stream_ring_slots(&log->ring),
		       stream_log_oldest(log), limit, count_max, run_p);
}

bool stream_log_back(const struct stream_log *log, struct stream_back *back_p)
{
	struct stream_back back = {.logged = stream_log_end(log),
		.commit = log->commit,
		.released = log->released};

	if (log->phase != STREAM_OPEN || log->head ||
		(back.logged == log->told.logged && back.commit == log->told.commit &&
			back.released == log->told.released))
		return false;
	*back_p = back;
	return true;
}

void stream_log_back_posted(struct stream_log *log, const struct stream_back *back)
{
	log->told = *back;
}

void stream_log_successor_again(struct stream_log *log)
{
	stream_feed_again(&log->successor);
}

void stream_log_predecessor_again(struct stream_log *log)
{
	memset(&log->told, 0, sizeof(log->told));
}
