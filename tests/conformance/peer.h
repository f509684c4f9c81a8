/*
 * A peer in another process: forked before anything is opened, so that each side opens its
 * own (M8).  What both sides write for each other lies in memory that they share; a peer
 * says what went wrong on standard error and with its exit status, never by an assertion
 * of the test library, which belongs to the parent.
 */
#ifndef PAWL_TESTS_CONFORMANCE_PEER_H
#define PAWL_TESTS_CONFORMANCE_PEER_H

#include <stdatomic.h>
#include <sys/types.h>

#include "tests/conformance/conformance.h"

#define PEER_LIFE_S 120 /* it ends by itself after that */

/* Lies in shared memory; a story's own words follow it. */
struct peer_shared {
	_Atomic int ready; /* the address is there */
	char address[MEMORY_ADDRESS_MAX];
	_Atomic uint32_t arrived; /* at the meeting point, ever */
};

struct peer {
	const struct conformance_bed *bed;
	struct peer_shared *shared;
	unsigned int number;
	struct device *device;
	struct link *link;
};

/* Returns 0, or anything else for a failure it has explained on standard error. */
typedef int (*peer_fn)(struct peer *peer);

/* Zeroed memory that children share; ends the story if there is none. */
void *peer_shared_map(size_t len);
void peer_shared_unmap(void *shared, size_t len);

/* Forks a peer.  It runs @run when the address is there and its link is connected. */
pid_t peer_start(const struct conformance_bed *bed, unsigned int number,
	struct peer_shared *shared, peer_fn run);

/* Opens the owner's side of the fixture and tells the peers the address. */
void peer_serve(struct fixture *fixture, struct peer_shared *shared);

/* Moves the owner's device on until the peer has ended, which it must do well. */
void peer_wait(struct fixture *fixture, pid_t pid);

/* One addition, in a peer; 0 or -1 with the reason on standard error. */
int peer_add(struct peer *peer, uint64_t offset, uint64_t *old_p);

/* Waits for a good completion, in a peer; the same. */
int peer_wait_well(struct peer *peer);

/* Two processes leave this together.  Spins for 60 s at most, then false. */
bool peer_meet(struct peer_shared *shared);

#endif
