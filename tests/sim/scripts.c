#include "tests/sim/scripts.h"

#define STEP_NS 50000
#define STEPS 400

static void cluster_begin(struct cluster *c, uint32_t replicas, uint64_t seed, bool trace)
{
	struct cluster_config config = {
		.seed = seed,
		.replicas = replicas,
		.clients = 2,
		.operations = {OPERATIONS_MAX, OPERATIONS_MAX, 20, 20, 20},
		.depth = DEPTH_MAX,
		.reserve_max = 20,
		.ceiling_ahead = 200,
		.lease_ns = 500000,
		.detect_ns = 100000,
		.eagerness = 40,
		.reads = 200,
		.straggle = 10000,
		.straggle_ns = 50000,
		.direct = seed % 3 == 0,
		.scripted = true,
		.trace = trace,
	};

	cluster_open(c, &config, NULL);
}

static bool chain_is(const struct cluster *c, uint32_t count)
{
	return c->store.present && c->store.record.phase == EPOCH_ACTIVE &&
	       c->store.record.chain.count == count;
}

bool script_await_chain(struct cluster *c, uint32_t count)
{
	for (int i = 0; i < STEPS && !chain_is(c, count); i++)
		(void)cluster_run(c, STEP_NS);
	return chain_is(c, count);
}

bool script_await_epoch(struct cluster *c, uint64_t epoch)
{
	for (int i = 0; i < STEPS && c->store.record.active_epoch <= epoch; i++)
		(void)cluster_run(c, STEP_NS);
	return c->store.record.active_epoch > epoch;
}

struct sim_replica *script_head(struct cluster *c)
{
	return &c->replicas[c->store.record.chain.at[0].id - 1];
}

struct sim_replica *script_backup(struct cluster *c)
{
	return &c->replicas[c->store.record.chain.at[1].id - 1];
}

const char *script_finish_without_gaps(struct cluster *c)
{
	const char *wrong = cluster_finish(c);

	for (uint32_t i = 0; i < COUNTERS && !wrong; i++) {
		if (c->gaps_found[i] > 0)
			wrong = "a planned change skipped numbers";
	}
	return wrong;
}

const char *script_play(
	struct cluster *c, const struct script *script, uint64_t seed, bool trace)
{
	cluster_begin(c, script->replicas, seed, trace);
	if (!script_await_chain(c, script->replicas))
		return "the chain did not form";
	(void)cluster_run(c, MS);
	return script->run(c, seed);
}

const struct script scripts[] = {
	{"a head that lost its memory does not begin again", script_lost_head, 2},
	{"memory of an older epoch does not count", script_older_epoch, 2},
	{"a head that begins with empty memory goes on at the base", script_empty_head,
		2},
	{"a bootstrap of an older epoch that comes late changes nothing",
		script_stale_bootstrap, 3},
	{"all restart with their memory and lose nothing", script_all_restart, 3},
	{"all lost begins again at the ceiling", script_all_lost, 2},
	{"a stopped cluster goes on where it ended, whoever begins it",
		script_stop_and_begin, 3},
	{"of two that begin a stopped cluster one does", script_two_begin, 3},
	{"a proposer that dies while it claims is replaced", script_dies_claiming, 4},
	{"a proposer that dies while it seals is replaced", script_dies_sealing, 4},
	{"a proposer that dies while it installs is replaced", script_dies_installing, 4},
	{"a proposer that dies while leases run out is replaced", script_dies_leasing, 4},
	{"a proposer that dies while it activates is replaced", script_dies_activating,
		4},
	{"a head that only clients reach confirms nothing", script_zombie_head, 3},
	{"a seal that misses the head waits for its leases", script_seal_misses_head, 3},
	{"head and backup parted, both reach the store: one goes on", script_parted_both,
		2},
	{"head and backup parted, the head reaches the store: it goes on",
		script_parted_head, 2},
	{"head and backup parted, the backup reaches the store: it takes over",
		script_parted_backup, 2},
	{"head and backup parted, none reaches the store: drawing goes on",
		script_parted_neither, 2},
	{"a head that is promoted away loses nothing", script_promote, 3},
	{"a head that is removed loses nothing", script_remove_head, 3},
	{"several wishes at once are all fulfilled", script_several_wishes, 4},
	{"members that join at once are all taken in", script_join_at_once, 4},
	{"a replica that does not ask is taken in when an operator does",
		script_add_stranger, 3},
	{"a counter is made though the store was away", script_counter_without_store, 2},
};

const uint32_t scripts_count = sizeof(scripts) / sizeof(scripts[0]);
