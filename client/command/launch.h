/*
 * A replica on this host as 'pawl up' and 'pawl down' run it: which settings pawld gets, where
 * its output goes, and how it is told when it does not start.
 */
#ifndef PAWL_COMMAND_LAUNCH_H
#define PAWL_COMMAND_LAUNCH_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/command/daemon.h"
#include "hw/error.h"

#define LAUNCH_READY_TIMEOUT_MS 60000

/* What every replica of the cluster is started with. */
struct launch {
	const char *cluster;
	const char *transport;	/* NULL: pawld's default */
	const char *store;	/* NULL: pawld's default */
	const char *memory_dir; /* NULL: pawld's default */
	char **rest;		/* options for pawld, from the user */
	int rest_count;
};

/*
 * The argp keys of a command whose arguments are NAME [-- PAWLD-OPTION...]; what is no
 * such argument is ARGP_ERR_UNKNOWN.
 */
error_t launch_option(
	int key, char *arg, struct argp_state *state, struct launch *launch);

/*
 * Starts the replica in the background, its output appended to its log, and waits until it
 * takes requests.  The process is the caller's to release.  -ECHILD: it ended.  -ETIMEDOUT:
 * it did not get there in time and was ended.  Else -errno.  With an error nothing runs.
 */
int launch_replica(const struct launch *launch, uint16_t id,
	struct daemon_process *daemon_p, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Runs 'pawld --settle', with --erase if @erase, to its end.  What it says is written to
 * @said.  0: it did it.  -EIO: it could not, and said why.  Else -errno with @said.
 */
int launch_settle(const struct launch *launch, uint16_t id, bool erase,
	struct error *said) __attribute__((warn_unused_result));

#endif
