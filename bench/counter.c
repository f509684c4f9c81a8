/* pawl-bench counter: the cluster, the processes, the measurement and the report. */
#include <stdio.h>

#include "bench/bench.h"
#include "bench/cluster.h"
#include "bench/measure.h"
#include "bench/options.h"
#include "bench/raw_verbs.h"
#include "bench/report.h"
#include "bench/result.h"
#include "bench/team.h"

/* With the team and the cluster there, and the server of the bare side over verbs. */
static int measure_and_report(const struct options *options, struct team *team,
	const char *where, const char *raw, struct error *err)
{
	static struct result result; /* large */
	int rc = team_open(team, where, raw, err);

	if (!rc)
		rc = measure(options, team, &result, err);
	if (!rc)
		rc = options->json ? report_json(options, team, &result, err)
				   : report_text(options, team, &result, err);
	result_destroy(&result);
	return rc;
}

/* The bare server has a thread, so it comes after the last fork. */
static int with_server(const struct options *options, struct team *team,
	const char *where, struct error *err)
{
	struct raw_verbs_server *server;
	int rc;

	if (!options->verbs)
		return measure_and_report(options, team, where, "", err);
	rc = raw_verbs_serve(options->device, &server, err);
	if (rc)
		return rc;
	rc = measure_and_report(options, team, where, raw_verbs_address(server), err);
	raw_verbs_stop(server);
	return rc;
}

static int with_team(const struct options *options, const char *where, struct error *err)
{
	struct team *team;
	int rc = measure_team(options, &team, err);

	if (rc)
		return rc;
	rc = with_server(options, team, where, err);
	team_end(team);
	return rc;
}

static int with_cluster(const struct options *options, struct error *err)
{
	struct cluster cluster;
	struct error stop_err;
	int rc, stop_rc;

	if (options->cluster)
		return with_team(options, options->cluster, err);
	rc = cluster_start(options_transport(options), options->device,
		&bench_interrupted, &cluster, err);
	if (rc)
		return rc;
	rc = with_team(options, cluster.where, err);
	stop_rc = cluster_stop(&cluster, &stop_err);
	if (stop_rc && !rc) {
		*err = stop_err;
		return stop_rc;
	}
	return rc;
}

int bench_counter(int argc, char **argv)
{
	struct options options;
	struct error err = {0};
	int status = options_parse(argc, argv, &options);

	if (status)
		return status;
	if (with_cluster(&options, &err) == 0)
		return BENCH_OK;
	(void)fflush(stdout);
	(void)fprintf(stderr, "%s\n", err.text);
	return BENCH_FAILURE;
}
