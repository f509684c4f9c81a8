/* Memory that is lost, empty or old, and clusters that end and begin. */
#include "tests/sim/scripts.h"

const char *script_lost_head(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c);
	uint64_t epoch = c->store.record.active_epoch;

	(void)seed;
	fault_pause(c, script_backup(c)->index, 4 * MS);
	replica_crash(head, false);
	(void)cluster_run(c, 200000);
	replica_start(head);
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.active_epoch != epoch)
		return "a head with empty memory began an epoch";
	return cluster_finish(c);
}

const char *script_older_epoch(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c), *backup = script_backup(c);
	uint64_t epoch;

	(void)seed;
	replica_crash(backup, true);
	if (!script_await_chain(c, 1))
		return "the dead backup was not voted out";
	(void)cluster_run(c, MS);
	replica_crash(head, false);
	epoch = c->store.record.active_epoch;
	replica_start(backup);
	(void)cluster_run(c, 5 * MS);
	if (c->store.record.active_epoch != epoch)
		return "memory of an older epoch began a new one";
	return cluster_finish(c); /* an operator recovers it */
}

/* A new life joins with nothing but the bases, is promoted, and soon it is alone. */
const char *script_empty_head(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c), *backup = script_backup(c);

	(void)seed;
	replica_crash(backup, false);
	if (!script_await_chain(c, 1))
		return "the dead backup was not voted out";
	replica_start(backup);
	if (!script_await_chain(c, 2))
		return "the new life was not taken in";
	(void)cluster_run(c, 2 * MS); /* until the head knows it too */
	if (epoch_promote(&head->machine, backup->index + 1, replica_clock(head)) != 0)
		return "the head refused a promotion";
	replica_effects(head);
	if (!script_await_epoch(c, c->store.record.active_epoch) ||
		script_head(c) != backup)
		return "the promoted member did not become the head";
	replica_crash(head, false);
	if (!script_await_chain(c, 1))
		return "the former head was not voted out";
	return cluster_finish(c);
}

/* What the first epoch's proposer said, long ago, comes once more to @r. */
static void old_messages(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	struct epoch_counter counters[COUNTERS] = {{.ceiling = 1}, {.ceiling = 1}};
	struct epoch_history history = {.count = 0};
	struct epoch_message message = {
		.from = {1, 1},
		.to = replica_member(r),
		.claim = 1,
		.counters_count = COUNTERS_BEGUN,
		.chain = {.count = 1, .at = {{1, 1}}},
		.counters = counters,
		.history = &history,
	};
	enum epoch_message_kind kinds[] = {EPOCH_INSTALL, EPOCH_ACTIVATED, EPOCH_SEAL};

	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		message.kind = kinds[i];
		epoch_on_message(&r->machine, &message, cluster_clock(c, r->index));
		replica_effects(r);
	}
}

const char *script_stale_bootstrap(struct cluster *c, uint64_t seed)
{
	uint64_t epoch = c->store.record.active_epoch;

	(void)seed;
	for (uint32_t i = 0; i < c->config.replicas; i++)
		old_messages(&c->replicas[i]);
	(void)cluster_run(c, MS);
	if (c->store.record.epoch != epoch)
		return "an old message changed the epoch";
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		struct sim_replica *r = &c->replicas[i];
		struct sim_region *region = replica_region(r, epoch);

		if (r->served != epoch || *region_word(region, REGION_STATE_OFFSET) !=
						  region_state_open(epoch))
			return "an old message took a region out of service";
	}
	return script_finish_without_gaps(c);
}

const char *script_all_restart(struct cluster *c, uint64_t seed)
{
	const char *wrong;

	(void)seed;
	for (uint32_t i = 0; i < c->config.replicas; i++)
		replica_crash(&c->replicas[i], true);
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < c->config.replicas; i++)
		replica_start(&c->replicas[i]);
	wrong = cluster_finish(c);
	if (!wrong && c->gaps_allowed[0] > UINT64_MAX / 4)
		return "an operator had to recover it";
	return wrong;
}

const char *script_all_lost(struct cluster *c, uint64_t seed)
{
	uint64_t ceilings[COUNTERS];
	const char *wrong;

	(void)seed;
	for (uint32_t i = 0; i < c->config.replicas; i++)
		replica_crash(&c->replicas[i], false);
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < COUNTERS; i++)
		ceilings[i] = c->store.counters[i].ceiling;
	wrong = cluster_finish(c);
	for (uint32_t i = 0; i < COUNTERS && !wrong; i++) {
		if (c->epochs[c->epochs_count - 1].bases[i] < ceilings[i])
			wrong = "an epoch after total loss began below the ceiling";
	}
	return wrong;
}

static bool await_stop(struct cluster *c)
{
	for (int i = 0; i < 200 && c->store.record.phase != EPOCH_STOPPED; i++)
		(void)cluster_run(c, 50000);
	return c->store.record.phase == EPOCH_STOPPED;
}

/* The record has the bases: no memory is needed, and any replica will do. */
const char *script_stop_and_begin(struct cluster *c, uint64_t seed)
{
	struct sim_replica *beginner = &c->replicas[seed % c->config.replicas];
	const char *wrong;

	operator_stop(c);
	if (!await_stop(c))
		return "the cluster did not stop";
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.phase != EPOCH_STOPPED)
		return "a stopped cluster began by itself";
	for (uint32_t i = 0; i < c->config.replicas; i++)
		replica_crash(&c->replicas[i], seed % 2);
	replica_start(beginner);
	replica_begin(beginner);
	replica_effects(beginner);
	if (!script_await_chain(c, 1))
		return "the cluster did not begin again";
	wrong = cluster_finish(c);
	if (!wrong && c->gaps_allowed[0] > UINT64_MAX / 4)
		return "an operator had to recover it";
	return wrong;
}

const char *script_two_begin(struct cluster *c, uint64_t seed)
{
	uint64_t epoch = c->store.record.active_epoch;
	uint32_t late = 1 + (uint32_t)(seed % (c->config.replicas - 1));

	operator_stop(c);
	if (!await_stop(c))
		return "the cluster did not stop";
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		replica_begin(&c->replicas[i]);
		replica_effects(&c->replicas[i]);
	}
	fault_pause(c, late, 4 * MS); /* its claim is on its way */
	if (!script_await_epoch(c, epoch))
		return "the cluster did not begin again";
	epoch = c->store.record.active_epoch;
	if (!script_await_chain(c, c->config.replicas))
		return "the others were not taken in";
	(void)cluster_run(c, 2 * MS);
	operator_stop(c);
	if (!await_stop(c))
		return "the cluster did not stop again";
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.phase != EPOCH_STOPPED)
		return "an old permission began the cluster";
	return cluster_finish(c);
}
