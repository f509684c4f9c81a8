/* What a look at the clock costs, which is part of every latency that is measured with two. */
#ifndef PAWL_BENCH_CLOCK_COST_H
#define PAWL_BENCH_CLOCK_COST_H

#include "bench/histogram.h"

/* The median, in ns; @scratch is cleared and used. */
uint64_t clock_cost_ns(struct histogram *scratch);

#endif
