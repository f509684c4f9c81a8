/*
 * A private cluster for one run: pawlds whose files are in directories of their own.
 *
 * A *keeper* process owns it.  When whoever started it lets go of it, or dies in whatever
 * way, the keeper stops the pawlds and removes the directories.
 */
#ifndef PAWL_BENCH_CLUSTER_H
#define PAWL_BENCH_CLUSTER_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "bench/store_costs.h"
#include "hw/error.h"
#include "sequencer/core/limits.h"

#define CLUSTER_WHERE_MAX 1024

enum cluster_store {
	CLUSTER_STORE_FILE,
	CLUSTER_STORE_ETCD
};

/* Strings live as long as cluster_start takes. */
struct cluster_plan {
	const char *transport;
	const char *device;    /* NULL: any */
	unsigned int replicas; /* 1 to CHAIN_MAX */
	enum cluster_store store_kind;
	const char
		*store; /* a directory, or an address for pawld; NULL: of the run's own */
	bool store_costs; /* measure them first */
	bool etcd_beside; /* an etcd that has nothing to do with the cluster */
};

struct cluster {
	pid_t keeper;
	const volatile sig_atomic_t *interrupted;
	int line;		       /* to the keeper; closing it lets go */
	char where[CLUSTER_WHERE_MAX]; /* for pawl_open: the replicas 1, 2, ... */
	struct store_costs costs;      /* if they were asked for */
	pid_t replica_pids[CHAIN_MAX]; /* as they were at the start */
	pid_t etcd_pid;		       /* the one beside, or 0, */
	int etcd_port;		       /* which serves here, on 127.0.0.1 */
};

/*
 * Blocks until all replicas take requests; they may not be in one chain yet.  The
 * environment's TMPDIR says where the directories are; the regions are in /dev/shm.
 * -EINTR: *interrupted became true, which must live as long as the cluster.  -ECHILD: a
 * pawld did not come up, and @err says why.  -ENOSPC and what else the system says.  With
 * an error nothing is left behind.
 */
int cluster_start(const struct cluster_plan *plan,
	const volatile sig_atomic_t *interrupted, struct cluster *cluster_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Kills the replica as a power cut would; *killed_ns_p is the moment just before.  Blocks
 * until the process is gone.  -EINVAL: it does not run.  -EINTR, -ETIMEDOUT, -ECHILD.
 */
int cluster_kill(struct cluster *cluster, unsigned int replica, uint64_t *killed_ns_p,
	struct error *err) __attribute__((warn_unused_result));

/* Starts a killed replica again and waits until it takes requests.  Errors as above. */
int cluster_restart(struct cluster *cluster, unsigned int replica, struct error *err)
	__attribute__((warn_unused_result));

/* Lets go, and waits until nothing is left.  -EIO: a pawld did not end well. */
int cluster_stop(struct cluster *cluster, struct error *err)
	__attribute__((warn_unused_result));

/*
 * Starts a cluster, does @work with it and stops it, whatever came of the work, whose error is
 * told first.  Errors of all three.
 */
int cluster_use(const struct cluster_plan *plan, const volatile sig_atomic_t *interrupted,
	int (*work)(struct cluster *cluster, const void *context, struct error *err),
	const void *context, struct error *err) __attribute__((warn_unused_result));

#endif
