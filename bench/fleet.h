/*
 * The replicas of a private cluster as processes of this one: ids 1, 2, ... on one host,
 * each started, killed and started again.  One thread.
 */
#ifndef PAWL_BENCH_FLEET_H
#define PAWL_BENCH_FLEET_H

#include <stdbool.h>
#include <stdint.h>

#include "client/command/daemon.h"
#include "hw/error.h"
#include "sequencer/core/limits.h"

/* Strings live as long as the fleet. */
struct fleet_config {
	const char *cluster;
	const char *transport;
	const char *device; /* NULL: any */
	const char *store;  /* for pawld */
	const char *files;  /* runtime and state directory, and the logs */
	const char *memory; /* directory of the regions */
	unsigned int replicas;
};

struct fleet {
	struct fleet_config config;
	struct daemon_process daemons[CHAIN_MAX]; /* by id - 1; pid 0: does not run */
};

/*
 * Starts all replicas, and waits until each takes requests.  -ECHILD: one did not come up.
 * With an error those that did run on.
 */
int fleet_start(struct fleet *fleet, const struct fleet_config *config, struct error *err)
	__attribute__((warn_unused_result));

/* The same for one that was killed.  -EINVAL: it runs, or is no replica of this fleet. */
int fleet_restart(struct fleet *fleet, unsigned int id, struct error *err)
	__attribute__((warn_unused_result));

/* SIGKILL; *killed_ns_p is the moment before.  Returns when it is gone.  -EINVAL. */
int fleet_kill(struct fleet *fleet, unsigned int id, uint64_t *killed_ns_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Has the cluster stopped and forgotten, which removes its record from the store.  False:
 * it did not work, or a replica did not end well.  Nothing runs afterwards.
 */
bool fleet_stop(struct fleet *fleet);

/* Where clients find the fleet's replicas: a list for pawl_open.  -ENAMETOOLONG. */
int fleet_where(const struct fleet_config *config, char *where, size_t len,
	struct error *err) __attribute__((warn_unused_result));

#endif
