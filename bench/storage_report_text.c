#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench/storage_report.h"
#include "bench/words.h"

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void head_print(const struct storage_options *o, const struct storage_result *r)
{
	(void)printf("store over %s: %" PRIu64 " client%s with %" PRIu64
		     " in flight each, chain of %" PRIu64 ", %s archive\n",
		o->verbs ? "verbs" : "shm", o->clients, plural(o->clients), o->depth,
		o->replicas, o->archive ? "with" : "without");
	(void)printf("%" PRIu64 " keys, values of %" PRIu64 " bytes, %" PRIu64
		     " %% reads",
		o->keys, o->value_len, o->reads);
	if (o->reads > 0)
		(void)printf(" (%s)", storage_reading_name(o->reading));
	(void)printf("; waits %s; turns of %" PRIu64 " ms\n", wait_option_name(o->wait),
		r->turn_ns / 1000000);
	if (!o->alone)
		(void)printf("etcd: one member on loopback, its data on %s, where a file "
			     "written and synced takes %.0f us\n",
			r->costs.filesystem, (double)r->costs.sync_ns / 1e3);
	(void)printf("\n");
}

static void rate_print(const char *name, struct storage_side_result *side)
{
	struct spread rate = series_spread(&side->rates);

	(void)printf(
		"%-13s %12.0f %12.0f %12.0f\n", name, rate.median, rate.min, rate.max);
}

static void rates_print(const struct storage_options *o, struct storage_result *r)
{
	struct spread ratio = series_spread(&r->rate_ratios);

	(void)printf("operations/s        median        least         most\n");
	if (!o->alone)
		rate_print("etcd", &r->sides[TURN_BARE]);
	rate_print("pawl", &r->sides[TURN_PAWL]);
	if (!o->alone)
		(void)printf("pawl / etcd   %12.1f %12.1f %12.1f   (%" PRIu64 " pairs)\n",
			ratio.median, ratio.min, ratio.max, r->rate_ratios.count);
	(void)printf("\n");
}

static void latency_print(const char *name, const struct histogram *h)
{
	struct latency l;

	if (h->count == 0)
		return;
	histogram_latency(h, &l);
	(void)printf("%-13s %12.1f %10.1f %10.1f %10.1f\n", name, (double)l.p50 / 1e3,
		(double)l.p99 / 1e3, (double)l.p999 / 1e3, (double)l.max / 1e3);
}

static void ratio_print(const char *what, struct series *ratios)
{
	double median = series_spread(ratios).median;

	if (ratios->count > 0)
		(void)printf("etcd / pawl, %s, p50: %.1f   (median of %" PRIu64
			     " pairs)\n",
			what, 1 / median, ratios->count);
}

static void latencies_print(struct storage_result *r)
{
	(void)printf("us                     p50        p99      p99.9        max\n");
	latency_print("etcd, writes", &r->sides[TURN_BARE].writes_ns);
	latency_print("pawl, writes", &r->sides[TURN_PAWL].writes_ns);
	latency_print("etcd, reads", &r->sides[TURN_BARE].reads_ns);
	latency_print("pawl, reads", &r->sides[TURN_PAWL].reads_ns);
	ratio_print("writes", &r->write_ratios);
	ratio_print("reads", &r->read_ratios);
	(void)printf("\n");
}

static void cpu_print(
	const char *name, const char *servers, const struct storage_side_result *side)
{
	double seconds = (double)side->turns_ns;
	double operations = (double)side->operations;

	if (side->operations > 0)
		(void)printf("%s: clients used %.2f processors and %s %.2f: %.1f us and "
			     "%.1f us an operation\n",
			name, (double)side->clients_cpu_ns / seconds, servers,
			(double)side->servers_cpu_ns / seconds,
			(double)side->clients_cpu_ns / 1e3 / operations,
			(double)side->servers_cpu_ns / 1e3 / operations);
}

static void load_side_print(const char *name, double rate, const struct latency *l)
{
	if (l->count > 0)
		(void)printf("  %-6s %10.0f %10.1f %10.1f %10.1f", name, rate,
			(double)l->p50 / 1e3, (double)l->p99 / 1e3,
			(double)l->p999 / 1e3);
}

static const struct latency *load_latency(
	const struct storage_load *load, enum turn_side side)
{
	return load->sides[side].writes.count > 0 ? &load->sides[side].writes
						  : &load->sides[side].reads;
}

static void loads_print(const struct storage_result *r)
{
	if (r->loads_count == 0)
		return;
	(void)printf("in flight, then operations/s and us: p50, p99, p99.9\n");
	for (unsigned int i = 0; i < r->loads_count; i++) {
		const struct storage_load *load = &r->loads[i];

		(void)printf("%6" PRIu64, load->in_flight);
		load_side_print("pawl", load->sides[TURN_PAWL].rate,
			load_latency(load, TURN_PAWL));
		load_side_print("etcd", load->sides[TURN_BARE].rate,
			load_latency(load, TURN_BARE));
		(void)printf("\n");
	}
	(void)printf("\n");
}

static void history_print(const struct storage_options *o, const struct storage_result *r)
{
	(void)printf(
		"history: %" PRIu64 " operations of pawl", r->sides[TURN_PAWL].checked);
	if (!o->alone)
		(void)printf(" and %" PRIu64 " of etcd", r->sides[TURN_BARE].checked);
	(void)printf(
		": versions rise in the order of time, reads are not older than they "
		"may be, and all %" PRIu64
		" keys have the newest write that was acknowledged\n",
		r->keys_checked);
}

int storage_report_text(
	const struct storage_options *o, struct storage_result *r, struct error *err)
{
	struct spread distance = series_spread(&r->distances_ns);

	head_print(o, r);
	rates_print(o, r);
	latencies_print(r);
	loads_print(r);
	cpu_print("etcd", "it", &r->sides[TURN_BARE]);
	cpu_print("pawl", "replicas", &r->sides[TURN_PAWL]);
	if (r->distances_ns.count > 0)
		(void)printf("a cache line from cpu %d to cpu %d and back: %.0f ns, %.0f "
			     "to %.0f\n",
			r->cpus[0], r->cpus[1], distance.median, distance.min,
			distance.max);
	history_print(o, r);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EIO, "bench: standard output: not written: %s",
		error_reason(-errno));
}
