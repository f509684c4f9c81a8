/*
 * A handle's session: who serves, the links to them, and where the handle is between lost
 * and ready.  One machine that is stepped (session_step), so that a lost replica never
 * blocks pawl_poll.
 *
 *     joining   peers.c keeps connections to the members of the newest chain that the handle
 *               has heard of, and looks for whoever knows better; join.c reads the answers.
 *     linking   every member has answered for the same epoch: opening.c asks the head for
 *               the counters, all at once, and links.c connects meanwhile.
 *     opening   the links are there; not all counters are.
 *     ready     additions go on.
 *     draining  the epoch is over here, or a link or connection is lost.  What is in flight
 *               comes back first, as far as there is somebody to send it.
 *
 * S1  The newest epoch that the session has heard of only grows, and a chain is of that
 *     epoch.
 * S2  Links are made to all members' answers for one epoch, each newer than what was heard
 *     of that epoch's end (over_epoch).
 * S3  Before a Join is sent to a replica, this handle's links to it are closed.
 */
#ifndef PAWL_CLIENT_SESSION_H
#define PAWL_CLIENT_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/book.h"
#include "client/lib/peer.h"
#include "hw/error.h"
#include "hw/memory.h"

#define SESSION_PEERS_MAX (CHAIN_MAX + 1) /* the chain, and one to look around */

struct pawl;
struct pawl_counter;

enum session_stage {
	SESSION_JOINING,
	SESSION_LINKING,
	SESSION_OPENING,
	SESSION_READY,
	SESSION_DRAINING,
};

/* A member of the newest chain. */
struct member {
	uint32_t replica;
	uint64_t incarnation;
	char memory[MEMORY_ADDRESS_MAX]; /* as another member knows it, or "" */
	char transport[PEER_TRANSPORT_LEN];
	struct endpoint controls[BOOK_CONTROLS_MAX];
	unsigned int controls_count;
	unsigned int next; /* of its controls, to dial */
	uint64_t retry_at_ns;
	uint64_t delay_ns;
};

/* A link in use; its place is the replica's place in the chain. */
struct session_link {
	struct link *link; /* NULL once it is closed */
	struct peer *peer;
	uint32_t in_flight; /* operations that have not completed */
};

struct session {
	enum session_stage stage;
	uint64_t stage_since_ns;

	struct book book;
	struct peer peers[SESSION_PEERS_MAX];
	unsigned int dialled; /* endpoints of the book, as long as the handle lives */
	uint64_t seek_at_ns;
	uint64_t seek_delay_ns;

	uint64_t instance;   /* of the cluster, once joined */
	uint64_t epoch;	     /* S1 */
	uint64_t over_epoch; /* this one and all before it are over */
	uint32_t chain_len;
	struct member chain[CHAIN_MAX];

	const struct memory_ops *ops;
	struct device *device;
	uint64_t linked_epoch;
	uint32_t links_count;
	struct session_link links[CHAIN_MAX];
	uint32_t unopened;	/* counters that the head has not answered for */
	uint32_t answered;	/* where the next answer is expected */
	uint64_t open_again_ns; /* not before this are they asked for */

	unsigned int failures; /* of linking, since the session was last ready */
	uint64_t retry_at_ns;  /* not before this is it tried again */
	bool joined_once;
	bool stopped;	  /* a replica said goodbye, and none has answered since */
	bool refused;	  /* trying again will not help */
	int denied;	  /* the newest no of a replica, or 0 */
	struct error why; /* the newest failure */
	int why_code;	  /* ... as pawl.h lists it */
};

/* session.c */
/* So that session_end finds nothing to end. */
void session_blank(struct pawl *pawl);
/* The book is open.  -ENOMEM. */
int session_init(struct pawl *pawl) __attribute__((warn_unused_result));
/*
 * Moves the session towards ready, never blocking for long (opening a device excepted).
 * 0: ready, and every counter has been asked for.  -EAGAIN: under way.
 */
int session_step(struct pawl *pawl);
/*
 * Looks whether the links still stand and what the replicas have to say, so that a wait
 * need not last until an operation gives up by itself.  A few system calls.
 */
void session_look(struct pawl *pawl);
/* A link failed, a connection ended, or a newer epoch is served. */
void session_lost(struct pawl *pawl);
/* The same, and the epoch will not come back: a replica has sealed it. */
void session_over(struct pawl *pawl);
/* Ends an attempt: closes the links and tries again after a while. */
void session_attempt_failed(struct pawl *pawl, int code);
void session_stage_enter(struct session *s, enum session_stage stage);
/* Says goodbye if there is somebody to hear it, and gives everything back. */
void session_end(struct pawl *pawl);
/* In a child of the process that opened it: gives back what is the child's own. */
void session_forget(struct pawl *pawl);
/* Sleeps until session_step may have something to do, at most @timeout_ms. */
void session_wait(const struct pawl *pawl, int timeout_ms);
/*
 * The status for calls that can not go on: 0 while there is still hope before
 * @deadline_ns, else the errno, with the text in pawl->err.
 */
int session_verdict(struct pawl *pawl, uint64_t now_ns, uint64_t deadline_ns);
/* Whether a control connection is open or being made. */
bool session_is_heard(const struct session *s);
/* Whether this life of a replica is a member of the newest chain. */
bool session_chain_has(const struct session *s, const struct peer *peer);

/* peers.c */
/* Dials members, looks for others, and asks again where it is due. */
void peers_dial(struct pawl *pawl, uint64_t now_ns);
/* Takes what the replicas have sent. */
void peers_listen(struct pawl *pawl);
/* Leaves those that are not in use. */
void peers_prune(struct pawl *pawl);
/* The slot of this life of a replica, or NULL. */
struct peer *peers_find(struct session *s, uint32_t replica, uint64_t incarnation);
struct peer_question peers_question(const struct pawl *pawl);
/* The connection is over, for the reason in session.why; @code as control_receive. */
void peers_failed(struct pawl *pawl, struct peer *peer, int code);

/* join.c */
/* A replica has said something. */
void join_reply(struct pawl *pawl, struct peer *peer, const Control__Reply *reply);
/* True when every member has answered for the newest epoch (S2). */
bool join_is_complete(struct session *s);
/* Learns the addresses of a chain, and looks at once when there are new ones. */
void join_learn(struct session *s, Control__Member *const *chain, size_t count);

/* links.c */
/* The members of the newest chain are those to connect to from now on. */
void links_plan(struct pawl *pawl);
/* Starts to connect to them.  0, or why not; then session.why has the text. */
int links_connect(struct pawl *pawl) __attribute__((warn_unused_result));
/* 0: all are connected.  -EAGAIN: under way.  Else one has failed. */
int links_state(struct pawl *pawl) __attribute__((warn_unused_result));
void links_close(struct pawl *pawl);
/* Closes those whose replica's connection is gone; their answers are lost. */
void links_close_gone(struct pawl *pawl);

/* opening.c */
/* Every counter is to be opened in this epoch. */
void opening_begin(struct pawl *pawl);
/* Asks for those that nobody has asked for. */
void opening_ask(struct pawl *pawl);
/* True when @reply answers an OpenCounter; then it is taken. */
bool opening_reply(
	struct pawl *pawl, const struct peer *peer, const Control__Reply *reply);
/* The head has answered for all of them: the counters enter the epoch. */
void opening_finish(struct pawl *pawl);

#endif
