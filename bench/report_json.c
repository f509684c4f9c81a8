#include "bench/report.h"
#include "bench/report_pieces.h"

static json_t *latency_json(const struct histogram *h)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "p50",
		(json_int_t)histogram_quantile(h, 500), "p99",
		(json_int_t)histogram_quantile(h, 990), "p99.9",
		(json_int_t)histogram_quantile(h, 999), "max", (json_int_t)h->max,
		"count", (json_int_t)h->count);
}

static json_t *side_json(struct result *r, enum turn_side which, uint64_t n)
{
	struct side_result *side = &r->sides[which];
	double rate = series_spread(&side->rates).median;

	return json_pack("{s:I,s:f,s:f,s:o,s:o,s:o,s:{s:b,s:I,s:I}}", "additions",
		(json_int_t)side->additions, "additions_per_s", rate, "numbers_per_s",
		rate * (double)n, "additions_per_s_by_turn", report_spread(&side->rates),
		"ns_per_addition", report_spread(&side->costs_ns), "latency_ns",
		latency_json(&side->latencies_ns), "history", "ok", 1, "additions",
		(json_int_t)r->checked[which], "against_clock",
		(json_int_t)r->checked_timed[which]);
}

static json_t *result_json(
	const struct options *o, const struct team *team, struct result *r)
{
	return json_pack(
		"{s:s,s:s,s:s,s:I,s:o,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:o,s:o,s:{s:o,s:o,"
		"s:o},s:o}",
		"benchmark", "counter", "version", PAWL_VERSION, "transport",
		options_transport(o), "processes", (json_int_t)o->processes, "cpus",
		report_cpus(team, o->processes), "batch", (json_int_t)o->batch, "depth",
		(json_int_t)o->depth, "replicas", (json_int_t)o->replicas, "reserve",
		(json_int_t)o->reserve, "bare_operation", options_bare(o), "seconds",
		(json_int_t)o->seconds, "turn_ns", (json_int_t)r->turn_ns, "clock_ns",
		(json_int_t)r->clock_ns, "bare",
		side_json(r, TURN_BARE, o->verbs ? 1 : o->batch), "pawl",
		side_json(r, TURN_PAWL, o->batch), "ratio", "rate",
		report_spread(&r->rate_ratios), "cost", report_spread(&r->cost_ratios),
		"latency_p50", report_spread(&r->latency_ratios), "round_trip_ns",
		r->distances_ns.count ? report_spread(&r->distances_ns) : json_null());
}

int report_json(const struct options *options, const struct team *team,
	struct result *result, struct error *err)
{
	return report_write(result_json(options, team, result), err);
}
