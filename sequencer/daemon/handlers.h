/*
 * What control requests do: each turns into calls on the replica and its sessions, and one
 * reply, now or later.  Runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_HANDLERS_H
#define PAWL_DAEMON_HANDLERS_H

#include <stdbool.h>

#include "sequencer/daemon/openings.h"
#include "sequencer/daemon/questions.h"
#include "sequencer/daemon/replica.h"
#include "sequencer/daemon/server.h"
#include "sequencer/daemon/sessions.h"

struct handlers {
	struct replica *replica;
	struct session_table sessions;
	struct openings openings;
	struct questions questions;
	struct server *server; /* set once it is made */
	uint64_t started_ns;
	struct connection *stopper; /* waits to hear that the cluster is stopped */
	uint64_t stop_request;
	uint64_t stop_ns; /* since when */
	bool stop_erases;
	bool stop_begun;
	uint64_t stop_epoch; /* of the record then; a wish may be lost with a head */
};

/* The functions for server_config, with the handlers as their context. */
void handlers_request(
	void *context, struct connection *connection, const Control__Request *request);
void handlers_closed(void *context, struct connection *connection);

/* Another epoch is served, or none: tells every session. */
void handlers_served(struct handlers *handlers);

/* Replies with an error. @code is a negative errno. */
void handlers_reply_error(
	struct connection *connection, uint64_t request, int code, const char *text);

/* Tells whoever asked for the end, and every connection if it is that of the cluster. */
void handlers_say_goodbye(struct handlers *handlers, const char *why, bool cluster);

/* handlers_admin.c: operators' requests. */
void handlers_admin(struct handlers *handlers, struct connection *connection, uint64_t id,
	const Control__Admin *admin);
void handlers_stop(struct handlers *handlers, struct connection *connection, uint64_t id,
	const Control__Stop *stop);
/* Every now and then: whether whoever wants to stop the cluster has waited enough. */
void handlers_stop_look(struct handlers *handlers);
/* Whoever wanted it has gone: a stop that did not begin is off. */
void handlers_stop_forget(struct handlers *handlers, const struct connection *connection);
/* The replica failed: so did the stop that somebody waits for. */
void handlers_stop_failed(struct handlers *handlers, const char *text);

#endif
