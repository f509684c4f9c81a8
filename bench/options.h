/* What 'pawl-bench counter' is asked to measure. */
#ifndef PAWL_BENCH_OPTIONS_H
#define PAWL_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/team.h"

#define OPTIONS_SECONDS_MAX 3600
/* More would use up the 2^60 numbers of a counter within the longest run. */
#define OPTIONS_BATCH_MAX (1 << 19)

struct options {
	bool verbs;	     /* else shared memory */
	uint64_t processes;  /* 1 to TEAM_MAX */
	uint64_t seconds;    /* 1 to OPTIONS_SECONDS_MAX */
	uint64_t batch;	     /* numbers of one addition, 1 to OPTIONS_BATCH_MAX */
	uint64_t depth;	     /* additions in flight, 1 to PAWL_DEPTH_MAX */
	uint64_t replicas;   /* of the chain, 1 to CHAIN_MAX; 0: not given */
	uint64_t reserve;    /* 0: dense */
	const char *cluster; /* NULL: a private one */
	const char *counter;
	const char *device; /* NULL: any */
	bool json;
};

/* 0, or the exit status with one line printed; --help ends the process. */
int options_parse(int argc, char **argv, struct options *options_p)
	__attribute__((warn_unused_result));

static inline const char *options_transport(const struct options *options)
{
	return options->verbs ? "verbs" : "shm";
}

/*
 * Over verbs, what a dense counter with backups is compared with is the same operations bare.
 * Else it is the fetch-add alone: the only thing that is left of them per addition in reserve
 * mode, and, when many are in flight, nearly so.
 */
static inline bool options_bare_pairs(const struct options *options)
{
	return options->verbs && options->replicas > 1 && options->reserve == 0 &&
	       options->depth == 1;
}

/* What the bare side does. */
static inline const char *options_bare(const struct options *options)
{
	return options_bare_pairs(options)
		       ? "a fetch-add, then a write and a read at each backup"
		       : "a fetch-add";
}

#endif
