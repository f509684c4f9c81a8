/* A client: the ticket machine over links, joining, leaving, losing, joining again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/sim/cluster.h"

#define TOKEN_ROWS 16
#define ASK_NS 60000

static uint64_t cookie_make(
	enum ticket_effect_kind kind, uint32_t counter, uint32_t replica)
{
	return (uint64_t)kind << 32 | (uint64_t)counter << 16 | replica;
}

static void client_lost(struct sim_client *k)
{
	k->failed = true;
	for (uint32_t i = 0; i < COUNTERS; i++)
		ticket_on_lost(&k->queues[i]);
}

static void complete(struct sim_client *k, const struct completion *done)
{
	uint32_t counter = (uint32_t)(done->cookie >> 16) & 0xffff;
	uint32_t replica = (uint32_t)done->cookie & 0xffff;
	struct ticket_queue *q = &k->queues[counter];

	if (done->status) {
		client_lost(k);
		return;
	}
	switch ((enum ticket_effect_kind)(done->cookie >> 32)) {
	case TICKET_DRAW:
		ticket_on_draw_at(q, done->value, cluster_now(k->cluster));
		break;
	case TICKET_WRITE_MARK:
		break;
	case TICKET_READ_STATE:
		ticket_on_time(q, cluster_now(k->cluster));
		ticket_on_state(q, replica, k->state_in[counter][replica]);
		break;
	case TICKET_READ_CEILING:
		ticket_on_ceiling(q, k->ceiling_in[counter]);
		break;
	}
}

static void collect(struct sim_client *k)
{
	struct completion done[LINK_DEPTH];
	int count;

	for (uint32_t i = 0; i < k->links_count; i++) {
		if (k->links[i]->ops->poll(k->links[i], done, LINK_DEPTH, &count))
			continue;
		for (int j = 0; j < count; j++)
			complete(k, &done[j]);
	}
}

/* Numbers whose draw was never answered may be nobody's. */
static void lost_count(struct sim_client *k)
{
	for (uint32_t i = 0; i < COUNTERS; i++) {
		const struct ticket_queue *q = &k->queues[i];

		for (uint64_t t = q->drawn; t < q->posted; t++)
			k->cluster->gaps_allowed[i] += q->slots[t & q->mask].n;
	}
}

static void links_close(struct sim_client *k)
{
	for (uint32_t i = 0; i < k->links_count; i++)
		k->links[i]->ops->disconnect(k->links[i]);
	k->links_count = 0;
	k->linking = false;
	k->epoch = 0;
}

static void leave(struct sim_client *k)
{
	if (!k->linking)
		collect(k);
	client_lost(k);
	lost_count(k);
	links_close(k);
}

static void result_take(
	struct sim_client *k, uint32_t counter, const struct ticket_result *result)
{
	struct cluster *c = k->cluster;
	struct history_entry *entry = &c->history[counter][c->history_count[counter]];

	PAWL_ASSERT(result->cookie == k->returned[counter]);
	k->returned[counter]++;
	if (result->outcome != TICKET_CONFIRMED)
		return;
	if (k->ambush_results > 0 && --k->ambush_results == 0) {
		k->slept_ns = cluster_now(c) + 1000000;
		fault_head(c, cluster_random(c, 30000));
	}
	c->history_count[counter]++;
	*entry = (struct history_entry){.n = result->n,
		.last = result->last,
		.invoked = k->invoked[counter][result->cookie],
		.returned = cluster_now(c)};
	if (result->last > c->confirmed[counter])
		c->confirmed[counter] = result->last;
	if (result->last - result->n < k->bases[counter][result->cookie])
		cluster_wrong(c, "an addition got a number of an epoch that was over");
	if (result->last > c->store.counters[counter].ceiling)
		cluster_wrong(c, "a number above the stored ceiling was given out");
	cluster_trace(c,
		"client %u: counter %u: %" PRIu64 " ending at %" PRIu64
		" in epoch %" PRIu64,
		k->index, counter, result->n, result->last, k->queues[counter].epoch);
}

static void results_take(struct sim_client *k)
{
	struct ticket_result result;

	for (uint32_t i = 0; i < COUNTERS; i++) {
		while (ticket_take(&k->queues[i], &result))
			result_take(k, i, &result);
	}
}

static int effect_post(
	struct sim_client *k, uint32_t counter, const struct ticket_effect *e)
{
	const struct region_layout *layout = &k->cluster->layout;
	struct link *link = k->links[e->replica];
	uint64_t cookie = cookie_make(e->kind, counter, e->replica);

	switch (e->kind) {
	case TICKET_DRAW:
		return link->ops->fetch_add(
			link, region_counter_offset(counter), e->value, cookie);
	case TICKET_WRITE_MARK:
		return link->ops->write(link,
			region_mark_offset(layout, k->index, counter), &e->value,
			sizeof(e->value), cookie);
	case TICKET_READ_STATE:
		return link->ops->read(link, REGION_STATE_OFFSET,
			&k->state_in[counter][e->replica], sizeof(uint64_t), cookie);
	case TICKET_READ_CEILING:
		return link->ops->read(link, region_ceiling_offset(layout, counter),
			&k->ceiling_in[counter], sizeof(uint64_t), cookie);
	}
	return -EINVAL;
}

static void effects_post(struct sim_client *k, uint32_t counter)
{
	struct ticket_effect effect;

	ticket_on_time(&k->queues[counter], cluster_now(k->cluster));
	while (ticket_next_effect(&k->queues[counter], &effect)) {
		int rc = effect_post(k, counter, &effect);

		if (rc == -EAGAIN)
			return;
		if (rc) {
			client_lost(k);
			return;
		}
		ticket_effect_posted(&k->queues[counter], &effect);
	}
}

static void submit(struct sim_client *k, uint32_t counter)
{
	struct cluster *c = k->cluster;
	uint64_t n = cluster_chance(c, c->config.reads) ? 0 : 1 + cluster_random(c, 3);
	uint64_t index;

	if (k->submitted[counter] == c->config.operations[counter] ||
		!ticket_submit(&k->queues[counter], n, k->submitted[counter], &index))
		return;
	if (c->epochs_count > 0)
		k->bases[counter][k->submitted[counter]] =
			c->epochs[c->epochs_count - 1].bases[counter];
	k->invoked[counter][k->submitted[counter]++] = cluster_now(c);
}

static void ask(struct sim_client *k)
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

static void enter(struct sim_client *k)
{
	k->linking = false;
	k->failed = false;
	for (uint32_t i = 0; i < COUNTERS; i++) {
		unresolved_count(k, i, k->stands[i]);
		ticket_ceiling_set(&k->queues[i], k->ceilings[i]);
		ticket_reserve_set(&k->queues[i], k->reserve[i], k->lease_ns);
		ticket_enter_epoch(
			&k->queues[i], k->epoch, k->links_count - 1, k->stands[i]);
	}
}

static void linking_step(struct sim_client *k)
{
	struct error err;
	int rc = 0;

	for (uint32_t i = 0; i < k->links_count && !rc; i++)
		rc = k->links[i]->ops->state(k->links[i], &err);
	if (rc == 0 && k->queues[0].epoch <= k->epoch)
		enter(k);
	else if (rc != -EAGAIN || cluster_now(k->cluster) - k->linking_ns >
					  400000 + 3 * k->cluster->config.straggle_ns)
		links_close(k);
}

void client_joined(struct sim_client *k, const struct sim_joined *joined)
{
	struct link_config config = {.depth = LINK_DEPTH, .token = k->token};
	struct error err;
	bool news = joined->epoch > k->epoch || k->failed;

	if (joined->from != k->queues[0].epoch || joined->epoch < k->queues[0].epoch ||
		!news || k->linking || joined->chain_count == 0)
		return;
	leave(k);
	k->linking = true;
	k->linking_ns = cluster_now(k->cluster);
	k->epoch = joined->epoch;
	k->lease_ns = joined->lease_ns;
	for (uint32_t i = 0; i < COUNTERS; i++) {
		k->stands[i] = joined->stands[i];
		k->ceilings[i] = joined->ceilings[i];
		k->reserve[i] = cluster_random(k->cluster, joined->reserve_max[i] + 1);
	}
	for (uint32_t i = 0; i < joined->chain_count; i++) {
		if (k->device->ops->connect(
			    k->device, joined->addresses[i], &config, &k->links[i], &err))
			break;
		k->links_count++;
	}
	if (k->links_count < joined->chain_count)
		links_close(k);
}

static bool is_suspended(const struct sim_client *k)
{
	for (uint32_t i = 0; i < COUNTERS; i++) {
		if (k->queues[i].phase == TICKET_SUSPENDED)
			return true;
	}
	return false;
}

void client_drop(struct sim_client *k)
{
	if (k->links_count == 0)
		return;
	leave(k);
	k->asked_ns = 0;
}

/* The worst moment for a client: marks and reads are on their way. */
static void ambush(struct sim_client *k)
{
	struct cluster *c = k->cluster;

	if (!k->queues[0].round_open && !k->queues[1].round_open)
		return;
	if (k->ambush_drop) {
		k->ambush_results = 2 + (uint32_t)cluster_random(c, 3);
		client_drop(k);
	} else if (k->ambush_ns > 0 && k->queues[1].round_open)
		fault_pause(c, cluster_client_node(c, k->index), k->ambush_ns);
	else
		return;
	k->ambush_drop = false;
	k->ambush_ns = 0;
}

void client_tick(struct sim_client *k)
{
	struct cluster *c = k->cluster;
	uint32_t eagerness = c->quiet || k->ambush_results > 0 ? 400
							       : c->config.eagerness;
	struct error err;

	PAWL_ASSERT(k->device->ops->progress(k->device, &err) == 0);
	if (k->linking)
		linking_step(k);
	if (!k->linking)
		collect(k);
	results_take(k);
	if (is_suspended(k))
		client_lost(k);
	if (k->failed || k->links_count == 0 || cluster_chance(c, 2))
		ask(k);
	if (cluster_now(c) < k->slept_ns || k->links_count == 0 || k->linking)
		return;
	for (uint32_t i = 0; i < COUNTERS; i++) {
		if (cluster_chance(c, eagerness))
			submit(k, i);
		effects_post(k, i);
	}
	ambush(k);
}

static void session_begin(struct sim_client *k)
{
	struct cluster *c = k->cluster;

	k->token = ++c->tokens * TOKEN_ROWS + k->index;
	k->failed = false;
	for (uint32_t i = 0; i < COUNTERS; i++)
		ticket_queue_init(&k->queues[i], k->slots[i], c->config.depth);
}

void client_start(struct sim_client *k)
{
	struct cluster *c = k->cluster;

	PAWL_ASSERT(sim_device_open(
			    c->world, cluster_client_node(c, k->index), &k->device) == 0);
	session_begin(k);
}

void client_renew(struct sim_client *k)
{
	struct cluster *c = k->cluster;

	cluster_trace(c, "client %u: ends its session", k->index);
	results_take(k);
	for (uint32_t i = 0; i < COUNTERS; i++) {
		struct ticket_queue *q = &k->queues[i];

		for (uint64_t t = q->taken; t < q->submitted; t++)
			c->gaps_allowed[i] += q->slots[t & q->mask].n;
		ticket_on_lost(q);
		ticket_abort(q);
	}
	results_take(k);
	links_close(k);
	session_begin(k);
	k->slept_ns = cluster_now(c) + cluster_random(c, 600000);
}

void client_close(struct sim_client *k)
{
	links_close(k);
	k->device->ops->close(k->device);
}
