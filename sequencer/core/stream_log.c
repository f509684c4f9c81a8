#include "sequencer/core/stream_log.h"

#include <string.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/stream_log_internal.h"

void stream_log_oldest_move(struct stream_log *log, uint64_t p)
{
	uint64_t slots = stream_ring_slots(&log->ring);

	if (p >= slots && p - slots >= stream_log_oldest(log))
		word_store(&log->control->oldest, p - slots + 1);
}

static void commit_show(struct stream_log *log)
{
	if (log->commit > log->places.words->commit)
		word_store(&log->places.words->commit, log->commit);
}

void stream_log_released_update(struct stream_log *log)
{
	uint64_t released = least(log->commit, log->waited_for);

	if (!log->tail && !MUTATED(STREAM_RELEASED_ALONE))
		released = least(released, word_load(&log->places.words->back.released));
	log->released = released;
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

/* Publishers look at their entries again and again, so not every step of one is shown. */
static void entry_show(struct stream_log *log)
{
	uint64_t publisher = log->unshown;

	if (publisher != 0)
		word_store(&log->places.words->entries[stream_publisher_row(publisher)],
			stream_entry_word(
				publisher, stream_table_id(&log->table, publisher)));
	log->unshown = 0;
}

/* The slot is in its place: the log is longer by it (C7). */
static void append(struct stream_log *log, const struct stream_slot *slot)
{
	PAWL_ASSERT(slot->position == stream_log_end(log) + 1); /* C1 */
	word_store(&log->control->end, slot->position);
	if (log->unshown != slot->publisher)
		entry_show(log);
	if (stream_table_apply(&log->table, slot))
		log->unshown = slot->publisher;
}

static void append_void(struct stream_log *log, uint64_t p)
{
	struct stream_slot slot = {.position = p, .flags = STREAM_VOID};

	PAWL_ASSERT(log->head || MUTATED(STREAM_BACKUP_VOIDS)); /* C2 */
	stream_log_oldest_move(log, p);
	stream_slot_void(stream_ring_at(&log->ring, p), p, log->control->epoch);
	append(log, &slot);
}

/* The slot that the inbox has for @p, copied to its place in the log (U2). */
static bool slot_fetch(
	struct stream_log *log, uint64_t p, uint64_t drawn, struct stream_slot *slot_p)
{
	const unsigned char *from = stream_ring_at(&log->places.ring, p);
	uint64_t filled = log->head ? drawn : word_load(&log->places.inbox->fed.end);

	if (!log->head && p > filled)
		return false;
	if (p + STREAM_AHEAD <= filled)
		stream_ring_prefetch(&log->places.ring, p + STREAM_AHEAD);
	stream_ring_prefetch_own(&log->ring, p + STREAM_AHEAD);
	if (stream_slot_position(from) != p)
		return false;
	stream_log_oldest_move(log, p);
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

	if (slot_fetch(log, p, drawn, &slot)) {
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
	entry_show(log);
	grew = stream_log_end(log) != end;
	if (log->tail && grew) {
		log->commit = stream_log_end(log); /* C3 */
		commit_show(log);
	}
	stream_log_released_update(log);
	return grew;
}

bool stream_log_look_back(struct stream_log *log)
{
	const struct stream_back *back = &log->places.words->back;
	uint64_t commit, logged;

	if (log->phase != STREAM_OPEN || log->tail)
		return false;
	commit = word_load(&back->commit);
	/*
	 * A word that was torn off its neighbours is older than they are, never wrong.  What is
	 * committed is logged there in any case, and a successor with a new link may have logged
	 * more than was sent over it: the log must not overwrite what is to be sent next (C4).
	 */
	logged = word_load(&back->logged);
	if (logged < commit)
		logged = commit;
	if (commit > stream_log_end(log))
		return false;
	stream_feed_had(&log->successor, least(logged, stream_log_end(log)));
	if (commit <= log->commit)
		return false;
	log->commit = commit;
	commit_show(log);
	stream_log_released_update(log);
	return true;
}

void stream_log_waits_for(struct stream_log *log, uint64_t position)
{
	log->waited_for = position;
	if (log->phase == STREAM_OPEN)
		stream_log_released_update(log); /* who is new is waited for at once */
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
