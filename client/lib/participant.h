/*
 * A participant of a stream: a state machine of the application's, the subscriber that it is fed
 * by, and the commands that this handle has published and not seen again.
 *
 * A message is one's own when publisher and id are those that it was submitted with.  The messages
 * of a publisher come in the order of their ids, so of the commands in flight only the oldest is
 * looked for.
 *
 * I1  A command is decided once: when it was applied here, or when it is known that it will never
 *     be, or when the handle has failed.
 * I2  Commands are decided in the order of submission.
 * I3  After messages were lost to the subscriber nothing is applied, and nothing is answered.
 */
#ifndef PAWL_CLIENT_PARTICIPANT_H
#define PAWL_CLIENT_PARTICIPANT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/machine.h"
#include "client/lib/publish.h"
#include "hw/error.h"

/* A command in flight. */
struct command {
	uint64_t id; /* of its message */
	uint64_t cookie;
	bool silent; /* a marker: nobody is told */
};

/* The one that is waited for. */
struct calling {
	uint64_t number; /* as participant.submitted was with it */
	void *room;
	size_t room_len;
	size_t len;
	uint64_t position;
	int status;
	bool done;
};

struct pawl_participant {
	struct pawl *pawl;
	struct pawl_stream *stream;
	struct pawl_subscriber *subscriber;
	struct pawl_machine machine;
	pawl_outcome_fn on_outcome;
	void *outcome_context;
	struct command *commands; /* of number & mask */
	uint64_t mask;
	uint64_t submitted;
	uint64_t decided;
	uint64_t applied;
	struct calling *calling; /* NULL: nobody waits */
	int broken;		 /* why it is over (I3), or 0 */
	struct error why;
};

#endif
