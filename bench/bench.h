/*
 * The pawl-bench program: one function per subcommand.  Each gets its own arguments,
 * argv[0] being "pawl-bench NAME", and returns the exit status: 0, 1 for a failure (also
 * of the history that was measured), 2 for wrong usage.
 */
#ifndef PAWL_BENCH_BENCH_H
#define PAWL_BENCH_BENCH_H

#include <signal.h>

#include "hw/error.h"

#define BENCH_OK 0
#define BENCH_FAILURE 1
#define BENCH_USAGE 2

/* Set by SIGINT, SIGTERM and SIGHUP: stop, clean up, and return. */
extern volatile sig_atomic_t bench_interrupted;

/* The exit status of a subcommand that came to @rc, after a line about what went wrong. */
int bench_end(int rc, const struct error *err);

int bench_counter(int argc, char **argv);
int bench_store(int argc, char **argv);
int bench_stream(int argc, char **argv);
int bench_takeover(int argc, char **argv);

#endif
