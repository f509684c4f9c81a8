/* pawl-sim: a cluster of replicas and clients in simulated time. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "tests/sim/choose.h"
#include "tests/sim/cluster.h"
#include "tests/sim/mutations.h"
#include "tests/sim/scripts.h"
#include "tests/sim/stores.h"

#define EXIT_MISUSE 2

enum {
	OPTION_SEEDS = 256,
	OPTION_FROM,
	OPTION_SEED,
	OPTION_TRACE,
	OPTION_STREAMS,
	OPTION_STORES,
	OPTION_HISTORY,
	OPTION_SCRIPTS,
	OPTION_SCRIPT,
	OPTION_MUTATION,
	OPTION_LIST_SCRIPTS,
	OPTION_LIST_MUTATIONS,
};

static const struct argp_option options[] = {
	{"seeds", OPTION_SEEDS, "N", 0, "Run N seeds (default 100)", 0},
	{"from", OPTION_FROM, "S", 0, "The first of them (default 1)", 0},
	{"seed", OPTION_SEED, "S", 0, "Run this one: --from=S --seeds=1", 0},
	{"trace", OPTION_TRACE, NULL, 0, "Tell what happens, with times in nanoseconds",
		0},
	{"streams", OPTION_STREAMS, NULL, 0,
		"A stream beside the counters: publishers and subscribers too", 0},
	{"stores", OPTION_STORES, NULL, 0,
		"Storage on the stream, too: participants, whose history is judged", 0},
	{"history", OPTION_HISTORY, "FILE", 0,
		"Write the history of the storage of the last seed to FILE, for "
		"pawl-linear",
		0},
	{"scripts", OPTION_SCRIPTS, NULL, 0,
		"Play the classic failures instead, each with every seed", 0},
	{"script", OPTION_SCRIPT, "TEXT", 0, "Play those whose name contains TEXT", 0},
	{"mutation", OPTION_MUTATION, "NAME", 0,
		"Break a rule of the protocol; success is to notice it", 0},
	{"list-scripts", OPTION_LIST_SCRIPTS, NULL, 0, "Name the scripts", 0},
	{"list-mutations", OPTION_LIST_MUTATIONS, NULL, 0,
		"Name the rules that can be broken", 0},
	{NULL, 0, NULL, 0, NULL, 0},
};

static const char doc[] =
	"Runs clusters of replicas and clients in simulated time, from seeds that choose "
	"their sizes and what goes wrong, and checks what must hold.\v"
	"Exit status: 0 all was well, 1 something was wrong (or a broken rule was not "
	"noticed), 2 the arguments make no sense.  The same seed always does the same: "
	"'pawl-sim --seed S --trace' replays what was reported as 'seed S'.";

struct arguments {
	uint64_t from;
	uint64_t seeds;
	const char *mutation;
	const char *script; /* part of a name; NULL: no scripts */
	bool trace;
	bool streams;
	bool stores;
	const char *history; /* a file; NULL: none */
};

static jmp_buf panic_return;
static char panic_text[256];

/* A broken assertion is a finding like any other; the seed's world is left as it is. */
void pawl_panic(const char *file, int line, const char *claim)
{
	(void)snprintf(panic_text, sizeof(panic_text), "%s:%d: %s", file, line, claim);
	longjmp(panic_return, 1);
}

/* NULL, or what is wrong. */
static const char *simulate(uint64_t seed, const struct arguments *a)
{
	static struct cluster cluster; /* large */
	struct cluster_config config;
	static struct streams *streams;
	const char *wrong;

	if (setjmp(panic_return))
		return panic_text;
	config_choose(&config, seed, a->trace);
	streams = a->streams ? streams_choose(seed, &config) : NULL;
	if (a->stores)
		stores_choose(streams, &config, seed);
	cluster_open(&cluster, &config, streams);
	(void)cluster_run(&cluster, config.faults_ns);
	wrong = cluster_finish(&cluster);
	if (a->trace)
		(void)printf("trace hash %016" PRIx64 "\n",
			sim_world_trace_hash(cluster.world));
	if (a->history && stores_write(&cluster, a->history))
		wrong = "the history could not be written";
	cluster_close(&cluster);
	return wrong;
}

static int seeds_run(const struct arguments *a)
{
	for (uint64_t seed = a->from; seed - a->from < a->seeds; seed++) {
		const char *wrong = simulate(seed, a);

		if (!wrong)
			continue;
		if (a->mutation)
			(void)printf("%s: caught by seed %" PRIu64 ", number %" PRIu64
				     ": %s\n",
				a->mutation, seed, seed - a->from + 1, wrong);
		else
			(void)printf("seed %" PRIu64 ": %s\n", seed, wrong);
		return a->mutation ? 0 : 1;
	}
	(void)printf("%" PRIu64 " seeds from %" PRIu64 ": %s%s\n", a->seeds, a->from,
		a->mutation ? a->mutation : "clean",
		a->mutation ? " was NOT caught" : "");
	return a->mutation ? 1 : 0;
}

/* NULL, or what is wrong. */
static const char *script_run(const struct script *script, uint64_t seed, bool trace)
{
	static struct cluster cluster; /* large */
	const char *wrong;

	if (setjmp(panic_return))
		return panic_text;
	wrong = script_play(&cluster, script, seed, trace);
	if (cluster.wrong)
		wrong = cluster.wrong;
	cluster_close(&cluster);
	return wrong;
}

static int scripts_run(const struct arguments *a)
{
	int failures = 0, played = 0;

	for (uint32_t i = 0; i < scripts_count; i++) {
		const struct script *script = &scripts[i];
		const char *wrong = NULL;
		uint64_t seed = a->from;

		if (!strstr(script->name, a->script))
			continue;
		while (!wrong && seed - a->from < a->seeds)
			wrong = script_run(script, seed++, a->trace);
		(void)printf("%s: %s\n", script->name, wrong ? wrong : "as it should be");
		if (wrong)
			(void)printf("  with seed %" PRIu64 "\n", seed - 1);
		failures += wrong != NULL;
		played++;
	}
	if (played == 0)
		(void)fprintf(stderr,
			"pawl-sim: --script: no name contains '%s'; --list-scripts shows "
			"them\n",
			a->script);
	return played == 0 ? EXIT_MISUSE : failures > 0;
}

static uint64_t number_parse(
	const char *text, uint64_t least, const struct argp_state *state)
{
	char *end;
	uint64_t value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end != '\0' || text[0] == '-' || value < least)
		argp_error(
			state, "'%s' is not a number from %" PRIu64 " on", text, least);
	return value;
}

static void list(bool mutations)
{
	if (mutations)
		mutation_list();
	for (uint32_t i = 0; i < scripts_count && !mutations; i++)
		(void)puts(scripts[i].name);
	exit(0);
}

static error_t option_parse(int key, char *value, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case OPTION_SEEDS:
		a->seeds = number_parse(value, 1, state);
		return 0;
	case OPTION_FROM:
		a->from = number_parse(value, 0, state);
		return 0;
	case OPTION_SEED:
		a->from = number_parse(value, 0, state);
		a->seeds = 1;
		return 0;
	case OPTION_TRACE:
		a->trace = true;
		return 0;
	case OPTION_STREAMS:
		a->streams = true;
		return 0;
	case OPTION_STORES:
		a->streams = a->stores = true;
		return 0;
	case OPTION_HISTORY:
		a->history = value;
		return 0;
	case OPTION_SCRIPTS:
		a->script = "";
		return 0;
	case OPTION_SCRIPT:
		a->script = value;
		return 0;
	case OPTION_MUTATION:
		a->mutation = value;
		if (!mutation_choose(value))
			argp_error(state,
				"'%s' is no rule that can be broken; --list-mutations "
				"shows them",
				value);
		return 0;
	case OPTION_LIST_SCRIPTS:
	case OPTION_LIST_MUTATIONS:
		list(key == OPTION_LIST_MUTATIONS);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is not an option", value);
		return EINVAL;
	case ARGP_KEY_END:
		if (a->script && a->mutation)
			argp_error(state, "--mutation goes with seeds, not with scripts");
		if (a->script && a->streams)
			argp_error(state, "--streams goes with seeds, not with scripts");
		if (a->history && !a->stores)
			argp_error(state, "--history is of storage: say --stores too");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options, .parser = option_parse, .doc = doc};
	struct arguments a = {.from = 1, .seeds = 100};

	argp_err_exit_status = EXIT_MISUSE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &a))
		return EXIT_MISUSE;
	return a.script ? scripts_run(&a) : seeds_run(&a);
}
