/* The stream's part in changes of the chain, as a daemon carries it out. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/stores.h"

static struct stream_replica *of(struct sim_replica *r)
{
	return &r->cluster->streams->replicas[r->index];
}

static uint64_t log_len(const struct streams *s)
{
	uint64_t len;

	PAWL_ASSERT(stream_log_len(s->ring, s->slot_len, PUBLISHERS_MAX, &len));
	return len;
}

struct stream_words *stream_words_of(const struct sim_region *region)
{
	return region->stream->ops->base(region->stream);
}

static struct memory *memory_expose(struct sim_replica *r, uint64_t len)
{
	struct memory_config config = {.pages = {.len = len}};
	struct memory *memory;
	struct error err;

	PAWL_ASSERT(r->device->ops->expose(r->device, &config, &memory, &err) == 0);
	return memory;
}

/*
 * Memory of the stream?  Then a neighbour's former link ends first.  A publisher's does not have
 * to: whatever it still writes is found out.
 */
bool stream_admit(
	struct sim_replica *r, const struct memory *memory, uint64_t token, bool *known_p)
{
	struct stream_replica *sr = of(r);
	struct memory *found = sr->inbox == memory ? sr->inbox : NULL;

	if (sr->memory == memory)
		found = sr->memory;
	for (uint32_t i = 0; i < REGIONS_MAX; i++) {
		if (r->regions[i].stream == memory)
			found = r->regions[i].stream;
		if (r->regions[i].stream_inbox == memory) {
			found = r->regions[i].stream_inbox;
			sr->fed_seen = 0;
		}
	}
	*known_p = found != NULL;
	if (found && token >= STREAM_TOKEN_CHAIN)
		found->ops->evict(found, token);
	return found != NULL;
}

static void log_create(struct sim_replica *r, uint64_t begin)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = of(r);

	sr->bytes = sr->memory->ops->base(sr->memory);
	sr->serial = ++s->serials;
	sr->checked = begin;
	stream_log_create(
		&sr->log, sr->bytes, s->ring, s->slot_len, PUBLISHERS_MAX, begin);
}

/* What a process left is in the memory again. */
static void log_take_up(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = of(r);

	sr->bytes = sr->memory->ops->base(sr->memory);
	memcpy(sr->bytes, sr->remains, log_len(s));
	sr->serial = ++s->serials;
	if (!stream_log_adopt(&sr->log, sr->bytes, s->ring, s->slot_len, PUBLISHERS_MAX))
		cluster_wrong(r->cluster, "a log that a process left is not whole");
	sr->checked = sr->log.control->begin;
}

void stream_start(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	struct stream_replica *sr = of(r);

	sr->inbox = memory_expose(r, stream_readers_len(s));
	sr->hold = STREAM_HOLD_NONE;
	sr->memory = memory_expose(r, log_len(s));
	sr->lost = false;
	memset(&sr->log, 0, sizeof(sr->log));
	if (sr->remains && r->keeps_memory)
		log_take_up(r);
	free(sr->remains);
	sr->remains = NULL;
}

static void log_remains(struct sim_replica *r)
{
	struct stream_replica *sr = of(r);

	if (sr->bytes) {
		sr->remains = malloc(log_len(r->cluster->streams));
		PAWL_ASSERT(sr->remains);
		memcpy(sr->remains, sr->bytes, log_len(r->cluster->streams));
	}
	sr->bytes = NULL;
	sr->memory->ops->withdraw(sr->memory);
	sr->memory = NULL;
}

void stream_crash(struct sim_replica *r)
{
	struct stream_replica *sr = of(r);

	stream_wires_close(sr);
	stream_readers_forget(r);
	if (r->cluster->streams->stores)
		seat_forget(r);
	stream_fill_leave(sr);
	stream_follow_leave(sr);
	if (sr->inbox)
		sr->inbox->ops->withdraw(sr->inbox);
	sr->inbox = NULL;
	if (sr->reused)
		sr->reused->ops->withdraw(sr->reused);
	sr->reused = NULL;
	log_remains(r);
	sr->lost = true;
	sr->serial = ++r->cluster->streams->serials;
}

/* A backup's inbox is fresh in every epoch; or the same, as the broken rule has it. */
static struct memory *inbox_memory(struct sim_replica *r)
{
	struct stream_replica *sr = of(r);
	uint64_t len = sizeof(struct stream_inbox) +
		       (uint64_t)r->cluster->streams->ring *
			       r->cluster->streams->slot_len;

	if (!MUTATED(STREAM_INBOX_REUSED))
		return memory_expose(r, len);
	if (!sr->reused)
		sr->reused = memory_expose(r, len);
	return sr->reused;
}

void stream_install(struct sim_replica *r, struct sim_region *region)
{
	region->stream = memory_expose(r, stream_words_len(PUBLISHERS_MAX));
	region->stream_inbox = inbox_memory(r);
	region->stream_shared = MUTATED(STREAM_INBOX_REUSED);
	region->stream_ready = false;
}

/* The log comes to end at the base; false: not yet, for it takes a while, or nobody has it. */
static bool log_complete(
	struct sim_replica *r, uint64_t from, uint64_t epoch, uint64_t base, bool alone)
{
	struct stream_replica *sr = of(r);
	bool kept = sr->bytes && stream_log_keeps(&sr->log, from, base);

	stream_follow_leave(sr);
	if (!alone && !(kept && stream_log_end(&sr->log) == base))
		return stream_fill_tick(r, from, epoch, base);
	stream_fill_leave(sr);
	if (!kept || stream_log_end(&sr->log) != base)
		log_create(r, base);
	return true;
}

bool stream_prepared(struct sim_replica *r, uint64_t epoch)
{
	struct cluster *c = r->cluster;
	struct stream_replica *sr = of(r);
	struct sim_region *region = replica_region(r, epoch);
	const struct epoch_region *pending = &r->machine.pending;
	bool recovers = r->machine.proposal.recovers &&
			r->machine.proposal.claim == epoch;
	bool alone = recovers || c->store.record.former.count == 0;
	uint64_t base;

	if (!region || pending->epoch != epoch || region->stream_ready)
		return true; /* or not wanted any more */
	base = *region_word(region, region_floor_offset(&c->layout, STREAM_COUNTER));
	(void)stream_length(r, pending->from);
	if (sr->bytes && sr->log.phase == STREAM_OPEN)
		(void)stream_length(r, sr->log.control->epoch);
	if (!log_complete(r, recovers ? 0 : pending->from, epoch, base, alone))
		return false;
	sr->from = alone ? 0 : pending->from;
	stream_wires_close(sr);
	if (MUTATED(STREAM_LOG_KEPT) && sr->log.control->epoch >= epoch)
		return false;
	stream_log_prepare(&sr->log, epoch, stream_words_of(region),
		region->stream_inbox->ops->base(region->stream_inbox));
	region->stream_ready = true;
	cluster_trace(c, "replica %u: log is ready for epoch %lu, length %lu",
		r->index + 1, (unsigned long)epoch, (unsigned long)base);
	return true;
}

void stream_serve(struct sim_replica *r)
{
	struct cluster *c = r->cluster;
	struct stream_replica *sr = of(r);
	const struct epoch_region *serving = epoch_serving(&r->machine);
	struct sim_region *region = replica_region(r, serving->epoch);
	uint32_t place = epoch_chain_place(&serving->chain, replica_member(r));
	struct stream_entering entering = {.epoch = serving->epoch,
		.hole_timeout_ns = c->streams->hole_ns,
		.head = place == 0,
		.tail = place + 1 == serving->chain.count};
	struct stream_inbox *inbox;
	void *ring;

	if (!region || !region->stream || !region->stream_ready || place == CHAIN_MAX ||
		sr->log.control->prepared != serving->epoch)
		return;
	inbox = region->stream_inbox->ops->base(region->stream_inbox);
	ring = entering.head ? sr->inbox->ops->base(sr->inbox) : (void *)(inbox + 1);
	entering.ceiling = *region_word(
		region, region_ceiling_offset(&c->layout, STREAM_COUNTER));
	entering.places = (struct stream_places){.words = stream_words_of(region),
		.inbox = inbox,
		.ring = {.bytes = ring,
			.slot_len = c->streams->slot_len,
			.mask = c->streams->ring - 1}};
	sr->fed_seen = 0;
	stream_readers_enter(r, place);
	stream_log_enter(&sr->log, &entering);
	check_entered(r);
}

void stream_ceiling(struct sim_replica *r, uint64_t epoch)
{
	struct stream_replica *sr = of(r);
	struct sim_region *region = replica_region(r, epoch);

	if (sr->bytes && sr->log.phase == STREAM_OPEN && sr->log.control->epoch == epoch)
		stream_log_ceiling_set(&sr->log,
			*region_word(region, region_ceiling_offset(&r->cluster->layout,
						     STREAM_COUNTER)));
}

void stream_seal(struct sim_replica *r, uint64_t epoch)
{
	(void)stream_length(r, epoch);
}

uint64_t stream_length(struct sim_replica *r, uint64_t epoch)
{
	struct stream_replica *sr = of(r);
	uint64_t len;

	if (!sr->bytes || !stream_log_seal(&sr->log, epoch, &len))
		return 0;
	return len;
}

/* Only what is of the epoch that is open here: another one may be prepared already. */
void stream_retire(struct sim_replica *r, uint64_t epoch)
{
	struct stream_replica *sr = of(r);
	uint64_t len;

	if (!sr->bytes || sr->log.control->epoch != epoch)
		return;
	if (stream_log_seal(&sr->log, epoch, &len))
		stream_wires_close(sr);
}

/* Where a publisher finds the head's inbox and the tail's words. */
void stream_join_answer(struct sim_replica *r, struct sim_joined *joined)
{
	struct cluster *c = r->cluster;
	const struct epoch_region *serving = epoch_serving(&r->machine);
	const struct epoch_chain *chain = &serving->chain;
	struct epoch_member head = chain->at[0], tail = chain->at[chain->count - 1];
	struct sim_replica *first = &c->replicas[head.id - 1];
	struct sim_replica *last = &c->replicas[tail.id - 1];
	struct sim_region *words = last->alive ? replica_region(last, serving->epoch)
					       : NULL;

	joined->stream_known = false;
	if (r->machine.seen.active_epoch != serving->epoch || !first->alive ||
		first->life != head.incarnation || last->life != tail.incarnation ||
		!words || !words->stream || !of(first)->inbox)
		return;
	joined->stream_known = true;
	joined->stream_base = r->machine.seen.counters[STREAM_COUNTER].base;
	(void)strcpy(
		joined->stream_inbox, of(first)->inbox->ops->address(of(first)->inbox));
	(void)strcpy(joined->stream_words, words->stream->ops->address(words->stream));
}
