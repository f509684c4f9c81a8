/*
 * The subscribers of a replica, as its daemon has them: their lines, feeds and sessions.  They stay
 * when an epoch ends, and go with their sessions or the replica.
 */
#include <string.h>

#include "sequencer/core/words.h"
#include "tests/sim/streams.h"

#define BATCH 8

static uint64_t line_offset(const struct streams *s, uint32_t subscriber)
{
	return (uint64_t)s->ring * s->slot_len + (uint64_t)subscriber * 64;
}

uint64_t stream_readers_len(const struct streams *s)
{
	return line_offset(s, SUBSCRIBERS_MAX);
}

uint64_t stream_line_offset(const struct sim_subscriber *k)
{
	return line_offset(k->cluster->streams, k->index);
}

static uint64_t *line_of(struct sim_replica *r, uint32_t subscriber)
{
	struct streams *s = r->cluster->streams;
	const struct memory *inbox = s->replicas[r->index].inbox;
	unsigned char *base = inbox->ops->base(inbox);

	return (uint64_t *)(void *)(base + line_offset(s, subscriber));
}

static void forget(struct sim_replica *r, uint32_t subscriber)
{
	struct streams *s = r->cluster->streams;
	struct stream_fed_one *one = &s->replicas[r->index].fed[subscriber];

	wire_close(&one->wire);
	one->active = false;
	stream_guard_forgotten(r, &s->subscribers[subscriber], one->generation);
}

void stream_readers_forget(struct sim_replica *r)
{
	for (uint32_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		wire_close(&r->cluster->streams->replicas[r->index].fed[i].wire);
		r->cluster->streams->replicas[r->index].fed[i].active = false;
	}
}

/* True: its session is over, by and by, as it went elsewhere or can not be reached. */
static bool is_over(struct sim_replica *r, struct stream_fed_one *one, bool gone)
{
	uint64_t now_ns = cluster_now(r->cluster);

	if (!gone)
		one->gone_ns = 0;
	else if (one->gone_ns == 0)
		one->gone_ns = now_ns;
	return gone && now_ns - one->gone_ns > STREAM_SESSION_NS &&
	       !MUTATED(STREAM_DEAD_READER);
}

/* True: its link is up. */
static bool link_tend(struct sim_replica *r, struct stream_fed_one *one)
{
	char address[MEMORY_ADDRESS_MAX];

	(void)strcpy(address, one->wire.address);
	if (wire_tend(&one->wire, r->cluster, r->device, address, 1) &&
		wire_collect(&one->wire, NULL, NULL)) {
		if (one->wire.fresh)
			stream_feed_again(&one->feed);
		return true;
	}
	(void)strcpy(one->wire.address, address);
	return false;
}

static void feed(struct sim_replica *r, struct stream_fed_one *one)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	struct stream_run run;

	while (wire_has_room(&one->wire, 4) &&
		stream_log_run_to(&sr->log, &one->feed, BATCH, &run)) {
		if (!stream_run_post(
			    &one->wire, &sr->log, &run, (uint32_t)one->feed.slots - 1))
			return;
		stream_feed_run_posted(&one->feed, &run);
	}
	stream_fed_post(&one->wire, &one->feed, stream_log_oldest(&sr->log));
}

static void reader_turn(struct sim_replica *r, uint32_t subscriber)
{
	struct streams *s = r->cluster->streams;
	struct stream_fed_one *one = &s->replicas[r->index].fed[subscriber];
	bool here = s->subscribers[subscriber].generation == one->generation;
	bool linked = here && !one->in_place && link_tend(r, one);

	if (!here && MUTATED(STREAM_LEFT_AT_ONCE)) {
		wire_close(&one->wire);
		one->active = false;
		return;
	}
	if (is_over(r, one, !here || !(one->in_place || linked))) {
		forget(r, subscriber);
		return;
	}
	if (linked)
		feed(r, one);
}

void stream_readers_feed(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;

	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		if (s->replicas[r->index].fed[i].active)
			reader_turn(r, i);
	}
}

static uint64_t begin_behind(
	const struct stream_log *log, const struct sim_subscribe *subscribe)
{
	if (subscribe->begun)
		return subscribe->next - 1;
	return subscribe->from == STREAM_FROM_NOW ? log->commit
						  : stream_log_oldest(log) - 1;
}

static bool is_served(const struct sim_replica *r)
{
	const struct stream_replica *sr = &r->cluster->streams->replicas[r->index];

	return sr->bytes && !sr->lost && sr->log.phase == STREAM_OPEN && r->served != 0 &&
	       r->served == sr->log.control->epoch;
}

static struct stream_fed_one *reader_begin(
	struct sim_replica *r, struct sim_subscriber *k, uint64_t behind)
{
	struct stream_fed_one *one =
		&r->cluster->streams->replicas[r->index].fed[k->index];

	wire_close(&one->wire);
	*one = (struct stream_fed_one){.active = true,
		.in_place = k->in_place,
		.generation = k->generation,
		.consumed = behind};
	*line_of(r, k->index) = behind;
	k->replica = r->index;
	k->life = r->life;
	k->epoch = r->served;
	k->attached_ns = cluster_now(r->cluster);
	stream_guard_registered(k);
	return one;
}

void stream_replica_subscribe(struct sim_replica *r, const struct parcel *parcel)
{
	struct streams *s = r->cluster->streams;
	const struct sim_subscribe *subscribe = &parcel->subscribe;
	struct sim_subscriber *k = &s->subscribers[subscribe->subscriber];
	struct stream_fed_one *one;
	uint64_t behind;

	if (!is_served(r) || k->generation != subscribe->generation)
		return;
	behind = begin_behind(&s->replicas[r->index].log, subscribe);
	one = reader_begin(r, k, behind);
	stream_feed_init(&one->feed, (uint64_t)subscribe->mask + 1, behind);
	(void)strcpy(one->wire.address, subscribe->address);
}

void stream_replica_read(struct sim_replica *r, struct sim_subscriber *k)
{
	(void)reader_begin(r, k, stream_subscriber_consumed(&k->machine));
}

void stream_replica_line(const struct sim_subscriber *k)
{
	struct sim_replica *r = &k->cluster->replicas[k->replica];

	*line_of(r, k->index) = stream_subscriber_consumed(&k->machine);
}

static uint64_t consumed_by(struct sim_replica *r, uint32_t subscriber)
{
	struct stream_fed_one *one =
		&r->cluster->streams->replicas[r->index].fed[subscriber];
	uint64_t line = *line_of(r, subscriber);

	if (!one->in_place) {
		stream_feed_consumed(&one->feed, line);
		line = one->feed.consumed;
	}
	if (line > one->consumed)
		one->consumed = line;
	return one->consumed;
}

/* The slowest of those that read here and need what is still there; and what is held. */
uint64_t stream_waited_for(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];
	uint64_t upto = UINT64_MAX;

	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		uint64_t consumed;

		if (!sr->fed[i].active)
			continue;
		consumed = consumed_by(r, i);
		if (!s->block || consumed + 1 < stream_log_oldest(&sr->log))
			continue;
		upto = least(upto, consumed);
		if (s->subscribers[i].generation == sr->fed[i].generation)
			stream_guard_awaited(r, &s->subscribers[i]);
	}
	return s->block ? least(upto, stream_hold_position(&sr->hold, replica_clock(r)))
			: UINT64_MAX;
}

static struct stream_chain chain_of(const struct epoch_chain *chain, uint32_t place)
{
	struct stream_chain to = {.count = chain->count, .place = place};

	for (uint32_t i = 0; i < chain->count; i++)
		to.at[i] = (struct stream_member){.replica = chain->at[i].id,
			.incarnation = chain->at[i].incarnation};
	return to;
}

void stream_readers_enter(struct sim_replica *r, uint32_t place)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];
	const struct epoch_region *serving = epoch_serving(&r->machine);
	struct stream_change change = {.epoch = serving->epoch,
		.from = sr->from,
		.base = stream_log_end(&sr->log),
		.chain = chain_of(&serving->chain, place)};

	if (s->block)
		stream_hold_enter(
			&sr->hold, &change, &sr->log, replica_clock(r), s->grace_ns);
	stream_log_waits_for(&sr->log, stream_waited_for(r));
	stream_guard_entered(r);
}
