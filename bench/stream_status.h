/* What the replicas say of the stream that is measured. */
#ifndef PAWL_BENCH_STREAM_STATUS_H
#define PAWL_BENCH_STREAM_STATUS_H

#include <stdint.h>

#include "hw/error.h"
#include "sequencer/core/limits.h"

struct stream_replica {
	uint32_t replica;
	uint64_t runs;	 /* forwarded to the successor */
	uint64_t writes; /* posted for them */
	uint64_t holes;	 /* voids for want of a slot */
	uint64_t refused;
};

struct stream_status {
	struct stream_replica replicas[CHAIN_MAX]; /* the head first */
	unsigned int count;
};

/* -ENODATA: a replica does not know the stream.  Else as chain_look. */
int stream_status_look(const char *where, const char *stream,
	struct stream_status *status_p, struct error *err)
	__attribute__((warn_unused_result));

#endif
