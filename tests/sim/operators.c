/* People: they do not know which replica to ask, so they ask any, for any number of things. */
#include <string.h>

#include "tests/sim/cluster.h"

static uint32_t any_id(struct cluster *c)
{
	return 1 + (uint32_t)cluster_random(c, c->config.replicas);
}

static bool answers(const struct sim_replica *r)
{
	return r->alive && !cluster_is_paused(r->cluster, r->index);
}

uint64_t reserve_of_name(const struct cluster *c, uint32_t name)
{
	return name % 2 ? c->config.reserve_max : 0;
}

void operator_create(struct sim_replica *r, uint32_t name)
{
	if (!answers(r) || r->creating != 0)
		return;
	cluster_trace(r->cluster, "operator: replica %u, make counter '%u'", r->index + 1,
		name);
	r->creating = name;
	creation_advance(r);
	replica_effects(r);
}

static void operator_add(struct sim_replica *r, uint32_t id)
{
	const struct sim_replica *joiner = &r->cluster->replicas[id - 1];

	if (joiner->alive)
		(void)epoch_add(&r->machine, replica_member(joiner), replica_clock(r));
}

static void operator_ask(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	uint32_t id = any_id(c);

	switch (cluster_random(c, 4)) {
	case 0:
		(void)epoch_remove(&r->machine, id, replica_clock(r));
		break;
	case 1:
		(void)epoch_promote(&r->machine, id, replica_clock(r));
		break;
	case 2:
		operator_add(r, id);
		break;
	default:
		operator_create(r, 1 + (uint32_t)cluster_random(c, NAMES));
	}
}

static void on_begin(void *context, uint64_t argument)
{
	(void)argument;
	(void)operator_begin(context);
}

void operator_stop(struct cluster *c)
{
	cluster_trace(c, "operator: stop the cluster");
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		struct sim_replica *r = &c->replicas[i];

		if (!answers(r))
			continue;
		(void)epoch_stop(&r->machine, replica_clock(r));
		replica_effects(r);
	}
}

/* The record has the bases: whose memory is lost does not matter. */
static void restart_all(struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (c->replicas[i].alive)
			replica_crash(&c->replicas[i], cluster_chance(c, 300));
		replica_start(&c->replicas[i]);
	}
}

bool operator_begin(struct cluster *c)
{
	const struct epoch_record *record = &c->store.record;
	uint32_t beginners = 1 + (uint32_t)cluster_random(c, 3);

	if (!c->store.present || record->former.count > 0)
		return false;
	cluster_trace(c, "operator: begin the cluster");
	if (record->phase == EPOCH_STOPPED && cluster_chance(c, 700))
		restart_all(c);
	while (beginners-- > 0) {
		struct sim_replica *r = &c->replicas[any_id(c) - 1];

		if (!answers(r))
			continue;
		replica_begin(r);
		replica_effects(r);
	}
	return true;
}

bool operator_recover(struct cluster *c)
{
	if (!c->store.present || c->store.record.former.count == 0)
		return false;
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (replica_holds_newest(&c->replicas[i]))
			return false;
	}
	cluster_trace(c, "operator: everything is lost, recover");
	c->recovering = true;
	for (uint32_t i = 0; i < COUNTERS; i++)
		c->gaps_allowed[i] = UINT64_MAX / 2;
	epoch_recover(&c->replicas[0].machine, replica_clock(&c->replicas[0]));
	replica_effects(&c->replicas[0]);
	return true;
}

void operator_command(struct cluster *c)
{
	uint32_t wishes = cluster_chance(c, 300) ? 3 : 1;

	if (cluster_chance(c, 60)) {
		operator_stop(c);
		PAWL_ASSERT(sim_world_call_at(c->world,
				    cluster_now(c) + 100000 + cluster_random(c, 2000000),
				    on_begin, c, 0) == 0);
		return;
	}
	while (wishes-- > 0) {
		struct sim_replica *r = &c->replicas[any_id(c) - 1];

		if (!answers(r))
			continue;
		operator_ask(r);
		replica_effects(r);
	}
}

static bool all_is_well(const struct cluster *c)
{
	const struct epoch_record *record = &c->store.record;
	const struct sim_replica *head;

	if (!c->store.present || record->phase != EPOCH_ACTIVE || record->chain.count < 2)
		return false;
	head = &c->replicas[record->chain.at[0].id - 1];
	for (uint32_t i = 0; i < record->chain.count; i++) {
		const struct sim_replica *r = &c->replicas[record->chain.at[i].id - 1];

		if (r->life != record->chain.at[i].incarnation ||
			r->served != record->epoch || head->suspects[r->index])
			return false;
	}
	return head->machine.known && head->machine.revision == c->store.revision &&
	       head->machine.proposal.step == EPOCH_IDLE &&
	       head->machine.wishes.removed_count == 0 &&
	       head->machine.wishes.promoted == 0;
}

bool operator_plan(struct cluster *c)
{
	const struct epoch_chain *chain = &c->store.record.chain;
	struct sim_replica *head;
	uint32_t id;
	int rc;

	if (!all_is_well(c))
		return false;
	head = &c->replicas[chain->at[0].id - 1];
	id = chain->at[1 + cluster_random(c, chain->count - 1)].id;
	c->planned_from = c->store.record.epoch;
	cluster_trace(c, "operator: a planned change of epoch %lu",
		(unsigned long)c->planned_from);
	if (cluster_chance(c, 500))
		rc = epoch_promote(&head->machine, id, replica_clock(head));
	else
		rc = epoch_remove(&head->machine, chain->at[0].id, replica_clock(head));
	if (rc)
		cluster_wrong(c, "a head refused a planned change");
	operator_create(head, 1 + (uint32_t)cluster_random(c, NAMES));
	replica_effects(head);
	return true;
}
