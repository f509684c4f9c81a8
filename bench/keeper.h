/* The process that owns a private cluster; see cluster.h. */
#ifndef PAWL_BENCH_KEEPER_H
#define PAWL_BENCH_KEEPER_H

#include "bench/cluster.h"

enum keeper_order_kind {
	KEEPER_KILL,
	KEEPER_RESTART
};

/* What it is told to do. */
struct keeper_order {
	enum keeper_order_kind kind;
	unsigned int replica;
};

/* What it says once when all replicas are ready or will not be. */
struct keeper_word {
	int rc;
	struct error err;
	char where[CLUSTER_WHERE_MAX];
	struct store_costs costs;
	pid_t replica_pids[CHAIN_MAX];
	pid_t etcd_pid; /* of the one beside */
	int etcd_port;
};

/* And after each order. */
struct keeper_answer {
	int rc;
	struct error err;
	uint64_t killed_ns; /* KEEPER_KILL: just before */
};

/*
 * Starts the replicas, says so on @line, does what it is told there until nobody holds the
 * other end, stops them and removes their files.  Its exit status is 0 when all went well.
 */
void keeper_run(int line, const struct cluster_plan *plan) __attribute__((noreturn));

#endif
