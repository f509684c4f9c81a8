/*
 * The configuration store: one linearizable record under compare-and-set.  A request takes
 * effect some time after it was made, and its answer comes later still, or says that the
 * outcome is unknown: then it took effect before, or will, or never does.
 */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/cluster.h"

#define ANSWER_LOST 1 /* stage of a request that nobody will hear of again */

static uint64_t store_delay(struct cluster *c)
{
	uint64_t delay_ns = 10000 + cluster_random(c, 60000);

	if (cluster_chance(c, 30))
		delay_ns += cluster_random(c, 500000);
	return delay_ns;
}

static bool is_parted(const struct cluster *c, uint32_t replica)
{
	return c->store_parted_until[replica] > cluster_now(c);
}

static void answer_unknown(struct sim_replica *r, uint64_t life, bool write)
{
	struct parcel *answer = parcel_new(r->cluster, PARCEL_STORE_ANSWER, r->index);

	answer->life = life;
	answer->write = write;
	answer->written = EPOCH_UNKNOWN;
	parcel_send(r->cluster, answer, store_delay(r->cluster) * 2);
}

void store_request(struct sim_replica *r, const struct epoch_effect *effect)
{
	struct cluster *c = r->cluster;
	bool lost = is_parted(c, r->index) || (!c->quiet && cluster_chance(c, 40));
	struct parcel *request;

	if (lost)
		answer_unknown(r, r->life, effect->kind == EPOCH_WRITE_RECORD);
	if (lost && cluster_chance(c, 500))
		return; /* it never arrives */
	request = parcel_new(c, PARCEL_STORE_REQUEST, r->index);
	request->stage = lost ? ANSWER_LOST : 0;
	request->life = r->life;
	request->write = effect->kind == EPOCH_WRITE_RECORD;
	request->blind = effect->blind;
	request->revision = effect->revision;
	if (request->write) {
		request->record = *effect->record;
		memcpy(request->counters, effect->record->counters,
			sizeof(request->counters));
		creation_name(r, request);
	}
	parcel_send(c, request, store_delay(c) * (lost ? 2 : 1));
}

static void watch_tell(struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		uint32_t copies = cluster_chance(c, 100) ? 2 : 1;

		while (copies-- > 0 && !is_parted(c, i))
			parcel_send(c, parcel_new(c, PARCEL_WATCH, i), store_delay(c));
	}
}

static const char *const phases[] = {[EPOCH_PREPARING] = "preparing",
	[EPOCH_ACTIVE] = "active",
	[EPOCH_STOPPED] = "stopped"};

static void record_put(struct cluster *c, const struct parcel *request)
{
	struct sim_store *store = &c->store;

	check_record(c, request);
	creation_check(c, request);
	store->present = true;
	store->revision++;
	store->record = request->record;
	memcpy(store->counters, request->counters, sizeof(store->counters));
	memcpy(store->names, request->names, sizeof(store->names));
	store->record.counters = store->counters;
	cluster_trace(c,
		"store: revision %" PRIu64 " epoch %" PRIu64 " %s active %" PRIu64
		" proposer %u chain of %u led by %u bases %" PRIu64 " %" PRIu64
		" ceilings %" PRIu64 " %" PRIu64,
		store->revision, store->record.epoch, phases[store->record.phase],
		store->record.active_epoch, store->record.proposer.id,
		store->record.chain.count, store->record.chain.at[0].id,
		store->counters[0].base, store->counters[1].base,
		store->counters[0].ceiling, store->counters[1].ceiling);
	watch_tell(c);
}

void store_apply(struct cluster *c, struct parcel *request)
{
	struct sim_store *store = &c->store;
	bool answered = request->stage != ANSWER_LOST;
	enum epoch_written written = EPOCH_WRITTEN;
	struct parcel *answer;

	if (is_parted(c, request->node)) {
		if (answered)
			answer_unknown(&c->replicas[request->node], request->life,
				request->write);
		return;
	}
	if (request->write && request->revision != store->revision && !request->blind)
		written = EPOCH_CONFLICT;
	else if (request->write)
		record_put(c, request);
	if (!answered)
		return;
	answer = parcel_new(c, PARCEL_STORE_ANSWER, request->node);
	answer->life = request->life;
	answer->write = request->write;
	answer->written = written;
	answer->absent = !store->present;
	answer->revision = store->revision;
	answer->record = store->record;
	memcpy(answer->counters, store->counters, sizeof(answer->counters));
	memcpy(answer->names, store->names, sizeof(answer->names));
	parcel_send(c, answer, store_delay(c));
}

/* What a daemon learns beside its machine. */
static void record_known(struct sim_replica *r, const struct parcel *answer)
{
	creation_learn(r, answer->names, answer->record.counters_count);
	if (answer->record.phase == EPOCH_ACTIVE)
		r->may_begin = false;
}

void store_answer(struct sim_replica *r, const struct parcel *answer)
{
	struct epoch_machine *m = &r->machine;
	struct epoch_record record = answer->record;
	struct epoch_counter counters[COUNTERS];
	uint64_t now_ns = replica_clock(r);

	memcpy(counters, answer->counters, sizeof(counters));
	record.counters = counters;
	if (answer->written == EPOCH_WRITTEN && !answer->absent)
		record_known(r, answer);
	if (answer->write)
		epoch_on_written(m, answer->written, answer->revision, now_ns);
	else if (answer->written == EPOCH_UNKNOWN)
		epoch_on_store_failed(m, now_ns);
	else
		epoch_on_record(
			m, answer->absent ? NULL : &record, answer->revision, now_ns);
}
