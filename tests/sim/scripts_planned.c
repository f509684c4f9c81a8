/* What people ask for: nothing is wrong, so nothing may be lost. */
#include <string.h>

#include "tests/sim/scripts.h"

/* From here to the next epoch no number may be lost or skipped (checks.c). */
static void plan(struct cluster *c)
{
	c->planned_from = c->store.record.epoch;
}

const char *script_promote(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c), *next = script_backup(c);
	uint64_t epoch = c->store.record.active_epoch;

	(void)seed;
	plan(c);
	if (epoch_promote(&head->machine, next->index + 1, replica_clock(head)) != 0)
		return "the head refused a promotion";
	replica_effects(head);
	if (!script_await_epoch(c, epoch) || script_head(c) != next ||
		c->store.record.chain.count != 3)
		return "the promoted member did not become the head";
	return script_finish_without_gaps(c);
}

const char *script_remove_head(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c);
	uint64_t epoch = c->store.record.active_epoch;

	(void)seed;
	head->machine.config.rejoin = false;
	plan(c);
	if (epoch_remove(&head->machine, head->index + 1, replica_clock(head)) != 0)
		return "the head refused to be removed";
	replica_effects(head);
	if (!script_await_epoch(c, epoch) || script_head(c) == head)
		return "the head was not removed";
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.chain.count != 2)
		return "a removed member came back unasked";
	return script_finish_without_gaps(c);
}

const char *script_several_wishes(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c);
	const struct epoch_chain *chain = &c->store.record.chain;
	uint32_t removed = chain->at[1].id, promoted = chain->at[3].id;
	uint64_t now_ns = replica_clock(head);

	(void)seed;
	c->replicas[removed - 1].machine.config.rejoin = false;
	plan(c);
	if (epoch_remove(&head->machine, removed, now_ns) != 0 ||
		epoch_promote(&head->machine, promoted, now_ns) != 0)
		return "the head refused a wish";
	operator_create(head, 1);
	operator_create(script_backup(c), 2); /* no head: it is asked in vain */
	replica_effects(head);
	if (!script_await_chain(c, 3))
		return "the member was not removed";
	for (int i = 0; i < 200 && script_head(c)->index + 1 != promoted; i++)
		(void)cluster_run(c, 50000);
	if (script_head(c)->index + 1 != promoted ||
		epoch_chain_place_of_id(chain, removed) != CHAIN_MAX)
		return "a wish was forgotten";
	return script_finish_without_gaps(c);
}

const char *script_join_at_once(struct cluster *c, uint64_t seed)
{
	struct sim_replica *dead[2];

	for (uint32_t i = 0; i < 2; i++)
		dead[i] = &c->replicas[c->store.record.chain.at[2 + i].id - 1];
	for (uint32_t i = 0; i < 2; i++)
		replica_crash(dead[i], seed % 2);
	if (!script_await_chain(c, 2))
		return "the dead were not voted out";
	for (uint32_t i = 0; i < 2; i++)
		replica_start(dead[i]);
	if (!script_await_chain(c, 4))
		return "somebody was not taken in";
	return cluster_finish(c);
}

const char *script_add_stranger(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c), *backup = script_backup(c);

	(void)seed;
	replica_crash(backup, false);
	c->config.strangers = 1u << backup->index;
	if (!script_await_chain(c, 2))
		return "the dead backup was not voted out";
	replica_start(backup);
	(void)cluster_run(c, 3 * MS);
	if (c->store.record.chain.count != 2)
		return "it joined though nobody asked";
	if (epoch_add(&head->machine, replica_member(backup), replica_clock(head)) != 0)
		return "the head refused to add it";
	replica_effects(head);
	if (!script_await_chain(c, 3))
		return "it was not taken in";
	return cluster_finish(c);
}

const char *script_counter_without_store(struct cluster *c, uint64_t seed)
{
	struct sim_replica *head = script_head(c);
	uint32_t count = c->store.record.counters_count;

	fault_part_store(c, head->index, 100000 + seed * 1000 % 900000);
	operator_create(head, 3);
	(void)cluster_run(c, 4 * MS);
	if (head->creating != 0)
		return "somebody still waits for a counter";
	if (c->store.record.counters_count != count + 1 || !c->promised[3])
		return "the counter was not made";
	operator_create(head, 3); /* again: it is there */
	operator_create(head, 4);
	return script_finish_without_gaps(c);
}
