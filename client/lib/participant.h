/*
 * A participant of a stream: a state machine of the application's, the subscriber that it is fed
 * by, and the commands that this handle has published and not seen again, which the core decides
 * (sequencer/core/commands.h, I1 to I4).  What was lost to it may be inside a snapshot, from which it
 * is restored (participant_snapshot.h, I5 to I7).
 */
#ifndef PAWL_CLIENT_PARTICIPANT_H
#define PAWL_CLIENT_PARTICIPANT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/machine.h"
#include "client/lib/participant_snapshot.h"
#include "client/lib/publish.h"
#include "client/lib/wait.h"
#include "hw/error.h"
#include "sequencer/core/commands.h"

/* Who is told of a command's outcome, unless a call waits for it. */
enum command_listener {
	COMMAND_CALLER,
	COMMAND_OWNER, /* struct participant_owner */
	COMMAND_NOBODY,
};

/* Something in the library that a participant is part of, and has commands of its own. */
struct participant_owner {
	void *context;
	void (*on_outcome)(void *context, const struct pawl_outcome *outcome);
	/* After messages were applied; @all: there were no more.  It may submit. */
	void (*on_turn)(void *context, bool all);
};

/* The one that is waited for. */
struct calling {
	uint64_t number; /* of the command */
	void *room;
	size_t room_len;
	size_t len;
	uint64_t position;
	int status;
	bool done;
};

/*
 * Messages that were delivered and are not applied yet, so that the machine can prepare for all of
 * them.  Nothing is in it between two calls.
 */
#define BATCH_BYTES 4096

struct participant_batch {
	struct pawl_delivery messages[PAWL_PREPARE_MAX]; /* their bytes are in @bytes */
	size_t count;
	size_t used;
	unsigned char bytes[BATCH_BYTES];
};

struct pawl_participant {
	struct pawl *pawl;
	struct pawl_stream *stream;
	struct pawl_subscriber *subscriber;
	struct pawl_machine machine;
	pawl_outcome_fn on_outcome;
	void *outcome_context;
	struct participant_owner owner; /* without functions: none */
	struct commands commands;
	uint64_t applied;
	uint64_t messages;	 /* that were applied here */
	struct calling *calling; /* NULL: nobody waits */
	int broken;		 /* why it is over (I3), or 0 */
	struct error why;
	struct error lost_why; /* of the newest time that messages were lost */

	uint64_t snapshot_every; /* positions; 0: when it is told to */
	uint64_t
		blurred; /* commands up to this number may be inside a snapshot that was restored (I6) */
	struct participant_talk talk;
	struct participant_writing writing;
	struct participant_restoring restoring;
	struct participant_batch batch;
};

/* As pawl_participant_submit; the owner is told. */
int participant_submit(struct pawl_participant *p, const void *bytes, size_t len,
	uint64_t cookie) __attribute__((warn_unused_result));

/* Nobody but the log knows what became of commands in flight, and nothing can be submitted. */
bool participant_in_doubt(const struct pawl_participant *p);

/*
 * Applies until *done, or until @deadline_ns: -EAGAIN, without a text.  The errors of
 * pawl_participant_call.
 */
int participant_await(struct pawl_participant *p, const bool *done, uint64_t deadline_ns)
	__attribute__((warn_unused_result));

/*
 * Asks the storage that the tail applies, of a participant whose machine that is.  The answer is
 * in the room, *len_p bytes.  Goes on applying meanwhile.  Errors of pawl_store_read.
 */
int participant_tail_read(struct pawl_participant *participant, const void *query,
	size_t len, void *room, size_t room_len, size_t *len_p)
	__attribute__((warn_unused_result));

/* 0, or why it is over. */
int participant_check(struct pawl_participant *p) __attribute__((warn_unused_result));
/* 0: it can be used, and what it lost was made up for.  Else why not; blocks up to the timeout. */
int participant_ready(struct pawl_participant *p) __attribute__((warn_unused_result));

/* ---- participant.c, for participant_call.c ---- */

#define PARTICIPANT_BATCH 256 /* messages between two looks at the clock */

/* Moves everything on once.  *pauses_p: it may be worth a pause. */
int participant_move(struct pawl_participant *p, int max, int *count_p, bool *pauses_p)
	__attribute__((warn_unused_result));
/* Waits a little, if that is worth it.  True: the clock says that the time is over. */
bool participant_pause(struct pawl_participant *p, struct waiter *waiter, int count,
	bool pauses, uint64_t deadline_ns);
/* -ESTALE, with its text. */
int participant_doubt_say(struct pawl_participant *p);
/* The oldest in flight may be inside the snapshot. */
bool participant_is_blurred(const struct pawl_participant *p);
uint64_t participant_oldest_id(const struct pawl_participant *p);

#endif
