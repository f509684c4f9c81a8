#include "bench/report_pieces.h"
#include "bench/storage_report.h"
#include "bench/words.h"

static json_t *latency_json(const struct latency *l)
{
	if (l->count == 0)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I,s:I}", "p50", (json_int_t)l->p50, "p99",
		(json_int_t)l->p99, "p99.9", (json_int_t)l->p999, "max",
		(json_int_t)l->max, "count", (json_int_t)l->count);
}

static json_t *histogram_json(const struct histogram *h)
{
	struct latency l;

	histogram_latency(h, &l);
	return latency_json(&l);
}

static json_t *side_json(struct storage_side_result *side)
{
	if (side->operations == 0)
		return json_null();
	return json_pack("{s:I,s:f,s:o,s:o,s:o,s:f,s:f,s:I}", "operations",
		(json_int_t)side->operations, "operations_per_s",
		series_spread(&side->rates).median, "operations_per_s_by_turn",
		report_spread(&side->rates), "writes_ns",
		histogram_json(&side->writes_ns), "reads_ns",
		histogram_json(&side->reads_ns), "clients_cpus",
		(double)side->clients_cpu_ns / (double)side->turns_ns, "servers_cpus",
		(double)side->servers_cpu_ns / (double)side->turns_ns, "checked",
		(json_int_t)side->checked);
}

static json_t *load_side_json(const struct storage_load *load, enum turn_side side)
{
	if (load->sides[side].rate <= 0)
		return json_null();
	return json_pack("{s:f,s:o,s:o}", "operations_per_s", load->sides[side].rate,
		"writes_ns", latency_json(&load->sides[side].writes), "reads_ns",
		latency_json(&load->sides[side].reads));
}

static json_t *loads_json(const struct storage_result *r)
{
	json_t *loads = json_array();

	for (unsigned int i = 0; i < r->loads_count; i++)
		(void)json_array_append_new(
			loads, json_pack("{s:I,s:o,s:o}", "in_flight",
				       (json_int_t)r->loads[i].in_flight, "pawl",
				       load_side_json(&r->loads[i], TURN_PAWL), "etcd",
				       load_side_json(&r->loads[i], TURN_BARE)));
	return loads;
}

static json_t *spread_json(struct series *series)
{
	return series->count ? report_spread(series) : json_null();
}

static json_t *asked_json(const struct storage_options *o, const struct team *team)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:s,s:I,s:I,s:I,s:b,s:s,s:o,s:I}", "transport",
		o->verbs ? "verbs" : "shm", "clients", (json_int_t)o->clients, "depth",
		(json_int_t)o->depth, "reads", (json_int_t)o->reads, "read",
		storage_reading_name(o->reading), "keys", (json_int_t)o->keys, "length",
		(json_int_t)o->value_len, "replicas", (json_int_t)o->replicas, "archive",
		o->archive, "wait", wait_option_name(o->wait), "cpus",
		report_cpus(team, o->clients), "seconds", (json_int_t)o->seconds);
}

static json_t *disk_json(const struct store_costs *costs)
{
	return json_pack("{s:s,s:I}", "filesystem", costs->filesystem, "sync_ns",
		(json_int_t)costs->sync_ns);
}

static json_t *result_json(const struct storage_options *o, const struct team *team,
	struct storage_result *r)
{
	return json_pack("{s:s,s:s,s:o,s:I,s:I,s:o,s:o,s:{s:o,s:o,s:o},s:o,s:o,s:o,"
			 "s:{s:b,s:I}}",
		"benchmark", "store", "version", PAWL_VERSION, "asked",
		asked_json(o, team), "turn_ns", (json_int_t)r->turn_ns, "clock_ns",
		(json_int_t)r->clock_ns, "etcd", side_json(&r->sides[TURN_BARE]), "pawl",
		side_json(&r->sides[TURN_PAWL]), "ratio", "rate",
		spread_json(&r->rate_ratios), "writes_p50", spread_json(&r->write_ratios),
		"reads_p50", spread_json(&r->read_ratios), "loads", loads_json(r), "disk",
		disk_json(&r->costs), "round_trip_ns", spread_json(&r->distances_ns),
		"history", "ok", 1, "keys", (json_int_t)r->keys_checked);
}

int storage_report_json(const struct storage_options *o, const struct team *team,
	struct storage_result *r, struct error *err)
{
	return report_write(result_json(o, team, r), err);
}
