/* Starting pawld from the command: found beside pawl, run with its output in a log. */
#ifndef PAWL_COMMAND_DAEMON_H
#define PAWL_COMMAND_DAEMON_H

#include <sys/types.h>

#include "hw/error.h"

struct daemon_process {
	pid_t pid;
	int notify;		     /* datagrams as sd_notify(3) sends them */
	char status[ERROR_TEXT_MAX]; /* the newest STATUS= */
};

/* Either way, what a terminal sends to the processes of its foreground does not reach it. */
enum daemon_session {
	DAEMON_OWN_SESSION,    /* it outlives the terminal */
	DAEMON_CALLERS_SESSION /* it shares processors with the caller: sched_autogroup */
};

/*
 * Starts pawld with @argv (argv[0] is replaced), its output appended to @log_path.  -errno with
 * @err.
 */
int daemon_start(char **argv, const char *log_path, enum daemon_session session,
	struct daemon_process *daemon_p, struct error *err)
	__attribute__((warn_unused_result));

/* The same in a session of its own, with its output to the file @output, which stays the caller's. */
int daemon_start_into(char **argv, int output, struct daemon_process *daemon_p,
	struct error *err) __attribute__((warn_unused_result));

/*
 * Waits until it says that it is ready: 0.  -ECHILD: it ended first, daemon->status or
 * the log says why.  -ETIMEDOUT: neither within @timeout_ms; it is killed.
 */
int daemon_wait_ready(struct daemon_process *daemon, int timeout_ms)
	__attribute__((warn_unused_result));

/* Waits for its end and returns its exit status; -ETIMEDOUT kills it as above. */
int daemon_wait_end(struct daemon_process *daemon, int timeout_ms)
	__attribute__((warn_unused_result));

/*
 * Asks one that is ready to stop, and waits for it.  -ETIMEDOUT: it does not, and is left
 * alone, for what it holds may be needed.
 */
int daemon_stop(struct daemon_process *daemon, int timeout_ms)
	__attribute__((warn_unused_result));

/* Lets go of the process, which runs on. */
void daemon_release(struct daemon_process *daemon);

#endif
