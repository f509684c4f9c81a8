#include "tests/sim/scripts.h"

#define MS UINT64_C(1000000)

static void play(struct cluster *c, uint32_t replicas, uint64_t seed, bool trace)
{
	struct cluster_config config = {
		.seed = seed,
		.replicas = replicas,
		.clients = 2,
		.operations = {OPERATIONS_MAX, OPERATIONS_MAX},
		.depth = DEPTH_MAX,
		.reserve_max = 20,
		.ceiling_ahead = 200,
		.lease_ns = 100000,
		.detect_ns = 100000,
		.eagerness = 40,
		.reads = 200,
		.straggle = 10000,
		.straggle_ns = 50000,
		.scripted = true,
		.trace = trace,
	};

	cluster_open(c, &config);
}

static bool chain_is(const struct cluster *c, uint32_t count)
{
	return c->store.present && c->store.record.phase == EPOCH_ACTIVE &&
	       c->store.record.chain.count == count;
}

/* Lets time pass until the active chain has @count members. */
static bool await_chain(struct cluster *c, uint32_t count)
{
	for (int i = 0; i < 400 && !chain_is(c, count); i++)
		(void)cluster_run(c, 50000);
	return chain_is(c, count);
}

static struct sim_replica *head_of(struct cluster *c)
{
	return &c->replicas[c->store.record.chain.at[0].id - 1];
}

static struct sim_replica *backup_of(struct cluster *c)
{
	return &c->replicas[c->store.record.chain.at[1].id - 1];
}

static const char *head_that_lost_its_memory_does_not_begin_again(
	struct cluster *c, uint64_t seed, bool trace)
{
	struct sim_replica *head;
	uint64_t epoch;

	play(c, 2, seed, trace);
	if (!await_chain(c, 2))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	head = head_of(c);
	fault_pause(c, backup_of(c)->index, 4 * MS);
	replica_crash(head, false);
	epoch = c->store.record.active_epoch;
	(void)cluster_run(c, 200000);
	replica_start(head);
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.active_epoch != epoch)
		return "a head with empty memory began an epoch";
	return cluster_finish(c);
}

static const char *memory_of_an_older_epoch_does_not_count(
	struct cluster *c, uint64_t seed, bool trace)
{
	struct sim_replica *backup, *head;
	uint64_t epoch;

	play(c, 2, seed, trace);
	if (!await_chain(c, 2))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	head = head_of(c);
	backup = backup_of(c);
	replica_crash(backup, true);
	if (!await_chain(c, 1))
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

static const char *head_that_only_clients_reach_confirms_nothing(
	struct cluster *c, uint64_t seed, bool trace)
{
	struct sim_replica *head;

	play(c, 3, seed, trace);
	if (!await_chain(c, 3))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	head = head_of(c);
	for (uint32_t i = 0; i < 3; i++) {
		if (i != head->index)
			fault_part(c, head->index, i, 20 * MS);
	}
	fault_part_store(c, head->index, 20 * MS);
	if (!await_chain(c, 2))
		return "the head was not voted out";
	(void)cluster_run(c, 2 * MS);
	return cluster_finish(c);
}

static const char *all_restart_with_their_memory_and_lose_nothing(
	struct cluster *c, uint64_t seed, bool trace)
{
	uint64_t missing;
	const char *wrong;

	play(c, 3, seed, trace);
	if (!await_chain(c, 3))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < 3; i++)
		replica_crash(&c->replicas[i], true);
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < 3; i++)
		replica_start(&c->replicas[i]);
	wrong = cluster_finish(c);
	missing = c->gaps_allowed[0];
	if (!wrong && missing > UINT64_MAX / 4)
		return "an operator had to recover it";
	return wrong;
}

static const char *all_lost_begins_again_at_the_ceiling(
	struct cluster *c, uint64_t seed, bool trace)
{
	uint64_t ceilings[COUNTERS];
	const char *wrong;

	play(c, 2, seed, trace);
	if (!await_chain(c, 2))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	for (uint32_t i = 0; i < 2; i++)
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

/* The proposer dies some time into its claim; which step that is, the seed decides. */
static const char *proposer_that_dies_in_any_step_is_replaced(
	struct cluster *c, uint64_t seed, bool trace)
{
	uint32_t proposer;

	play(c, 4, seed, trace);
	if (!await_chain(c, 4))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	replica_crash(head_of(c), false);
	for (int i = 0; i < 1000 && c->store.record.phase != EPOCH_PREPARING; i++)
		(void)cluster_run(c, 1000);
	(void)cluster_run(c, seed * 7000 % 400000);
	proposer = c->store.record.proposer.id - 1;
	replica_crash(&c->replicas[proposer], seed % 2);
	if (!await_chain(c, 2))
		return "nobody took over";
	(void)cluster_run(c, MS);
	return cluster_finish(c);
}

/* Planned hand-over: no number is lost, so without lost links there is no gap at all. */
static const char *head_that_is_promoted_away_loses_nothing(
	struct cluster *c, uint64_t seed, bool trace)
{
	struct sim_replica *head;
	uint32_t next;

	play(c, 3, seed, trace);
	if (!await_chain(c, 3))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	head = head_of(c);
	next = backup_of(c)->index + 1;
	if (epoch_promote(&head->machine, next, cluster_now(c)) != 0)
		return "the head refused a promotion";
	replica_effects(head);
	for (int i = 0; i < 100 && c->store.record.chain.at[0].id != next; i++)
		(void)cluster_run(c, 50000);
	if (head_of(c)->index + 1 != next || !await_chain(c, 3))
		return "the promoted member did not become the head";
	(void)cluster_run(c, MS);
	return cluster_finish(c);
}

const struct script scripts[] = {
	{"a head that lost its memory does not begin again",
		head_that_lost_its_memory_does_not_begin_again},
	{"memory of an older epoch does not count",
		memory_of_an_older_epoch_does_not_count},
	{"a head that only clients reach confirms nothing",
		head_that_only_clients_reach_confirms_nothing},
	{"all restart with their memory and lose nothing",
		all_restart_with_their_memory_and_lose_nothing},
	{"all lost begins again at the ceiling", all_lost_begins_again_at_the_ceiling},
	{"a proposer that dies in any step is replaced",
		proposer_that_dies_in_any_step_is_replaced},
	{"a head that is promoted away loses nothing",
		head_that_is_promoted_away_loses_nothing},
};

const uint32_t scripts_count = sizeof(scripts) / sizeof(scripts[0]);
