/*
 * The two sides of a comparison, each as one process sees it: the bare operation, and
 * Pawl's.  A side is opened, run and closed in one process.
 */
#ifndef PAWL_BENCH_SIDE_H
#define PAWL_BENCH_SIDE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hw/error.h"
#include "sequencer/core/limits.h"

struct side;

/* What both sides are made from.  Strings live as long as the sides. */
struct side_config {
	bool verbs;		/* else shared memory */
	uint64_t n;		/* numbers of one addition */
	unsigned int depth;	/* additions in flight */
	_Atomic uint64_t *word; /* bare, shm: shared by all, on a line of its own */
	/* Bare, verbs: the servers' addresses; the first has the counter, the others marks. */
	const char *raws[CHAIN_MAX];
	unsigned int raws_count;
	const char *where;   /* Pawl: the cluster */
	const char *counter; /* Pawl */
	uint64_t reserve;    /* Pawl: 0: dense */
	const char *device;  /* Pawl, verbs; NULL: any */
};

/*
 * Every function returns 0, or -errno with one line in @err.  Which errno does not
 * matter: any failure ends the measurement.
 */
struct side_ops {
	/* Blocks up to 10 s. */
	int (*open)(const struct side_config *config, struct side **side_p,
		struct error *err);
	/* Makes @count additions, and stores what each returned, in order. */
	int (*run)(
		struct side *side, uint64_t count, uint64_t *values, struct error *err);
	/*
	 * The same with the times just before and after each addition.  A side that is not
	 * stamped stores 0 and the duration.
	 */
	int (*run_timed)(struct side *side, uint64_t count, uint64_t *values,
		uint64_t *begins_ns, uint64_t *ends_ns, struct error *err);
	void (*close)(struct side *side);
	bool stamped;
};

/* Every side's structure begins with this. */
struct side {
	const struct side_ops *ops;
	uint64_t n;
	uint64_t last; /* at open: the value of the addition before the first one */
};

extern const struct side_ops side_bare_shm;
extern const struct side_ops side_bare_verbs;
extern const struct side_ops side_pawl;

#endif
