#include "bench/takeover_report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/report_pieces.h"

struct quantiles {
	double median_us;
	double p90_us;
	double max_us;
};

static const char *const meanings[SPLIT_PARTS] = {
	"until a survivor knew that the head is dead",
	"until the store had its claim",
	"until all that were left of the chain were sealed",
	"until the new regions were in place",
	"until the store had the new epoch as active",
	"until the first process had its first number",
	"from the kill to that number",
	"from the last number of the former chain to that number",
};

static const char *store_name(const struct takeover_options *options)
{
	if (options->store_kind == CLUSTER_STORE_ETCD)
		return options->store ? options->store : "etcd";
	return "file";
}

/* -ENOMEM. */
static int part_quantiles(const struct takeover_result *result, int part,
	struct quantiles *q_p, struct error *err)
{
	struct series series = {0};
	int rc = 0;

	for (uint64_t i = 0; i < result->rounds_count && !rc; i++)
		rc = series_add(&series, (double)result->rounds[i].parts_ns[part] / 1e3);
	q_p->median_us = series_spread(&series).median;
	q_p->p90_us = series_quantile(&series, 900);
	q_p->max_us = series_spread(&series).max;
	free(series.values);
	return rc ? error_set(err, rc, "bench: out of memory") : 0;
}

static int written(struct error *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EIO, "bench: standard output: not written: %s",
		error_reason(-errno));
}

static void head_print(const struct takeover_options *o, const struct store_costs *costs)
{
	(void)printf("takeover over shm: chain of %" PRIu64 ", %" PRIu64
		     " process%s drawing, %" PRIu64 " round%s\n",
		o->replicas, o->processes, o->processes == 1 ? "" : "es", o->rounds,
		o->rounds == 1 ? "" : "s");
	(void)printf("store %s: a compare-and-set takes %" PRIu64 " us", store_name(o),
		costs->put_ns / 1000);
	if (costs->filesystem[0])
		(void)printf(" on %s, where write, fsync and rename take %" PRIu64 " us",
			costs->filesystem, costs->sync_ns / 1000);
	(void)printf("\n\n");
}

static int parts_print(const struct takeover_result *result, struct error *err)
{
	(void)printf("us            median         p90       worst\n");
	for (int part = 0; part < SPLIT_PARTS; part++) {
		struct quantiles q;
		int rc = part_quantiles(result, part, &q, err);

		if (rc)
			return rc;
		if (part == SPLIT_TOTAL)
			(void)printf("\n");
		(void)printf("%-8s %11.1f %11.1f %11.1f   %s\n",
			split_name((enum split_part)part), q.median_us, q.p90_us,
			q.max_us, meanings[part]);
	}
	return 0;
}

int takeover_report_text(const struct takeover_options *options,
	const struct takeover_result *result, struct error *err)
{
	int rc;

	head_print(options, &result->costs);
	rc = parts_print(result, err);
	if (rc)
		return rc;
	(void)printf("\nhistory: %" PRIu64
		     " numbers, each once, none is missing, all in order, also "
		     "against the clock\n",
		result->numbers);
	return written(err);
}

/* Of the parts that @rounds_count rounds have; NULL: out of memory. */
static json_t *parts_json(const struct takeover_result *result)
{
	json_t *parts = json_object();

	for (int part = 0; parts && part < SPLIT_PARTS; part++) {
		struct quantiles q;

		if (part_quantiles(result, part, &q, NULL))
			break;
		(void)json_object_set_new(parts, split_name((enum split_part)part),
			json_pack("{s:f,s:f,s:f}", "median", q.median_us, "p90", q.p90_us,
				"max", q.max_us));
	}
	return parts;
}

static json_t *round_json(const struct round_result *r)
{
	json_t *json = json_pack("{s:i,s:I,s:s,s:i,s:I,s:I,s:f}", "killed",
		(int)r->killed, "epoch", (json_int_t)r->change.epoch, "cause",
		r->change.cause, "members", (int)r->change.members, "numbers",
		(json_int_t)r->numbers, "confirmed_after_kill", (json_int_t)r->after_kill,
		"rejoined_ms", (double)r->rejoined_ns / 1e6);

	for (int part = 0; json && part < SPLIT_PARTS; part++)
		(void)json_object_set_new(json, split_name((enum split_part)part),
			json_real((double)r->parts_ns[part] / 1e3));
	return json;
}

static json_t *rounds_json(const struct takeover_result *result)
{
	json_t *rounds = json_array();

	for (uint64_t i = 0; rounds && i < result->rounds_count; i++)
		(void)json_array_append_new(rounds, round_json(&result->rounds[i]));
	return rounds;
}

static json_t *store_json(
	const struct takeover_options *o, const struct store_costs *costs)
{
	bool file = costs->filesystem[0] != '\0';

	return json_pack("{s:s,s:f,s:s?,s:o}", "kind", store_name(o), "put_us",
		(double)costs->put_ns / 1e3, "filesystem",
		file ? costs->filesystem : NULL, "sync_us",
		file ? json_real((double)costs->sync_ns / 1e3) : json_null());
}

int takeover_report_json(const struct takeover_options *o,
	const struct takeover_result *result, struct error *err)
{
	json_t *json = json_pack("{s:s,s:s,s:s,s:I,s:I,s:o,s:o,s:{s:b,s:I},s:o}",
		"benchmark", "takeover", "version", PAWL_VERSION, "transport", "shm",
		"processes", (json_int_t)o->processes, "replicas",
		(json_int_t)o->replicas, "store", store_json(o, &result->costs), "us",
		parts_json(result), "history", "ok", 1, "numbers",
		(json_int_t)result->numbers, "rounds", rounds_json(result));

	return report_write(json, err);
}
