#include "bench/options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "client/include/pawl/pawl.h"

/* The number options, by their keys. */
struct number_option {
	int key;
	const char *name;
	uint64_t max; /* from 1 */
	size_t offset;
};

static const struct number_option numbers[] = {
	{'p', "processes", TEAM_MAX, offsetof(struct options, processes)},
	{'s', "seconds", OPTIONS_SECONDS_MAX, offsetof(struct options, seconds)},
	{'b', "batch", OPTIONS_BATCH_MAX, offsetof(struct options, batch)},
	{'d', "depth", PAWL_DEPTH_MAX, offsetof(struct options, depth)},
};

#define NUMBERS_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static int number_set(
	const struct number_option *option, struct options *options, const char *text)
{
	unsigned long long number = 0;
	char *end = NULL;
	uint64_t *member = (uint64_t *)(void *)((char *)options + option->offset);

	errno = 0;
	if (text[0] >= '0' && text[0] <= '9')
		number = strtoull(text, &end, 10);
	if (end && !*end && !errno && number >= 1 && number <= option->max) {
		*member = number;
		return 0;
	}
	(void)fprintf(stderr,
		"pawl-bench counter: --%s=%s: not allowed; give 1 to %llu\n",
		option->name, text, (unsigned long long)option->max);
	return EINVAL;
}

static int transport_set(struct options *options, const char *text)
{
	options->verbs = strcmp(text, "verbs") == 0;
	if (options->verbs || strcmp(text, "shm") == 0)
		return 0;
	(void)fprintf(stderr,
		"pawl-bench counter: --transport=%s: unknown; use shm or verbs\n", text);
	return EINVAL;
}

static int number_or_unknown(struct options *options, int key, const char *text)
{
	for (size_t i = 0; i < NUMBERS_COUNT; i++) {
		if (numbers[i].key == key)
			return number_set(&numbers[i], options, text);
	}
	return ARGP_ERR_UNKNOWN;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
		return transport_set(options, text);
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
	default:
		return number_or_unknown(options, key, text);
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
		"a processor, or of an RDMA device.  All that is drawn is checked: each "
		"number once, none missing, in order.",
		NULL, NULL, NULL};

	*options_p = (struct options){.processes = 1,
		.seconds = 5,
		.batch = 1,
		.depth = 1,
		.counter = "pawl-bench"};
	argp_err_exit_status = BENCH_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, options_p) ? BENCH_USAGE : 0;
}
