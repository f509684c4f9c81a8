/* What must hold when the record changes or a region is made, and of the whole history. */
#include <inttypes.h>

#include "tests/sim/streams.h"

/* The region of the head of the epoch that ends, while its memory is there. */
static struct sim_region *former_head(struct cluster *c)
{
	const struct epoch_record *old = &c->store.record;
	struct epoch_member head = old->former.at[0];
	struct sim_region *region;

	if (old->former.count == 0 || !c->replicas[head.id - 1].alive)
		return NULL;
	region = replica_region(&c->replicas[head.id - 1], old->active_epoch);
	return region && region->incarnation == head.incarnation ? region : NULL;
}

/* A base above what the head gave out would skip numbers of a dense counter. */
static void check_dense(struct cluster *c, const struct sim_region *head,
	uint32_t counter, uint64_t base, uint64_t word)
{
	uint64_t end = head->exact[counter] ? head->values[counter] : word;

	if (base > end)
		cluster_wrong(c, "a dense counter goes on above what was given out");
}

/* The head was sealed, and its successor goes on exactly where it ended. */
static void check_exact(struct cluster *c, const struct sim_region *head,
	uint32_t counter, const struct epoch_counter *new)
{
	if (!head->exact[counter])
		cluster_wrong(c, "an epoch took a head's values that was not sealed");
	else if (new->base != head->values[counter])
		cluster_wrong(c, "an epoch does not go on where its sealed head ended");
}

static void check_bases(struct cluster *c, const struct epoch_record *new)
{
	struct sim_region *head = former_head(c);

	for (uint32_t i = 0; head && i < new->counters_count; i++) {
		const struct epoch_counter *counter = &new->counters[i];
		uint64_t word = *region_word(head, region_counter_offset(i));
		bool exact = counter->reserve_max > 0 && counter->base > 0 &&
			     counter->stand == counter->base;

		if (counter->reserve_max == 0)
			check_dense(c, head, i, counter->base, word);
		if ((exact && !MUTATED(STAND_AT_BASE)) ||
			c->planned_from == c->store.record.active_epoch)
			check_exact(c, head, i, counter);
	}
	if (!head && c->planned_from == c->store.record.active_epoch)
		cluster_wrong(c, "a planned change lost its head");
}

/* Nothing was given out while it was stopped. */
static void check_begun(struct cluster *c, const struct epoch_record *new)
{
	const struct sim_store *old = &c->store;

	if (!old->present || old->record.active_epoch == 0 || c->recovering)
		return;
	for (uint32_t i = 0; i < new->counters_count; i++) {
		if (new->counters[i].base != old->counters[i].base)
			cluster_wrong(c, "a cluster began where it had not ended");
	}
}

/* The bases of an epoch, or of a stop: above everything that anybody was given. */
static void epoch_note(struct cluster *c, const struct epoch_record *new)
{
	bool begins = c->store.present && c->store.record.former.count == 0;
	struct sim_epoch *e = &c->epochs[c->epochs_count];

	PAWL_ASSERT(c->epochs_count < EPOCHS_MAX);
	c->epochs_count++;
	e->epoch = new->epoch;
	for (uint32_t i = 0; i < new->counters_count; i++) {
		const struct epoch_counter *counter = &new->counters[i];

		e->bases[i] = counter->base;
		if ((counter->stand < counter->base && !begins) || MUTATED(STAND_AT_BASE))
			c->gaps_allowed[i] += counter->reserve_max;
		if (counter->base < c->confirmed[i])
			cluster_wrong(c, "an epoch begins below a number given out");
	}
	if (c->streams)
		check_stream_base(c, new->epoch, e->bases[STREAM_COUNTER]);
}

static void check_epoch(struct cluster *c, const struct epoch_record *new)
{
	if (c->epochs_count > 0 && c->epochs[c->epochs_count - 1].epoch == new->epoch)
		return;
	if (c->store.present && c->store.record.former.count > 0 && !c->recovering)
		check_bases(c, new);
	else
		check_begun(c, new);
	epoch_note(c, new);
	c->recovering = false;
	c->planned_from = 0;
}

/* Places of counters are for ever, and so are their names. */
static void check_names(struct cluster *c, const struct parcel *request)
{
	uint32_t count = c->store.present ? c->store.record.counters_count : 0;
	bool seen[NAMES + 1] = {false};

	if (request->record.counters_count < count)
		cluster_wrong(c, "a counter is gone");
	for (uint32_t i = COUNTERS_BEGUN; i < request->record.counters_count; i++) {
		uint32_t name = request->names[i];

		PAWL_ASSERT(name >= 1 && name <= NAMES);
		if (seen[name])
			cluster_wrong(c, "two counters have the same name");
		seen[name] = true;
		if (i < count && name != c->store.names[i])
			cluster_wrong(c, "a counter has got another name");
		if (request->counters[i].reserve_max != reserve_of_name(c, name))
			cluster_wrong(c, "a counter was made from another's wish");
	}
	for (uint32_t name = 1; name <= NAMES; name++) {
		if (c->promised[name] && !seen[name])
			cluster_wrong(c, "a counter that somebody was told of is gone");
	}
}

/* Only who was told to begins a cluster that is stopped. */
static void check_beginner(struct cluster *c, const struct epoch_record *new)
{
	const struct sim_replica *r = &c->replicas[new->proposer.id - 1];

	if (c->store.present && c->store.record.phase == EPOCH_STOPPED &&
		!c->recovering && r->life == new->proposer.incarnation && !r->may_begin)
		cluster_wrong(c, "a cluster that was stopped began by itself");
}

/* Epoch numbers only grow, and each has one claim (E1). */
static void check_claim(struct cluster *c, const struct epoch_record *new)
{
	const struct epoch_record *old = &c->store.record;

	if (!c->store.present)
		return;
	if (new->epoch < old->epoch || new->active_epoch < old->active_epoch)
		cluster_wrong(c, "the record went back to an older epoch");
	if (new->epoch == old->epoch &&
		(!epoch_member_same(new->proposer, old->proposer) ||
			new->chain.count != old->chain.count ||
			(new->phase == EPOCH_PREPARING && old->phase != EPOCH_PREPARING)))
		cluster_wrong(c, "an epoch was claimed twice");
}

void check_record(struct cluster *c, const struct parcel *request)
{
	struct epoch_record new = request->record;
	struct epoch_counter counters[COUNTERS];

	for (uint32_t i = 0; i < COUNTERS; i++)
		counters[i] = request->counters[i];
	new.counters = counters;
	check_claim(c, &new);
	check_names(c, request);
	check_beginner(c, &new);
	if (new.phase != EPOCH_PREPARING)
		check_epoch(c, &new);
}

/*
 * An epoch is installed once: a second region would have none of the marks that clients wrote
 * into the first, and which of the two is sealed would be chance (X2).  One that was retired
 * is held until its memory goes.
 */
void check_install(struct sim_replica *r, uint64_t epoch)
{
	if (replica_region(r, epoch))
		cluster_wrong(r->cluster,
			"a replica made a second region of an epoch that it holds (X2)");
}

const char *check_histories(struct cluster *c)
{
	for (uint32_t i = 0; i < COUNTERS; i++) {
		struct history_finding found = history_check(
			c->history[i], c->history_count[i]);

		c->gaps_found[i] = found.gaps;
		if (found.verdict != HISTORY_LINEARIZABLE) {
			cluster_trace(c,
				"counter %u: %" PRIu64 " of client %u and %" PRIu64
				" of client %u",
				i, found.first.last, found.first.client,
				found.second.last, found.second.client);
			return history_verdict_name(found.verdict);
		}
		if (found.gaps > c->gaps_allowed[i] && cluster_all_returned(c)) {
			cluster_trace(c,
				"counter %u: %" PRIu64 " missing, %" PRIu64 " explained",
				i, found.gaps, c->gaps_allowed[i]);
			return "numbers are missing that nothing explains";
		}
	}
	return NULL;
}
