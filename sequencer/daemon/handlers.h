/*
 * What control requests do: each turns into calls on the replica and its sessions, and one
 * reply.  Runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_HANDLERS_H
#define PAWL_DAEMON_HANDLERS_H

#include <stdbool.h>

#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/server.h"
#include "sequencer/daemon/sessions.h"

struct handlers {
	struct replica *replica;
	struct session_table sessions;
	struct server *server; /* set once it is made */
	uint64_t started_ns;
	/* Called when an operator asked for an end; @connection waits for the outcome. */
	void (*stop)(void *context, struct connection *connection, uint64_t request,
		bool erase);
	void *stop_context;
};

/* The functions for server_config, with the handlers as their context. */
void handlers_request(
	void *context, struct connection *connection, const Control__Request *request);
void handlers_closed(void *context, struct connection *connection);

/* Replies with an error. @code is a negative errno. */
void handlers_reply_error(
	struct connection *connection, uint64_t request, int code, const char *text);

/* Tells every connection that the replica is about to end. */
void handlers_say_goodbye(struct handlers *handlers, const char *why);

#endif
