/* pawl-bench counter: the cluster, the processes, the measurement and the report. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/chain.h"
#include "bench/cluster.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/raw_verbs.h"
#include "bench/report.h"
#include "bench/result.h"
#include "bench/team.h"

/* The bare side's servers: one for each replica that an addition touches. */
struct servers {
	struct raw_verbs_server *at[CHAIN_MAX];
	const char *addresses[CHAIN_MAX];
	unsigned int count;
};

/* With the team, the cluster and the servers there. */
static int measure_and_report(const struct options *options, struct team *team,
	const char *where, const struct servers *servers, struct error *err)
{
	static struct result result; /* large */
	int rc = team_open(team, where, servers->addresses, servers->count, err);

	if (!rc)
		rc = measure(options, team, &result, err);
	if (!rc)
		rc = options->json ? report_json(options, team, &result, err)
				   : report_text(options, team, &result, err);
	result_destroy(&result);
	return rc;
}

static int servers_start(
	const struct options *options, struct servers *servers, struct error *err)
{
	unsigned int wanted = options_bare_pairs(options)
				      ? (unsigned int)options->replicas
				      : 1;

	while (options->verbs && servers->count < wanted) {
		struct raw_verbs_server **server = &servers->at[servers->count];
		int rc = raw_verbs_serve(options->device, server, err);

		if (rc)
			return rc;
		servers->addresses[servers->count++] = raw_verbs_address(*server);
	}
	return 0;
}

/* The bare servers have threads, so they come after the last fork. */
static int with_servers(const struct options *options, struct team *team,
	const char *where, struct error *err)
{
	struct servers servers = {0};
	int rc = servers_start(options, &servers, err);

	if (!rc)
		rc = measure_and_report(options, team, where, &servers, err);
	while (servers.count > 0)
		raw_verbs_stop(servers.at[--servers.count]);
	return rc;
}

static int with_team(const struct options *options, const char *where, struct error *err)
{
	struct team *team;
	int rc = measure_team(options, &team, err);

	if (rc)
		return rc;
	rc = with_servers(options, team, where, err);
	team_end(team);
	return rc;
}

/* The comparison is with the bare operation of the same transport only. */
static int with_running_cluster(struct options *options, struct error *err)
{
	struct chain chain;
	int rc = chain_look(options->cluster, &chain, err);

	if (rc)
		return rc;
	if (strcmp(chain.transport, options_transport(options)) != 0)
		return error_set(err, -EINVAL,
			"bench: %s: the cluster is served over %s; add --transport=%s",
			options->cluster, chain.transport, chain.transport);
	options->replicas = chain.members;
	return with_team(options, options->cluster, err);
}

static int with_cluster(struct cluster *cluster, const void *context, struct error *err)
{
	const struct options *options = context;
	struct chain chain;
	int rc = chain_await(cluster->where, (unsigned int)options->replicas,
		&bench_interrupted, &chain, err);

	return rc ? rc : with_team(options, cluster->where, err);
}

static int with_own_cluster(const struct options *options, struct error *err)
{
	struct cluster_plan plan = {.transport = options_transport(options),
		.device = options->device,
		.replicas = (unsigned int)options->replicas};

	return cluster_use(&plan, &bench_interrupted, with_cluster, options, err);
}

int bench_counter(int argc, char **argv)
{
	struct options options;
	struct error err = {0};
	int status = options_parse(argc, argv, &options);
	int rc;

	if (status)
		return status;
	rc = options.cluster ? with_running_cluster(&options, &err)
			     : with_own_cluster(&options, &err);
	return bench_end(rc, &err);
}
