/*
 * What happened around a moment, cut into slices of equal length: how many numbers were
 * confirmed in each, and how long those took.
 */
#ifndef PAWL_BENCH_BUCKETS_H
#define PAWL_BENCH_BUCKETS_H

#include <stdint.h>

#include "bench/history.h"
#include "bench/result.h"

struct buckets {
	uint64_t begin_ns; /* of the first */
	uint64_t width_ns;
	uint64_t count;
	struct series *latencies_ns; /* of each: of the numbers confirmed in it */
};

/* -ENOMEM. */
int buckets_init(struct buckets *b, uint64_t begin_ns, uint64_t width_ns, uint64_t count)
	__attribute__((warn_unused_result));
void buckets_destroy(struct buckets *b);

/*
 * Puts the additions of one process, which must have times, where they ended.  Those before
 * the first and after the last are left out.  -ENOMEM.
 */
int buckets_add(struct buckets *b, const struct history_part *part)
	__attribute__((warn_unused_result));

#endif
