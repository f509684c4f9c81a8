/*
 * The replicas of a cluster that are, or were, on this host: each has a lock in the runtime
 * directory, which its process holds and removes when it ends in order.  A lock that nobody
 * holds was left by a replica that was killed.
 */
#ifndef PAWL_COMMAND_LOCALS_H
#define PAWL_COMMAND_LOCALS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/control/endpoint.h"
#include "sequencer/control/paths.h"

#define LOCALS_MAX ENDPOINTS_MAX

struct local_replica {
	uint16_t id;
	int lock;  /* open for as long as this is looked at; -1: it may not be */
	bool runs; /* when it was found; also when its lock may not be looked at */
};

struct locals {
	char runtime[PATHS_LEN_MAX];
	const char *cluster;
	unsigned int count; /* by rising id */
	struct local_replica at[LOCALS_MAX];
};

/* -ENOENT: no runtime directory can be named.  -EINVAL, -ENAMETOOLONG: it is none. */
int locals_find(const char *cluster, struct locals *locals_p, struct error *err)
	__attribute__((warn_unused_result));
void locals_close(struct locals *locals);

/*
 * Whether the replica that had the lock has ended since.  A replica that was started after it
 * has another lock and does not count.
 */
bool local_has_ended(const struct local_replica *replica);

/* The first replica that ran and has not ended, or NULL. */
const struct local_replica *locals_living(const struct locals *locals);

/*
 * Waits until all that ran have ended: NULL, or one that has not within @timeout_ns.  The
 * locks stay open over a stop, so that a replica which starts right after it, with a lock of
 * its own, is not waited for.
 */
const struct local_replica *locals_await_end(
	const struct locals *locals, uint64_t timeout_ns);

/* The process that holds the replica's lock, as its text says, or "?". */
void local_pid(const struct locals *locals, uint16_t id, char pid[16]);

/* The replica's own socket.  -EINVAL, -ENAMETOOLONG. */
int local_endpoint(const char *runtime, const char *cluster, uint16_t id,
	struct endpoint *endpoint_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
