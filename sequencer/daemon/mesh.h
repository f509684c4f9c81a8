/*
 * The control connections between replicas, and who of them is alive.
 *
 * Every replica dials every member that it watches and says hello; the other way round it
 * takes hellos on its own control sockets.  So two living replicas have two connections,
 * and either carries messages of the epoch machine both ways: as requests on a connection
 * that this side made, as replies with id 0 on the other.  Messages may be lost; the
 * machine sends them again.
 *
 *  W1  A message is for a replica, and goes to the life that it names if that can be
 *      reached, else to another life of the same replica, which can answer that it is not
 *      the one.
 *  W2  A replica speaks for itself only: a message is taken only from the life that the
 *      connection belongs to.
 *  W3  Messages of another instance of the cluster are dropped, and all of them as long as
 *      the instance is not known.
 *
 * Over a Unix socket the kernel vouches that the other side belongs to this user or root.
 * Over TCP nobody does: like all of the control plane it must only be reachable by those
 * who are trusted.
 *
 * Everything runs on the loop's thread.  Nothing blocks.
 */
#ifndef PAWL_DAEMON_MESH_H
#define PAWL_DAEMON_MESH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "hw/error.h"
#include "hw/memory.h"
#include "sequencer/control/message.h"
#include "sequencer/core/epoch.h"
#include "sequencer/daemon/epoch_wire.h"
#include "sequencer/daemon/frame_queue.h"
#include "sequencer/daemon/judge.h"
#include "sequencer/daemon/roster.h"
#include "sequencer/daemon/server.h"

#define MESH_QUEUED_MAX FRAME_QUEUE_MAX /* messages that wait for one member */

struct mesh;

/*
 * Called from the loop, and from within mesh_request and mesh_closed_connection; never
 * from within another call to the mesh.  Any of them may call the mesh.
 */
struct mesh_handlers {
	/* @message is good during the call. */
	void (*message)(void *context, const struct epoch_wire_message *message);
	/* The watched @member seems to be dead or cut off; why, for people. */
	void (*suspect)(void *context, struct epoch_member member, const char *why);
	/* The watched @member is connected for the first time, or alive after all. */
	void (*trust)(void *context, struct epoch_member member);
	/* Streams: @from asks for this replica's places, or tells its own; may be NULL. */
	void (*stream_ask)(
		void *context, struct epoch_member from, const Control__StreamAsk *ask);
	void (*stream_tell)(
		void *context, struct epoch_member from, const Control__StreamTell *tell);
	/* The roster has learned something; may be NULL. */
	void (*learned)(void *context);
	void *context;
};

struct mesh_config {
	uv_loop_t *loop;
	const char *cluster;
	struct roster *roster; /* outlives the mesh */
	uint64_t heartbeat_ns; /* between checks; whole milliseconds, at least 1 */
	uint64_t suspect_ns;
	uint64_t retry_ns;     /* between attempts to connect; grows to a second */
	struct device *device; /* for links to heartbeats; outlives the mesh.  Or NULL */
	struct mesh_handlers handlers;
	/* As epoch_wire_source has it. */
	const char *(*name)(void *context, uint32_t index);
	const struct stream_limits *(*stream)(void *context, uint32_t index);
	void *name_context;
};

/* What people want to know about a watched member. */
struct mesh_peer {
	struct epoch_member member;
	bool connected;
	bool suspect;
	uint64_t heartbeat_age_ns; /* since it was seen to move; 0: it has never been */
	char why[JUDGE_WHY_LEN];   /* it is suspected */
};

/* -ENOMEM, or what libuv says.  -EINVAL: a time in @config is 0. */
int mesh_make(const struct mesh_config *config, struct mesh **mesh_p, struct error *err)
	__attribute__((warn_unused_result));

/* The cluster's instance is known; 0: it is not. */
void mesh_instance_set(struct mesh *mesh, uint64_t instance);

/*
 * Exactly these members, without this replica itself, are kept connected and judged from
 * now on.  Who was watched before stays as it is; who no longer is, loses the connection
 * that this side made to it.
 */
void mesh_watch(struct mesh *mesh, const struct epoch_chain *members);

/*
 * Sends to message->to.  Until a watched member is connected, the newest MESH_QUEUED_MAX
 * messages to it wait.  It is lost when there is no way to its receiver.
 */
void mesh_send(struct mesh *mesh, const struct epoch_message *message);

/* True when there is a connection to this life. */
bool mesh_reaches(const struct mesh *mesh, struct epoch_member member);

/*
 * Passes a request of an operator on to @member, whose answer nobody waits for.  0, or
 * -EREMCHG: there is no connection to it.  -ENOMEM.
 */
int mesh_forward(struct mesh *mesh, struct epoch_member member, Control__Request *request)
	__attribute__((warn_unused_result));

/*
 * Asks and tells about streams (one of them is NULL): one life, if there is a way to it, or every
 * replica that is connected.  They are lost like messages.
 */
void mesh_stream_send(struct mesh *mesh, struct epoch_member to, Control__StreamAsk *ask,
	Control__StreamTell *tell);
void mesh_stream_send_all(
	struct mesh *mesh, Control__StreamAsk *ask, Control__StreamTell *tell);

/*
 * Takes what replicas ask of each other: HELLO, EPOCH, STREAM_ASK, STREAM_TELL.  False: it is
 * another request, not for the mesh.
 */
bool mesh_request(struct mesh *mesh, struct connection *connection,
	const Control__Request *request);
/* To be called for every connection of the server that ends. */
void mesh_closed_connection(struct mesh *mesh, struct connection *connection);

/* The watched members, from 0; false past the last. */
bool mesh_peer_get(const struct mesh *mesh, unsigned int index, struct mesh_peer *peer_p);

/*
 * Ends all connections that this side made; no handler is called any more.  The loop must
 * run until mesh_closed, and the server be closed too; then mesh_free.
 */
void mesh_close(struct mesh *mesh);
bool mesh_closed(const struct mesh *mesh);
void mesh_free(struct mesh *mesh);

#endif
