/* The NAME/COUNTER, NAME/STREAM or NAME/STORE that commands take, and the handle behind it. */
#ifndef PAWL_COMMAND_TARGET_H
#define PAWL_COMMAND_TARGET_H

#include <argp.h>

#include "client/include/pawl/store.h"

/* The options that drawing commands have, for their argp tables: keys and entries. */
#define TARGET_OPTION_TIMEOUT 'T'
#define TARGET_OPTION_RESERVE 'R'
#define TARGET_OPTION_WAIT 'w'
#define TARGET_TIMEOUT_ENTRY                                                        \
	{                                                                           \
		"timeout", TARGET_OPTION_TIMEOUT, "S", 0,                           \
			"Give up when a number is not there after S seconds (5)", 0 \
	}

#define TARGET_RESERVE_ENTRY                                                             \
	{                                                                                \
		"reserve", TARGET_OPTION_RESERVE, "R", 0,                                \
			"Write marks R numbers ahead: faster, and if the head is lost, " \
			"up to R numbers are skipped.  At most what the counter was "    \
			"created with, see 'pawl create' (0)",                           \
			0                                                                \
	}

#define TARGET_WAIT_ENTRY                                                       \
	{                                                                       \
		"wait", TARGET_OPTION_WAIT, "HOW", 0,                           \
			"Between two looks: spin, yield, or sleep for up to a " \
			"millisecond (sleep)",                                  \
			0                                                       \
	}

struct target {
	struct pawl *pawl;
	struct pawl_counter *counter; /* one of them */
	struct pawl_stream *stream;
	struct pawl_store *store;
	const char *text; /* as written */
};

/* As they stand on the command line; NULL what does not. */
struct target_arguments {
	const char *text; /* NAME/COUNTER, NAME/STREAM or NAME/STORE */
	const char *timeout;
	const char *reserve;
	const char *wait;
};

/* The part of an argp parser that takes them.  ARGP_ERR_UNKNOWN: the key is another's. */
error_t target_option(int key, char *arg, struct argp_state *state,
	struct target_arguments *a) __attribute__((warn_unused_result));

/*
 * Opens the cluster and the counter that @a names.  COMMAND_OK, or the exit status with
 * the reason printed.  The cluster ends at the first '/', but for unix:/PATH addresses at
 * the last, so a counter's name may contain one only after a cluster's name.  Numbers that are
 * skipped are told on standard error.
 */
int target_open(const struct target_arguments *a, struct target *target_p)
	__attribute__((warn_unused_result));
/* The same with @counter_options for a counter that does not exist yet. */
int target_create(const struct target_arguments *a,
	const struct pawl_counter_options *counter_options, struct target *target_p)
	__attribute__((warn_unused_result));

/*
 * The same for a stream.  *timeout_ns_p is that of @a, or the default.  With @a->wait NULL it
 * sleeps between two looks.
 */
int target_stream_open(const struct target_arguments *a,
	const struct pawl_stream_options *stream_options, struct target *target_p,
	uint64_t *timeout_ns_p) __attribute__((warn_unused_result));

/* The same for a store. */
int target_store_open(const struct target_arguments *a,
	const struct pawl_store_options *store_options, struct target *target_p,
	uint64_t *timeout_ns_p) __attribute__((warn_unused_result));

/* The two parts of @text; *where_p is to be freed.  COMMAND_OK or as above. */
int target_split(const char *text, char **where_p, const char **counter_p)
	__attribute__((warn_unused_result));

void target_close(struct target *target);

/* Prints the handle's newest error; returns COMMAND_FAILURE. */
int target_fail(const struct target *target);

#endif
