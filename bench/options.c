#include "bench/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>

#include "bench/bench.h"
#include "bench/numbers.h"
#include "bench/words.h"
#include "client/include/pawl/pawl.h"
#include "sequencer/core/limits.h"

#define COMMAND "pawl-bench counter"

static const struct number_option numbers[] = {
	{'p', "processes", 1, TEAM_MAX, offsetof(struct options, processes)},
	{'s', "seconds", 1, OPTIONS_SECONDS_MAX, offsetof(struct options, seconds)},
	{'b', "batch", 1, OPTIONS_BATCH_MAX, offsetof(struct options, batch)},
	{'d', "depth", 1, PAWL_DEPTH_MAX, offsetof(struct options, depth)},
	{'r', "replicas", 1, CHAIN_MAX, offsetof(struct options, replicas)},
	{'R', "reserve", 0, PAWL_ADD_MAX, offsetof(struct options, reserve)},
};

#define NUMBERS_COUNT (sizeof(numbers) / sizeof(numbers[0]))

/* The chain of a cluster that runs is as long as it is. */
static int replicas_check(const struct options *options)
{
	if (!options->cluster || options->replicas == 0)
		return 0;
	(void)fprintf(stderr, COMMAND
		": --replicas is for a cluster of the run's own; leave it or --cluster "
		"out\n");
	return EINVAL;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
		return transport_option_set(COMMAND, text, &options->verbs);
	case 'c':
		options->cluster = text;
		return 0;
	case 'n':
		options->counter = text;
		return 0;
	case 'D':
		options->device = text;
		return 0;
	case 'j':
		options->json = true;
		return 0;
	case ARGP_KEY_END:
		return replicas_check(options);
	default:
		return number_option_set(
			numbers, NUMBERS_COUNT, key, text, COMMAND, options);
	}
}

int options_parse(int argc, char **argv, struct options *options_p)
{
	static const struct argp_option table[] = {
		{"transport", 't', "shm|verbs", 0, "Shared memory (default) or RDMA", 0},
		{"processes", 'p', "P", 0, "Processes that draw at the same time (1)", 0},
		{"seconds", 's', "S", 0, "How long to measure (5)", 0},
		{"batch", 'b', "B", 0, "Numbers that one addition takes (1)", 0},
		{"depth", 'd', "D", 0, "Additions that each process keeps in flight (1)",
			0},
		{"replicas", 'r', "N", 0, "Length of the chain, 1 to 7 (1)", 0},
		{"reserve", 'R', "R", 0,
			"Write marks R numbers ahead, in a counter that allows it (0: "
			"dense)",
			0},
		{"cluster", 'c', "CLUSTER", 0,
			"Use this running cluster, a name or addresses, not one of its "
			"own",
			0},
		{"counter", 'n', "COUNTER", 0,
			"The counter to draw from, alone (pawl-bench)", 0},
		{"device", 'D', "DEVICE", 0, "RDMA device (the first usable)", 0},
		{"json", 'j', NULL, 0, "Everything, as JSON", 0}, {0}};
	static const struct argp argp = {table, option_take, NULL,
		"Measure a counter beside the bare operation, in turns: the fetch-add of "
		"a processor, or of an RDMA device (with backups also the writes and "
		"reads).  All that is drawn is checked: each "
		"number once, none missing, in order.",
		NULL, NULL, NULL};

	*options_p = (struct options){.processes = 1,
		.seconds = 5,
		.batch = 1,
		.depth = 1,
		.counter = "pawl-bench"};
	argp_err_exit_status = BENCH_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, options_p))
		return BENCH_USAGE;
	if (!options_p->cluster && options_p->replicas == 0)
		options_p->replicas = 1;
	return 0;
}
