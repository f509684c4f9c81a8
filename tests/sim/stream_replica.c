/* The thread of a replica that serves the stream: it takes, forwards, answers and feeds. */
#include <string.h>

#include "tests/sim/streams.h"

#define BATCH 8

/* A neighbour in the chain; NULL: there is none, or it is dead. */
static struct sim_replica *neighbour_replica(struct sim_replica *r, int32_t distance)
{
	const struct epoch_region *serving = epoch_serving(&r->machine);
	uint32_t self = epoch_chain_place(&serving->chain, replica_member(r));
	uint32_t place = self + (uint32_t)distance;
	struct sim_replica *other;

	if (self == CHAIN_MAX || place >= serving->chain.count)
		return NULL;
	other = &r->cluster->replicas[serving->chain.at[place].id - 1];
	if (!other->alive || other->life != serving->chain.at[place].incarnation)
		return NULL;
	return other;
}

/* Its region; NULL: its daemon can not say. */
static struct sim_region *neighbour(struct sim_replica *r, int32_t distance)
{
	struct sim_replica *other = neighbour_replica(r, distance);
	struct sim_region *region;

	if (!other)
		return NULL;
	region = replica_region(other, epoch_serving(&r->machine)->epoch);
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
bool stream_run_post(struct wire *w, const struct stream_log *log,
	const struct stream_run *run, uint32_t mask)
{
	for (uint32_t i = 0; i < run->parts_count; i++) {
		const struct stream_part *part = &run->parts[i];

		if (!wire_write(w,
			    sizeof(struct stream_inbox) +
				    (part->first & mask) * log->ring.slot_len,
			    stream_ring_at(&log->ring, part->first),
			    (size_t)part->count * log->ring.slot_len))
			return false;
	}
	return true;
}

void stream_fed_post(struct wire *w, struct stream_feed *feed, uint64_t oldest)
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
		if (!stream_run_post(w, &sr->log, &run, sr->log.ring.mask))
			return;
		stream_feed_run_posted(&sr->log.successor, &run);
	}
	stream_fed_post(w, &sr->log.successor, stream_log_oldest(&sr->log));
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
	else if (w->up && w->flight == 0)
		stream_guard_told(r, neighbour_replica(r, -1));
}

void stream_wires_close(struct stream_replica *sr)
{
	wire_close(&sr->successor);
	wire_close(&sr->predecessor);
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
	if (sr->log.head)
		sr->known_ns = cluster_now(r->cluster);
	check_committed(r);
}

void stream_replica_tick(struct sim_replica *r)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];

	if (!sr->bytes || sr->lost || sr->log.phase != STREAM_OPEN || r->served == 0 ||
		r->served != sr->log.control->epoch)
		return;
	take(r, sr);
	if (!sr->log.tail)
		forward(r);
	answer(r);
	stream_readers_feed(r);
}
