/* An etcd of the run's own: one member on loopback, which dies with its starter. */
#ifndef PAWL_BENCH_ETCD_H
#define PAWL_BENCH_ETCD_H

#include <stddef.h>
#include <sys/types.h>

#include "hw/error.h"

struct etcd {
	pid_t pid; /* 0: does not run */
	int port;
	int peer_port;
};

/*
 * Starts it with its data in @directory/etcd and its log in @directory/etcd.log, and waits
 * until it serves.  -ENOENT: etcd is not installed.  -ECHILD: it ended.  -ETIMEDOUT.  With
 * an error nothing runs.
 */
int etcd_start(struct etcd *etcd, const char *directory, struct error *err)
	__attribute__((warn_unused_result));

/* The store's address for pawld.  @len: 64 bytes are enough. */
void etcd_address(const struct etcd *etcd, char *text, size_t len);

void etcd_stop(struct etcd *etcd);

#endif
