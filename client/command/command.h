/*
 * The pawl command: one function per subcommand.  Each gets its own arguments, argv[0]
 * being "pawl NAME", and returns the exit status: 0, 1 for a failure, 2 for wrong usage.
 */
#ifndef PAWL_COMMAND_COMMAND_H
#define PAWL_COMMAND_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#define COMMAND_OK 0
#define COMMAND_FAILURE 1
#define COMMAND_USAGE 2

int command_up(int argc, char **argv);
int command_down(int argc, char **argv);
int command_status(int argc, char **argv);
int command_admin(int argc, char **argv);
int command_create(int argc, char **argv);
int command_next(int argc, char **argv);
int command_add(int argc, char **argv);
int command_read(int argc, char **argv);
int command_stamp(int argc, char **argv);
int command_publish(int argc, char **argv);
int command_subscribe(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_snapshot(int argc, char **argv);
int command_kv(int argc, char **argv);
int command_lock(int argc, char **argv);
int command_elect(int argc, char **argv);
int command_hw(int argc, char **argv);

/* Prints the line on standard error, with "pawl: " before it unless a module is named. */
int command_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for wrong usage: returns COMMAND_USAGE. */
int command_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Parses with argp; a wrong option prints one line and gives COMMAND_USAGE, --help ends
 * the process with 0.  0 when all is well.
 */
int command_parse(const struct argp *argp, int argc, char **argv, void *input)
	__attribute__((warn_unused_result));

/* The same where another command's line ends it: its options are not looked at. */
int command_parse_leading(const struct argp *argp, int argc, char **argv, void *input)
	__attribute__((warn_unused_result));

/*
 * The part of an argp parser that takes the command's only argument into *argument_p, which
 * is NULL before.  ARGP_ERR_UNKNOWN: the key is another's.
 */
error_t command_argument(int key, char *arg, struct argp_state *state,
	const char **argument_p) __attribute__((warn_unused_result));

/* A whole number in [min, max], nothing around it; false when it is not. */
bool command_number(const char *text, uint64_t min, uint64_t max, uint64_t *number_p)
	__attribute__((warn_unused_result));

/* Flushes standard output; a failure (a full disk, a closed pipe) is reported. */
int command_finish_output(void) __attribute__((warn_unused_result));

#endif
