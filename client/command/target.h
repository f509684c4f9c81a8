/* The NAME/COUNTER that drawing commands take, and the handle behind it. */
#ifndef PAWL_COMMAND_TARGET_H
#define PAWL_COMMAND_TARGET_H

#include "client/include/pawl/pawl.h"

struct target {
	struct pawl *pawl;
	struct pawl_counter *counter;
	const char *text; /* as written */
};

/*
 * Opens the cluster and the counter that @text names.  COMMAND_OK, or the exit status with
 * the reason printed.  The cluster ends at the first '/', but for unix:/PATH addresses at
 * the last, so a counter's name may contain one only after a cluster's name.
 */
int target_open(const char *text, const struct pawl_options *options,
	struct target *target_p) __attribute__((warn_unused_result));
void target_close(struct target *target);

/* Prints the handle's newest error; returns COMMAND_FAILURE. */
int target_fail(const struct target *target);

#endif
