#include "bench/takeover_options.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/crew.h"
#include "bench/numbers.h"
#include "bench/words.h"
#include "sequencer/core/limits.h"

#define COMMAND "pawl-bench takeover"

static const struct number_option numbers[] = {
	{'r', "rounds", 1, TAKEOVER_ROUNDS_MAX,
		offsetof(struct takeover_options, rounds)},
	{'p', "processes", 1, CREW_MAX, offsetof(struct takeover_options, processes)},
	{'n', "replicas", 2, CHAIN_MAX, offsetof(struct takeover_options, replicas)},
};

#define NUMBERS_COUNT (sizeof(numbers) / sizeof(numbers[0]))

static int store_set(struct takeover_options *options, const char *text)
{
	const char *rest = strchr(text, ':');
	size_t kind_len = rest ? (size_t)(rest - text) : strlen(text);

	options->store = NULL;
	if (kind_len == 4 && strncmp(text, "file", 4) == 0) {
		options->store_kind = CLUSTER_STORE_FILE;
		options->store = rest ? rest + 1 : NULL;
	} else if (kind_len == 4 && strncmp(text, "etcd", 4) == 0) {
		options->store_kind = CLUSTER_STORE_ETCD;
		options->store = rest ? text : NULL;
	} else {
		(void)fprintf(stderr,
			COMMAND ": --store=%s: unknown; use file, file:DIR, etcd or "
				"etcd:URL/PREFIX\n",
			text);
		return EINVAL;
	}
	return 0;
}

static error_t option_take(int key, char *text, struct argp_state *state)
{
	struct takeover_options *options = state->input;

	switch (key) {
	case 's':
		return store_set(options, text);
	case 'P':
		return plot_option_set(COMMAND, text, &options->plot);
	case 'j':
		options->json = true;
		return 0;
	default:
		return number_option_set(
			numbers, NUMBERS_COUNT, key, text, COMMAND, options);
	}
}

int takeover_options_parse(int argc, char **argv, struct takeover_options *options_p)
{
	static const struct argp_option table[] = {
		{"rounds", 'r', "R", 0, "How often the head is killed (20)", 0},
		{"processes", 'p', "P", 0, "Processes that draw meanwhile (2)", 0},
		{"replicas", 'n', "N", 0, "Length of the chain, 2 to 7 (2)", 0},
		{"store", 's', "file[:DIR]|etcd[:URL/PREFIX]", 0,
			"Where the cluster's record is: a new directory below TMPDIR "
			"(file, the default) or below DIR, an etcd of the run's own, or "
			"one that runs",
			0},
		{"plot", 'P', "PREFIX", 0,
			"One round more, drawn to PREFIX.png and PREFIX.svg by gnuplot, "
			"from PREFIX.gp and PREFIX.dat",
			0},
		{"json", 'j', NULL, 0, "Everything, as JSON", 0}, {0}};
	static const struct argp argp = {table, option_take, NULL,
		"Kill the head of a chain over shared memory while processes draw, again "
		"and again, and measure how long nobody gets a number, and why.  All "
		"that is drawn is checked: each number once, none missing, in order.",
		NULL, NULL, NULL};

	*options_p = (struct takeover_options){
		.rounds = 20, .processes = 2, .replicas = 2};
	argp_err_exit_status = BENCH_USAGE;
	return argp_parse(&argp, argc, argv, 0, NULL, options_p) ? BENCH_USAGE : 0;
}
