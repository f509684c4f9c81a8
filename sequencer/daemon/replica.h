/*
 * One replica: its place in the cluster's record, and the region of the newest epoch.
 *
 * Every start is a change of epoch (design.md, section 5), with a chain of one: what the
 * former run left is sealed, its exact values are the bases of a fresh region, and the
 * record makes that one active.  A stop seals too, and the record keeps the bases.
 *
 * P1  The record names a region only after the region is whole, and the region's file is
 *     removed only after the record no longer needs it.
 * P2  No counter begins below the exact value at which it was sealed.
 */
#ifndef PAWL_DAEMON_REPLICA_H
#define PAWL_DAEMON_REPLICA_H

#include <stdbool.h>

#include "hw/error.h"
#include "sequencer/daemon/config.h"
#include "sequencer/daemon/owner.h"
#include "sequencer/daemon/surroundings.h"

struct replica;

/*
 * Starts from what the record says.  Blocks up to seconds.  Errors of the store, of the
 * device and of owner_create and owner_adopt, and -ENODATA: the region that holds the
 * numbers is gone.  When it fails the record is as it was; the former run's region may be
 * sealed already, which the next start finds and takes the same numbers from.
 */
int replica_start(const struct daemon_config *config,
	const struct surroundings *surroundings, struct replica **replica_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Saves what a killed replica left, or, with @erase, forgets the cluster.  0 with
 * *was_active_p telling whether there was something to save.  -ENOENT: there is no such
 * cluster.  Else as replica_start.
 */
int replica_settle(const struct daemon_config *config,
	const struct surroundings *surroundings, bool erase, bool *was_active_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Seals, saves the numbers in the record (or with @erase removes the record) and takes the
 * region out of service.  When it fails the region's file stays, and the next start goes
 * on from it.
 */
int replica_stop(struct replica *replica, bool erase, struct error *err)
	__attribute__((warn_unused_result));

/* Frees it; a replica that was not stopped leaves its region for the next start. */
void replica_free(struct replica *replica);

struct owner *replica_owner(struct replica *replica);
const char *replica_cluster(const struct replica *replica);

#endif
