/* What a seed chooses: how many take part, what they want, and what their world is like. */
#include "tests/sim/choose.h"

#define DRIFT_PPM 10000 /* two clocks drift apart by 1% at most */

/* Clocks, habits of clients, and replicas that wait to be asked. */
static void surroundings_choose(struct cluster_config *config, struct random *random)
{
	if (random_chance(random, 600000))
		config->drift_ppm = DRIFT_PPM;
	config->direct = random_chance(random, 300000);
	if (random_chance(random, 300000))
		config->strangers = (uint32_t)random_below(
			random, 1u << config->replicas);
	for (uint32_t i = COUNTERS_BEGUN; i < COUNTERS; i++)
		config->operations[i] = (uint32_t)random_below(random, 24);
}

/* Leases so long that 1% of them is long, and clients that use them to the end. */
static void leases_choose(struct cluster_config *config, struct random *random)
{
	config->sleepers = true;
	config->drift_ppm = DRIFT_PPM;
	config->lease_ns = 10000000 + random_below(random, 30000000);
	config->replicas = 2 + (uint32_t)random_below(random, 2);
	config->strangers = 0;
	config->reserve_max = 20 + random_below(random, 40);
	config->faults_ns = 2 * config->lease_ns;
	config->operations[0] = 0;
	config->operations[1] = OPERATIONS_MAX;
}

void config_choose(struct cluster_config *config, uint64_t seed, bool trace)
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
	surroundings_choose(config, &random);
	for (uint32_t i = 0; i < COUNTERS_BEGUN; i++)
		config->operations[i] = 16 + (uint32_t)random_below(
						     &random, OPERATIONS_MAX - 16);
	/* Some seeds use one kind of counter only. */
	if (random_chance(&random, 400000))
		config->operations[random_below(&random, COUNTERS_BEGUN)] = 0;
	if (random_chance(&random, 60000))
		leases_choose(config, &random);
}
