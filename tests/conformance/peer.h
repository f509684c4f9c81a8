/*
 * Peers and owners in other processes: this program, started again as
 *
 *     PROGRAM peer BED ROLE NUMBER FD
 *
 * so that nothing of the parent's devices is left in them.  (Fork alone is not enough for
 * verbs: its libraries keep a device's file open, and the kernel takes no commands on it
 * from another process.)  What both sides write for each other lies in memory that they
 * share, FD.  A peer says what went wrong on standard error and with its exit status,
 * never by an assertion of the test library, which belongs to the parent.
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

/* What a process can be started as. */
struct peer_role {
	const char *name;
	bool is_owner; /* opens and connects by itself, or does not */
	/* Returns 0, or anything else for a failure it has explained on standard error. */
	int (*run)(struct peer *peer);
};

extern const struct peer_role peer_roles[]; /* ends with a role without a name */

/* Zeroed memory that processes share; ends the story if there is none. */
void *peer_shared_map(size_t len, int *fd_p);
void peer_shared_unmap(void *shared, size_t len, int fd);

/* Starts a process.  A peer's role runs when the address is there and it is connected. */
pid_t peer_start(
	const struct conformance_bed *bed, const char *role, unsigned int number, int fd);

/* The program's end of that: its exit status. */
int peer_main(const struct conformance_bed *beds, char **arguments);

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
