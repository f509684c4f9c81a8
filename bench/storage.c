/* pawl-bench store: the processes, the cluster and etcd, the measurement and the report. */
#include <errno.h>

#include "bench/bench.h"
#include "bench/chain.h"
#include "bench/cluster.h"
#include "bench/storage_measure.h"
#include "bench/storage_report.h"

/* With the team and the servers there. */
static int measure_and_report(const struct storage_options *options, struct team *team,
	struct storage_shared *shared, const struct cluster *cluster, struct error *err)
{
	static struct storage_result result; /* large */
	int rc = team_open(team, cluster->where, NULL, 0, err);

	if (!rc)
		rc = storage_measure(options, team, shared, cluster, &result, err);
	if (!rc)
		rc = options->json ? storage_report_json(options, team, &result, err)
				   : storage_report_text(options, &result, err);
	if (!rc && options->plot)
		rc = storage_plot_write(options, &result, err);
	storage_result_destroy(&result);
	return rc;
}

static int with_team(const struct storage_options *options, struct storage_shared *shared,
	const struct cluster *cluster, struct error *err)
{
	struct team_config config = {
		.processes = (unsigned int)options->clients,
		.work = &storage_work,
		.context = shared,
		.unpinned = !options->pin,
	};
	struct team *team;
	int rc = team_start(&config, &bench_interrupted, &team, err);

	if (rc)
		return rc;
	rc = measure_and_report(options, team, shared, cluster, err);
	team_end(team);
	return rc;
}

static int with_memory(const struct storage_options *options,
	const struct cluster *cluster, struct error *err)
{
	struct storage_shared *shared = storage_shared_make(options, cluster->etcd_port);
	int rc;

	if (!shared)
		return error_set(err, -ENOMEM,
			"bench: out of memory: what %llu clients are told of %llu keys "
			"is "
			"kept",
			(unsigned long long)options->clients,
			(unsigned long long)options->keys);
	rc = with_team(options, shared, cluster, err);
	storage_shared_free(shared);
	return rc;
}

static int with_cluster(struct cluster *cluster, const void *context, struct error *err)
{
	const struct storage_options *options = context;
	struct chain chain;
	int rc = chain_await(cluster->where, (unsigned int)options->replicas,
		&bench_interrupted, &chain, err);

	return rc ? rc : with_memory(options, cluster, err);
}

static int with_own_cluster(const struct storage_options *options, struct error *err)
{
	struct cluster_plan plan = {.transport = options->verbs ? "verbs" : "shm",
		.device = options->device,
		.replicas = (unsigned int)options->replicas,
		.store_costs = !options->alone,
		.etcd_beside = !options->alone};

	return cluster_use(&plan, &bench_interrupted, with_cluster, options, err);
}

int bench_store(int argc, char **argv)
{
	struct storage_options options;
	struct error err = {0};
	int status = storage_options_parse(argc, argv, &options);

	if (status)
		return status;
	return bench_end(with_own_cluster(&options, &err), &err);
}
