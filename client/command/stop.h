/* Stopping a cluster through those of its replicas that run on this host. */
#ifndef PAWL_COMMAND_STOP_H
#define PAWL_COMMAND_STOP_H

#include "client/command/locals.h"
#include "hw/error.h"

/* What the replicas that ran were told, "" when they did not tell; and how they ended. */
struct stop_surroundings {
	char store[1024];
	char memory_dir[PATHS_LEN_MAX];
	struct error
		alone; /* why they ended one by one and saved nothing; "": they did not */
};

/*
 * Stops the cluster of @locals, with all its replicas, and forgets its numbers if @erase.
 * When it returns 0 the replicas are about to end, and the record is saved, unless none of
 * them served (@learned_p->alone).  Blocks for up to 15 seconds or so.
 *
 * -ETIMEDOUT: it may still stop, and @err tells what it waits for.  -EREMCHG: replicas on
 * other hosts serve it.  -ECONNREFUSED, -ECONNRESET, -ENOENT: nobody answers.  Else what a
 * replica says, as -EACCES.
 */
int stop_cluster(const struct locals *locals, bool erase,
	struct stop_surroundings *learned_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
