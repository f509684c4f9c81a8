/*
 * What stands in the way of low latency on this machine, and the command that clears it.
 *
 * A topic that can not be looked into (no such file here, no right to read it) is a
 * finding of its own kind and no error: virtual machines and containers hide much.
 */
#ifndef PAWL_HW_PLACEMENT_INSPECT_H
#define PAWL_HW_PLACEMENT_INSPECT_H

#include <sched.h>
#include <stdint.h>

#include "hw/placement/devices.h"
#include "hw/placement/placement.h"

#define INSPECT_FINDINGS_MAX 16

enum inspect_severity {
	INSPECT_OK,
	INSPECT_UNKNOWN, /* not known here */
	INSPECT_SLOW,	 /* works, and costs time */
	INSPECT_BROKEN,	 /* something will not work */
};

struct finding {
	enum inspect_severity severity;
	const char *what; /* topic, a constant: "locked memory" */
	char found[256];
	char fix[256]; /* a command, or what to do where there is none; "" with OK,
			  UNKNOWN */
};

struct inspection {
	int count;
	struct finding findings[INSPECT_FINDINGS_MAX];
};

/* What is looked at.  Everything is borrowed during the call. */
struct inspect_input {
	const char *root; /* where /sys and /dev are looked up; "" on the real system */
	const struct placement *placement;
	const struct rdma_device *device; /* the one to judge, or NULL: there is none */
	int port;			  /* of the device; 0: the first active one */
	cpu_set_t running;		  /* processors that this process may run on */
	uint64_t locked_max; /* bytes that it may lock; UINT64_MAX: no limit */
};

/* Fills in running and locked_max with those of the calling thread's process. */
void inspect_self(struct inspect_input *input);

/* Looks at every topic once, in a fixed order.  Reads small files only. */
void inspect_run(const struct inspect_input *input, struct inspection *inspection_p);

/* "ok", "unknown", "slow", "broken". */
const char *inspect_severity_name(enum inspect_severity severity);

#endif
