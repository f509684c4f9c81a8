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

#endif
