/*
 * A replica's part in a stream: it takes slots out of an inbox, decides about them if it is the
 * head, keeps the log, and says how far it is (docs/protocol.md).
 *
 * Two stretches of memory belong to it.  The *log* outlives epochs: a control block, the table
 * (stream_table.h) and the ring of slots.  The *words* are fresh in every epoch, as are the
 * inbox of a backup: others write into them, and a former neighbour must not reach the present.
 * The inbox that publishers write at the head may be the same in every epoch, for their slots
 * say of which epoch they are.
 *
 * A log keeps slots byte for byte as they were verified, with the epoch in which their position
 * was decided; whoever reads a log asks for the position and the CRC, not for the epoch.
 *
 * One position is taken in one go: the slot is copied to its place in the log and verified
 * there, then the log's end moves, then the table's entry, then it is shown, then the commit
 * point.
 *
 * C1  A position is decided once, in order; its slot stays as it is while it is retained.
 * C2  Only a head decides.  A backup logs what its predecessor's log has, or nothing.
 * C3  A predecessor's log extends its successor's, and the commit point is in all of them.
 * C4  A log never overwrites what is not committed, or what a subscriber that must be waited
 *     for has not consumed; one slot is always free, the one that is being written.
 * C5  A position whose slot does not come becomes a void only when the counter had passed it,
 *     and it could be written, for the hole time-out.
 * C6  A sealed log does not grow in its epoch any more; its length is what it reports.
 * C7  The end moves after its slot is in place; the table's entry, what readers are shown of it,
 *     and the commit point follow the end, and the commit point comes last.
 * C8  A head logs nothing above the ceiling.
 * C9  An epoch begins when the log of every member ends at the base.  A log is kept only from
 *     the epoch that the new one follows; anything else is dropped, and its slots are wiped,
 *     for readers in place would take them for the new log's.  Until the new epoch is
 *     active the log stays one of the epoch before, for the new one may never be.
 * C10 The oldest retained position moves before its slot is overwritten.
 * C11 A log that follows an epoch from outside its chain gets what is committed there and nothing
 *     else, until it is filled up for the next; and counts as one of that epoch only when its
 *     table is that of its end, and it retains what the members retain.
 * C12 A log that is made anew is no log meanwhile: magic and epochs go first, the magic comes last.
 *
 * A log belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_LOG_H
#define PAWL_CORE_STREAM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/stream_feed.h"
#include "sequencer/core/stream_slot.h"
#include "sequencer/core/stream_table.h"

#define STREAM_MAGIC UINT64_C(0x31474f4c4c574150) /* "PAWLLOG1" */
#define STREAM_SLOTS_MIN 4
#define STREAM_SLOTS_MAX (UINT32_C(1) << 24)

/* At the begin of a log's memory; the table and the ring follow. */
struct stream_control {
	uint64_t magic;
	uint32_t slot_len;
	uint32_t slots;
	uint32_t rows;
	uint32_t zero;
	uint64_t epoch;	   /* the newest that it was open in */
	uint64_t prepared; /* the newest that it was filled up for */
	uint64_t begin;	   /* positions up to here were never in this log */
	uint64_t oldest;
	uint64_t end; /* newest logged position */
};

_Static_assert(sizeof(struct stream_control) == 64, "stream control layout");

#define STREAM_TABLE_OFFSET sizeof(struct stream_control)

/* Where the ring is in a log's memory, on a line. */
static inline uint64_t stream_log_ring_offset(uint32_t rows)
{
	uint64_t entries_len = (uint64_t)rows * sizeof(struct stream_entry);

	return STREAM_TABLE_OFFSET + (entries_len + 63) / 64 * 64;
}

/* What a successor writes into its predecessor's words. */
struct stream_back {
	uint64_t logged;
	uint64_t commit;
	uint64_t released; /* no subscriber that must be waited for needs it any more */
};

/* Of one epoch: each part has one writer, and a line of its own. */
struct stream_words {
	uint64_t commit; /* own; publishers read it at the tail, subscribers anywhere */
	uint64_t unused[7];
	struct stream_back back; /* the successor's */
	uint64_t unused_back[5];
	uint64_t entries[]; /* own: stream_entry_word of every row */
};

/* Where an epoch's memory is. */
struct stream_places {
	struct stream_words *words;
	struct stream_inbox *inbox; /* a backup's; not used at the head */
	struct stream_ring ring; /* of the inbox: as many slots, as long, as the log's */
};

enum stream_phase {
	STREAM_IDLE,   /* the log is somebody's from before, or empty */
	STREAM_OPEN,   /* of an epoch */
	STREAM_SEALED, /* of one that is over */
};

struct stream_counts {
	uint64_t accepted;
	uint64_t holes;	  /* voids for want of a slot */
	uint64_t refused; /* voids for want of the right id */
	uint64_t
		unsound; /* looks at a slot that said it was the one, and was not whole */
};

struct stream_log {
	enum stream_phase phase;
	bool head;
	bool tail;
	struct stream_control *control;
	struct stream_table table;
	struct stream_ring ring;
	struct stream_places places;
	uint64_t hole_timeout_ns;
	uint64_t ceiling;
	uint64_t commit;
	uint64_t released;
	uint64_t
		waited_for; /* subscribers here have consumed up to this; UINT64_MAX: none */
	uint64_t
		hole_upto; /* drawn and writable when the clock was last read for holes */
	uint64_t hole_since_ns;
	struct stream_feed successor;
	struct stream_back told; /* newest answer to the predecessor that was posted */
	uint64_t
		unshown; /* a publisher whose newest entry is not shown yet; 0: all are */
	struct stream_counts counts;
};

/* False: a limit is out of range.  @len_p: bytes of a log's memory. */
bool stream_log_len(uint32_t slots, uint32_t slot_len, uint32_t rows, uint64_t *len_p)
	__attribute__((warn_unused_result));
size_t stream_words_len(uint32_t rows);

/* A new log that begins behind @begin, in memory of stream_log_len bytes, on a line. */
void stream_log_create(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows, uint64_t begin);

/*
 * Takes up a log that another life left.  The table is made anew from what is retained, on top
 * of what it says.  False: it is not whole, and nothing of it may be used; or its limits are
 * others.
 */
bool stream_log_adopt(struct stream_log *log, void *memory, uint32_t slots,
	uint32_t slot_len, uint32_t rows) __attribute__((warn_unused_result));

/*
 * Epoch @epoch is over here (C6).  False: the log is not one of that epoch, and has nothing to
 * say about it.
 */
bool stream_log_seal(struct stream_log *log, uint64_t epoch, uint64_t *len_p)
	__attribute__((warn_unused_result));

/*
 * Before an epoch that follows epoch @from and begins at @base: whether this log may be kept,
 * and is only to be filled up to the base (C9).  Otherwise stream_log_create, with the entries
 * and the retained slots of a log that has everything.
 */
bool stream_log_keeps(const struct stream_log *log, uint64_t from, uint64_t base);

/*
 * A log that was created to be filled has @entries from the beginning: those of the log that it
 * is filled from, which ends exactly at the base.  A longer log's table would know of messages
 * that are not in the stream, and the head would refuse them for ever (Q3).
 */
void stream_log_entries_set(
	struct stream_log *log, const struct stream_entry *entries, uint32_t rows);

/*
 * Appends a slot of another member's log that it is filled from or follows.  False: it is not
 * whole, or not the next.
 */
bool stream_log_fill(struct stream_log *log, const void *slot)
	__attribute__((warn_unused_result));

/*
 * Puts a slot of another member's log before the oldest that is retained, as long as there is room
 * for it.  False: it is not whole, or not the one before.
 */
bool stream_log_fill_before(struct stream_log *log, const void *slot)
	__attribute__((warn_unused_result));

/*
 * The log retains all that one retains whose oldest position is @oldest, or as many slots as a log
 * has that are never written again (C4).
 */
bool stream_log_is_whole(const struct stream_log *log, uint64_t oldest);

/*
 * Everything that the log has is committed in @epoch, which runs without this replica, its table
 * is right, and it is whole: from now on it is one of that epoch, and is filled on (C11).
 */
void stream_log_follow(struct stream_log *log, uint64_t epoch);

/*
 * The log ends where @epoch will begin: from now on it is one of that epoch too.  @words and
 * @inbox, memory that is new, say what neighbours and publishers may read and write as soon as
 * the epoch is active (C9).
 */
void stream_log_prepare(struct stream_log *log, uint64_t epoch,
	struct stream_words *words, struct stream_inbox *inbox);

struct stream_entering {
	uint64_t epoch;
	uint64_t ceiling;
	uint64_t hole_timeout_ns;
	bool head;
	bool tail;
	struct stream_places places;
};

/*
 * The epoch that it was prepared for is active.  Subscribers that read here already are said
 * before (stream_log_waits_for).  What was released can be held again, for one that comes back or
 * is new: then nothing is logged until there is room by that, and what it needs and is still
 * there stays.
 */
void stream_log_enter(struct stream_log *log, const struct stream_entering *entering);

/* The head's ceiling, when the store has it. */
void stream_log_ceiling_set(struct stream_log *log, uint64_t ceiling);

/*
 * Takes up to @count_max slots out of the inbox; @drawn is the counter's word, at the head.
 * True: the log grew.  At a tail that is the commit point too.
 */
bool stream_log_advance(
	struct stream_log *log, uint64_t drawn, uint32_t count_max, uint64_t now_ns);

/* Looks at what the successor wrote.  True: the commit point moved. */
bool stream_log_look_back(struct stream_log *log);

/* Subscribers that must be waited for have consumed up to @position; UINT64_MAX: there are none. */
void stream_log_waits_for(struct stream_log *log, uint64_t position);

/* What to write into the successor's inbox, and the words behind it (stream_feed.h). */
bool stream_log_run(struct stream_log *log, uint32_t count_max, struct stream_run *run_p);
/* The same for a subscriber, who gets what is committed. */
bool stream_log_run_to(const struct stream_log *log, struct stream_feed *feed,
	uint32_t count_max, struct stream_run *run_p);

/* What to write into the predecessor's words, if it is news; then stream_log_back_posted. */
bool stream_log_back(const struct stream_log *log, struct stream_back *back_p);
void stream_log_back_posted(struct stream_log *log, const struct stream_back *back);

/* The link to a neighbour is another one; nothing of the former can be written any more. */
void stream_log_successor_again(struct stream_log *log);
void stream_log_predecessor_again(struct stream_log *log);

static inline uint64_t stream_log_end(const struct stream_log *log)
{
	return log->control->end;
}

static inline uint64_t stream_log_oldest(const struct stream_log *log)
{
	return log->control->oldest;
}

#endif
