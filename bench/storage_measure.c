#include "bench/storage_measure.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/clock_cost.h"
#include "bench/cpu_time.h"
#include "bench/distance.h"
#include "hw/clock.h"

#define TURN_SHM_NS UINT64_C(200000000)
#define TURN_VERBS_NS UINT64_C(400000000)
#define DISTANCE_NS UINT64_C(2000000)
#define PAIRS_PER_DISTANCE 4
#define PAIRS_PER_LOAD 3
#define IN_FLIGHT_MAX 256

struct measurement {
	const struct storage_options *options;
	struct team *team;
	struct storage_shared *shared;
	const struct cluster *cluster;
	struct storage_result *result;
	/* Of the newest turn. */
	double rate;
	uint64_t operations;
	uint64_t clients_cpu_ns;
	uint64_t servers_cpu_ns;
	uint64_t took_ns;
	struct histogram writes_ns;
	struct histogram reads_ns;
};

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "bench: out of memory");
}

void storage_result_destroy(struct storage_result *result)
{
	for (int i = 0; i < TURN_SIDES; i++)
		free(result->sides[i].rates.values);
	free(result->rate_ratios.values);
	free(result->write_ratios.values);
	free(result->read_ratios.values);
	free(result->distances_ns.values);
}

/* ---- One turn ---- */

static uint64_t servers_cpu_ns(const struct measurement *m, enum turn_side side)
{
	uint64_t sum_ns = 0;

	if (side == TURN_BARE)
		return cpu_time_ns(m->cluster->etcd_pid);
	for (uint64_t i = 0; i < m->options->replicas; i++)
		sum_ns += cpu_time_ns(m->cluster->replica_pids[i]);
	return sum_ns;
}

/* The rate is of all clients, from the beginning of the turn to the last answer. */
static void turn_sum(struct measurement *m)
{
	uint64_t begin_ns = UINT64_MAX, end_ns = 0;

	histogram_clear(&m->writes_ns);
	histogram_clear(&m->reads_ns);
	m->operations = 0;
	m->clients_cpu_ns = 0;
	for (uint64_t i = 0; i < m->options->clients; i++) {
		const struct storage_seat *seat = &m->shared->seats[i];

		histogram_merge(&m->writes_ns, &seat->writes_ns);
		histogram_merge(&m->reads_ns, &seat->reads_ns);
		m->operations += seat->operations;
		m->clients_cpu_ns += seat->cpu_ns;
		begin_ns = seat->begin_ns < begin_ns ? seat->begin_ns : begin_ns;
		end_ns = seat->end_ns > end_ns ? seat->end_ns : end_ns;
	}
	m->took_ns = end_ns > begin_ns ? end_ns - begin_ns : 1;
	m->rate = (double)m->operations * 1e9 / (double)m->took_ns;
}

static int turn_take(struct measurement *m, enum turn_what what, enum turn_side side,
	uint64_t depth, struct error *err)
{
	struct turn turn = {.what = what,
		.side = side,
		.length_ns = what == TURN_RATE ? m->result->turn_ns : 0,
		.depth = (unsigned int)depth};
	uint64_t cpu_ns = servers_cpu_ns(m, side);
	int rc;

	storage_shared_begin(m->shared);
	rc = team_turn(m->team, &turn, err);
	if (rc)
		return rc;
	m->servers_cpu_ns = servers_cpu_ns(m, side) - cpu_ns;
	turn_sum(m);
	m->result->sides[side].checked += m->operations;
	return 0;
}

static int turn_keep(struct measurement *m, enum turn_side side, struct error *err)
{
	struct storage_side_result *kept = &m->result->sides[side];

	histogram_merge(&kept->writes_ns, &m->writes_ns);
	histogram_merge(&kept->reads_ns, &m->reads_ns);
	kept->operations += m->operations;
	kept->clients_cpu_ns += m->clients_cpu_ns;
	kept->servers_cpu_ns += m->servers_cpu_ns;
	kept->turns_ns += m->took_ns;
	return series_add(&kept->rates, m->rate) ? out_of_memory(err) : 0;
}

/* ---- Pairs ---- */

static int ratio_add(struct series *ratios, const double *values, struct error *err)
{
	if (values[TURN_BARE] <= 0 || values[TURN_PAWL] <= 0)
		return 0;
	return series_add(ratios, values[TURN_PAWL] / values[TURN_BARE])
		       ? out_of_memory(err)
		       : 0;
}

static bool side_takes_part(const struct measurement *m, enum turn_side side)
{
	return side == TURN_PAWL || !m->options->alone;
}

/* One turn of each side, the first of which alternates; then their ratios. */
static int pair_take(
	struct measurement *m, uint64_t number, bool counts, struct error *err)
{
	double rates[TURN_SIDES] = {0}, writes[TURN_SIDES] = {0}, reads[TURN_SIDES] = {0};
	int rc = 0;

	for (unsigned int i = 0; i < TURN_SIDES && !rc; i++) {
		enum turn_side side = (number + i) % 2 ? TURN_PAWL : TURN_BARE;

		if (!side_takes_part(m, side))
			continue;
		rc = turn_take(m, TURN_RATE, side, m->options->depth, err);
		if (!rc && counts)
			rc = turn_keep(m, side, err);
		rates[side] = m->rate;
		writes[side] = (double)histogram_quantile(&m->writes_ns, 500);
		reads[side] = (double)histogram_quantile(&m->reads_ns, 500);
	}
	if (rc || !counts)
		return rc;
	rc = ratio_add(&m->result->rate_ratios, rates, err);
	if (!rc)
		rc = ratio_add(&m->result->write_ratios, writes, err);
	return rc ? rc : ratio_add(&m->result->read_ratios, reads, err);
}

static int distance_take(struct measurement *m, struct error *err)
{
	uint64_t round_trip_ns = distance_between(DISTANCE_NS, m->result->cpus);

	if (round_trip_ns && series_add(&m->result->distances_ns, (double)round_trip_ns))
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

/* ---- With more and more in flight ---- */

static int load_side_take(struct measurement *m, struct storage_load *load,
	enum turn_side side, struct error *err)
{
	static struct histogram writes_ns, reads_ns; /* large */
	struct series rates = {0};
	int rc = 0;

	histogram_clear(&writes_ns);
	histogram_clear(&reads_ns);
	for (int i = 0; i < PAIRS_PER_LOAD && !rc; i++) {
		rc = turn_take(
			m, TURN_RATE, side, load->in_flight / m->options->clients, err);
		histogram_merge(&writes_ns, &m->writes_ns);
		histogram_merge(&reads_ns, &m->reads_ns);
		if (!rc && series_add(&rates, m->rate))
			rc = out_of_memory(err);
	}
	load->sides[side].rate = series_spread(&rates).median;
	histogram_latency(&writes_ns, &load->sides[side].writes);
	histogram_latency(&reads_ns, &load->sides[side].reads);
	free(rates.values);
	return rc;
}

static int loads_take(struct measurement *m, struct error *err)
{
	uint64_t clients = m->options->clients;
	int rc = 0;

	for (uint64_t depth = 1; depth * clients <= IN_FLIGHT_MAX && !rc; depth *= 2) {
		struct storage_load *load = &m->result->loads[m->result->loads_count];

		load->in_flight = depth * clients;
		rc = load_side_take(m, load, TURN_PAWL, err);
		if (!rc && side_takes_part(m, TURN_BARE))
			rc = load_side_take(m, load, TURN_BARE, err);
		m->result->loads_count += rc == 0;
	}
	return rc;
}

/* ---- All of it ---- */

/* A turn of each side that is not about time. */
static int both_take(struct measurement *m, enum turn_what what, struct error *err)
{
	int rc = turn_take(m, what, TURN_PAWL, m->options->depth, err);

	if (!rc && side_takes_part(m, TURN_BARE))
		rc = turn_take(m, what, TURN_BARE, m->options->depth, err);
	return rc;
}

static int all_take(struct measurement *m, struct error *err)
{
	int rc = both_take(m, TURN_FILL, err);

	if (!rc)
		rc = pairs_take(m, err);
	if (!rc && m->options->plot)
		rc = loads_take(m, err);
	if (!rc)
		rc = both_take(m, TURN_CHECK, err);
	if (!rc)
		m->result->keys_checked = m->options->keys;
	return rc;
}

int storage_measure(const struct storage_options *options, struct team *team,
	struct storage_shared *shared, const struct cluster *cluster,
	struct storage_result *result, struct error *err)
{
	struct measurement *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return out_of_memory(err);
	m->options = options;
	m->team = team;
	m->shared = shared;
	m->cluster = cluster;
	m->result = result;
	result->turn_ns = options->verbs ? TURN_VERBS_NS : TURN_SHM_NS;
	result->clock_ns = clock_cost_ns(&m->writes_ns);
	result->costs = cluster->costs;
	rc = all_take(m, err);
	free(m);
	return rc;
}
