#include "bench/stream_measure.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/clock_cost.h"
#include "bench/stream_budget.h"
#include "hw/clock.h"

#define TURN_SHM_NS UINT64_C(100000000)
#define TURN_VERBS_NS UINT64_C(400000000)
#define TURN_DISTANCE_NS UINT64_C(2000000)
#define PAIRS_PER_DISTANCE 4
#define TURNS_PER_LOAD 8

/* Of what was delivered at full speed. */
static const unsigned int load_percents[] = {5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};

_Static_assert(sizeof(load_percents) / sizeof(load_percents[0]) <= STREAM_LOADS_MAX,
	"there is room for all loads");

struct measurement {
	const struct stream_options *options;
	struct team *team;
	struct stream_shared *shared;
	struct stream_result *result;
	/* Of the newest turn. */
	double rate;
	struct histogram acknowledged_ns;
	struct histogram delivered_ns;
};

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "bench: out of memory");
}

void stream_result_destroy(struct stream_result *result)
{
	for (int i = 0; i < TURN_SIDES; i++)
		free(result->sides[i].rates.values);
	free(result->rate_ratios.values);
	free(result->delivery_ratios.values);
	free(result->distances_ns.values);
}

static unsigned int subscribers_of(const struct measurement *m, enum turn_side side)
{
	return side == TURN_BARE ? 1 : (unsigned int)m->options->subscribers;
}

static const struct stream_seat *subscriber_seat(
	const struct measurement *m, unsigned int i)
{
	return &m->shared->seats[m->options->publishers + i];
}

/* One subscriber has got what all publishers have sent. */
static int order_check(const struct measurement *m, enum turn_side side, unsigned int i,
	struct error *err)
{
	const struct stream_order *order = &subscriber_seat(m, i)->orders[side];
	unsigned int publishers = stream_publishers_of(m->options, side);
	int rc = 0;

	for (unsigned int j = 0; j < publishers && !rc; j++)
		rc = stream_order_expect(order, j, m->shared->seats[j].sent[side], err);
	return rc;
}

static int orders_check(
	const struct measurement *m, enum turn_side side, struct error *err)
{
	const struct stream_order *first = &subscriber_seat(m, 0)->orders[side];

	for (unsigned int i = 0; i < subscribers_of(m, side); i++) {
		const struct stream_order *order = &subscriber_seat(m, i)->orders[side];
		int rc = order_check(m, side, i, err);

		if (rc)
			return rc;
		if (order->digest != first->digest)
			return error_set(err, -EILSEQ,
				"bench: order: after %" PRIu64
				" messages subscriber %u has the digest %016" PRIx64
				" and subscriber 1 %016" PRIx64 "; please report this",
				order->messages, i + 1, order->digest, first->digest);
	}
	return 0;
}

/* The rate is that of the slowest subscriber, from the beginning of the turn. */
static void turn_sum(struct measurement *m, const struct turn *turn)
{
	uint64_t end_ns = 0, begin_ns = UINT64_MAX, messages = 0;

	histogram_clear(&m->acknowledged_ns);
	histogram_clear(&m->delivered_ns);
	for (unsigned int i = 0; i < stream_publishers_of(m->options, turn->side); i++)
		histogram_merge(&m->acknowledged_ns, &m->shared->seats[i].latencies_ns);
	for (unsigned int i = 0; i < subscribers_of(m, turn->side); i++) {
		const struct stream_seat *seat = subscriber_seat(m, i);

		histogram_merge(&m->delivered_ns, &seat->latencies_ns);
		messages = seat->messages;
		begin_ns = seat->begin_ns < begin_ns ? seat->begin_ns : begin_ns;
		end_ns = seat->end_ns > end_ns ? seat->end_ns : end_ns;
	}
	m->rate = end_ns > begin_ns ? (double)messages * 1e9 / (double)(end_ns - begin_ns)
				    : 0;
}

static int turn_take(
	struct measurement *m, enum turn_side side, double rate, struct error *err)
{
	struct turn turn = {.what = TURN_RATE,
		.side = side,
		.length_ns = m->result->turn_ns,
		.rate = rate};
	int rc;

	stream_shared_begin(m->shared);
	rc = team_turn(m->team, &turn, err);
	if (rc)
		return rc;
	turn_sum(m, &turn);
	return orders_check(m, side, err);
}

static int turn_keep(struct measurement *m, enum turn_side side, struct error *err)
{
	struct stream_side_result *kept = &m->result->sides[side];

	histogram_merge(&kept->acknowledged_ns, &m->acknowledged_ns);
	histogram_merge(&kept->delivered_ns, &m->delivered_ns);
	kept->messages += m->delivered_ns.count / subscribers_of(m, side);
	return series_add(&kept->rates, m->rate) ? out_of_memory(err) : 0;
}

/* One turn of each side, the first of which alternates; then their ratios. */
static int pair_take(
	struct measurement *m, uint64_t number, bool counts, struct error *err)
{
	double rate = (double)m->options->rate;
	double rates[TURN_SIDES], medians[TURN_SIDES];

	for (unsigned int i = 0; i < TURN_SIDES; i++) {
		enum turn_side side = (number + i) % 2 ? TURN_PAWL : TURN_BARE;
		int rc = turn_take(m, side, rate, err);

		if (!rc && counts)
			rc = turn_keep(m, side, err);
		if (rc)
			return rc;
		rates[side] = m->rate;
		medians[side] = (double)histogram_quantile(&m->delivered_ns, 500);
	}
	if (!counts || rates[TURN_BARE] <= 0 || medians[TURN_BARE] <= 0)
		return 0;
	if (series_add(&m->result->rate_ratios, rates[TURN_PAWL] / rates[TURN_BARE]) ||
		series_add(&m->result->delivery_ratios,
			medians[TURN_PAWL] / medians[TURN_BARE]))
		return out_of_memory(err);
	return 0;
}

/*
 * The first two processes of the team are a publisher and the next one, which is a subscriber
 * only when there is one publisher.
 */
static int distance_take(struct measurement *m, struct error *err)
{
	struct turn turn = {.what = TURN_DISTANCE, .length_ns = TURN_DISTANCE_NS};
	struct team_result leader;
	int rc;

	if (!team_is_pinned(m->team))
		return 0;
	rc = team_turn(m->team, &turn, err);
	if (rc)
		return rc;
	team_result(m->team, 0, &leader);
	if (leader.round_trip_ns &&
		series_add(&m->result->distances_ns, (double)leader.round_trip_ns))
		return out_of_memory(err);
	return 0;
}

static int pairs_take(struct measurement *m, struct error *err)
{
	uint64_t end_ns = clock_now_ns() + m->options->seconds * 1000000000;
	int rc = pair_take(m, 0, false, err);

	for (uint64_t i = 0; !rc && (i == 0 || clock_now_ns() < end_ns); i++) {
		if (i % PAIRS_PER_DISTANCE == 0)
			rc = distance_take(m, err);
		if (!rc)
			rc = pair_take(m, i, true, err);
	}
	return rc;
}

/* @offered: messages per second of all publishers. */
static int load_take(struct measurement *m, double offered, struct error *err)
{
	struct stream_load *load = &m->result->loads[m->result->loads_count];
	static struct histogram acknowledged_ns, delivered_ns; /* large */
	struct series rates = {0};
	int rc = 0;

	histogram_clear(&acknowledged_ns);
	histogram_clear(&delivered_ns);
	for (int i = 0; i < TURNS_PER_LOAD && !rc; i++) {
		rc = turn_take(
			m, TURN_PAWL, offered / (double)m->options->publishers, err);
		histogram_merge(&acknowledged_ns, &m->acknowledged_ns);
		histogram_merge(&delivered_ns, &m->delivered_ns);
		if (!rc && series_add(&rates, m->rate))
			rc = out_of_memory(err);
	}
	load->offered = offered;
	load->delivered = series_spread(&rates).median;
	histogram_latency(&acknowledged_ns, &load->acknowledged);
	histogram_latency(&delivered_ns, &load->delivery);
	free(rates.values);
	m->result->loads_count += rc == 0;
	return rc;
}

/* What it can do at full speed decides which loads are offered. */
static int loads_take(struct measurement *m, struct error *err)
{
	struct series rates = {0};
	double full;
	int rc = 0;

	for (int i = 0; i < TURNS_PER_LOAD && !rc; i++) {
		rc = turn_take(m, TURN_PAWL, 0, err);
		if (!rc && series_add(&rates, m->rate))
			rc = out_of_memory(err);
	}
	full = series_spread(&rates).median;
	free(rates.values);
	for (size_t i = 0; i < sizeof(load_percents) / sizeof(load_percents[0]) && !rc;
		i++)
		rc = load_take(m, full * load_percents[i] / 100, err);
	return rc;
}

static void stats_add(struct pawl_stream_stats *sum, const struct pawl_stream_stats *s)
{
	sum->submitted += s->submitted;
	sum->acknowledged += s->acknowledged;
	sum->draws += s->draws;
	sum->writes += s->writes;
	sum->reads += s->reads;
	sum->redone += s->redone;
}

/* When all turns are over. */
static int whole_run_look(struct measurement *m, const char *where, struct error *err)
{
	struct stream_result *r = m->result;
	const struct stream_order *order = &subscriber_seat(m, 0)->orders[TURN_PAWL];
	int rc;

	for (unsigned int i = 0; i < m->options->publishers; i++)
		stats_add(&r->stats, &m->shared->seats[i].stats);
	r->checked = order->messages;
	r->digest = order->digest;
	rc = stream_status_look(where, STREAM_NAME, &r->status, err);
	if (!rc)
		rc = stream_budget_check_publishers(
			&r->stats, stream_message_slots(m->options), err);
	for (unsigned int i = 0; i < r->status.count && !rc; i++)
		rc = stream_budget_check_replica(&r->status.replicas[i], err);
	return rc;
}

int stream_measure(const struct stream_options *options, struct team *team,
	struct stream_shared *shared, const char *where, struct stream_result *result,
	struct error *err)
{
	struct measurement *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return out_of_memory(err);
	m->options = options;
	m->team = team;
	m->shared = shared;
	m->result = result;
	result->turn_ns = options->verbs ? TURN_VERBS_NS : TURN_SHM_NS;
	result->clock_ns = clock_cost_ns(&m->delivered_ns);
	rc = pairs_take(m, err);
	if (!rc && options->plot)
		rc = loads_take(m, err);
	if (!rc)
		rc = whole_run_look(m, where, err);
	free(m);
	return rc;
}
