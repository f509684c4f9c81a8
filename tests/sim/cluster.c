#include "tests/sim/stores.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A result must follow the one before within this, and some leases that may run out. */
#define QUIET_NS UINT64_C(40000000)
#define RECOVER_NS UINT64_C(4000000) /* so long an operator waits to recover or begin */

uint64_t cluster_now(const struct cluster *c)
{
	return sim_world_now_ns(c->world);
}

uint64_t cluster_clock(const struct cluster *c, uint32_t node)
{
	return cluster_now(c) + cluster_now(c) * c->drift_ppm[node] / 1000000;
}

uint64_t cluster_clock_when(const struct cluster *c, uint32_t node, uint64_t clock_ns)
{
	return clock_ns * 1000000 / (1000000 + c->drift_ppm[node]);
}

uint64_t cluster_random(struct cluster *c, uint64_t below)
{
	return random_below(&c->random, (uint32_t)below);
}

bool cluster_chance(struct cluster *c, uint32_t per_thousand)
{
	return random_chance(&c->random, per_thousand * 1000);
}

void cluster_wrong(struct cluster *c, const char *what)
{
	cluster_trace(c, "WRONG: %s", what);
	if (!c->wrong)
		c->wrong = what;
}

void cluster_trace(struct cluster *c, const char *format, ...)
{
	va_list arguments;

	if (!c->config.trace)
		return;
	(void)printf("%12" PRIu64 " ", cluster_now(c));
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	(void)printf("\n");
}

uint32_t cluster_client_node(const struct cluster *c, uint32_t client)
{
	return c->config.replicas + client;
}

uint32_t cluster_nodes(const struct cluster *c)
{
	return c->config.replicas + c->config.clients + streams_nodes(c);
}

bool cluster_reaches(const struct cluster *c, uint32_t a, uint32_t b)
{
	return a == b || c->parted_until[a][b] <= cluster_now(c);
}

bool cluster_is_paused(const struct cluster *c, uint32_t node)
{
	return c->paused_until[node] > cluster_now(c);
}

static void on_client(void *context, uint64_t argument)
{
	struct sim_client *k = context;
	struct cluster *c = k->cluster;
	uint64_t pause_ns = 1000 + cluster_random(c, 9000);

	(void)argument;
	if (!cluster_is_paused(c, cluster_client_node(c, k->index)))
		client_tick(k);
	if (cluster_chance(c, 30))
		pause_ns += cluster_random(c, 300000); /* nothing to do for a while */
	PAWL_ASSERT(sim_world_call_at(
			    c->world, cluster_now(c) + pause_ns, on_client, k, 0) == 0);
}

static void world_open(struct cluster *c)
{
	struct sim_config config;
	struct error err;

	sim_config_default(&config, c->config.seed);
	config.nodes = cluster_nodes(c);
	config.links = c->streams ? 512 : 256;
	config.transfers = c->streams ? 1024 : 1;
	config.calls = PARCELS_MAX + 256;
	config.timeout_ns = 300000 + 3 * c->config.straggle_ns;
	config.straggle = c->config.straggle;
	config.straggle_ns = c->config.straggle_ns;
	PAWL_ASSERT(sim_world_open(&config, &c->world, &err) == 0);
}

/* Some clocks are as fast as can be, some as slow: that is where rules end. */
static void drift_choose(struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.replicas + c->config.clients; i++) {
		uint32_t ppm = (uint32_t)cluster_random(
			c, c->config.drift_ppm + UINT64_C(1));

		if (cluster_chance(c, 700))
			ppm = i < c->config.replicas ? c->config.drift_ppm : 0;
		c->drift_ppm[i] = ppm;
	}
}

static void parcels_init(struct cluster *c)
{
	for (uint32_t i = 0; i < PARCELS_MAX; i++)
		c->parcels_free[i] = i;
	c->parcels_free_count = PARCELS_MAX;
}

void cluster_open(
	struct cluster *c, const struct cluster_config *config, struct streams *streams)
{
	memset(c, 0, sizeof(*c));
	c->config = *config;
	c->streams = streams;
	c->random.state = random_mix(config->seed + 1);
	parcels_init(c);
	drift_choose(c);
	world_open(c);
	PAWL_ASSERT(region_layout_make(COUNTERS, CLIENTS_MAX, &c->layout));
	for (uint32_t i = 0; i < config->replicas; i++) {
		struct sim_replica *r = &c->replicas[i];

		r->cluster = c;
		r->index = i;
		r->words = malloc(epoch_words_count(COUNTERS) * sizeof(r->words[0]));
		PAWL_ASSERT(r->words);
		replica_start(r);
	}
	for (uint32_t i = 0; i < config->clients; i++) {
		struct sim_client *k = &c->clients[i];

		k->cluster = c;
		k->index = i;
		client_start(k);
		PAWL_ASSERT(sim_world_call_at(c->world, 1 + i, on_client, k, 0) == 0);
	}
	if (c->streams)
		streams_open(c);
	if (!config->scripted && !(c->streams && c->streams->calm))
		faults_begin(c);
}

static void replica_close(struct sim_replica *r)
{
	if (r->alive)
		replica_crash(r, false);
	r->keeps_memory = false;
	region_keep(r);
	if (r->cluster->streams)
		free(r->cluster->streams->replicas[r->index].remains);
	free(r->words);
}

void cluster_close(struct cluster *c)
{
	if (c->streams)
		streams_close(c);
	for (uint32_t i = 0; i < c->config.clients; i++)
		client_close(&c->clients[i]);
	for (uint32_t i = 0; i < c->config.replicas; i++)
		replica_close(&c->replicas[i]);
	sim_world_close(c->world);
}

bool cluster_all_returned(const struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.clients; i++) {
		const struct sim_client *k = &c->clients[i];

		for (uint32_t j = 0; j < COUNTERS; j++) {
			uint32_t wanted = j < COUNTERS_BEGUN ? c->config.operations[j]
							     : k->submitted[j];

			if (k->returned[j] < wanted)
				return false;
		}
	}
	return !c->streams || streams_done(c);
}

/* Somebody waits for a counter that a replica promised to make if it can. */
static bool creations_wait(const struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (c->replicas[i].alive && c->replicas[i].creating)
			return true;
	}
	return false;
}

bool cluster_run(struct cluster *c, uint64_t ns)
{
	uint64_t end_ns = cluster_now(c) + ns;

	while (cluster_now(c) < end_ns && !c->wrong)
		PAWL_ASSERT(sim_world_step(c->world));
	return !c->wrong;
}

static uint64_t returned_count(const struct cluster *c)
{
	uint64_t count = c->streams ? streams_progress(c) : 0;

	for (uint32_t i = 0; i < c->config.clients; i++) {
		for (uint32_t j = 0; j < COUNTERS; j++)
			count += c->clients[i].returned[j];
	}
	return count;
}

/* Until everything has returned, or for QUIET_NS nothing has. */
static void quiet_run(struct cluster *c)
{
	uint64_t progress_ns = cluster_now(c), rescued_ns = progress_ns;
	bool planned = false;

	while ((!cluster_all_returned(c) || creations_wait(c)) &&
		cluster_now(c) - progress_ns < QUIET_NS + 3 * c->config.lease_ns) {
		uint64_t before = returned_count(c);

		if (!cluster_run(c, 500000))
			return;
		if (returned_count(c) != before)
			progress_ns = rescued_ns = cluster_now(c);
		if (cluster_now(c) - rescued_ns > RECOVER_NS) {
			rescued_ns = cluster_now(c);
			(void)(operator_recover(c) || operator_begin(c));
		}
		if (!planned && !c->config.scripted && (!c->streams || c->streams->plans))
			planned = operator_plan(c);
	}
}

const char *cluster_finish(struct cluster *c)
{
	const char *wrong;

	faults_end(c);
	quiet_run(c);
	wrong = check_histories(c);
	if (!wrong && c->streams)
		wrong = check_streams(c);
	if (!wrong && c->streams && c->streams->stores)
		wrong = stores_judge(c);
	if (c->wrong)
		return c->wrong;
	if (!wrong && c->streams && !cluster_all_returned(c))
		streams_tell(c);
	if (!wrong && !cluster_all_returned(c))
		return "no progress after the faults stopped";
	if (!wrong && creations_wait(c))
		return "a counter that was wished for was not made";
	return wrong;
}
