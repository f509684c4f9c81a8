/* What 'pawl lock' and 'pawl elect' have in common: a wait for a lock, and a command while it is held. */
#ifndef PAWL_COMMAND_TENURE_H
#define PAWL_COMMAND_TENURE_H

#include <argp.h>
#include <stdint.h>

#include "client/command/guarded.h"
#include "client/command/holding.h"

/* Options for argp tables: keys and entries. */
#define TENURE_OPTION_TTL 0x180
#define TENURE_OPTION_GRACE 0x181
#define TENURE_ENTRIES                                                                   \
	{"ttl", TENURE_OPTION_TTL, "MS", 0,                                              \
		"If this process is dead or cut off for so long, it may be taken for "   \
		"gone "                                                                  \
		"(10000 ms)",                                                            \
		0},                                                                      \
	{                                                                                \
		"grace", TENURE_OPTION_GRACE, "S", 0,                                    \
			"If the lock is lost, kill the command S seconds after SIGTERM " \
			"(5)",                                                           \
			0                                                                \
	}

struct tenure_arguments {
	struct target_arguments target;
	const char *lock; /* or election */
	const char *ttl;
	const char *grace;
	char **argv; /* of the command, ends with NULL; NULL: there is none */
};

struct tenure {
	struct holding holding;
	struct guarded guarded;
	char **argv;
	uint64_t ttl_ms;
	uint64_t grace_ns;
};

/* The part of an argp parser that takes them.  ARGP_ERR_UNKNOWN: the key is another's. */
error_t tenure_option(int key, char *arg, struct argp_state *state,
	struct tenure_arguments *a) __attribute__((warn_unused_result));

/* Takes what @a says.  COMMAND_OK, or the exit status with the reason printed. */
int tenure_set(struct tenure *t, const char *command, const struct tenure_arguments *a)
	__attribute__((warn_unused_result));

/* Opens the store, and reads signals from now on.  The same. */
int tenure_open(struct tenure *t, const struct tenure_arguments *a)
	__attribute__((warn_unused_result));

/*
 * Until the session holds the lock.  GUARDED_LATE: not before @deadline_ns; nothing was printed.  Or
 * the exit status of who was asked to end, or has lost the session.
 */
int tenure_await(struct tenure *t, uint64_t deadline_ns)
	__attribute__((warn_unused_result));

/* Runs the command while the lock is held, and gives it back.  The exit status. */
int tenure_run(struct tenure *t) __attribute__((warn_unused_result));

#endif
