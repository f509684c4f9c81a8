#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *arguments;
	const char *help;
};

static const struct subcommand subcommands[] = {
	{"up", command_up, "NAME", "start a cluster on this host"},
	{"down", command_down, "NAME", "stop it; its numbers are kept"},
	{"status", command_status, "NAME", "show what it is doing"},
	{"admin", command_admin, "ACTION NAME ID", "change who serves it"},
	{"create", command_create, "NAME/COUNTER", "make a counter, with its options"},
	{"next", command_next, "NAME/COUNTER", "take numbers, one per line"},
	{"add", command_add, "NAME/COUNTER N", "take N numbers at once"},
	{"read", command_read, "NAME/COUNTER", "show the newest number"},
	{"stamp", command_stamp, "NAME/COUNTER", "number the lines of standard input"},
	{"publish", command_publish, "NAME/STREAM",
		"put the lines of standard input in a stream"},
	{"subscribe", command_subscribe, "NAME/STREAM",
		"write the messages of a stream, in order"},
	{"replay", command_replay, "NAME/STREAM",
		"write those in a stream's archive, without any daemon"},
	{"snapshot", command_snapshot, "NAME/STREAM P",
		"say that everything up to P is in a safe snapshot"},
	{"kv", command_kv, "NAME/STORE ACTION", "read and write the keys of a store"},
	{"lock", command_lock, "NAME/STORE LOCK", "run a command while holding a lock"},
	{"elect", command_elect, "NAME/STORE ELECTION",
		"be elected leader, or see who is"},
	{"hw", command_hw, "",
		"show the hardware, and what stands in the way of low latency"},
};

#define SUBCOMMANDS_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static void usage_print(FILE *out)
{
	(void)fprintf(out, "Usage: pawl COMMAND [OPTION...]\n\n");
	for (size_t i = 0; i < SUBCOMMANDS_COUNT; i++) {
		const struct subcommand *s = &subcommands[i];
		char call[64];

		(void)snprintf(call, sizeof(call), "%s %s", s->name, s->arguments);
		(void)fprintf(out, "  pawl %-22s %s\n", call, s->help);
	}
	(void)fprintf(out,
		"\nNAME is a cluster on this host, or the addresses of its replicas: "
		"HOST:PORT[,HOST:PORT...].\n'pawl COMMAND --help' tells more.\n");
}

static int line_print(const char *format, va_list args)
{
	char text[1024];

	(void)vsnprintf(text, sizeof(text), format, args);
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?'; /* of an argument; it stays one line */
	}
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s\n", text);
	return COMMAND_FAILURE;
}

int command_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)line_print(format, args);
	va_end(args);
	return COMMAND_FAILURE;
}

int command_misuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)line_print(format, args);
	va_end(args);
	return COMMAND_USAGE;
}

int command_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = COMMAND_USAGE;
	return argp_parse(argp, argc, argv, 0, NULL, input) ? COMMAND_USAGE : 0;
}

int command_parse_leading(const struct argp *argp, int argc, char **argv, void *input)
{
	argp_err_exit_status = COMMAND_USAGE;
	return argp_parse(argp, argc, argv, ARGP_IN_ORDER, NULL, input) ? COMMAND_USAGE
									: 0;
}

error_t command_argument(
	int key, char *arg, struct argp_state *state, const char **argument_p)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (*argument_p)
			argp_error(state, "too many arguments");
		*argument_p = arg;
		return 0;
	case ARGP_KEY_END:
		if (!*argument_p)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool command_number(const char *text, uint64_t min, uint64_t max, uint64_t *number_p)
{
	char *end;
	unsigned long long number;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || *end || number < min || number > max)
		return false;
	*number_p = number;
	return true;
}

int command_finish_output(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return COMMAND_OK;
	return command_fail(
		"pawl: standard output: not written: %s; the numbers above may be cut "
		"short",
		strerror(errno));
}

int main(int argc, char **argv)
{
	char name[64];

	(void)signal(
		SIGPIPE, SIG_IGN); /* a closed pipe is a write error, with a message */
	if (argc < 2) {
		usage_print(stderr);
		return COMMAND_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage_print(stdout);
		return COMMAND_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("pawl %s\n", PAWL_VERSION);
		return COMMAND_OK;
	}
	for (size_t i = 0; i < SUBCOMMANDS_COUNT; i++) {
		if (strcmp(argv[1], subcommands[i].name) != 0)
			continue;
		(void)snprintf(name, sizeof(name), "pawl %s", argv[1]);
		argv[1] = name;
		return subcommands[i].run(argc - 1, argv + 1);
	}
	return command_misuse(
		"pawl: '%s' is not a command; 'pawl --help' lists them", argv[1]);
}
