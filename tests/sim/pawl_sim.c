/*
 * pawl-sim: a cluster of replicas and clients in simulated time (design.md, section 9).
 *
 *     pawl-sim --seeds N --from S        run N seeds, with faults that the seeds choose
 *     pawl-sim --seed S --trace          replay one, telling every event
 *     pawl-sim --scripts [--trace]       the classic failures of sequencers, one by one
 *     pawl-sim --mutation NAME ...       with a rule broken: expects to catch it
 *     pawl-sim --list-mutations          the rules that can be broken
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/panic.h"
#include "tests/sim/cluster.h"
#include "tests/sim/mutations.h"
#include "tests/sim/scripts.h"

struct arguments {
	uint64_t from;
	uint64_t seeds;
	const char *mutation;
	bool trace;
	bool scripts;
};

static jmp_buf panic_return;
static char panic_text[256];

/* A broken assertion is a finding like any other; the seed's world is left as it is. */
void pawl_panic(const char *file, int line, const char *claim)
{
	(void)snprintf(panic_text, sizeof(panic_text), "%s:%d: %s", file, line, claim);
	longjmp(panic_return, 1);
}

static void config_choose(struct cluster_config *config, uint64_t seed, bool trace)
{
	static const uint32_t replicas[] = {1, 2, 2, 2, 3, 3, 3, 4, 5, 7};
	static const uint32_t eagerness[] = {20, 60, 300};
	static const uint32_t reads[] = {50, 200, 600};
	struct random random = {.state = seed};
	bool long_leases = random_chance(&random, 500000);
	bool late = random_chance(&random, 250000);
	bool large_reserves = random_chance(&random, 500000);

	*config = (struct cluster_config){
		.seed = seed,
		.replicas = replicas[random_below(&random, 10)],
		.clients = 1 + (uint32_t)random_below(&random, 4),
		.depth = 1 + (uint32_t)random_below(&random, DEPTH_MAX),
		.faults_ns = 500000 + random_below(&random, 4500000),
		.reserve_max = random_below(&random, large_reserves ? 2000 : 20),
		.ceiling_ahead = 16 + random_below(&random, large_reserves ? 1000 : 100),
		.lease_ns = 20000 + random_below(&random, long_leases ? 2000000 : 200000),
		.detect_ns = 50000 + random_below(&random, 200000),
		.eagerness = eagerness[random_below(&random, 3)],
		.reads = reads[random_below(&random, 3)],
		.straggle = (uint32_t)random_below(&random, late ? 400000 : 60000),
		.straggle_ns = 20000 +
			       (uint32_t)random_below(&random, late ? 1000000 : 200000),
		.trace = trace,
	};
	for (uint32_t i = 0; i < COUNTERS; i++)
		config->operations[i] = 16 + (uint32_t)random_below(
						     &random, OPERATIONS_MAX - 16);
	/* Some seeds use one kind of counter only. */
	if (random_chance(&random, 400000))
		config->operations[random_below(&random, COUNTERS)] = 0;
}

/* NULL, or what is wrong. */
static const char *simulate(uint64_t seed, bool trace)
{
	static struct cluster cluster; /* large */
	struct cluster_config config;
	const char *wrong;

	if (setjmp(panic_return))
		return panic_text;
	config_choose(&config, seed, trace);
	cluster_open(&cluster, &config);
	(void)cluster_run(&cluster, config.faults_ns);
	wrong = cluster_finish(&cluster);
	if (trace)
		(void)printf("trace hash %016" PRIx64 "\n",
			sim_world_trace_hash(cluster.world));
	cluster_close(&cluster);
	return wrong;
}

static int seeds_run(const struct arguments *a)
{
	for (uint64_t seed = a->from; seed < a->from + a->seeds; seed++) {
		const char *wrong = simulate(seed, a->trace);

		if (!wrong)
			continue;
		if (a->mutation)
			(void)printf("%s: caught by seed %" PRIu64 ", the %" PRIu64
				     "th: %s\n",
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
	wrong = script->run(&cluster, seed, trace);
	cluster_close(&cluster);
	return wrong;
}

static int scripts_run(const struct arguments *a)
{
	int failures = 0;

	for (uint32_t i = 0; i < scripts_count; i++) {
		const struct script *script = &scripts[i];
		const char *wrong = NULL;
		uint64_t seed = a->from;

		while (!wrong && seed < a->from + a->seeds)
			wrong = script_run(script, seed++, a->trace);
		(void)printf("%s: %s\n", script->name, wrong ? wrong : "as it should be");
		if (wrong)
			(void)printf("  with seed %" PRIu64 "\n", seed - 1);
		failures += wrong != NULL;
	}
	return failures > 0;
}

static int misuse(void)
{
	(void)fprintf(stderr, "pawl-sim [--seeds N] [--from S] [--seed S] [--trace] "
			      "[--mutation NAME] [--list-mutations] [--scripts]\n");
	return 2;
}

static bool option_parse(struct arguments *a, const char *option, const char *value)
{
	if (strcmp(option, "--seeds") == 0) {
		a->seeds = strtoull(value, NULL, 10);
	} else if (strcmp(option, "--from") == 0) {
		a->from = strtoull(value, NULL, 10);
	} else if (strcmp(option, "--seed") == 0) {
		a->from = strtoull(value, NULL, 10);
		a->seeds = 1;
	} else if (strcmp(option, "--mutation") == 0) {
		a->mutation = value;
		return mutation_choose(value);
	} else {
		return false;
	}
	return true;
}

static bool arguments_parse(int argc, char **argv, struct arguments *a)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0)
			a->trace = true;
		else if (strcmp(argv[i], "--scripts") == 0)
			a->scripts = true;
		else if (i + 1 == argc || !option_parse(a, argv[i], argv[i + 1]))
			return false;
		else
			i++;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct arguments a = {.from = 1, .seeds = 100};

	if (argc == 2 && strcmp(argv[1], "--list-mutations") == 0) {
		mutation_list();
		return 0;
	}
	if (!arguments_parse(argc, argv, &a))
		return misuse();
	return a.scripts ? scripts_run(&a) : seeds_run(&a);
}
