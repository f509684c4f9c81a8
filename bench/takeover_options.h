/* What 'pawl-bench takeover' is asked to measure. */
#ifndef PAWL_BENCH_TAKEOVER_OPTIONS_H
#define PAWL_BENCH_TAKEOVER_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/cluster.h"

#define TAKEOVER_ROUNDS_MAX 100000

struct takeover_options {
	uint64_t rounds;    /* 1 to TAKEOVER_ROUNDS_MAX */
	uint64_t processes; /* 1 to CREW_MAX */
	uint64_t replicas;  /* 2 to CHAIN_MAX */
	enum cluster_store store_kind;
	const char *store; /* as in struct cluster_plan */
	const char *plot;  /* what its files are called, without their ends; NULL: none */
	bool json;
};

/* 0, or the exit status with one line printed; --help ends the process. */
int takeover_options_parse(int argc, char **argv, struct takeover_options *options_p)
	__attribute__((warn_unused_result));

#endif
