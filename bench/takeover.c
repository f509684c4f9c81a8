/* pawl-bench takeover: the cluster, the processes, the rounds and the report. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "bench/bench.h"
#include "bench/plot.h"
#include "bench/rounds.h"
#include "bench/takeover_options.h"
#include "bench/takeover_report.h"

#define COUNTER "pawl-bench"
#define AFTER_NS UINT64_C(20000000) /* at full speed, after each takeover */

/* So that no cycle of the replicas is always met at the same moment. */
static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	(void)!getrandom(&seed, sizeof(seed), 0);
	return seed ? seed : 1;
}

static int plot(
	struct rounds *rounds, const struct takeover_options *options, struct error *err)
{
	struct round_result result;
	struct round_view view;
	int rc = round_run(rounds, PLOT_AFTER_NS, &result, &view, err);

	return rc ? rc : plot_write(options->plot, &view, err);
}

static int rounds_run(struct rounds *rounds, const struct takeover_options *options,
	struct takeover_result *result, struct error *err)
{
	struct round_view view;
	int rc = 0;

	while (result->rounds_count < options->rounds && !rc) {
		rc = round_run(rounds, AFTER_NS, &result->rounds[result->rounds_count],
			&view, err);
		if (!rc)
			result->rounds_count++;
	}
	if (!rc && options->plot)
		rc = plot(rounds, options, err);
	result->numbers = rounds->history.additions;
	return rc;
}

static int rounds_and_report(
	struct rounds *rounds, const struct takeover_options *options, struct error *err)
{
	struct takeover_result result = {.costs = rounds->cluster->costs};
	int rc;

	result.rounds = calloc(options->rounds, sizeof(*result.rounds));
	if (!result.rounds)
		return error_set(err, -ENOMEM, "bench: out of memory");
	rc = rounds_run(rounds, options, &result, err);
	if (!rc)
		rc = options->json ? takeover_report_json(options, &result, err)
				   : takeover_report_text(options, &result, err);
	free(result.rounds);
	return rc;
}

static int with_crew(struct cluster *cluster, const void *context, struct error *err)
{
	const struct takeover_options *options = context;
	struct rounds rounds = {.cluster = cluster,
		.processes = (unsigned int)options->processes,
		.replicas = (unsigned int)options->replicas,
		.random = random_seed(),
		.interrupted = &bench_interrupted};
	struct chain chain;
	uint64_t last;
	int rc = chain_await(
		cluster->where, rounds.replicas, &bench_interrupted, &chain, err);

	if (!rc)
		rc = crew_start(rounds.processes, cluster->where, COUNTER,
			&bench_interrupted, &rounds.crew, &last, err);
	if (rc)
		return rc;
	if (history_init(&rounds.history, "pawl", 1, last, CREW_ROOM, CREW_ROOM))
		rc = error_set(err, -ENOMEM, "bench: out of memory");
	rounds.history.clock_ns = HISTORY_CLOCK_NS;
	if (!rc)
		rc = rounds_and_report(&rounds, options, err);
	history_destroy(&rounds.history);
	crew_end(rounds.crew);
	return rc;
}

static int with_cluster(const struct takeover_options *options, struct error *err)
{
	struct cluster_plan plan = {.transport = "shm",
		.replicas = (unsigned int)options->replicas,
		.store_kind = options->store_kind,
		.store = options->store,
		.store_costs = true};

	return cluster_use(&plan, &bench_interrupted, with_crew, options, err);
}

int bench_takeover(int argc, char **argv)
{
	struct takeover_options options;
	struct error err = {0};
	int status = takeover_options_parse(argc, argv, &options);

	if (status)
		return status;
	return bench_end(with_cluster(&options, &err), &err);
}
