/* What a measurement of a stream found. */
#ifndef PAWL_BENCH_STREAM_RESULT_H
#define PAWL_BENCH_STREAM_RESULT_H

#include "bench/result.h"
#include "bench/stream_status.h"
#include "client/include/pawl/stream.h"

#define STREAM_LOADS_MAX 16

struct stream_side_result {
	uint64_t messages; /* in all turns that count */
	struct series
		rates; /* delivered per second, to the slowest subscriber, per turn */
	struct histogram acknowledged_ns; /* from the intended time on */
	struct histogram delivered_ns;	  /* the same, to all subscribers */
};

/* What became of one offered load. */
struct stream_load {
	double offered;	  /* messages per second, of all publishers */
	double delivered; /* the median turn */
	struct latency acknowledged;
	struct latency delivery;
};

struct stream_result {
	struct stream_side_result sides[TURN_SIDES];
	struct series rate_ratios;     /* of a pair: Pawl's by the bare one */
	struct series delivery_ratios; /* of medians */
	struct series distances_ns; /* round trips, first publisher to first subscriber */
	uint64_t clock_ns;
	uint64_t turn_ns;
	struct pawl_stream_stats stats; /* of all publishers, the whole run */
	uint64_t checked;		/* messages that every subscriber has got */
	uint64_t digest;		/* of every subscriber */
	struct stream_status status;
	struct stream_load loads[STREAM_LOADS_MAX];
	unsigned int loads_count;
};

#endif
