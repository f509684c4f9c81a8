/*
 * A private cluster for one run: a pawld whose files are in directories of their own.
 *
 * A *keeper* process owns it.  When whoever started it lets go of it, or dies in whatever
 * way, the keeper stops pawld and removes the directories.
 */
#ifndef PAWL_BENCH_CLUSTER_H
#define PAWL_BENCH_CLUSTER_H

#include <signal.h>
#include <sys/types.h>

#include "hw/error.h"

#define CLUSTER_WHERE_MAX 320

struct cluster {
	pid_t keeper;
	int line;		       /* to the keeper; closing it lets go */
	char where[CLUSTER_WHERE_MAX]; /* for pawl_open */
};

/*
 * Blocks until pawld is ready.  @device: NULL for any.  The environment's TMPDIR says
 * where the directories are; the counters are in /dev/shm.  -EINTR: *interrupted became
 * true.  -ECHILD: pawld did not come up, and @err says why.  -ENOSPC and what else the
 * system says.  With an error nothing is left behind.
 */
int cluster_start(const char *transport, const char *device,
	const volatile sig_atomic_t *interrupted, struct cluster *cluster_p,
	struct error *err) __attribute__((warn_unused_result));

/* Lets go, and waits until nothing is left.  -EIO: pawld did not end well. */
int cluster_stop(struct cluster *cluster, struct error *err)
	__attribute__((warn_unused_result));

#endif
