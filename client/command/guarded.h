/*
 * A command that is run while something is held: its process, and the signals on the way to it.
 *
 * SIGINT, SIGTERM and SIGHUP do not end this process; they are read, and passed on to the command,
 * but for those of the terminal, which it gets itself.  A command does not outlive this process: it
 * is killed with it.
 */
#ifndef PAWL_COMMAND_GUARDED_H
#define PAWL_COMMAND_GUARDED_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Exit statuses of those who run a command, beside its own. */
#define GUARDED_LOST 123   /* what was held was lost while it ran */
#define GUARDED_LATE 124   /* it was not to be had in time */
#define GUARDED_FAILED 125 /* something else went wrong, before it ran */
#define GUARDED_UNUSABLE 126
#define GUARDED_UNKNOWN 127
#define GUARDED_SIGNAL 128 /* and the signal's number */

struct guarded {
	const char *command; /* "pawl lock", for lines of error */
	int signals_fd;
	sigset_t before;  /* the signal mask, which the command gets */
	int asked;	  /* the first of the signals that asked for an end; 0: none */
	pid_t pid;	  /* of the command; 0: it does not run */
	int status;	  /* its exit status, once it has ended */
	uint64_t kill_ns; /* when it is killed; 0: it is not being ended */
};

/* From now on signals are read.  COMMAND_OK, or GUARDED_FAILED with the reason printed. */
int guarded_begin(struct guarded *g, const char *command)
	__attribute__((warn_unused_result));

/*
 * Starts @argv, which ends with NULL, with PAWL_LOCK and PAWL_FENCE in its environment.  COMMAND_OK,
 * or the exit status with the reason printed.
 */
int guarded_start(struct guarded *g, char **argv, const char *lock, uint64_t fence)
	__attribute__((warn_unused_result));

/*
 * Waits for a signal, or that the command ends, for @timeout_ms at most, and does what is to be done
 * then.  True: the command has run and has ended, or there is none and an end was asked for.
 */
bool guarded_wait(struct guarded *g, int timeout_ms) __attribute__((warn_unused_result));

/* Ends the command by SIGTERM, and by SIGKILL when it is still there after @grace_ns. */
void guarded_end(struct guarded *g, uint64_t grace_ns);

#endif
