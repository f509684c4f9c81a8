/* What goes wrong: chosen by the seed, from the first moment until the faults stop. */
#include <string.h>

#include "tests/sim/streams.h"

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void on_resume(void *context, uint64_t node)
{
	struct cluster *c = context;

	if (!cluster_is_paused(c, (uint32_t)node))
		sim_node_resume(c->world, (unsigned int)node);
}

static void call_at(
	struct cluster *c, uint64_t at_ns, sim_call_fn call, uint64_t argument)
{
	PAWL_ASSERT(sim_world_call_at(c->world, at_ns, call, c, argument) == 0);
}

void fault_pause(struct cluster *c, uint32_t node, uint64_t ns)
{
	c->paused_until[node] = later(c->paused_until[node], cluster_now(c) + ns);
	sim_node_pause(c->world, node);
	cluster_trace(c, "node %u: stopped for %lu us", node, (unsigned long)(ns / 1000));
	call_at(c, c->paused_until[node], on_resume, node);
}

static void on_heal(void *context, uint64_t pair)
{
	struct cluster *c = context;
	uint32_t a = (uint32_t)(pair >> 32), b = (uint32_t)pair;

	if (cluster_reaches(c, a, b))
		sim_world_heal(c->world, a, b);
}

void fault_part(struct cluster *c, uint32_t a, uint32_t b, uint64_t ns)
{
	uint64_t until = later(c->parted_until[a][b], cluster_now(c) + ns);

	c->parted_until[a][b] = c->parted_until[b][a] = until;
	sim_world_partition(c->world, a, b);
	cluster_trace(c, "nodes %u and %u: cut off for %lu us", a, b,
		(unsigned long)(ns / 1000));
	call_at(c, until, on_heal, (uint64_t)a << 32 | b);
}

void fault_part_store(struct cluster *c, uint32_t replica, uint64_t ns)
{
	c->store_parted_until[replica] = later(
		c->store_parted_until[replica], cluster_now(c) + ns);
	cluster_trace(c, "replica %u: cut off from the store", replica + 1);
}

static void fault_links(struct cluster *c)
{
	struct sim_client *k = &c->clients[cluster_random(c, c->config.clients)];

	if (k->links_count > 0 && !k->linking)
		sim_link_lose(k->links[cluster_random(c, k->links_count)],
			cluster_chance(c, 500));
}

void fault_cut_off(struct cluster *c, uint32_t replica, uint64_t ns)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (i != replica)
			fault_part(c, replica, i, ns);
	}
	if (cluster_chance(c, 700))
		fault_part_store(c, replica, ns);
}

/*
 * A head that nobody hears of but clients: cut off from its peers, and sometimes from the
 * store.  A client that sleeps meanwhile wakes up in a world that has moved on.
 */
static void fault_zombie(struct cluster *c)
{
	uint32_t head = c->store.record.chain.at[0].id - 1;
	uint64_t sleep_ns = c->config.detect_ns + c->config.lease_ns + 100000 +
			    cluster_random(c, 800000);
	uint64_t ns = sleep_ns + cluster_random(c, 2000000);
	uint32_t client = (uint32_t)cluster_random(c, c->config.clients);

	if (!c->store.present || !c->replicas[head].alive)
		return;
	fault_cut_off(c, head, ns);
	if (cluster_chance(c, 600) && !c->config.sleepers)
		c->clients[client].ambush_ns = sleep_ns;
}

/* The chain is whole and in use; then its head is cut off, once. */
static void fault_leases(struct cluster *c)
{
	const struct epoch_record *record = &c->store.record;

	if (record->phase == EPOCH_ACTIVE && record->chain.count == c->config.replicas &&
		cluster_now(c) >=
			c->zombie_ns + (c->zombie_ns ? 2 * c->config.lease_ns : 0) &&
		cluster_chance(c, 300)) {
		c->zombie_ns = cluster_now(c);
		fault_zombie(c);
	}
}

static void on_head_crash(void *context, uint64_t head)
{
	struct cluster *c = context;

	if (!c->quiet && c->replicas[head].alive)
		replica_crash(&c->replicas[head], false);
}

void fault_head(struct cluster *c, uint64_t ns)
{
	if (c->store.present && c->config.replicas > 1)
		call_at(c, cluster_now(c) + ns, on_head_crash,
			c->store.record.chain.at[0].id - 1);
}

/* A client loses its links and is back at once, and soon the head is gone. */
static void fault_relink(struct cluster *c)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (!c->replicas[i].alive)
			replica_start(&c->replicas[i]);
	}
	c->clients[cluster_random(c, c->config.clients)].ambush_drop = true;
}

static void fault_lives(struct cluster *c, struct sim_replica *r)
{
	if (!r->alive)
		replica_start(r);
	else
		replica_crash(r, cluster_chance(c, 300));
}

static uint64_t duration(struct cluster *c)
{
	return 50000 + cluster_random(c, cluster_chance(c, 300) ? 3000000 : 600000);
}

static void fault_network(struct cluster *c)
{
	uint32_t nodes = cluster_nodes(c);
	uint32_t a = (uint32_t)cluster_random(c, nodes);
	uint32_t b = (uint32_t)cluster_random(c, c->config.replicas);

	if (a == b)
		fault_part_store(c, b, duration(c));
	else
		fault_part(c, a, b, duration(c));
}

static void fault_one(struct cluster *c)
{
	uint32_t nodes = cluster_nodes(c);
	struct sim_replica *r = &c->replicas[cluster_random(c, c->config.replicas)];

	/* Where packets are very late, links that are replaced are the interesting ones. */
	if (c->config.straggle > 60000 && cluster_chance(c, 400)) {
		fault_relink(c);
		return;
	}
	if (c->config.sleepers) {
		fault_leases(c);
		return;
	}
	switch (cluster_random(c, 13)) {
	case 0:
	case 1:
		fault_lives(c, r);
		break;
	case 2:
		if (!r->alive)
			replica_start(r);
		break;
	case 3:
		fault_pause(c, (uint32_t)cluster_random(c, nodes), duration(c));
		break;
	case 4:
		fault_pause(c, r->index, duration(c));
		break;
	case 5:
		fault_network(c);
		break;
	case 6:
	case 7:
		fault_links(c);
		break;
	case 8:
		fault_zombie(c);
		break;
	case 9:
	case 12:
		fault_relink(c);
		break;
	case 10:
		client_renew(&c->clients[cluster_random(c, c->config.clients)]);
		break;
	default:
		operator_command(c);
	}
}

static void on_fault(void *context, uint64_t argument)
{
	struct cluster *c = context;

	(void)argument;
	if (c->quiet)
		return;
	if (cluster_chance(c, 100))
		operator_create(
			&c->replicas[c->store.present ? c->store.record.chain.at[0].id - 1
						      : 0],
			1 + (uint32_t)cluster_random(c, NAMES));
	fault_one(c);
	call_at(c, cluster_now(c) + 1000 + cluster_random(c, 300000), on_fault, 0);
}

void faults_begin(struct cluster *c)
{
	call_at(c, cluster_now(c) + cluster_random(c, 400000), on_fault, 0);
}

/* Everything that can be healed is. */
void faults_end(struct cluster *c)
{
	uint32_t nodes = cluster_nodes(c);

	c->quiet = true;
	memset(c->store_parted_until, 0, sizeof(c->store_parted_until));
	memset(c->parted_until, 0, sizeof(c->parted_until));
	memset(c->paused_until, 0, sizeof(c->paused_until));
	for (uint32_t a = 0; a < nodes; a++) {
		sim_node_resume(c->world, a);
		for (uint32_t b = 0; b < a; b++)
			sim_world_heal(c->world, a, b);
	}
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (!c->replicas[i].alive)
			replica_start(&c->replicas[i]);
	}
}
