#include "bench/measure.h"

#include <errno.h>
#include <stdlib.h>

#include "bench/bench.h"
#include "bench/clock_cost.h"
#include "hw/clock.h"

#define TURN_SHM_NS UINT64_C(20000000)
#define TURN_VERBS_NS UINT64_C(50000000)
#define TURN_DISTANCE_NS UINT64_C(2000000)
#define PAIRS_PER_TIMED 4 /* a pair with times follows so many without */
#define RATE_MAX (UINT64_C(1) << 24)
#define TIMED_MAX (UINT64_C(1) << 20)
#define CHUNK_SHM 1024
#define CHUNK_VERBS 16 /* times the depth, so that the queue is full most of the time */

_Static_assert(CHUNK_VERBS * 1024 <= TIMED_MAX / TEAM_MAX, "a chunk has room");
_Static_assert(CHUNK_SHM <= TIMED_MAX / TEAM_MAX, "a chunk has room");

struct measurement {
	const struct options *options;
	struct team *team;
	struct result *result;
	struct history histories[TURN_SIDES];
	struct history_part parts[TEAM_MAX];
	struct histogram latencies_ns; /* of one turn */
	bool warming_up;	       /* the turn is checked but does not count */
};

/* What one turn came to. */
struct outcome {
	double rate;
	double cost_ns;
	uint64_t median_ns; /* with times only */
};

int measure_team(const struct options *o, struct team **team_p, struct error *err)
{
	struct team_config config = {
		.processes = (unsigned int)o->processes,
		.chunk = o->verbs ? CHUNK_VERBS * o->depth : CHUNK_SHM,
		.rate_max = RATE_MAX,
		.timed_max = TIMED_MAX,
		.side = {.verbs = o->verbs,
			.n = o->batch,
			.depth = (unsigned int)o->depth,
			.counter = o->counter,
			.reserve = o->reserve,
			.device = o->device},
		.work = &team_sides,
	};

	return team_start(&config, &bench_interrupted, team_p, err);
}

static int out_of_memory(struct error *err)
{
	return error_set(err, -ENOMEM, "bench: out of memory");
}

/* The histories begin where the counters stand. */
static int histories_init(struct measurement *m, struct error *err)
{
	static const char *const names[TURN_SIDES] = {"bare", "pawl"};

	for (int i = 0; i < TURN_SIDES; i++) {
		uint64_t n, last;

		team_side(m->team, (enum turn_side)i, &n, &last);
		if (history_init(
			    &m->histories[i], names[i], n, last, RATE_MAX, TIMED_MAX))
			return out_of_memory(err);
		m->histories[i].clock_ns = HISTORY_CLOCK_NS;
	}
	return 0;
}

static void histories_end(struct measurement *m)
{
	for (int i = 0; i < TURN_SIDES; i++) {
		m->result->checked[i] = m->histories[i].additions;
		m->result->checked_timed[i] = m->histories[i].timed;
		history_destroy(&m->histories[i]);
	}
}

static void latencies_take(struct measurement *m, const struct team_result *r)
{
	for (uint64_t i = 0; i < r->part.count; i++)
		histogram_add(&m->latencies_ns,
			r->durations_ns ? r->durations_ns[i]
					: r->part.ends_ns[i] - r->part.begins_ns[i]);
}

/* Sums a turn up over the processes. */
static void outcome_find(
	struct measurement *m, const struct turn *turn, struct outcome *outcome_p)
{
	uint64_t begin_ns = UINT64_MAX, end_ns = 0, additions = 0, spent_ns = 0;

	histogram_clear(&m->latencies_ns);
	for (unsigned int i = 0; i < m->options->processes; i++) {
		struct team_result r;

		team_result(m->team, i, &r);
		m->parts[i] = r.part;
		begin_ns = r.begin_ns < begin_ns ? r.begin_ns : begin_ns;
		end_ns = r.end_ns > end_ns ? r.end_ns : end_ns;
		additions += r.part.count;
		spent_ns += r.end_ns - r.begin_ns;
		if (turn->what == TURN_TIMED)
			latencies_take(m, &r);
	}
	outcome_p->rate = (double)additions * 1e9 / (double)(end_ns - begin_ns);
	outcome_p->cost_ns = (double)spent_ns / (double)additions;
	outcome_p->median_ns = histogram_quantile(&m->latencies_ns, 500);
	if (!m->warming_up)
		m->result->sides[turn->side].additions += additions;
}

static int outcome_keep(struct measurement *m, const struct turn *turn,
	const struct outcome *outcome, struct error *err)
{
	struct side_result *side = &m->result->sides[turn->side];

	if (turn->what == TURN_TIMED)
		histogram_merge(&side->latencies_ns, &m->latencies_ns);
	else if (series_add(&side->rates, outcome->rate) ||
		 series_add(&side->costs_ns, outcome->cost_ns))
		return out_of_memory(err);
	return 0;
}

static int turn_take(struct measurement *m, enum turn_what what, enum turn_side side,
	struct outcome *outcome_p, struct error *err)
{
	struct turn turn = {.what = what, .side = side, .length_ns = m->result->turn_ns};
	int rc = team_turn(m->team, &turn, err);

	if (rc)
		return rc;
	outcome_find(m, &turn, outcome_p);
	rc = history_check(
		&m->histories[side], m->parts, (unsigned int)m->options->processes, err);
	if (rc || m->warming_up)
		return rc;
	return outcome_keep(m, &turn, outcome_p, err);
}

/* None where the clock is too coarse to see a bare operation. */
static int latency_ratio_add(struct result *r, const struct outcome *of)
{
	if (of[TURN_BARE].median_ns == 0)
		return 0;
	return series_add(&r->latency_ratios,
		(double)of[TURN_PAWL].median_ns / (double)of[TURN_BARE].median_ns);
}

static int rate_ratios_add(struct result *r, const struct outcome *of)
{
	const struct outcome *bare = &of[TURN_BARE], *pawl = &of[TURN_PAWL];
	int rc = series_add(&r->rate_ratios, pawl->rate / bare->rate);

	return rc ? rc : series_add(&r->cost_ratios, pawl->cost_ns / bare->cost_ns);
}

/* One turn of each side; which goes first alternates. */
static int pair_take(
	struct measurement *m, enum turn_what what, uint64_t number, struct error *err)
{
	struct outcome of[TURN_SIDES];
	enum turn_side first = number % 2 ? TURN_PAWL : TURN_BARE;
	struct result *r = m->result;
	int rc = turn_take(m, what, first, &of[first], err);

	if (!rc)
		rc = turn_take(m, what, !first, &of[!first], err);
	if (rc || m->warming_up)
		return rc;
	rc = what == TURN_TIMED ? latency_ratio_add(r, of) : rate_ratios_add(r, of);
	return rc ? out_of_memory(err) : 0;
}

/* With two processes or more that have processors of their own. */
static int distance_take(struct measurement *m, struct error *err)
{
	struct turn turn = {.what = TURN_DISTANCE, .length_ns = TURN_DISTANCE_NS};
	struct team_result leader;
	int rc;

	if (m->options->processes < 2 || !team_is_pinned(m->team))
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

/* One pair with times after several without, the distance measured around them. */
static int round_take(struct measurement *m, uint64_t number, struct error *err)
{
	int rc = distance_take(m, err);

	for (uint64_t i = 0; i < PAIRS_PER_TIMED && !rc; i++)
		rc = pair_take(m, TURN_RATE, number * PAIRS_PER_TIMED + i, err);
	if (!rc)
		rc = pair_take(m, TURN_TIMED, number, err);
	return rc ? rc : distance_take(m, err);
}

static int warm_up(struct measurement *m, struct error *err)
{
	int rc;

	m->warming_up = true;
	rc = pair_take(m, TURN_RATE, 0, err);
	if (!rc)
		rc = pair_take(m, TURN_TIMED, 0, err);
	m->warming_up = false;
	return rc;
}

int measure(const struct options *options, struct team *team, struct result *result,
	struct error *err)
{
	struct measurement *m = calloc(1, sizeof(*m));
	uint64_t end_ns = clock_now_ns() + options->seconds * 1000000000;
	int rc;

	if (!m)
		return out_of_memory(err);
	m->options = options;
	m->team = team;
	m->result = result;
	result->turn_ns = options->verbs ? TURN_VERBS_NS : TURN_SHM_NS;
	result->clock_ns = clock_cost_ns(&m->latencies_ns);
	rc = histories_init(m, err);
	if (!rc)
		rc = warm_up(m, err);
	for (uint64_t i = 0; !rc && (i == 0 || clock_now_ns() < end_ns); i++)
		rc = round_take(m, i, err);
	histories_end(m);
	free(m);
	return rc;
}
