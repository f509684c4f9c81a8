#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "bench/stream_report.h"
#include "bench/words.h"

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

static void pace_print(const struct stream_options *o)
{
	if (o->mode == STREAM_BATCH)
		(void)printf("up to %" PRIu64 " with one call", o->batch);
	else
		(void)printf("one with each call%s",
			o->mode == STREAM_SYNC ? ", and wait for it" : "");
	if (o->rate)
		(void)printf(", %" PRIu64 "/s of each publisher", o->rate);
	else
		(void)printf(", at full speed");
}

static void head_print(const struct stream_options *o, const struct stream_result *r)
{
	(void)printf("stream over %s: %" PRIu64 " publisher%s, %" PRIu64
		     " subscriber%s, chain of %" PRIu64 "\n",
		o->verbs ? "verbs" : "shm", o->publishers, plural(o->publishers),
		o->subscribers, plural(o->subscribers), o->replicas);
	(void)printf("messages of %" PRIu64 " bytes in %" PRIu64 " slots of %" PRIu64
		     ", ",
		o->message_len, o->slots, o->slot_len);
	pace_print(o);
	(void)printf("; waits %s; turns of %" PRIu64 " ms\n", wait_option_name(o->wait),
		r->turn_ns / 1000000);
	(void)printf("bare: a ring of the same slots in shared memory, one process "
		     "writing, one reading\n\n");
}

static void rate_print(const char *name, struct stream_side_result *side)
{
	struct spread rate = series_spread(&side->rates);

	(void)printf("%-13s %12.3f %12.3f %12.3f\n", name, rate.median / 1e6,
		rate.min / 1e6, rate.max / 1e6);
}

static void rates_print(struct stream_result *r)
{
	struct spread ratio = series_spread(&r->rate_ratios);

	(void)printf("M messages/s        median        least         most\n");
	rate_print("bare", &r->sides[TURN_BARE]);
	rate_print("pawl", &r->sides[TURN_PAWL]);
	(void)printf("pawl / bare   %12.3f %12.3f %12.3f   (%" PRIu64 " pairs)\n\n",
		ratio.median, ratio.min, ratio.max, r->rate_ratios.count);
}

static void latency_print(const char *name, const struct histogram *h)
{
	struct latency l;

	histogram_latency(h, &l);
	(void)printf("%-28s %10.1f %10.1f %10.1f %10.1f\n", name, (double)l.p50 / 1e3,
		(double)l.p99 / 1e3, (double)l.p999 / 1e3, (double)l.max / 1e3);
}

static void latencies_print(struct stream_result *r)
{
	(void)printf("us from the intended time           p50        p99      p99.9    "
		     "    max\n");
	latency_print("bare, until delivered", &r->sides[TURN_BARE].delivered_ns);
	latency_print("pawl, until acknowledged", &r->sides[TURN_PAWL].acknowledged_ns);
	latency_print("pawl, until delivered", &r->sides[TURN_PAWL].delivered_ns);
	(void)printf("pawl / bare, until delivered %10.2f   (median of %" PRIu64
		     " pairs)\n\n",
		series_spread(&r->delivery_ratios).median, r->delivery_ratios.count);
}

static void load_print(const struct stream_load *l)
{
	(void)printf("%9.3f %10.3f %10.1f %10.1f %10.1f %10.1f %10.1f %10.1f\n",
		l->offered / 1e6, l->delivered / 1e6, (double)l->acknowledged.p50 / 1e3,
		(double)l->acknowledged.p99 / 1e3, (double)l->delivery.p50 / 1e3,
		(double)l->delivery.p99 / 1e3, (double)l->delivery.p999 / 1e3,
		(double)l->delivery.max / 1e3);
}

static void loads_print(const struct stream_result *r)
{
	if (r->loads_count == 0)
		return;
	(void)printf(" M messages/s         acknowledged, us                          "
		     "delivered, us\n"
		     "  offered  delivered        p50        p99        p50        p99 "
		     "     p99.9        max\n");
	for (unsigned int i = 0; i < r->loads_count; i++)
		load_print(&r->loads[i]);
	(void)printf("\n");
}

static double each(uint64_t operations, uint64_t messages)
{
	return messages ? (double)operations / (double)messages : 0;
}

static void operations_print(const struct stream_result *r)
{
	const struct pawl_stream_stats *s = &r->stats;

	(void)printf(
		"posted per message: %.3f fetch-adds, %.3f writes, %.3f looks at the "
		"tail; %" PRIu64 " times drawn again\n",
		each(s->draws, s->submitted), each(s->writes, s->submitted),
		each(s->reads, s->submitted), s->redone);
	for (unsigned int i = 0; i + 1 < r->status.count; i++) {
		const struct stream_replica *one = &r->status.replicas[i];

		(void)printf("replica %u: forwarded %" PRIu64 " runs with %" PRIu64
			     " writes, %.2f each; %.1f slots in a run\n",
			one->replica, one->runs, one->writes,
			each(one->writes, one->runs), each(r->checked, one->runs));
	}
}

int stream_report_text(const struct stream_options *o, const struct team *team,
	struct stream_result *r, struct error *err)
{
	struct spread distance = series_spread(&r->distances_ns);

	head_print(o, r);
	rates_print(r);
	latencies_print(r);
	loads_print(r);
	operations_print(r);
	if (r->distances_ns.count > 0)
		(void)printf("a cache line from cpu %d to cpu %d and back: %.0f ns, %.0f "
			     "to %.0f\n",
			team_cpu(team, 0), team_cpu(team, 1), distance.median,
			distance.min, distance.max);
	(void)printf("order: %" PRIu64 " messages at each of %" PRIu64
		     " subscriber%s: each once, none missing, whole, in one order "
		     "(%016" PRIx64 ")\n",
		r->checked, o->subscribers, plural(o->subscribers), r->digest);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return error_set(err, -EIO, "bench: standard output: not written: %s",
		error_reason(-errno));
}
