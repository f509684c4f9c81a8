/*
 * What a measurement found: figures per turn, and pairs of turns, one of each side, that
 * are compared with each other.
 */
#ifndef PAWL_BENCH_RESULT_H
#define PAWL_BENCH_RESULT_H

#include <stdint.h>

#include "bench/histogram.h"
#include "bench/team.h"

/* Numbers of which the middle one and the extremes are wanted. */
struct series {
	double *values;
	uint64_t count;
	uint64_t room;
};

struct spread {
	double median;
	double min;
	double max;
};

/* -ENOMEM. */
int series_add(struct series *series, double value) __attribute__((warn_unused_result));
/* Sorts.  All 0 when there is nothing. */
struct spread series_spread(struct series *series);
/*
 * Sorts.  The least value that at least @permille of all do not exceed, 1 to 1000; 0 when
 * there is nothing.
 */
double series_quantile(struct series *series, unsigned int permille);

struct side_result {
	uint64_t additions;	/* in all turns that count */
	struct series rates;	/* additions per second of all processes, per turn */
	struct series costs_ns; /* of an addition for its process, per turn */
	struct histogram latencies_ns;
};

struct result {
	struct side_result sides[TURN_SIDES];
	struct series rate_ratios; /* of a pair: Pawl's by the bare one */
	struct series cost_ratios;
	struct series latency_ratios; /* of medians */
	struct series distances_ns;   /* round trips between the first two processes */
	uint64_t clock_ns;	      /* what a look at the clock takes */
	uint64_t turn_ns;
	uint64_t checked[TURN_SIDES];	    /* additions whose history is good, */
	uint64_t checked_timed[TURN_SIDES]; /* and of these, against real time */
};

void result_destroy(struct result *result);

#endif
