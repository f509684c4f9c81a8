/*
 * How many operations on memory a message may take: a publisher posts at most a fetch-add and a
 * write for each, and a replica forwards a run of slots with at most two writes.
 */
#ifndef PAWL_BENCH_STREAM_BUDGET_H
#define PAWL_BENCH_STREAM_BUDGET_H

#include "bench/stream_status.h"
#include "client/include/pawl/stream.h"

/*
 * Messages of @slots each.  What was drawn again, for a void or an epoch, was posted once more;
 * how much that was is not known, so then there is nothing to say.  -ERANGE.
 */
int stream_budget_check_publishers(const struct pawl_stream_stats *stats, uint64_t slots,
	struct error *err) __attribute__((warn_unused_result));

/* -ERANGE. */
int stream_budget_check_replica(const struct stream_replica *replica, struct error *err)
	__attribute__((warn_unused_result));

#endif
