/*
 * Control connections that other replicas made to this one: who said hello on which.
 * A guest belongs to its connection and goes with it.
 */
#ifndef PAWL_DAEMON_GUESTS_H
#define PAWL_DAEMON_GUESTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sequencer/control/message.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/roster.h"
#include "sequencer/daemon/server.h"

struct guests {
	struct mesh_guest *newest;
	const char *cluster;
	struct roster *roster;
};

/*
 * Answers a hello, with a welcome or with why not.  True: the connection is a guest's now.
 * It is not when the hello was meant for another replica; the welcome tells the caller.
 */
bool guests_hello(struct guests *guests, struct connection *connection, uint64_t request,
	const Control__Hello *hello);

/* The guest on this connection; its id is 0 when nobody said hello there. */
struct epoch_member guests_member(const struct connection *connection);

/*
 * The newest connection of this life, or with @any_life of any life of its replica.
 * NULL: there is none.
 */
struct connection *guests_find(
	const struct guests *guests, struct epoch_member member, bool any_life);

/* Calls @visit for every guest; it may reply, and nothing else. */
void guests_for_each(const struct guests *guests,
	void (*visit)(
		void *context, struct connection *connection, struct epoch_member member),
	void *context);

/* The connection ended, or is to be a stranger's again. */
void guests_forget(struct guests *guests, struct connection *connection);
void guests_forget_all(struct guests *guests);

#endif
