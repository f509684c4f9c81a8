/*
 * Who of a stream's publishers has which row, at its head (sequencer/core/stream_table.h).
 *
 * A publisher's name is its row and an incarnation.  Incarnations are the epoch and a sequence
 * of the row in that epoch, so that whoever gets a row later has a larger one, whichever head
 * gave it.
 *
 * V1  A row belongs to one session at a time.
 * V2  An incarnation is larger than any that its row had, and its low 12 bits are others than
 *     those of the row's entry.
 * V3  Whoever comes again with its name keeps it, unless the row was given to a later
 *     incarnation.
 * V4  A new head does not know who is alive: for a while the rows that have entries are given
 *     to others only when there are no more.
 *
 * Nothing here knows of streams; entries are asked for.  One thread.
 */
#ifndef PAWL_DAEMON_ROWS_H
#define PAWL_DAEMON_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/stream_table.h"

#define ROWS_SEQUENCE_BITS 20
#define ROWS_GRACE_NS UINT64_C(10000000000)

struct row {
	uint64_t token;	    /* of the session that has it; 0: nobody */
	uint64_t publisher; /* the newest that is known to have had it; 0: none */
	bool ended;	    /* that one is gone for certain */
};

struct rows {
	struct row *at;
	uint32_t count;
	uint32_t held;
	uint64_t epoch;
	uint64_t grace_ns; /* V4: until then */
};

/* -ENOMEM. */
int rows_init(struct rows *rows, uint32_t count) __attribute__((warn_unused_result));
void rows_destroy(struct rows *rows);

/*
 * This replica is the head of @epoch.  @again: it was the head of the epoch before as well, and
 * knows whose the rows are.
 */
void rows_begin(struct rows *rows, uint64_t epoch, bool again, uint64_t now_ns);

struct rows_ask {
	uint64_t token;	    /* of the session, not 0 */
	uint64_t publisher; /* the name that it has; 0: none yet */
	uint64_t now_ns;
	/* The table's entry of @row, as of now. */
	struct stream_entry (*entry)(void *context, uint32_t row);
	void *context;
};

/*
 * Gives a row, or the one that the asker has.  *publisher_p is 0 when its name is not known any
 * more (V3).  -EUSERS: all rows are taken.
 */
int rows_take(struct rows *rows, const struct rows_ask *ask, uint64_t *publisher_p)
	__attribute__((warn_unused_result));

/* The session has ended: nothing of it is written any more. */
void rows_release(struct rows *rows, uint64_t token);

#endif
