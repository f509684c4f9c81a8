/*
 * Clients that wait for a counter or a stream to be opened: a new name goes through the store
 * first, and a new stream needs its memory at every replica.
 *
 * Everything runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_OPENINGS_H
#define PAWL_DAEMON_OPENINGS_H

#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/server.h"

struct opening;

struct openings {
	struct replica *replica;
	struct opening *first;
};

/* Answers the request now or later. */
void openings_add(struct openings *openings, struct connection *connection, uint64_t id,
	const Control__OpenCounter *open);
void openings_add_stream(struct openings *openings, struct connection *connection,
	uint64_t id, const Control__OpenStream *open);

/* Answers those that can be answered; after every change, and now and then. */
void openings_look(struct openings *openings);

/* The connection ended: nobody waits there any more. */
void openings_forget(struct openings *openings, const struct connection *connection);

/* Drops all of them. */
void openings_free(struct openings *openings);

#endif
