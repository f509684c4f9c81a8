/* What the files of the mesh share.  mesh.h is the contract. */
#ifndef PAWL_DAEMON_MESH_INTERNAL_H
#define PAWL_DAEMON_MESH_INTERNAL_H

#include "sequencer/core/limits.h"
#include "sequencer/daemon/dial.h"
#include "sequencer/daemon/guests.h"
#include "sequencer/daemon/heartbeat.h"
#include "sequencer/daemon/mesh.h"

/*
 * A watched member: the connection to it, its heartbeat, what is thought of it, and what
 * waits to be sent to it.
 */
struct watched {
	struct mesh *mesh;
	struct epoch_member member;
	struct dial *dial;
	struct judge judge;
	struct heartbeat heartbeat;
	struct frame_queue queue;
	enum judge_opinion announced;
	bool dialed; /* the dial was up with this life */
	bool over;   /* no longer watched; freed when nothing of it is being called */
	struct watched *next_over;
};

struct mesh {
	struct mesh_config config;
	char cluster[CLUSTER_NAME_MAX + 1];
	uint64_t instance;
	struct guests guests;
	struct watched *peers[CHAIN_MAX];
	unsigned int peers_count;
	struct watched *over;
	uv_timer_t timer; /* one check a heartbeat */
	unsigned int handles_open;
	bool closing;
};

static inline struct epoch_member mesh_self(const struct mesh *mesh)
{
	return roster_self(mesh->config.roster)->member;
}

/* mesh.c */
/* The roster has learned: perhaps where somebody can be reached.  Calls a handler. */
void mesh_learned(struct mesh *mesh);
/* The peer over whose dial this life, or any of its replica, is connected; or NULL. */
struct watched *mesh_dialed_find(
	const struct mesh *mesh, struct epoch_member member, bool any_life);
/* A message came over a connection of @life.  Calls handlers. */
void mesh_take(
	struct mesh *mesh, struct epoch_member life, const Control__EpochMessage *epoch);

/* mesh_streams.c: came over a connection of @life.  Each calls a handler. */
void mesh_ask_take(
	struct mesh *mesh, struct epoch_member life, const Control__StreamAsk *ask);
void mesh_tell_take(
	struct mesh *mesh, struct epoch_member life, const Control__StreamTell *tell);

/* mesh_peer.c */
/* NULL: no memory. */
struct watched *watched_make(struct mesh *mesh, struct epoch_member member);
/* It is not watched any more.  It may be in the middle of something: freed later. */
void watched_end(struct watched *peer);
void watched_free_ended(struct mesh *mesh);
/* One look at it. */
void watched_check(struct watched *peer, uint64_t now_ns);
/* A connection of it came or went; @why: the last one is gone. */
void watched_judge_connection(struct watched *peer, const char *why);
/* Tells when the opinion has changed.  Calls a handler; the peer may be over then. */
void watched_announce(struct watched *peer);
/* mesh_forward.c */
/* Sends it over the connection that this side made.  -ENOMEM. */
int watched_request(struct watched *peer, const Control__Request *request)
	__attribute__((warn_unused_result));

/* mesh_peer.c */
/* Sends a message, framed as a request, over a connection that the other side made. */
void guest_send(struct connection *connection, const struct queued_frame *frame);

#endif
