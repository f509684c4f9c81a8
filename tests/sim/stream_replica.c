/* The thread of a replica that serves the stream: it takes, forwards, answers and feeds. */
#include <string.h>

#include "tests/sim/streams.h"

#define BATCH 8
#define FEED_PATIENCE_NS 1500000

uint64_t stream_acks_offset(uint32_t subscriber)
{
	return (stream_words_len(PUBLISHERS_MAX) + 63) / 64 * 64 +
	       (uint64_t)subscriber * 64;
}

/* The region of a neighbour in the chain; NULL: its daemon can not say. */
static struct sim_region *neighbour(struct sim_replica *r, int32_t distance)
{
	struct cluster *c = r->cluster;
	const struct epoch_region *serving = epoch_serving(&r->machine);
	uint32_t self = epoch_chain_place(&serving->chain, replica_member(r));
	uint32_t place = self + (uint32_t)distance;
	struct sim_region *region;
	struct sim_replica *other;

	if (self == CHAIN_MAX || place >= serving->chain.count)
		return NULL;
	other = &c->replicas[serving->chain.at[place].id - 1];
	if (!other->alive || other->life != serving->chain.at[place].incarnation)
		return NULL;
	region = replica_region(other, serving->epoch);
	return region && region->stream ? region : NULL;
}

static const char *successor_address(struct sim_replica *r)
{
	struct sim_region *region = neighbour(r, 1);

	return region ? region->stream_inbox->ops->address(region->stream_inbox) : "";
}

static const char *predecessor_address(struct sim_replica *r)
{
	struct sim_region *region = neighbour(r, -1);

	return region ? region->stream->ops->address(region->stream) : "";
}

/* True: the whole run and its words were posted. */
static bool run_post(struct wire *w, const struct stream_log *log,
	const struct stream_run *run, uint32_t mask)
{
	for (uint32_t i = 0; i < run->parts_count; i++) {
		const struct stream_part *part = &run->parts[i];

		if (!wire_write(w,
			    sizeof(struct stream_inbox) +
				    (part->first & mask) * STREAM_SLOT,
			    stream_ring_at(&log->ring, part->first),
			    (size_t)part->count * STREAM_SLOT))
			return false;
	}
	return true;
}

static void words_post(struct wire *w, struct stream_feed *feed, uint64_t oldest)
{
	struct stream_fed words;

	if (wire_has_room(w, 1) && stream_feed_words(feed, oldest, &words) &&
		wire_write(w, offsetof(struct stream_inbox, fed), &words, sizeof(words)))
		stream_feed_words_posted(feed, &words);
}

static void forward(struct sim_replica *r)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	struct wire *w = &sr->successor;
	struct stream_run run;

	if (!wire_tend(w, r->cluster, r->device, successor_address(r),
		    STREAM_TOKEN_CHAIN + r->index))
		return;
	if (!wire_collect(w, NULL, NULL))
		return;
	if (w->fresh)
		stream_log_successor_again(&sr->log);
	while (wire_has_room(w, 4) && stream_log_run(&sr->log, BATCH, &run)) {
		if (!run_post(w, &sr->log, &run, sr->log.ring.mask))
			return;
		stream_feed_run_posted(&sr->log.successor, &run);
	}
	words_post(w, &sr->log.successor, stream_log_oldest(&sr->log));
}

static void answer(struct sim_replica *r)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	struct wire *w = &sr->predecessor;
	struct stream_back back;

	if (sr->log.head ||
		!wire_tend(w, r->cluster, r->device, predecessor_address(r),
			STREAM_TOKEN_CHAIN + REPLICAS_MAX + r->index) ||
		!wire_collect(w, NULL, NULL))
		return;
	if (w->fresh)
		stream_log_predecessor_again(&sr->log);
	if (wire_has_room(w, 1) && stream_log_back(&sr->log, &back) &&
		wire_write(w, offsetof(struct stream_words, back), &back, sizeof(back)))
		stream_log_back_posted(&sr->log, &back);
}

static uint64_t *ack_word(struct sim_replica *r, uint32_t subscriber)
{
	struct sim_region *region = replica_region(r, r->served);
	unsigned char *base = region->stream->ops->base(region->stream);

	return (uint64_t *)(void *)(base + stream_acks_offset(subscriber));
}

/* A subscriber that can not be reached for long is forgotten. */
static void feed_down(struct sim_replica *r, struct stream_fed_one *one)
{
	if (one->down_ns == 0)
		one->down_ns = cluster_now(r->cluster);
	if (cluster_now(r->cluster) - one->down_ns > FEED_PATIENCE_NS) {
		wire_close(&one->wire);
		one->active = false;
	}
}

static void feed(struct sim_replica *r, uint32_t subscriber)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	struct stream_fed_one *one = &sr->fed[subscriber];
	char address[MEMORY_ADDRESS_MAX];
	struct stream_run run;

	(void)strcpy(address, one->wire.address);
	if (!wire_tend(&one->wire, r->cluster, r->device, address, 1) ||
		!wire_collect(&one->wire, NULL, NULL)) {
		(void)strcpy(one->wire.address, address);
		feed_down(r, one);
		return;
	}
	one->down_ns = 0;
	if (one->wire.fresh)
		stream_feed_again(&one->feed);
	stream_feed_consumed(&one->feed, *ack_word(r, subscriber));
	while (wire_has_room(&one->wire, 4) &&
		stream_log_run_to(&sr->log, &one->feed, BATCH, &run)) {
		if (!run_post(&one->wire, &sr->log, &run, (uint32_t)one->feed.slots - 1))
			return;
		stream_feed_run_posted(&one->feed, &run);
	}
	words_post(&one->wire, &one->feed, stream_log_oldest(&sr->log));
}

static uint64_t feed_begin(
	const struct stream_log *log, const struct sim_subscribe *subscribe)
{
	if (subscribe->begun)
		return subscribe->next - 1;
	return subscribe->from == STREAM_FROM_NOW ? log->commit
						  : stream_log_oldest(log) - 1;
}

void stream_replica_subscribe(struct sim_replica *r, const struct parcel *parcel)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];
	const struct sim_subscribe *subscribe = &parcel->subscribe;
	struct stream_fed_one *one = &sr->fed[subscribe->subscriber];
	struct sim_subscriber *k = &s->subscribers[subscribe->subscriber];

	if (!sr->bytes || sr->lost || sr->log.phase != STREAM_OPEN || r->served == 0 ||
		r->served != sr->log.control->epoch ||
		k->generation != subscribe->generation)
		return;
	wire_close(&one->wire);
	*one = (struct stream_fed_one){
		.active = true, .generation = subscribe->generation};
	stream_feed_init(&one->feed, (uint64_t)subscribe->mask + 1,
		feed_begin(&sr->log, subscribe));
	(void)strcpy(one->wire.address, subscribe->address);
	*ack_word(r, subscribe->subscriber) = 0;
	k->replica = r->index;
	k->epoch = r->served;
	k->unguarded = stream_log_end(&sr->log);
	k->attached_ns = cluster_now(r->cluster);
}

/* The slowest of those that read here. */
uint64_t stream_waited_for(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];
	uint64_t upto = UINT64_MAX;

	for (uint32_t i = 0; i < s->subscribers_count && s->block; i++) {
		const struct sim_subscriber *k = &s->subscribers[i];
		uint64_t consumed = UINT64_MAX;

		if (k->in_place && k->attached_ns && k->replica == r->index)
			consumed = stream_subscriber_consumed(&k->machine);
		else if (!k->in_place && sr->fed[i].active)
			consumed = sr->fed[i].feed.consumed;
		if (consumed < upto)
			upto = consumed;
	}
	return upto;
}

void stream_wires_close(struct stream_replica *sr)
{
	wire_close(&sr->successor);
	wire_close(&sr->predecessor);
	for (uint32_t i = 0; i < SUBSCRIBERS_MAX; i++) {
		wire_close(&sr->fed[i].wire);
		sr->fed[i].active = false;
	}
}

static void take(struct sim_replica *r, struct stream_replica *sr)
{
	struct sim_region *region = replica_region(r, r->served);
	uint64_t drawn = *region_word(region, region_counter_offset(STREAM_COUNTER));
	uint64_t from = stream_log_end(&sr->log), holes = sr->log.counts.holes;

	if (MUTATED(STREAM_BACKUP_VOIDS) && !sr->log.head)
		drawn = from + 1;
	if (!sr->log.head)
		check_inbox(r);
	stream_log_waits_for(&sr->log, stream_waited_for(r));
	(void)stream_log_look_back(&sr->log);
	(void)stream_log_advance(&sr->log, drawn,
		1 + (uint32_t)cluster_random(r->cluster, BATCH), replica_clock(r));
	if (sr->log.head)
		check_decided(r, from, holes);
	check_committed(r);
}

void stream_replica_tick(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = &s->replicas[r->index];

	if (!sr->bytes || sr->lost || sr->log.phase != STREAM_OPEN || r->served == 0 ||
		r->served != sr->log.control->epoch)
		return;
	take(r, sr);
	if (!sr->log.tail)
		forward(r);
	answer(r);
	for (uint32_t i = 0; i < s->subscribers_count; i++) {
		if (sr->fed[i].active)
			feed(r, i);
	}
}
