/* The classic failures of sequencers, each a story that must end well. */
#ifndef PAWL_TESTS_SIM_SCRIPTS_H
#define PAWL_TESTS_SIM_SCRIPTS_H

#include "tests/sim/cluster.h"

#define MS UINT64_C(1000000)

struct script {
	const char *name;
	/* @c is open, and its chain of @replicas has been in use.  NULL, or what is wrong.
	 */
	const char *(*run)(struct cluster *c, uint64_t seed);
	uint32_t replicas;
};

extern const struct script scripts[];
extern const uint32_t scripts_count;

/* Opens the cluster and plays.  NULL, or what is wrong. */
const char *script_play(
	struct cluster *c, const struct script *script, uint64_t seed, bool trace);

/* Lets time pass until the active chain has @count members; false: too long. */
bool script_await_chain(struct cluster *c, uint32_t count);
/* The same until an epoch after @epoch is active. */
bool script_await_epoch(struct cluster *c, uint64_t epoch);
struct sim_replica *script_head(struct cluster *c);
struct sim_replica *script_backup(struct cluster *c);
/* The cluster finishes, and no number may be missing. */
const char *script_finish_without_gaps(struct cluster *c);

/* scripts_memory.c: memory that is lost, empty or old, and whole clusters that end. */
const char *script_lost_head(struct cluster *c, uint64_t seed);
const char *script_older_epoch(struct cluster *c, uint64_t seed);
const char *script_empty_head(struct cluster *c, uint64_t seed);
const char *script_stale_bootstrap(struct cluster *c, uint64_t seed);
const char *script_all_restart(struct cluster *c, uint64_t seed);
const char *script_all_lost(struct cluster *c, uint64_t seed);
const char *script_stop_and_begin(struct cluster *c, uint64_t seed);
const char *script_two_begin(struct cluster *c, uint64_t seed);

/* scripts_takeover.c: proposers that die, and networks that part. */
const char *script_dies_claiming(struct cluster *c, uint64_t seed);
const char *script_dies_sealing(struct cluster *c, uint64_t seed);
const char *script_dies_installing(struct cluster *c, uint64_t seed);
const char *script_dies_leasing(struct cluster *c, uint64_t seed);
const char *script_dies_activating(struct cluster *c, uint64_t seed);
const char *script_zombie_head(struct cluster *c, uint64_t seed);
const char *script_seal_misses_head(struct cluster *c, uint64_t seed);
const char *script_parted_both(struct cluster *c, uint64_t seed);
const char *script_parted_head(struct cluster *c, uint64_t seed);
const char *script_parted_backup(struct cluster *c, uint64_t seed);
const char *script_parted_neither(struct cluster *c, uint64_t seed);

/* scripts_planned.c: what people ask for. */
const char *script_promote(struct cluster *c, uint64_t seed);
const char *script_remove_head(struct cluster *c, uint64_t seed);
const char *script_several_wishes(struct cluster *c, uint64_t seed);
const char *script_join_at_once(struct cluster *c, uint64_t seed);
const char *script_add_stranger(struct cluster *c, uint64_t seed);
const char *script_counter_without_store(struct cluster *c, uint64_t seed);

#endif
