/*
 * The table of a stream: for every publisher the newest message that the log has whole, and the
 * rule by which a head accepts (docs/protocol.md).
 *
 * A message is one slot or several behind each other; all its slots have its id, the first has
 * STREAM_FIRST and the last STREAM_LAST.  Publishers are told apart by their row, a place in
 * this table that is the same at every replica, and by an incarnation that is larger for
 * whoever gets the row later.
 *
 * Q1  A message begins in the log only if its id is the one after the newest whole message of
 *     its publisher; 1 if the row belonged to an earlier incarnation, or to nobody.
 * Q2  A slot that goes on with a message is accepted only directly behind the slot of the same
 *     message that it goes on from.  So what is whole is in consecutive positions, and a message
 *     that was cut off is begun again under the same id.
 * Q3  The table is a function of the log: whoever has the same log has the same table.
 * Q4  An entry shows a message only when its last slot is in the log, and never goes back.
 *
 * An entry is one word for readers on other machines: 12 bits of the incarnation, so that the
 * next owner of the row does not take it for its own, and 52 of the id.  Whoever hands out rows
 * gives no two owners in a row incarnations with the same low 12 bits.
 */
#ifndef PAWL_CORE_STREAM_TABLE_H
#define PAWL_CORE_STREAM_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_slot.h"

#define STREAM_ID_MAX ((UINT64_C(1) << 52) - 1)

struct stream_entry {
	uint64_t publisher; /* 0: nobody yet */
	uint64_t id;	    /* newest whole message */
};

struct stream_table {
	struct stream_entry *entries; /* the caller's; of row 0, 1, 2 ... */
	uint32_t rows;
	uint64_t open_publisher; /* a message that the log's last slot left open; or 0 */
	uint64_t open_id;
};

static inline uint64_t stream_entry_word(uint64_t publisher, uint64_t id)
{
	return stream_publisher_incarnation(publisher) << 52 | id;
}

/* The id that @word shows of @publisher: 0 when it is another's. */
static inline uint64_t stream_entry_id(uint64_t word, uint64_t publisher)
{
	uint64_t other = (word ^ stream_entry_word(publisher, 0)) >> 52;

	return other ? 0 : word & STREAM_ID_MAX;
}

/* @entries: @rows of them, kept as they are. */
void stream_table_init(
	struct stream_table *table, struct stream_entry *entries, uint32_t rows);

/* False: the row is out of range, or belongs to a later incarnation. */
bool stream_table_knows_room(const struct stream_table *table, uint64_t publisher);

/* The newest whole message of @publisher; 0 if there is none. */
uint64_t stream_table_id(const struct stream_table *table, uint64_t publisher);

/* Whether the slot may be logged as the next one (Q1, Q2); not asked of voids. */
bool stream_table_accepts(
	const struct stream_table *table, const struct stream_slot *slot);

/* The slot has been logged.  True: it made a message whole. */
bool stream_table_apply(struct stream_table *table, const struct stream_slot *slot);

#endif
