/*
 * A read at the tail: one question to the tail of an epoch, and the check that makes its answer
 * linearizable (docs/protocol.md, "Reads at the tail").
 *
 * The tail applies the stream's state machine to its log.  Who reads asks the tail of the epoch
 * that it knows; when the answer is there it reads the state word of every member of that epoch,
 * and only if none of them is sealed does the answer count.  For every later epoch has a member of
 * this one that was sealed before it began: so none had begun when the answer was made, and
 * whatever was acknowledged to anybody by then was committed by this tail.
 *
 * TR1  The states are read after the answer has come.
 * TR2  An answer is valid only if every member of its epoch, the tail too, shows that epoch open.
 * TR3  The tail answers with everything applied that was committed when the question came.
 * TR4  Only a replica that serves the epoch of the question as its tail answers.
 *
 * The machine does no I/O.  It names the next effect it wants (stream_tail_read_next), the driver
 * posts it and says so (stream_tail_read_posted), and feeds what comes back into the calls below.
 * What is late, of a read that is over, the driver drops.  An answer that is not valid says
 * nothing: whoever wants one joins the next epoch and begins again, which is harmless.
 *
 * A read belongs to one thread.  Nothing here blocks or allocates.
 */
#ifndef PAWL_CORE_STREAM_TAIL_READ_H
#define PAWL_CORE_STREAM_TAIL_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/core/limits.h"

/* ---- Who reads ---- */

enum stream_tail_read_phase {
	STREAM_TAIL_READ_ASKING,   /* the tail has not answered */
	STREAM_TAIL_READ_CHECKING, /* it has; not all states are known */
	STREAM_TAIL_READ_VALID,	   /* the answer is linearizable */
	STREAM_TAIL_READ_INVALID,  /* there is none, or it may be too old: begin again */
};

enum stream_tail_read_effect_kind {
	STREAM_TAIL_READ_ASK,	/* send the question to @member */
	STREAM_TAIL_READ_STATE, /* read the state word of @member */
};

struct stream_tail_read_effect {
	enum stream_tail_read_effect_kind kind;
	uint32_t member; /* place in the chain; 0 is the head */
};

struct stream_tail_read {
	enum stream_tail_read_phase phase;
	uint64_t epoch;
	uint32_t members;  /* of its chain */
	bool checked;	   /* by an earlier read: only where that rule is broken */
	bool asked;	   /* the question was posted */
	uint32_t posted;   /* members whose states are read: 0 to posted - 1 */
	uint32_t answered; /*   and how many of them have shown that they are open */
	uint64_t position; /* that the answer is from, once there is one */
};

/* A read in @epoch, which is known to have a chain of 1 <= @members <= CHAIN_MAX. */
void stream_tail_read_begin(
	struct stream_tail_read *read, uint64_t epoch, uint32_t members);

/* True when the machine wants something posted now. */
bool stream_tail_read_next(
	const struct stream_tail_read *read, struct stream_tail_read_effect *effect_p);
void stream_tail_read_posted(
	struct stream_tail_read *read, const struct stream_tail_read_effect *effect);

/* The tail has answered from the state at @position, in the epoch that it says. */
void stream_tail_read_on_answer(
	struct stream_tail_read *read, uint64_t epoch, uint64_t position);
/* A member's state word is there. */
void stream_tail_read_on_state(struct stream_tail_read *read, uint64_t state);
/* A link or connection failed, a newer epoch is known, or the tail will not answer. */
void stream_tail_read_on_lost(struct stream_tail_read *read);

/* ---- Who answers ---- */

/* A replica, when a question has come. */
struct stream_tail_seat {
	uint64_t epoch;	  /* that it serves the stream in; 0: none */
	bool tail;	  /* ... as the last of the chain */
	uint64_t commit;  /* its commit point now */
	uint64_t applied; /* by its machine */
};

/*
 * Whether the question of @epoch may be answered here (TR4); *upto_p: when everything up to there
 * is applied (TR3), and not before.
 */
bool stream_tail_question_take(const struct stream_tail_seat *seat, uint64_t epoch,
	uint64_t *upto_p) __attribute__((warn_unused_result));

#endif
