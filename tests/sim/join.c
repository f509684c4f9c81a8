/* How a client comes to an epoch: it asks, links to the whole chain, and enters. */
#include <errno.h>
#include <string.h>

#include "tests/sim/cluster.h"

#define ASK_NS 60000

void client_links_close(struct sim_client *k)
{
	for (uint32_t i = 0; i < k->links_count; i++)
		k->links[i]->ops->disconnect(k->links[i]);
	k->links_count = 0;
	k->linking = false;
	k->draining_ns = 0;
	k->epoch = 0;
}

void client_ask(struct sim_client *k)
{
	struct cluster *c = k->cluster;
	struct parcel *join;

	if (cluster_now(c) < k->asked_ns)
		return;
	k->asked_ns = cluster_now(c) + ASK_NS / 2 + cluster_random(c, ASK_NS);
	join = parcel_new(
		c, PARCEL_JOIN, (uint32_t)cluster_random(c, c->config.replicas));
	join->from = cluster_client_node(c, k->index);
	join->epoch = k->queues[0].epoch;
	parcel_send(c, join, network_delay(c));
}

/* A drawn ticket that does not stand leaves its numbers to nobody if the base is above. */
static void unresolved_count(struct sim_client *k, uint32_t counter, uint64_t stand)
{
	struct cluster *c = k->cluster;
	const struct ticket_queue *q = &k->queues[counter];
	uint64_t base = 0;

	if (q->epoch == 0 || q->epoch == k->epoch)
		return;
	for (uint32_t i = 0; i < c->epochs_count && base == 0; i++) {
		if (c->epochs[i].epoch > q->epoch)
			base = c->epochs[i].bases[counter];
	}
	for (uint64_t t = q->settled_upto; t < q->drawn; t++) {
		const struct ticket *ticket = &q->slots[t & q->mask];

		if (!ticket->settled && ticket->v + ticket->n > stand && ticket->v < base)
			c->gaps_allowed[counter] += ticket->n;
	}
}

/* Where the words are in reach marks are stored ahead without a lease (ticket_direct). */
static void reserve_begin(struct sim_client *k, uint32_t counter)
{
	uint64_t reserve = k->cluster->config.direct ? 0 : k->reserve[counter];

	k->direct_marked[counter] = 0;
	ticket_reserve_set(&k->queues[counter], reserve, k->lease_ns);
}

/* A counter that was made since: its words were there before it had a name. */
static void counters_open(struct sim_client *k, const struct sim_joined *joined)
{
	while (k->counters_count < joined->counters_count) {
		uint32_t i = k->counters_count++;

		k->reserve[i] = cluster_random(k->cluster, joined->reserve_max[i] + 1);
		k->lease_ns = joined->lease_ns;
		ticket_ceiling_set(&k->queues[i], joined->ceilings[i]);
		reserve_begin(k, i);
	}
}

static void enter(struct sim_client *k)
{
	k->linking = false;
	k->failed = false;
	k->ambush_lease = k->cluster->config.sleepers;
	for (uint32_t i = 0; i < COUNTERS; i++) {
		unresolved_count(k, i, k->stands[i]);
		ticket_ceiling_set(&k->queues[i], k->ceilings[i]);
		reserve_begin(k, i);
		ticket_enter_epoch(
			&k->queues[i], k->epoch, k->links_count - 1, k->stands[i]);
	}
}

/* So long a link may need to answer, or to fail. */
static uint64_t patience_ns(const struct cluster *c)
{
	return 400000 + 3 * c->config.straggle_ns;
}

void client_linking_step(struct sim_client *k)
{
	struct error err;
	int rc = 0;

	for (uint32_t i = 0; i < k->links_count && !rc; i++)
		rc = k->links[i]->ops->state(k->links[i], &err);
	if (rc == 0 && k->queues[0].epoch <= k->epoch)
		enter(k);
	else if (rc != -EAGAIN ||
		 cluster_now(k->cluster) - k->linking_ns > patience_ns(k->cluster))
		client_links_close(k);
}

/*
 * The old epoch's head still answers, or it is sealed and says so: numbers that it gave out
 * and that nobody heard of would be nobody's.
 */
static bool draws_come_back(struct sim_client *k)
{
	bool any = false;

	for (uint32_t i = 0; i < COUNTERS; i++)
		any = any || ticket_draws_in_flight(&k->queues[i]);
	if (!any || k->links_count == 0)
		return false;
	if (k->draining_ns == 0)
		k->draining_ns = cluster_now(k->cluster);
	k->asked_ns = 0;
	return cluster_now(k->cluster) - k->draining_ns < patience_ns(k->cluster);
}

void client_joined(struct sim_client *k, const struct sim_joined *joined)
{
	struct link_config config = {.depth = LINK_DEPTH, .token = k->token};
	struct error err;
	bool news = joined->epoch > k->epoch || k->failed;

	if (joined->epoch == k->epoch && joined->stream_known)
		k->stream_base = joined->stream_base;
	if (joined->epoch == k->epoch && !k->linking && !k->failed)
		counters_open(k, joined);
	if (joined->from != k->queues[0].epoch || joined->epoch < k->queues[0].epoch ||
		!news || k->linking || joined->chain_count == 0 || draws_come_back(k))
		return;
	client_leave(k);
	k->linking = true;
	k->linking_ns = cluster_now(k->cluster);
	k->epoch = joined->epoch;
	k->tail = joined->tail;
	k->stream_base = joined->stream_known ? joined->stream_base : UINT64_MAX;
	k->lease_ns = joined->lease_ns;
	if (joined->counters_count > k->counters_count)
		k->counters_count = joined->counters_count;
	for (uint32_t i = 0; i < COUNTERS; i++) {
		k->stands[i] = joined->stands[i];
		k->ceilings[i] = joined->ceilings[i];
		k->reserve[i] = cluster_random(k->cluster, joined->reserve_max[i] + 1);
	}
	memcpy(k->addresses, joined->addresses, sizeof(k->addresses));
	for (uint32_t i = 0; i < joined->chain_count; i++) {
		if (k->device->ops->connect(
			    k->device, joined->addresses[i], &config, &k->links[i], &err))
			break;
		k->links_count++;
	}
	if (k->links_count < joined->chain_count)
		client_links_close(k);
}
