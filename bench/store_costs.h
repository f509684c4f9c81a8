/*
 * What a store costs by itself, here and now, for a takeover waits for two of its
 * compare-and-sets, and with the file store those wait for the disk.
 */
#ifndef PAWL_BENCH_STORE_COSTS_H
#define PAWL_BENCH_STORE_COSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"

#define STORE_COSTS_TRIES 20

struct store_costs {
	uint64_t put_ns;     /* one compare-and-set, median of so many */
	uint64_t sync_ns;    /* file: write, fsync and rename of a small file; else 0 */
	char filesystem[16]; /* file: "ext4"; else "" */
};

/*
 * Writes a value of a record's size for @cluster, of which the store must have none, and
 * erases it again.  @directory: where the file store is, or NULL.  Blocks for some tens of
 * writes.  Errors as store_open, or what the system says.
 */
int store_costs_measure(const char *address, const char *cluster, const char *directory,
	struct store_costs *costs_p, struct error *err)
	__attribute__((warn_unused_result));

/* Whether the store answers a question, within a second. */
bool store_answers(const char *address);

#endif
