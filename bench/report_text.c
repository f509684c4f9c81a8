#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench/report.h"

static void head_print(
	const struct options *o, const struct team *team, const struct result *r)
{
	(void)printf("counter over %s: %" PRIu64 " process%s", options_transport(o),
		o->processes, o->processes == 1 ? "" : "es");
	if (team_is_pinned(team)) {
		(void)printf(" on cpu");
		for (unsigned int i = 0; i < o->processes; i++)
			(void)printf("%s%d", i ? "," : " ", team_cpu(team, i));
	}
	(void)printf(", chain of %" PRIu64 ", ", o->replicas);
	if (o->reserve)
		(void)printf("%" PRIu64 " reserved, ", o->reserve);
	(void)printf("%" PRIu64 " number%s per addition, %" PRIu64 " in flight; turns of "
		     "%" PRIu64 " ms\nbare: %s\n\n",
		o->batch, o->batch == 1 ? "" : "s", o->depth, r->turn_ns / 1000000,
		options_bare(o));
}

static void side_print(const char *name, struct side_result *side, uint64_t n)
{
	double rate = series_spread(&side->rates).median;

	(void)printf("%-13s %12.3f %12.3f %12.1f\n", name, rate / 1e6,
		rate * (double)n / 1e6, series_spread(&side->costs_ns).median);
}

static void rates_print(const struct options *o, struct result *r)
{
	struct spread rate = series_spread(&r->rate_ratios);
	struct spread cost = series_spread(&r->cost_ratios);

	(void)printf("              M additions/s  M numbers/s  ns/addition\n");
	side_print("bare", &r->sides[TURN_BARE], o->verbs ? 1 : o->batch);
	side_print("pawl", &r->sides[TURN_PAWL], o->batch);
	(void)printf("pawl / bare   %12.2f %12s %12.2f\n", rate.median, "", cost.median);
	(void)printf("   %" PRIu64 " pairs    %5.2f to %.2f  %12s%5.2f to %.2f\n\n",
		r->rate_ratios.count, rate.min, rate.max, "", cost.min, cost.max);
}

static void latency_print(const char *name, const struct histogram *h)
{
	(void)printf("%-13s %12" PRIu64 " %12" PRIu64 " %12" PRIu64 " %12" PRIu64 "\n",
		name, histogram_quantile(h, 500), histogram_quantile(h, 990),
		histogram_quantile(h, 999), h->max);
}

static double quantile_ratio(const struct result *r, unsigned int permille)
{
	return (double)histogram_quantile(&r->sides[TURN_PAWL].latencies_ns, permille) /
	       (double)histogram_quantile(&r->sides[TURN_BARE].latencies_ns, permille);
}

static void latencies_print(struct result *r)
{
	(void)printf(
		"latency, ns             p50          p99        p99.9          max\n");
	latency_print("bare", &r->sides[TURN_BARE].latencies_ns);
	latency_print("pawl", &r->sides[TURN_PAWL].latencies_ns);
	(void)printf("pawl / bare   %12.2f %12.2f %12.2f   (p50: median of %" PRIu64
		     " pairs)\n",
		series_spread(&r->latency_ratios).median, quantile_ratio(r, 990),
		quantile_ratio(r, 999), r->latency_ratios.count);
	(void)printf("   each with a look at the clock, %" PRIu64 " ns\n\n", r->clock_ns);
}

static void distance_print(const struct team *team, struct result *r)
{
	struct spread distance = series_spread(&r->distances_ns);

	if (r->distances_ns.count == 0)
		return;
	(void)printf(
		"a cache line from cpu %d to cpu %d and back: %.0f ns, %.0f to %.0f\n",
		team_cpu(team, 0), team_cpu(team, 1), distance.median, distance.min,
		distance.max);
}

int report_text(const struct options *options, const struct team *team, struct result *r,
	struct error *err)
{
	head_print(options, team, r);
	rates_print(options, r);
	latencies_print(r);
	distance_print(team, r);
	(void)printf("history: of %" PRIu64
		     " additions each took its own numbers, none is "
		     "missing, all in order; %" PRIu64 " also against the clock\n",
		r->checked[TURN_PAWL], r->checked_timed[TURN_PAWL]);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EIO, "bench: standard output: not written: %s",
		error_reason(-errno));
}
