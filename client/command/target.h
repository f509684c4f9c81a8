/* The NAME/COUNTER that drawing commands take, and the handle behind it. */
#ifndef PAWL_COMMAND_TARGET_H
#define PAWL_COMMAND_TARGET_H

#include "client/include/pawl/pawl.h"

/* The option that all drawing commands have, for their argp tables; its key, and entry. */
#define TARGET_OPTION_TIMEOUT 'T'
#define TARGET_TIMEOUT_ENTRY                                                        \
	{                                                                           \
		"timeout", TARGET_OPTION_TIMEOUT, "S", 0,                           \
			"Give up when a number is not there after S seconds (5)", 0 \
	}

struct target {
	struct pawl *pawl;
	struct pawl_counter *counter;
	const char *text; /* as written */
};

/* Reads the option's value into @options.  COMMAND_OK, or COMMAND_USAGE with the reason. */
int target_timeout_set(const char *text, struct pawl_options *options)
	__attribute__((warn_unused_result));

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
