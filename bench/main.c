#include "bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

volatile sig_atomic_t bench_interrupted;

struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
};

static const struct subcommand subcommands[] = {
	{"counter", bench_counter, "a counter beside the bare operations"},
	{"store", bench_store, "a store beside etcd"},
	{"stream", bench_stream, "a stream beside a bare ring"},
	{"takeover", bench_takeover, "how long a dead head stops a chain, and why"},
};

#define SUBCOMMANDS_COUNT (sizeof(subcommands) / sizeof(subcommands[0]))

static void on_signal(int number)
{
	bench_interrupted = number;
}

/* Without SA_RESTART, so that a wait ends at once. */
static void signals_take(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* Whoever waits for this process sees the signal that ended it. */
static void signal_pass_on(int number)
{
	(void)signal(number, SIG_DFL);
	(void)raise(number);
}

static void usage_print(FILE *out)
{
	(void)fprintf(out, "Usage: pawl-bench WHAT [OPTION...]\n\n");
	for (size_t i = 0; i < SUBCOMMANDS_COUNT; i++)
		(void)fprintf(out, "  pawl-bench %-10s %s\n", subcommands[i].name,
			subcommands[i].help);
	(void)fprintf(out, "\n'pawl-bench WHAT --help' tells more.\n");
}

static int run(const struct subcommand *s, int argc, char **argv)
{
	char name[64];
	int status;

	(void)snprintf(name, sizeof(name), "pawl-bench %s", s->name);
	argv[1] = name;
	signals_take();
	status = s->run(argc - 1, argv + 1);
	if (bench_interrupted)
		signal_pass_on(bench_interrupted);
	return status;
}

int bench_end(int rc, const struct error *err)
{
	if (rc == 0)
		return BENCH_OK;
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s\n", err->text);
	return BENCH_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage_print(stderr);
		return BENCH_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
		usage_print(stdout);
		return BENCH_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("pawl-bench %s\n", PAWL_VERSION);
		return BENCH_OK;
	}
	for (size_t i = 0; i < SUBCOMMANDS_COUNT; i++) {
		if (strcmp(argv[1], subcommands[i].name) == 0)
			return run(&subcommands[i], argc, argv);
	}
	(void)fprintf(stderr,
		"pawl-bench: '%s' is not something to measure; 'pawl-bench --help' lists "
		"what is\n",
		argv[1]);
	return BENCH_USAGE;
}
