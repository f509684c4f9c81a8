/*
 * A participant of a stream: a state machine of the application's, the subscriber that it is fed
 * by, and the commands that this handle has published and not seen again, which the core decides
 * (sequencer/core/commands.h, I1 to I4).
 */
#ifndef PAWL_CLIENT_PARTICIPANT_H
#define PAWL_CLIENT_PARTICIPANT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/include/pawl/machine.h"
#include "client/lib/publish.h"
#include "hw/error.h"
#include "sequencer/core/commands.h"

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

struct pawl_participant {
	struct pawl *pawl;
	struct pawl_stream *stream;
	struct pawl_subscriber *subscriber;
	struct pawl_machine machine;
	pawl_outcome_fn on_outcome;
	void *outcome_context;
	struct commands commands;
	uint64_t applied;
	struct calling *calling; /* NULL: nobody waits */
	int broken;		 /* why it is over (I3), or 0 */
	struct error why;
};

#endif
