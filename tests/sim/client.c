/* A client: the ticket machine over links, joining, leaving, losing, joining again. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tests/sim/stores.h"

#define TOKEN_ROWS 16
#define COOKIE_MEMBER 0xffu /* a state that a participant reads */
#define HURRY_NS 100000	    /* after a rest, a client has much to do */

static uint64_t cookie_make(
	enum ticket_effect_kind kind, uint32_t counter, uint32_t replica)
{
	return (uint64_t)kind << 32 | (uint64_t)counter << 16 | replica;
}

void client_lost(struct sim_client *k)
{
	k->failed = true;
	if (k->participant)
		participant_unlinked(k->participant);
	for (uint32_t i = 0; i < COUNTERS; i++)
		ticket_on_lost(&k->queues[i]);
}

static void complete(struct sim_client *k, const struct completion *done)
{
	uint32_t counter = (uint32_t)(done->cookie >> 16) & 0xffff;
	uint32_t replica = (uint32_t)done->cookie & 0xffff;
	struct ticket_queue *q;

	if (done->status) {
		client_lost(k);
		return;
	}
	if (done->cookie >> 32 == COOKIE_MEMBER) {
		participant_state(
			k->participant, counter, replica, k->member_in[replica]);
		return;
	}
	q = &k->queues[counter];
	switch ((enum ticket_effect_kind)(done->cookie >> 32)) {
	case TICKET_DRAW:
		ticket_on_draw_at(q, done->value, client_clock(k));
		break;
	case TICKET_WRITE_MARK:
		break;
	case TICKET_READ_STATE:
		ticket_on_time(q, client_clock(k));
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

void client_leave(struct sim_client *k)
{
	direct_end(k, false);
	if (!k->linking)
		collect(k);
	client_lost(k);
	lost_count(k);
	client_links_close(k);
}

void client_result(
	struct sim_client *k, uint32_t counter, const struct ticket_result *result)
{
	struct cluster *c = k->cluster;
	struct history_entry *entry = &c->history[counter][c->history_count[counter]];

	if (k->participant && counter == STREAM_COUNTER) {
		participant_end_read(k->participant, result);
		return;
	}
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
		.returned = cluster_now(c),
		.client = k->index,
		.line = (uint32_t)result->cookie};
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
		while (ticket_take(&k->queues[i], &result)) {
			PAWL_ASSERT(result.cookie >= k->cookies[i]);
			k->cookies[i] = result.cookie + 1;
			client_result(k, i, &result);
		}
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

uint64_t client_clock(const struct sim_client *k)
{
	return cluster_clock(k->cluster, cluster_client_node(k->cluster, k->index));
}

static void effects_post(struct sim_client *k, uint32_t counter)
{
	struct ticket_effect effect;

	ticket_on_time(&k->queues[counter], client_clock(k));
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

static bool wants_more(const struct sim_client *k, uint32_t counter)
{
	return counter < k->counters_count &&
	       k->submitted[counter] < k->cluster->config.operations[counter];
}

static void submit(struct sim_client *k, uint32_t counter)
{
	struct cluster *c = k->cluster;
	uint64_t n = cluster_chance(c, c->config.reads) ? 0 : 1 + cluster_random(c, 3);
	uint64_t index;

	if (!wants_more(k, counter))
		return;
	if (!(c->config.direct && cluster_chance(c, 700) &&
		    direct_begin(k, counter, n)) &&
		!ticket_submit(&k->queues[counter], n, k->submitted[counter], &index))
		return;
	if (c->epochs_count > 0)
		k->bases[counter][k->submitted[counter]] =
			c->epochs[c->epochs_count - 1].bases[counter];
	k->invoked[counter][k->submitted[counter]++] = cluster_now(c);
}

bool client_read(struct sim_client *k, uint64_t cookie)
{
	uint64_t index;

	return k->counters_count > STREAM_COUNTER && !k->direct.busy &&
	       ticket_submit(&k->queues[STREAM_COUNTER], 0, cookie, &index);
}

bool client_state_read(struct sim_client *k, uint32_t member, uint32_t serial)
{
	struct link *link = k->links[member];
	uint64_t cookie = (uint64_t)COOKIE_MEMBER << 32 |
			  (uint64_t)(serial & 0xffff) << 16 | member;

	return !k->failed && !k->linking && member < k->links_count &&
	       link->ops->read(link, REGION_STATE_OFFSET, &k->member_in[member],
		       sizeof(uint64_t), cookie) == 0;
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
	client_leave(k);
	k->asked_ns = 0;
}

static bool is_cut_off(const struct cluster *c, uint32_t replica)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		if (i != replica && cluster_reaches(c, i, replica))
			return false;
	}
	return true;
}

void client_rest(struct sim_client *k, uint32_t head)
{
	struct cluster *c = k->cluster;

	if (!is_cut_off(c, head))
		return;
	for (uint32_t i = 0; i < k->counters_count && k->ambush_lease; i++) {
		const struct ticket_queue *q = &k->queues[i];
		uint64_t end_ns = cluster_clock_when(
			c, cluster_client_node(c, k->index), q->lease_end_ns);

		if (!ticket_leased(q) || q->round_open || end_ns < cluster_now(c) ||
			end_ns > cluster_now(c) + q->lease_ns)
			continue;
		k->slept_ns = end_ns - cluster_random(c, q->lease_ns / 80);
		k->ambush_lease = false;
		cluster_trace(
			c, "client %u: rests until its lease is almost over", k->index);
	}
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
	bool hurries = c->quiet || k->ambush_results > 0 ||
		       cluster_now(c) - k->slept_ns < HURRY_NS;
	uint32_t eagerness = hurries ? 400 : c->config.eagerness;
	struct error err;

	PAWL_ASSERT(k->device->ops->progress(k->device, &err) == 0);
	if (k->direct.busy) {
		direct_step(k); /* it is in the middle of a call */
		return;
	}
	if (k->linking)
		client_linking_step(k);
	if (!k->linking)
		collect(k);
	results_take(k);
	if (is_suspended(k))
		client_lost(k);
	if (k->failed || k->links_count == 0 || cluster_chance(c, 2))
		client_ask(k);
	if (cluster_now(c) < k->slept_ns || k->links_count == 0 || k->linking)
		return;
	for (uint32_t i = 0; i < k->counters_count && !k->direct.busy; i++) {
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
	k->counters_count = 0;
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
	direct_end(k, true);
	for (uint32_t i = 0; i < COUNTERS; i++) {
		struct ticket_queue *q = &k->queues[i];

		for (uint64_t t = q->taken; t < q->submitted; t++)
			c->gaps_allowed[i] += q->slots[t & q->mask].n;
		ticket_on_lost(q);
		ticket_abort(q);
	}
	results_take(k);
	client_links_close(k);
	session_begin(k);
	k->slept_ns = cluster_now(c) + cluster_random(c, 600000);
}

void client_close(struct sim_client *k)
{
	client_links_close(k);
	k->device->ops->close(k->device);
}
