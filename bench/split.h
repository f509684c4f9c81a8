/*
 * Where the time of a takeover went: moments of one round, all on the host's monotonic
 * clock, and the parts between them.
 *
 *     killed   noticed   claimed   sealed   installed   activated   first number
 *        | detect | claim  |  seal   | install |  activate  |   client   |
 *        |------------------------- total -------------------------------|
 *           last number |-------------------- gap -----------------------|
 *
 * Memory that others have mapped outlives its process, so the last number of the former
 * epoch may be confirmed after the kill: until the first replica is sealed.
 */
#ifndef PAWL_BENCH_SPLIT_H
#define PAWL_BENCH_SPLIT_H

#include <stdint.h>

#include "hw/error.h"

enum split_part {
	SPLIT_DETECT,	/* until a survivor knew that the head is dead */
	SPLIT_CLAIM,	/* until the store had its claim */
	SPLIT_SEAL,	/* until the former epoch's members were sealed */
	SPLIT_INSTALL,	/* until the new regions were in place */
	SPLIT_ACTIVATE, /* until the store had the new epoch as active */
	SPLIT_CLIENT,	/* until the first client had its first number */
	SPLIT_TOTAL,
	SPLIT_GAP, /* from the last number of the former epoch to the first of the new */
	SPLIT_PARTS
};

struct split_moments {
	uint64_t killed_ns; /* just before the signal was sent */
	uint64_t noticed_ns;
	uint64_t claimed_ns;
	uint64_t sealed_ns;
	uint64_t installed_ns;
	uint64_t activated_ns;
	uint64_t first_ns; /* the first number of the new epoch, in anybody's hands */
	uint64_t last_ns;  /* the last one of the former epoch, at the latest sealed_ns */
};

/* "detect", "claim", ... */
const char *split_name(enum split_part part);

/*
 * Sets all SPLIT_PARTS of @parts_ns.  -ERANGE: the moments are not in this order, so one of
 * them is of something else; @err names it.
 */
int split_make(const struct split_moments *moments, uint64_t *parts_ns, struct error *err)
	__attribute__((warn_unused_result));

#endif
