/* The process that owns a private cluster; see cluster.h. */
#ifndef PAWL_BENCH_KEEPER_H
#define PAWL_BENCH_KEEPER_H

#include "bench/cluster.h"

/* What it says once, when pawld is ready or will not be. */
struct keeper_word {
	int rc;
	struct error err;
	char where[CLUSTER_WHERE_MAX];
};

/*
 * Starts pawld, says so on @line, waits until nobody holds the other end, stops it and
 * removes its files.  Its exit status is 0 when all went well.
 */
void keeper_run(int line, const char *transport, const char *device)
	__attribute__((noreturn));

#endif
