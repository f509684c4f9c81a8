/* What must hold of a stream, at every moment and at the end. */
#include <inttypes.h>
#include <string.h>

#include "tests/sim/stores.h"

/* What a message is like follows from its publisher and its id. */
static uint64_t message_seed(uint64_t publisher, uint64_t id)
{
	return random_mix(random_mix(publisher) ^ id);
}

/* What a participant said; NULL: what it says follows from who it is and the id. */
static const struct stream_text *message_text(
	const struct streams *s, uint64_t publisher, uint64_t id)
{
	const struct stream_life *life =
		&s->lives[stream_publisher_incarnation(publisher) - 1];

	return life->texts ? &life->texts[id] : NULL;
}

static uint32_t text_slots(const struct streams *s, const struct stream_text *text)
{
	uint32_t room = stream_slot_room(s->slot_len);

	return text->len == 0 ? 1 : (text->len + room - 1) / room;
}

uint32_t message_slots(const struct streams *s, uint64_t publisher, uint64_t id)
{
	const struct stream_text *text = message_text(s, publisher, id);
	struct random random = {.state = message_seed(publisher, id)};

	if (text)
		return text_slots(s, text);
	if (!random_chance(&random, s->long_messages * 1000))
		return 1;
	return 2 + (uint32_t)random_below(&random, STREAM_PARTS_MAX - 1);
}

uint32_t message_part_len(
	const struct streams *s, uint64_t publisher, uint64_t id, uint32_t part)
{
	const struct stream_text *text = message_text(s, publisher, id);
	uint32_t room = stream_slot_room(s->slot_len);

	if (part + 1 < message_slots(s, publisher, id))
		return room;
	if (text)
		return text->len - part * room;
	return (uint32_t)(message_seed(publisher, id) % (room + 1));
}

void message_part_fill(const struct streams *s, uint64_t publisher, uint64_t id,
	uint32_t part, unsigned char *to)
{
	const struct stream_text *text = message_text(s, publisher, id);
	struct random random = {.state = message_seed(publisher, id) + part};
	uint32_t len = message_part_len(s, publisher, id, part);

	if (text) {
		memcpy(to, s->texts + text->at + part * stream_slot_room(s->slot_len),
			len);
		return;
	}
	for (uint32_t i = 0; i < len; i++)
		to[i] = (unsigned char)random_below(&random, 256);
}

static bool truth_same(const struct stream_truth *t, const struct stream_slot *slot)
{
	return t->flags == slot->flags && t->publisher == slot->publisher &&
	       t->id == slot->id && t->epoch == slot->epoch;
}

/* The epoch in which a position was decided, as the record has it; 0: not known any more. */
static uint64_t epoch_deciding(const struct cluster *c, uint64_t position)
{
	uint64_t epoch = 0;

	for (uint32_t i = 0; i < c->epochs_count; i++) {
		if (c->epochs[i].bases[STREAM_COUNTER] < position)
			epoch = c->epochs[i].epoch;
	}
	return epoch;
}

static void truth_learn(struct cluster *c, const struct stream_slot *slot)
{
	struct stream_truth *t = &c->streams->truth[slot->position];

	if (t->known) {
		if (!truth_same(t, slot))
			cluster_wrong(
				c, "two replicas have different slots at a position");
		return;
	}
	*t = (struct stream_truth){.known = true,
		.flags = slot->flags,
		.publisher = slot->publisher,
		.id = slot->id,
		.epoch = slot->epoch};
	cluster_trace(c,
		"position %" PRIu64 ": epoch %" PRIu64 " publisher %" PRIx64
		" id %" PRIu64 " flags %u",
		slot->position, slot->epoch, slot->publisher, slot->id, slot->flags);
	if (slot->epoch != epoch_deciding(c, slot->position))
		cluster_wrong(c, "a slot was logged that is not of the epoch");
	if (c->streams->stores)
		stores_committed(c);
}

static void committed_upto(struct sim_replica *r, uint64_t upto)
{
	struct cluster *c = r->cluster;
	struct streams *s = c->streams;
	struct stream_replica *sr = &s->replicas[r->index];
	const struct stream_log *log = &sr->log;

	if (sr->checked + 1 < stream_log_oldest(log))
		sr->checked = stream_log_oldest(log) - 1;
	while (sr->checked < upto && !c->wrong) {
		uint64_t p = sr->checked + 1;
		struct stream_slot slot;

		PAWL_ASSERT(p < TRUTH_MAX);
		if (!stream_slot_read(
			    stream_ring_at(&log->ring, p), log->ring.slot_len, &slot) ||
			slot.position != p) {
			cluster_wrong(c, "a committed slot is not whole");
			return;
		}
		truth_learn(c, &slot);
		sr->checked = p;
	}
	if (upto > s->committed)
		s->committed = upto;
}

void check_committed(struct sim_replica *r)
{
	committed_upto(r, r->cluster->streams->replicas[r->index].log.commit);
}

/* A log that awaits a slot may have given up the place for it already. */
void check_entered(struct sim_replica *r)
{
	struct streams *s = r->cluster->streams;
	const struct stream_log *log = &s->replicas[r->index].log;
	uint64_t gone = s->overwritten > s->loss ? s->overwritten : s->loss;

	if (!stream_log_is_whole(log, gone + 2))
		cluster_wrong(r->cluster, "a member lacks what a head still had");
}

void check_inbox(struct sim_replica *r)
{
	struct stream_replica *sr = &r->cluster->streams->replicas[r->index];
	const struct stream_log *log = &sr->log;

	if (log->places.inbox->fed.end < sr->fed_seen)
		cluster_wrong(r->cluster, "an inbox has no more what it had");
	sr->fed_seen = log->places.inbox->fed.end;
	for (uint64_t p = stream_log_end(log) + 1; p <= log->places.inbox->fed.end; p++) {
		struct stream_slot slot;

		if (!stream_slot_read(stream_ring_at(&log->places.ring, p),
			    log->ring.slot_len, &slot) ||
			slot.position != p || slot.epoch != log->control->epoch) {
			cluster_wrong(r->cluster, "an inbox has not what it says");
			return;
		}
	}
}

/*
 * All of it, though a process that took the log up after it was prepared may know of no commit
 * point yet.
 */
static void check_prepared(struct sim_replica *r)
{
	committed_upto(r, stream_log_end(&r->cluster->streams->replicas[r->index].log));
	check_table(r);
}

/* Everything that the members of an epoch begin with is committed. */
static void check_beginning(struct cluster *c, uint64_t epoch)
{
	for (uint32_t i = 0; i < c->config.replicas; i++) {
		struct stream_replica *sr = &c->streams->replicas[i];

		if (c->replicas[i].alive && sr->bytes && !sr->lost &&
			sr->log.control->prepared == epoch)
			check_prepared(&c->replicas[i]);
	}
}

/* A void wants a reason: nobody came in time, or an earlier one of the epoch, or another life. */
static void void_check(struct sim_replica *r, uint64_t p, bool hole)
{
	struct cluster *c = r->cluster;
	struct streams *s = c->streams;
	struct sim_region *region = replica_region(r, r->served);
	uint64_t word = *region_word(region, region_counter_offset(STREAM_COUNTER));

	s->voids[p] = (struct stream_void){
		.epoch = r->served, .ns = cluster_now(c), .hole = hole};
	s->holes += hole;
	s->refused += !hole;
	if (p > word)
		cluster_wrong(c, "a position became void that nobody had drawn");
	if (s->calm)
		cluster_wrong(c, "a position became void though nothing was wrong");
	if (!hole && s->holes == 0 && s->lives_count == s->publishers_count &&
		c->epochs_count < 2)
		cluster_wrong(c, "a message was refused without a reason");
}

void check_decided(struct sim_replica *r, uint64_t from, uint64_t holes)
{
	struct streams *s = r->cluster->streams;
	struct stream_log *log = &s->replicas[r->index].log;
	uint64_t left = log->counts.holes - holes;

	if (stream_log_oldest(log) > s->overwritten + 1)
		s->overwritten = stream_log_oldest(log) - 1;
	for (uint64_t p = from + 1; p <= stream_log_end(log); p++) {
		struct stream_slot slot;

		PAWL_ASSERT(p < TRUTH_MAX);
		if (p < stream_log_oldest(log) ||
			!stream_slot_read(
				stream_ring_at(&log->ring, p), log->ring.slot_len, &slot))
			continue;
		if (!(slot.flags & STREAM_VOID))
			continue;
		/* Holes and refused slots of one go are not told apart: holes first. */
		void_check(r, p, left > 0);
		left -= left > 0;
	}
}

void check_drawn(
	struct sim_publisher *p, uint64_t first, uint64_t last, uint64_t posted_ns)
{
	struct cluster *c = p->cluster;
	struct streams *s = c->streams;

	for (uint64_t position = first; position <= last; position++) {
		const struct stream_void *v = &s->voids[position];

		PAWL_ASSERT(position < TRUTH_MAX);
		if (v->epoch == p->epoch && v->hole &&
			v->ns + s->hole_ns / 50 < posted_ns + s->hole_ns)
			cluster_wrong(
				c, "a position became void before the hole time-out");
	}
}

void check_acked(struct sim_publisher *p, const struct stream_publisher_result *result)
{
	struct cluster *c = p->cluster;
	struct streams *s = c->streams;
	struct stream_life *life = &s->lives[p->life];
	const struct stream_truth *t = &s->truth[result->position];

	if (result->outcome != STREAM_ACKNOWLEDGED) {
		if (s->loss == 0 && !p->participant)
			cluster_wrong(c, "a publisher was forgotten");
		return;
	}
	PAWL_ASSERT(result->id < IDS_MAX && result->position < TRUTH_MAX);
	if (result->id != life->acked + 1)
		cluster_wrong(c, "messages were acknowledged out of order");
	if (result->position == 0 || !t->known || t->publisher != life->name ||
		t->id != result->id || !(t->flags & STREAM_LAST))
		cluster_wrong(
			c, "a message was acknowledged that is not where it should be");
	life->acked = result->id;
	life->positions[result->id] = result->position;
	if (result->position > s->acked)
		s->acked = result->position;
	cluster_trace(c, "publisher %u: message %" PRIu64 " is at %" PRIu64, p->index,
		result->id, result->position);
}

/* Everything up to here may be gone. */
static void stream_lost(struct cluster *c, uint64_t base)
{
	c->streams->loss = base;
	stream_guard_nobody(c);
	if (c->streams->stores && base > 0)
		stores_lost(c);
}

void check_stream_base(struct cluster *c, uint64_t epoch, uint64_t base)
{
	if (base < c->streams->acked)
		cluster_wrong(c, "an epoch begins below an acknowledged message");
	if (base < c->streams->committed)
		cluster_wrong(c, "an epoch begins below a commit point");
	if (c->recovering || c->epochs_count == 0 || c->store.record.former.count == 0)
		stream_lost(c, base);
	check_beginning(c, epoch);
}

/* The first slot of the message whose last is at @last, if all between are known; else 0. */
static uint64_t message_begin(const struct streams *s, uint64_t last)
{
	const struct stream_truth *t = &s->truth[last];
	uint64_t p = last;

	while (p > 0 && s->truth[p].known && s->truth[p].publisher == t->publisher &&
		s->truth[p].id == t->id) {
		if (s->truth[p].flags & STREAM_FIRST)
			return p;
		p--;
	}
	return 0;
}

/* Nothing between was to be delivered to @k, who began, or went on, behind k->start. */
static void check_skipped(struct sim_subscriber *k, uint64_t first, uint64_t last)
{
	struct cluster *c = k->cluster;
	const struct streams *s = c->streams;

	for (uint64_t p = first; p <= last; p++) {
		const struct stream_truth *t = &s->truth[p];
		bool is_void = t->flags & STREAM_VOID;

		if (!t->known)
			cluster_wrong(c, "a subscriber passed over what nobody knows");
		else if (is_void ? k->voids
				 : (t->flags & STREAM_LAST) &&
					   message_begin(s, p) > k->start)
			cluster_wrong(c, "a subscriber has a gap");
	}
}

static void check_content(struct sim_subscriber *k, const struct stream_delivery *d)
{
	struct cluster *c = k->cluster;
	const struct streams *s = c->streams;
	uint32_t slots = message_slots(s, d->publisher, d->id);
	const unsigned char *at = d->payload;
	uint64_t len = 0;

	if (d->last - d->first + 1 != slots)
		cluster_wrong(c, "a message has another length");
	for (uint32_t part = 0; part < slots && !c->wrong; part++) {
		unsigned char expected[SIM_SLOT_MAX];
		uint32_t part_len = message_part_len(s, d->publisher, d->id, part);

		message_part_fill(s, d->publisher, d->id, part, expected);
		if (len + part_len > d->len || memcmp(at + len, expected, part_len) != 0)
			cluster_wrong(c, "a message has another content");
		len += part_len;
	}
	if (len != d->len)
		cluster_wrong(c, "a message has another length");
}

static void check_message(struct sim_subscriber *k, const struct stream_delivery *d)
{
	struct cluster *c = k->cluster;
	const struct stream_truth *t = &c->streams->truth[d->last];

	if (!t->known || t->publisher != d->publisher || t->id != d->id ||
		!(t->flags & STREAM_LAST))
		cluster_wrong(c, "a subscriber got what is not in the stream");
	else
		check_content(k, d);
}

void check_delivery(struct sim_subscriber *k, const struct stream_delivery *d)
{
	struct cluster *c = k->cluster;
	struct streams *s = c->streams;

	PAWL_ASSERT(d->last < TRUTH_MAX);
	if (d->first <= k->last || d->last < d->first) {
		cluster_wrong(c, "a subscriber went back");
		return;
	}
	check_skipped(k, k->last + 1, d->first - 1);
	switch (d->kind) {
	case STREAM_MESSAGE:
		check_message(k, d);
		break;
	case STREAM_NOTHING:
		if (!s->truth[d->first].known || s->truth[d->first].flags != STREAM_VOID)
			cluster_wrong(c, "a subscriber was told of a void that is none");
		break;
	case STREAM_GONE:
		s->gone += d->last - d->first + 1;
		cluster_trace(c, "subscriber %u%s: lost %" PRIu64 " to %" PRIu64,
			k->index, k->in_place ? " in place" : "", d->first, d->last);
		k->start = d->last;
		if (s->block && !stream_guard_allows(k, d->first))
			cluster_wrong(c, "a subscriber was lapped that is waited for");
		break;
	case STREAM_TOO_LONG:
		cluster_wrong(c, "a message is longer than any");
	}
	k->last = d->last;
	s->deliveries++;
}

/* Whole messages of every life are 1, 2, 3 ... in the order of their positions. */
static const char *check_once(struct cluster *c)
{
	struct streams *s = c->streams;
	uint64_t newest[STREAM_LIVES_MAX] = {0};
	uint64_t after[STREAM_LIVES_MAX] = {0}; /* of it, after a loss */

	for (uint64_t p = 1; p <= s->committed; p++) {
		const struct stream_truth *t = &s->truth[p];
		uint32_t life = 0;

		if (!t->known || !(t->flags & STREAM_LAST))
			continue;
		while (life < s->lives_count && s->lives[life].name != t->publisher)
			life++;
		if (life == s->lives_count)
			return "a message is of a publisher that never was";
		/* A table that was lost with all memory begins again. */
		if (after[life] == 0 && p > s->loss && t->id == 1)
			newest[life] = 0;
		after[life] += p > s->loss;
		if (t->id != newest[life] + 1 && p > s->loss)
			return "a publisher's messages are not in order, each once";
		newest[life] = t->id;
	}
	return NULL;
}

static const char *check_kept(struct cluster *c)
{
	struct streams *s = c->streams;

	for (uint32_t i = 0; i < s->lives_count; i++) {
		const struct stream_life *life = &s->lives[i];

		for (uint64_t id = 1; id <= life->acked; id++) {
			const struct stream_truth *t = &s->truth[life->positions[id]];

			if (t->publisher != life->name || t->id != id)
				return "an acknowledged message is not in the stream";
		}
	}
	return NULL;
}

const char *check_streams(struct cluster *c)
{
	const char *wrong = check_once(c);

	for (uint32_t i = 0; i < c->streams->subscribers_count && !wrong; i++) {
		struct sim_subscriber *k = &c->streams->subscribers[i];

		if (cluster_now(c) >= k->begins_ns && k->machine.begun &&
			stream_subscriber_consumed(&k->machine) > k->last)
			check_skipped(
				k, k->last + 1, stream_subscriber_consumed(&k->machine));
	}
	return wrong ? wrong : check_kept(c);
}
