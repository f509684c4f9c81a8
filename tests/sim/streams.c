/* Streams beside counters: what a seed chooses, what goes wrong, and when all is done. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/stores.h"

uint32_t streams_nodes(const struct cluster *c)
{
	return c->streams ? c->streams->publishers_count + c->streams->subscribers_count
			  : 0;
}

/* Messages of one publisher. */
static uint32_t wanted_choose(struct random *random)
{
	return 8 + (uint32_t)random_below(random, 40);
}

static void subscribers_choose(struct streams *s, struct random *random)
{
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		struct sim_subscriber *k = &s->subscribers[i];

		k->in_place = random_chance(random, 500000);
		k->voids = random_chance(random, 500000);
		k->laziness = random_chance(random, 400000)
				      ? (uint32_t)random_below(random, 990)
				      : 0;
		if (random_chance(random, 300000))
			k->begins_ns = random_below(random, 2000000);
	}
}

/* Counters are only beside: one client, on the counter that may be reserved. */
static void config_adapt(struct cluster_config *config, struct random *random)
{
	config->clients = 1;
	for (uint32_t i = 0; i < COUNTERS; i++)
		config->operations[i] = i == 1 ? 8 : 0;
	config->sleepers = false;
	/* Whose writes are nearly always later than the hole time-out never publishes. */
	config->straggle = (uint32_t)random_below(
		random, config->straggle_ns < 250000 ? 40000 : 8000);
	if (config->lease_ns > 400000)
		config->lease_ns = 400000;
	config->faults_ns = 300000 + random_below(random, 2500000);
	config->ceiling_ahead = 16 + random_below(random, 200);
}

struct streams *streams_choose(uint64_t seed, struct cluster_config *config)
{
	static struct streams streams; /* large */
	struct streams *s = &streams;
	struct random random = {.state = random_mix(seed ^ 0x73747265616d73u)};

	memset(s, 0, sizeof(*s));
	s->calm = random_chance(&random, 40000);
	s->plans = !s->calm && random_chance(&random, 500000);
	s->publishers_count = 1 + (uint32_t)random_below(&random, 4);
	s->subscribers_count = 1 + (uint32_t)random_below(&random, 4);
	s->slot_len = STREAM_SLOT_LEN_MIN;
	s->ring = 4u << random_below(&random, 4);
	s->hole_ns = s->calm ? 50000000 : 90000 + random_below(&random, 200000);
	s->block = random_chance(&random, 300000);
	s->grace_ns = 500000 + random_below(&random, 4000000);
	s->follows = random_chance(&random, 700000);
	s->eagerness = random_chance(&random, 500000) ? 300 : 30;
	s->long_messages = random_chance(&random, 600000)
				   ? (uint32_t)random_below(&random, 500)
				   : 0;
	s->torn = random_chance(&random, 500000) ? 300 : 0;
	for (uint32_t i = 0; i < s->publishers_count; i++)
		s->publishers[i].wanted = wanted_choose(&random);
	subscribers_choose(s, &random);
	config_adapt(config, &random);
	if (s->calm)
		config->straggle = 0;
	return s;
}

static void call_at(struct cluster *c, uint64_t ns, sim_call_fn call, void *context,
	uint64_t argument)
{
	PAWL_ASSERT(sim_world_call_at(
			    c->world, cluster_now(c) + ns, call, context, argument) == 0);
}

static uint64_t tick_ns(struct cluster *c)
{
	return 3000 + cluster_random(c, 14000);
}

static void on_replica(void *context, uint64_t index)
{
	struct cluster *c = context;
	struct sim_replica *r = &c->replicas[index];

	if (r->alive && !cluster_is_paused(c, r->index)) {
		stream_follow_tick(r);
		stream_replica_tick(r);
		if (c->streams->stores)
			seat_tick(r);
	}
	call_at(c, tick_ns(c), on_replica, c, index);
}

static void on_publisher(void *context, uint64_t index)
{
	struct cluster *c = context;

	if (!cluster_is_paused(c, publisher_node(c, (uint32_t)index)))
		publisher_tick(&c->streams->publishers[index]);
	call_at(c, tick_ns(c), on_publisher, c, index);
}

static void on_subscriber(void *context, uint64_t index)
{
	struct cluster *c = context;

	if (!cluster_is_paused(c, subscriber_node(c, (uint32_t)index)))
		subscriber_tick(&c->streams->subscribers[index]);
	call_at(c, tick_ns(c), on_subscriber, c, index);
}

static void fault_wire(struct cluster *c)
{
	struct streams *s = c->streams;
	struct stream_replica *sr = &s->replicas[cluster_random(c, c->config.replicas)];
	struct sim_publisher *p = &s->publishers[cluster_random(c, s->publishers_count)];
	struct wire *wires[] = {
		&sr->successor, &sr->predecessor, &p->counter, &p->inbox, &p->words};
	struct wire *w = wires[cluster_random(c, 5)];

	if (w->up)
		sim_link_lose(w->link, cluster_chance(c, 500));
}

static void on_pause(void *context, uint64_t node)
{
	struct cluster *c = context;

	if (!c->quiet)
		fault_pause(c, (uint32_t)node, 100000 + cluster_random(c, 300000));
}

/*
 * A replica in the middle is stopped until it is voted out, and wakes with slots to forward, at
 * a time when its successor of old is about to rest.
 */
static void fault_middle(struct cluster *c)
{
	const struct epoch_record *record = &c->store.record;
	uint64_t ns = c->config.detect_ns + 300000 + cluster_random(c, 900000);
	uint32_t place;

	if (!c->store.present || record->phase != EPOCH_ACTIVE || record->chain.count < 3)
		return;
	place = 1 + (uint32_t)cluster_random(c, record->chain.count - 2);
	fault_pause(c, record->chain.at[place].id - 1, ns);
	call_at(c, ns - 50000, on_pause, c, record->chain.at[place + 1].id - 1);
}

static void fault_publisher(struct cluster *c)
{
	struct streams *s = c->streams;
	struct sim_publisher *p = &s->publishers[cluster_random(c, s->publishers_count)];

	if (cluster_chance(c, 600))
		p->ambush = true;
	else if (p->participant)
		stores_fault(p->participant);
	else if (s->lives_count < STREAM_LIVES_MAX / 2)
		publisher_renew(p);
}

static void fault_subscriber(struct cluster *c)
{
	struct streams *s = c->streams;
	struct sim_subscriber *k =
		&s->subscribers[cluster_random(c, s->subscribers_count)];

	if (!k->participant)
		subscriber_renew(k);
	else
		stores_fault(k->participant);
}

static void on_fault(void *context, uint64_t unused)
{
	struct cluster *c = context;

	(void)unused;
	if (c->quiet)
		return;
	switch (cluster_random(c, 6)) {
	case 0:
	case 1:
		fault_publisher(c);
		break;
	case 2:
	case 3:
		fault_wire(c);
		break;
	case 4:
		fault_middle(c);
		break;
	default:
		fault_subscriber(c);
	}
	call_at(c, 1000 + cluster_random(c, 300000), on_fault, c, 0);
}

void streams_open(struct cluster *c)
{
	struct streams *s = c->streams;

	s->cluster = c;
	for (uint32_t i = 0; i < s->publishers_count; i++) {
		s->publishers[i].cluster = c;
		s->publishers[i].index = i;
		publisher_start(&s->publishers[i]);
		call_at(c, 1 + i, on_publisher, c, i);
	}
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		s->subscribers[i].cluster = c;
		s->subscribers[i].index = i;
		subscriber_start(&s->subscribers[i]);
		call_at(c, 1 + i, on_subscriber, c, i);
	}
	for (uint32_t i = 0; i < c->config.replicas; i++)
		call_at(c, 1 + i, on_replica, c, i);
	if (s->stores)
		stores_open(c);
	if (!s->calm)
		call_at(c, cluster_random(c, 300000), on_fault, c, 0);
}

void streams_close(struct cluster *c)
{
	struct streams *s = c->streams;

	for (uint32_t i = 0; i < s->publishers_count; i++)
		publisher_close(&s->publishers[i]);
	for (uint32_t i = 0; i < s->subscribers_count; i++)
		subscriber_close(&s->subscribers[i]);
}

void streams_joined(struct cluster *c, uint32_t node, const struct sim_joined *joined)
{
	publisher_joined(
		&c->streams->publishers[node - c->config.replicas - c->config.clients],
		joined);
}

bool streams_done(const struct cluster *c)
{
	const struct streams *s = c->streams;

	for (uint32_t i = 0; i < s->publishers_count; i++) {
		const struct sim_publisher *p = &s->publishers[i];

		if (p->participant && s->stores->over)
			continue; /* what it was about to say is nobody's business now */
		if (p->wanted > 0 ||
			s->lives[p->life].acked < s->lives[p->life].submitted)
			return false;
	}
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		if (!subscriber_at_end(&s->subscribers[i]))
			return false;
	}
	return !s->stores || stores_done(c);
}

/* Where everybody is, for who reads the trace of a stream that got stuck. */
void streams_tell(struct cluster *c)
{
	struct streams *s = c->streams;

	for (uint32_t i = 0; i < c->config.replicas; i++) {
		const struct stream_replica *sr = &s->replicas[i];

		if (sr->bytes && !sr->lost)
			cluster_trace(c,
				"replica %u: log of epoch %lu phase %u from %lu to %lu, "
				"committed %lu, released %lu, sent %lu",
				i + 1, (unsigned long)sr->log.control->epoch,
				sr->log.phase, (unsigned long)stream_log_oldest(&sr->log),
				(unsigned long)stream_log_end(&sr->log),
				(unsigned long)sr->log.commit,
				(unsigned long)sr->log.released,
				(unsigned long)sr->log.successor.sent);
	}
	for (uint32_t i = 0; i < s->publishers_count; i++) {
		const struct stream_publisher *p = &s->publishers[i].machine;

		cluster_trace(c,
			"publisher %u: epoch %lu phase %u acked %lu written %lu drawn "
			"%lu "
			"posted %lu submitted %lu commit %lu",
			i, (unsigned long)p->epoch, p->phase, (unsigned long)p->acked,
			(unsigned long)p->written, (unsigned long)p->drawn,
			(unsigned long)p->posted, (unsigned long)p->submitted,
			(unsigned long)p->commit);
	}
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		const struct sim_subscriber *k = &s->subscribers[i];

		cluster_trace(c, "subscriber %u: %s replica %u epoch %lu next %lu", i,
			k->in_place ? "in place at" : "fed by", k->replica + 1,
			(unsigned long)k->epoch, (unsigned long)k->machine.next);
	}
	if (s->stores)
		stores_tell(c);
}

uint64_t streams_progress(const struct cluster *c)
{
	uint64_t count = c->streams->deliveries;

	for (uint32_t i = 0; i < c->streams->publishers_count; i++)
		count += c->streams->publishers[i].acked_total;
	return count + (c->streams->stores ? stores_progress(c) : 0);
}
