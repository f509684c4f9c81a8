/* What a measurement of a store found. */
#ifndef PAWL_BENCH_STORAGE_RESULT_H
#define PAWL_BENCH_STORAGE_RESULT_H

#include "bench/result.h"
#include "bench/store_costs.h"

#define STORAGE_LOADS_MAX 16

struct storage_side_result {
	uint64_t operations; /* in all turns that count */
	struct series rates; /* operations per second of all clients, per turn */
	struct histogram writes_ns;
	struct histogram reads_ns;
	uint64_t clients_cpu_ns; /* in these turns */
	uint64_t servers_cpu_ns; /* of the replicas, or of etcd */
	uint64_t turns_ns;
	uint64_t checked; /* operations in all turns */
};

/* With so many in flight. */
struct storage_load {
	uint64_t in_flight;
	struct {
		double rate;
		struct latency writes;
		struct latency reads;
	} sides[TURN_SIDES];
};

struct storage_result {
	struct storage_side_result sides[TURN_SIDES];
	struct series rate_ratios;  /* of a pair: Pawl's by etcd's */
	struct series write_ratios; /* of medians */
	struct series read_ratios;
	struct series distances_ns; /* round trips between the first two processors */
	int cpus[2];
	uint64_t clock_ns;
	uint64_t turn_ns;
	struct store_costs costs;
	uint64_t keys_checked; /* in the end, on each side */
	struct storage_load loads[STORAGE_LOADS_MAX];
	unsigned int loads_count;
};

#endif
