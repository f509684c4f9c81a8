/*
 * Counts of values by size: exact below 256, and above that in buckets that are at most
 * 1/256 of their value wide.  Fixed memory, no allocation.
 */
#ifndef PAWL_BENCH_HISTOGRAM_H
#define PAWL_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 256 /* buckets for one doubling */
#define HISTOGRAM_BUCKETS (HISTOGRAM_STEPS * 57)

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_clear(struct histogram *h);
void histogram_add(struct histogram *h, uint64_t value);
/* The same value @times times. */
void histogram_add_times(struct histogram *h, uint64_t value, uint64_t times);
/* Adds everything that is in @from. */
void histogram_merge(struct histogram *h, const struct histogram *from);

/*
 * The largest value that may share a bucket with the one that @permille of all do not
 * exceed; never more than the maximum.  0 when there are none.  1 <= @permille <= 1000.
 */
uint64_t histogram_quantile(const struct histogram *h, unsigned int permille);

/* What reports tell of a histogram: quantiles, in its unit. */
struct latency {
	uint64_t p50;
	uint64_t p99;
	uint64_t p999;
	uint64_t max;
	uint64_t count;
};
void histogram_latency(const struct histogram *h, struct latency *latency_p);

#endif
