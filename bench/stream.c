/* pawl-bench stream: the processes, the cluster, the measurement and the report. */
#include <errno.h>

#include "bench/bench.h"
#include "bench/chain.h"
#include "bench/cluster.h"
#include "bench/stream_measure.h"
#include "bench/stream_report.h"

/* With the team and the cluster there. */
static int measure_and_report(const struct stream_options *options, struct team *team,
	struct stream_shared *shared, const char *where, struct error *err)
{
	static struct stream_result result; /* large */
	int rc = team_open(team, where, NULL, 0, err);

	if (!rc)
		rc = stream_measure(options, team, shared, where, &result, err);
	if (!rc)
		rc = options->json ? stream_report_json(options, team, &result, err)
				   : stream_report_text(options, team, &result, err);
	if (!rc && options->plot)
		rc = stream_plot_write(options, &result, err);
	stream_result_destroy(&result);
	return rc;
}

static int with_team(const struct stream_options *options, struct stream_shared *shared,
	const char *where, struct error *err)
{
	struct team_config config = {
		.processes = (unsigned int)(options->publishers + options->subscribers),
		.work = &stream_work,
		.context = shared,
		.unpinned = !options->pin,
	};
	struct team *team;
	int rc = team_start(&config, &bench_interrupted, &team, err);

	if (rc)
		return rc;
	rc = measure_and_report(options, team, shared, where, err);
	team_end(team);
	return rc;
}

static int with_memory(
	const struct stream_options *options, const char *where, struct error *err)
{
	struct stream_shared *shared = stream_shared_make(options);
	int rc;

	if (!shared)
		return error_set(err, -ENOMEM,
			"bench: out of memory: the bare ring has %llu slots of %llu "
			"bytes",
			(unsigned long long)options->slots,
			(unsigned long long)options->slot_len);
	rc = with_team(options, shared, where, err);
	stream_shared_free(shared);
	return rc;
}

static int with_cluster(struct cluster *cluster, const void *context, struct error *err)
{
	const struct stream_options *options = context;
	struct chain chain;
	int rc = chain_await(cluster->where, (unsigned int)options->replicas,
		&bench_interrupted, &chain, err);

	return rc ? rc : with_memory(options, cluster->where, err);
}

static int with_own_cluster(const struct stream_options *options, struct error *err)
{
	struct cluster_plan plan = {.transport = options->verbs ? "verbs" : "shm",
		.device = options->device,
		.replicas = (unsigned int)options->replicas};

	return cluster_use(&plan, &bench_interrupted, with_cluster, options, err);
}

int bench_stream(int argc, char **argv)
{
	struct stream_options options;
	struct error err = {0};
	int status = stream_options_parse(argc, argv, &options);

	if (status)
		return status;
	return bench_end(with_own_cluster(&options, &err), &err);
}
