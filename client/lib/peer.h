/*
 * One replica as a handle sees it: its control connection, and the session there.
 *
 * A slot remembers a replica after its connection has ended, so that the session can be
 * resumed: another Join without its token would take another row.
 *
 * J1  While a slot is PEER_JOINED its session fields are the replica's newest answer, no
 *     Join is under way, and no link of an earlier answer in the same epoch is open.
 * J2  No two slots are the same life of a replica.
 */
#ifndef PAWL_CLIENT_PEER_H
#define PAWL_CLIENT_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/lib/control.h"
#include "hw/memory.h"
#include "sequencer/core/region.h"

#define PEER_BUFFER_LEN (16u << 10) /* the longest Joined takes some 10 KB */
#define PEER_TRANSPORT_LEN 16
#define PEER_RETRY_MIN_NS UINT64_C(1000000)
#define PEER_RETRY_MAX_NS UINT64_C(100000000)
#define PEER_ANSWER_NS UINT64_C(2000000000) /* for an answer to a Join */

enum peer_stage {
	PEER_OFF,     /* not connected */
	PEER_ASKED,   /* a Join is under way */
	PEER_JOINED,  /* J1 */
	PEER_WAITING, /* connected; asked again at again_ns, unless it speaks first */
};

struct peer {
	enum peer_stage stage;
	struct control control;
	struct endpoint endpoint; /* of the newest connection; text "" for none yet */
	bool given;		  /* ... which the user named */
	uint32_t replica;	  /* who it is; 0: it has not said */
	uint64_t incarnation;
	uint64_t request; /* the Join under way; 0: none */
	uint64_t asked_ns;
	uint64_t again_ns;
	uint64_t delay_ns; /* before the next Join that is asked again */

	uint64_t token; /* 0: no session */
	uint32_t row;
	uint64_t epoch;
	uint64_t lease_ns;
	struct region_layout layout;
	char transport[PEER_TRANSPORT_LEN];
	char memory[MEMORY_ADDRESS_MAX]; /* of its region; "" when it did not say */
};

/* What a Join says about the handle. */
struct peer_question {
	const char *cluster; /* the name it must have; "" for any */
	const char *program;
};

/* -ENOMEM. */
int peer_init(struct peer *peer) __attribute__((warn_unused_result));
void peer_destroy(struct peer *peer);

static inline bool peer_is_connected(const struct peer *peer)
{
	return peer->control.fd >= 0;
}

static inline bool peer_is(
	const struct peer *peer, uint32_t replica, uint64_t incarnation)
{
	return peer->replica == replica && peer->incarnation == incarnation &&
	       replica != 0;
}

/* Forgets whom the slot remembers.  It must not be connected. */
void peer_forget(struct peer *peer);

/* Connects, which ends a connection that there is, and asks.  Errors of control_connect. */
int peer_dial(struct peer *peer, const struct endpoint *endpoint,
	const struct peer_question *question, struct error *err)
	__attribute__((warn_unused_result));

/* Sends a Join over the connection; a link to this replica must not be open (J1). */
void peer_ask(struct peer *peer, const struct peer_question *question);

/* It has nothing for us now; ask again later and later. */
void peer_put_off(struct peer *peer, uint64_t now_ns);

/* Ends the connection; what is remembered stays. */
void peer_off(struct peer *peer);

/* Gives the row back, if there is somebody to hear it, and ends the connection. */
void peer_leave(struct peer *peer);

/*
 * Takes over what the replica says about the session.  @own is its own entry of the
 * chain, or NULL.  False when the numbers can not be.
 */
bool peer_take(struct peer *peer, const Control__Joined *joined,
	const Control__Member *own) __attribute__((warn_unused_result));

#endif
