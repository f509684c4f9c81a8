/*
 * The control plane of one replica: listeners and connections on the event loop, frames
 * in and out.  What the messages mean is the handler's business.
 *
 * Everything runs on the loop's thread.
 */
#ifndef PAWL_DAEMON_SERVER_H
#define PAWL_DAEMON_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "hw/error.h"
#include "sequencer/control/message.h"

#define SERVER_LISTENERS_MAX 8

struct server;
struct connection;
struct session;
struct mesh_guest;

/* What a connection's peer is known to be. */
struct peer {
	bool local; /* it came over the Unix socket, and the kernel vouches for it */
	uid_t uid;
	gid_t gid;
	pid_t pid;
};

struct server_handlers {
	/* One request, checked; answer with connection_reply, now or later. */
	void (*request)(void *context, struct connection *connection,
		const Control__Request *request);
	/* The connection ended, for whatever reason; its session is still set. */
	void (*closed)(void *context, struct connection *connection);
	void *context;
};

struct server_config {
	uv_loop_t *loop;
	struct server_handlers handlers;
	uint32_t connections_max;
	bool group_set; /* members of @group may connect over the Unix socket */
	gid_t group;
};

/* -ENOMEM. */
int server_make(const struct server_config *config, struct server **server_p)
	__attribute__((warn_unused_result));

/*
 * Listens on an endpoint, as endpoint_parse has it.  The file of a Unix socket is
 * replaced: the caller holds the replica's lock.  -EADDRINUSE, -EADDRNOTAVAIL, -EACCES,
 * -EINVAL, -ENOENT.
 */
int server_listen(struct server *server, const char *endpoint, struct error *err)
	__attribute__((warn_unused_result));

/* Where it listens, as text; NULL past the last. */
const char *server_endpoint(const struct server *server, unsigned int index);

/* Sends a reply that nobody asked for to every connection. */
void server_tell_all(struct server *server, Control__Reply *reply);

/* Calls @visit for every connection; it may reply, or end it, and nothing else. */
void server_for_each(struct server *server,
	void (*visit)(void *context, struct connection *connection), void *context);

/*
 * Closes listeners and connections once their replies are out; handlers.closed is called
 * for each.  The loop must run until server_closed.
 */
void server_close(struct server *server);
/* Closes what server_close still waits for. */
void server_cut(struct server *server);
bool server_closed(const struct server *server);
/* Frees a closed server. */
void server_free(struct server *server);

/* Sends one reply; drops the connection when memory runs out. */
void connection_reply(struct connection *connection, Control__Reply *reply);

/* Closes it; what was replied may be lost, and handlers.closed is called later. */
void connection_end(struct connection *connection);

const struct peer *connection_peer(const struct connection *connection);
struct session *connection_session(const struct connection *connection);
void connection_session_set(struct connection *connection, struct session *session);
/* What the mesh keeps about a connection that another replica made; NULL at first. */
struct mesh_guest *connection_mesh(const struct connection *connection);
void connection_mesh_set(struct connection *connection, struct mesh_guest *guest);

#endif
