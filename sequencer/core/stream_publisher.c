#include "sequencer/core/stream_publisher.h"

#include <string.h>

#include "sequencer/core/limits.h"
#include "sequencer/core/mutation.h"
#include "sequencer/core/panic.h"
#include "sequencer/core/stream_slot.h"
#include "sequencer/core/stream_table.h"

/* So many positions at most are drawn at once for several messages, and half the ring. */
#define TOGETHER_MAX 64

static struct stream_message *message_at(const struct stream_publisher *p, uint64_t id)
{
	return &p->messages[id & p->mask];
}

static uint64_t last_position(const struct stream_message *m)
{
	return m->first + m->slots - 1;
}

static void publisher_check(const struct stream_publisher *p)
{
	PAWL_ASSERT(p->taken <= p->acked && p->acked <= p->written);  /* A5 */
	PAWL_ASSERT(p->written <= p->drawn && p->drawn <= p->posted); /* A5 */
	PAWL_ASSERT(p->posted <= p->submitted);			      /* A5 */
	PAWL_ASSERT(p->submitted - p->taken <= p->depth);
}

void stream_publisher_init(struct stream_publisher *p, uint64_t publisher,
	struct stream_message *messages, uint32_t depth)
{
	PAWL_ASSERT(depth > 0 && depth <= STREAM_PUBLISHER_DEPTH_MAX);
	PAWL_ASSERT((depth & (depth - 1)) == 0);
	memset(p, 0, sizeof(*p));
	p->messages = messages;
	p->depth = depth;
	p->mask = depth - 1;
	if (publisher)
		stream_publisher_named(p, publisher);
}

void stream_publisher_named(struct stream_publisher *p, uint64_t publisher)
{
	PAWL_ASSERT(p->publisher == 0 && p->epoch == 0);
	PAWL_ASSERT(stream_publisher_incarnation(publisher) > 0);
	p->publisher = publisher;
}

/* Everything that is not acknowledged begins again. */
static void rewind_all(struct stream_publisher *p)
{
	p->voids += p->written > p->acked;
	p->posted = p->drawn = p->written = p->acked;
	p->redoes = false;
}

void stream_publisher_enter(
	struct stream_publisher *p, uint64_t epoch, uint64_t base, uint32_t ring_slots)
{
	PAWL_ASSERT(epoch >= p->epoch && epoch > 0 && ring_slots > 1);
	PAWL_ASSERT(p->publisher > 0);
	if (p->phase == STREAM_PUBLISHER_LOST)
		return;
	if (epoch > p->epoch)
		p->newest = 0;
	p->settled = p->newest > base ? p->newest : base;
	p->epoch = epoch;
	p->ring_slots = ring_slots;
	p->commit = 0;
	p->reading = false;
	p->phase = STREAM_PUBLISHER_RESOLVING;
}

void stream_publisher_on_lost(struct stream_publisher *p)
{
	if (p->phase == STREAM_PUBLISHER_OPEN || p->phase == STREAM_PUBLISHER_RESOLVING)
		p->phase = STREAM_PUBLISHER_SUSPENDED;
}

bool stream_publisher_submit(
	struct stream_publisher *p, uint32_t slots, uint64_t cookie, uint64_t *id_p)
{
	PAWL_ASSERT(slots > 0);
	if (stream_publisher_is_full(p))
		return false;
	*id_p = ++p->submitted; /* A1 */
	*message_at(p, *id_p) = (struct stream_message){.cookie = cookie, .slots = slots};
	return true;
}

/* The next slot of the oldest message that is not wholly written; false: wait. */
static bool next_write(
	const struct stream_publisher *p, struct stream_publisher_effect *effect_p)
{
	const struct stream_message *m = message_at(p, p->written + 1);
	uint64_t position = m->first + m->written;

	if (p->written == p->drawn || position > p->commit + p->ring_slots - 1) /* A4 */
		return false;
	PAWL_ASSERT(m->epoch == p->epoch); /* A4 */
	*effect_p = (struct stream_publisher_effect){.kind = STREAM_WRITE,
		.id = p->written + 1,
		.cookie = m->cookie,
		.position = position,
		.part = m->written,
		.flags = (uint8_t)((m->written == 0 ? STREAM_FIRST : 0) |
				   (m->written + 1 == m->slots ? STREAM_LAST : 0))};
	return true;
}

/* What waits for the window is in everybody's way, and is lost if it meets a void. */
static uint64_t together_max(const struct stream_publisher *p)
{
	return p->ring_slots / 2 < TOGETHER_MAX ? p->ring_slots / 2 : TOGETHER_MAX;
}

/*
 * Positions that can not be written yet would be in everybody's way: nothing more is drawn while
 * some wait for the window.
 */
static bool next_draw(
	const struct stream_publisher *p, struct stream_publisher_effect *effect_p)
{
	struct stream_publisher_effect e = {.kind = STREAM_DRAW, .id = p->posted + 1};

	if (p->redoes || p->posted == p->submitted || p->written != p->drawn)
		return false;
	while (e.id + e.together <= p->submitted) {
		uint32_t slots = message_at(p, e.id + e.together)->slots;

		if (e.together > 0 && e.n + slots > together_max(p))
			break;
		e.n += slots;
		e.together++;
	}
	*effect_p = e;
	return true;
}

/* Whether there is anything to learn at the tail. */
static bool wants_words(const struct stream_publisher *p)
{
	return !p->reading &&
	       (p->phase == STREAM_PUBLISHER_RESOLVING || p->drawn > p->acked);
}

bool stream_publisher_next(
	const struct stream_publisher *p, struct stream_publisher_effect *effect_p)
{
	bool open = p->phase == STREAM_PUBLISHER_OPEN;

	if (open && (next_write(p, effect_p) || next_draw(p, effect_p)))
		return true;
	if ((open || p->phase == STREAM_PUBLISHER_RESOLVING) && wants_words(p)) {
		*effect_p = (struct stream_publisher_effect){.kind = STREAM_READ};
		return true;
	}
	return false;
}

static void write_posted(struct stream_publisher *p)
{
	struct stream_message *m = message_at(p, p->written + 1);

	if (++m->written == m->slots)
		p->written++;
}

void stream_publisher_posted(
	struct stream_publisher *p, const struct stream_publisher_effect *effect)
{
	switch (effect->kind) {
	case STREAM_DRAW:
		PAWL_ASSERT(effect->id == p->posted + 1);
		message_at(p, effect->id)->together = effect->together;
		p->posted += effect->together;
		break;
	case STREAM_WRITE:
		PAWL_ASSERT(effect->id == p->written + 1);
		write_posted(p);
		break;
	case STREAM_READ:
		p->reading = true;
		break;
	}
	publisher_check(p);
}

void stream_publisher_on_draw(struct stream_publisher *p, uint64_t v)
{
	uint64_t position = v + 1;
	uint32_t together;

	if (p->phase != STREAM_PUBLISHER_OPEN)
		return;
	PAWL_ASSERT(p->drawn < p->posted);
	if (v >= COUNTER_LIMIT) {
		p->phase = STREAM_PUBLISHER_SUSPENDED; /* sealed */
		return;
	}
	together = message_at(p, p->drawn + 1)->together;
	for (uint32_t i = 0; i < together; i++) {
		struct stream_message *m = message_at(p, p->drawn + 1);

		m->first = position;
		m->written = 0;
		m->epoch = p->epoch;
		position += m->slots;
		p->drawn++;
	}
	p->newest = position - 1;
	publisher_check(p);
}

/* The broken rule: whatever the commit point has passed counts as published. */
static uint64_t acked_by_commit(const struct stream_publisher *p, uint64_t id)
{
	while (id < p->written && last_position(message_at(p, id + 1)) <= p->commit)
		id++;
	return id;
}

static void acked_raise(struct stream_publisher *p, uint64_t id)
{
	p->acked = id; /* A2 */
	/* Found in at the end of an epoch, before it was to be drawn again. */
	if (p->written < id)
		p->written = id;
	if (p->drawn < id)
		p->drawn = id;
	if (p->posted < id)
		p->posted = id;
}

/* The oldest message in flight was passed over. */
static bool met_void(const struct stream_publisher *p)
{
	return p->acked < p->written &&
	       p->commit >= last_position(message_at(p, p->acked + 1));
}

/* Nothing that was drawn is undecided. */
static bool all_decided(const struct stream_publisher *p)
{
	return p->posted == p->drawn && p->written == p->drawn && p->commit >= p->newest;
}

static void words_weigh(struct stream_publisher *p)
{
	if (p->phase == STREAM_PUBLISHER_RESOLVING) {
		if (p->commit < p->settled)
			return;
		rewind_all(p); /* A3 */
		p->phase = STREAM_PUBLISHER_OPEN;
		return;
	}
	if (met_void(p))
		p->redoes = true;
	if (p->redoes && all_decided(p))
		rewind_all(p); /* A3 */
}

/* While the epoch is open nothing can be in that was not written in it. */
static uint64_t known_limit(const struct stream_publisher *p)
{
	return p->phase == STREAM_PUBLISHER_OPEN ? p->written : p->submitted;
}

void stream_publisher_on_words(
	struct stream_publisher *p, uint64_t commit, uint64_t entry)
{
	uint64_t id = stream_entry_id(entry, p->publisher);

	p->reading = false;
	if (p->phase != STREAM_PUBLISHER_OPEN && p->phase != STREAM_PUBLISHER_RESOLVING)
		return;
	if (commit > p->commit)
		p->commit = commit;
	if (MUTATED(STREAM_ACK_COMMIT))
		id = acked_by_commit(p, id > p->acked ? id : p->acked);
	if (id < p->acked || id > known_limit(p)) {
		p->phase = STREAM_PUBLISHER_LOST; /* A6 */
		return;
	}
	acked_raise(p, id);
	words_weigh(p);
	publisher_check(p);
}

void stream_publisher_abandon(struct stream_publisher *p)
{
	p->phase = STREAM_PUBLISHER_LOST;
}

bool stream_publisher_peek(const struct stream_publisher *p, uint64_t id,
	struct stream_publisher_result *result_p)
{
	const struct stream_message *m = message_at(p, id);
	bool acked = id <= p->acked;

	PAWL_ASSERT(id > p->taken && id <= p->submitted);
	if (!acked && p->phase != STREAM_PUBLISHER_LOST)
		return false;
	*result_p = (struct stream_publisher_result){.id = id,
		.cookie = m->cookie,
		.position = m->first > 0 ? last_position(m) : 0,
		.outcome = acked ? STREAM_ACKNOWLEDGED : STREAM_UNKNOWN};
	return true;
}

bool stream_publisher_take(
	struct stream_publisher *p, struct stream_publisher_result *result_p)
{
	if (p->taken == p->submitted || !stream_publisher_peek(p, p->taken + 1, result_p))
		return false;
	__builtin_prefetch(message_at(p, p->taken + STREAM_AHEAD)); /* a hint */
	p->taken++;
	if (p->acked < p->taken)
		p->acked = p->written = p->drawn = p->posted = p->taken;
	return true;
}
