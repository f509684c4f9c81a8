#include <inttypes.h>
#include <stdio.h>

#include "bench/report_pieces.h"
#include "bench/stream_report.h"
#include "bench/words.h"

static json_t *latency_json(const struct latency *l)
{
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

static json_t *side_json(struct stream_side_result *side, enum turn_side which)
{
	return json_pack("{s:I,s:f,s:o,s:o,s:o}", "messages", (json_int_t)side->messages,
		"messages_per_s", series_spread(&side->rates).median,
		"messages_per_s_by_turn", report_spread(&side->rates), "acknowledged_ns",
		which == TURN_PAWL ? histogram_json(&side->acknowledged_ns) : json_null(),
		"delivered_ns", histogram_json(&side->delivered_ns));
}

static json_t *loads_json(const struct stream_result *r)
{
	json_t *loads = json_array();

	for (unsigned int i = 0; i < r->loads_count; i++) {
		const struct stream_load *l = &r->loads[i];

		(void)json_array_append_new(
			loads, json_pack("{s:f,s:f,s:o,s:o}", "offered_per_s", l->offered,
				       "delivered_per_s", l->delivered, "acknowledged_ns",
				       latency_json(&l->acknowledged), "delivered_ns",
				       latency_json(&l->delivery)));
	}
	return loads;
}

static json_t *replicas_json(const struct stream_status *status)
{
	json_t *replicas = json_array();

	for (unsigned int i = 0; i < status->count; i++) {
		const struct stream_replica *one = &status->replicas[i];

		(void)json_array_append_new(replicas,
			json_pack("{s:I,s:I,s:I,s:I,s:I}", "replica",
				(json_int_t)one->replica, "runs", (json_int_t)one->runs,
				"writes", (json_int_t)one->writes, "holes",
				(json_int_t)one->holes, "refused",
				(json_int_t)one->refused));
	}
	return replicas;
}

static json_t *posted_json(const struct pawl_stream_stats *s)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "submitted",
		(json_int_t)s->submitted, "acknowledged", (json_int_t)s->acknowledged,
		"draws", (json_int_t)s->draws, "writes", (json_int_t)s->writes, "reads",
		(json_int_t)s->reads, "redone", (json_int_t)s->redone);
}

static json_t *asked_json(const struct stream_options *o, const struct team *team)
{
	return json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:I,s:s,s:o,s:I}",
		"transport", o->verbs ? "verbs" : "shm", "publishers",
		(json_int_t)o->publishers, "subscribers", (json_int_t)o->subscribers,
		"replicas", (json_int_t)o->replicas, "message_len",
		(json_int_t)o->message_len, "slot_len", (json_int_t)o->slot_len, "slots",
		(json_int_t)o->slots, "mode", stream_mode_name(o->mode), "batch",
		(json_int_t)o->batch, "rate", (json_int_t)o->rate, "wait",
		wait_option_name(o->wait), "cpus",
		report_cpus(team, o->publishers + o->subscribers), "seconds",
		(json_int_t)o->seconds);
}

static json_t *result_json(
	const struct stream_options *o, const struct team *team, struct stream_result *r)
{
	char digest[20];

	(void)snprintf(digest, sizeof(digest), "%016" PRIx64, r->digest);
	return json_pack("{s:s,s:s,s:o,s:I,s:I,s:o,s:o,s:{s:o,s:o},s:o,s:o,s:o,s:o,"
			 "s:{s:b,s:I,s:s}}",
		"benchmark", "stream", "version", PAWL_VERSION, "asked",
		asked_json(o, team), "turn_ns", (json_int_t)r->turn_ns, "clock_ns",
		(json_int_t)r->clock_ns, "bare",
		side_json(&r->sides[TURN_BARE], TURN_BARE), "pawl",
		side_json(&r->sides[TURN_PAWL], TURN_PAWL), "ratio", "rate",
		report_spread(&r->rate_ratios), "delivered_p50",
		report_spread(&r->delivery_ratios), "loads", loads_json(r), "posted",
		posted_json(&r->stats), "replicas", replicas_json(&r->status),
		"round_trip_ns",
		r->distances_ns.count ? report_spread(&r->distances_ns) : json_null(),
		"order", "ok", 1, "messages", (json_int_t)r->checked, "digest", digest);
}

int stream_report_json(const struct stream_options *o, const struct team *team,
	struct stream_result *r, struct error *err)
{
	return report_write(result_json(o, team, r), err);
}
