/* Proposers that die in the middle of a change, and networks that part. */
#include "tests/sim/scripts.h"

static struct sim_replica *proposer_in(struct cluster *c, enum epoch_step step)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		struct sim_replica *r = &c->replicas[i];

		if (r->alive && r->machine.proposal.step == step)
			return r;
	}
	return NULL;
}

/* The head dies; whoever takes over dies some time into the step. */
static const char *dies_in(struct cluster *c, uint64_t seed, enum epoch_step step)
{
	struct sim_replica *proposer = NULL;

	replica_crash(script_head(c), false);
	for (int i = 0; i < 60000 && !proposer; i++) {
		(void)cluster_run(c, 100);
		proposer = proposer_in(c, step);
	}
	if (!proposer)
		return "nobody came to that step";
	(void)cluster_run(c, seed * 700 % 40000);
	replica_crash(proposer, seed % 2);
	if (!script_await_chain(c, 2))
		return "nobody took over";
	(void)cluster_run(c, MS);
	return cluster_finish(c);
}

const char *script_dies_claiming(struct cluster *c, uint64_t seed)
{
	return dies_in(c, seed, EPOCH_CLAIMING);
}

const char *script_dies_sealing(struct cluster *c, uint64_t seed)
{
	return dies_in(c, seed, EPOCH_SEALING);
}

const char *script_dies_installing(struct cluster *c, uint64_t seed)
{
	return dies_in(c, seed, EPOCH_INSTALLING);
}

const char *script_dies_leasing(struct cluster *c, uint64_t seed)
{
	return dies_in(c, seed, EPOCH_LEASING);
}

const char *script_dies_activating(struct cluster *c, uint64_t seed)
{
	return dies_in(c, seed, EPOCH_ACTIVATING);
}

static void cut_off(struct cluster *c, uint32_t replica, uint64_t ns)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (i != replica)
			fault_part(c, replica, i, ns);
	}
	fault_part_store(c, replica, ns);
}

const char *script_zombie_head(struct cluster *c, uint64_t seed)
{
	(void)seed;
	cut_off(c, script_head(c)->index, 20 * MS);
	if (!script_await_chain(c, 2))
		return "the head was not voted out";
	(void)cluster_run(c, 2 * MS);
	return cluster_finish(c);
}

const char *script_seal_misses_head(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c), *proposer;
	uint64_t epoch = c->store.record.active_epoch;
	const struct sim_region *region;
	const struct epoch_counter *counter = &c->store.counters[1];

	(void)seed;
	cut_off(c, head->index, 20 * MS);
	if (!script_await_epoch(c, epoch))
		return "the head was not voted out";
	region = replica_region(head, epoch);
	if (!region || region->exact[0] || region->exact[1])
		return "the head was sealed";
	proposer = &c->replicas[c->store.record.proposer.id - 1];
	if (replica_clock(proposer) <
		proposer->machine.proposal.newest_seal_ns + c->config.lease_ns)
		return "an epoch began while leases of the one before ran";
	if (counter->base > counter->reserve_max &&
		counter->stand != counter->base - counter->reserve_max)
		return "tickets stand that marks written ahead covered";
	(void)cluster_run(c, 2 * MS);
	return cluster_finish(c);
}

/* @part: who can not reach the store.  NULL, or what is wrong. */
static const char *parted(struct cluster *c, bool part_head, bool part_backup)
{
	struct sim_replica *head = script_head(c), *backup = script_backup(c);
	const struct epoch_record *record = &c->store.record;
	uint64_t epoch = record->active_epoch, confirmed;
	uint32_t leader;

	fault_part(c, head->index, backup->index, 6 * MS);
	if (part_head)
		fault_part_store(c, head->index, 6 * MS);
	if (part_backup)
		fault_part_store(c, backup->index, 6 * MS);
	(void)cluster_run(c, 3 * MS);
	confirmed = c->confirmed[0];
	(void)cluster_run(c, 2 * MS);
	if (c->confirmed[0] == confirmed)
		return "nothing was drawn while they were parted";
	if (part_head && part_backup)
		return record->active_epoch == epoch ? NULL
						     : "an epoch came from nowhere";
	leader = record->chain.at[0].id - 1;
	if (record->active_epoch == epoch || record->chain.count != 1)
		return "nobody was voted out";
	if ((leader == head->index && part_head) ||
		(leader == backup->index && part_backup))
		return "a replica leads that can not reach the store";
	return NULL;
}

static const char *parted_and_healed(struct cluster *c, bool part_head, bool part_backup)
{
	const char *wrong = parted(c, part_head, part_backup);

	if (wrong)
		return wrong;
	if (!script_await_chain(c, 2))
		return "they did not come together again";
	return cluster_finish(c);
}

const char *script_parted_both(struct cluster *c, uint64_t seed)
{
	(void)seed;
	return parted_and_healed(c, false, false);
}

const char *script_parted_head(struct cluster *c, uint64_t seed)
{
	(void)seed;
	return parted_and_healed(c, false, true);
}

const char *script_parted_backup(struct cluster *c, uint64_t seed)
{
	(void)seed;
	return parted_and_healed(c, true, false);
}

const char *script_parted_neither(struct cluster *c, uint64_t seed)
{
	(void)seed;
	return parted_and_healed(c, true, true);
}
