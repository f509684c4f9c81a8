/* One turn of a stream: take, forward, answer, feed. */
#include <stddef.h>

#include "hw/clock.h"
#include "sequencer/core/words.h"
#include "sequencer/stream/stream.h"

#define TAKE_MAX 256		      /* slots, in one turn */
#define RUN_BYTES (UINT64_C(1) << 18) /* that are forwarded in one turn, or one slot */
#define RATE_NS (1000 * NS_PER_MS)
#define NOTICE_NS (100 * NS_PER_MS)
#define DRAWN_PARTS 8 /* of a hole time-out, between looks at the counter */

/*
 * The counter's word matters for holes only, and every look at it slows those who draw; an old
 * one is too small, which makes a hole later, never sooner (C5).
 */
static uint64_t drawn_look(struct stream *s, uint64_t now_ns)
{
	if (s->region &&
		now_ns - s->drawn_ns >= s->limits.hole_timeout_ns / DRAWN_PARTS) {
		s->drawn = s->region->ops->load(s->region, s->word_offset);
		s->drawn_ns = now_ns;
	}
	return s->drawn;
}

static uint32_t take(struct stream *s, uint64_t now_ns)
{
	struct stream_log *log = &s->log;
	uint64_t end = stream_log_end(log);
	bool moved;

	stream_log_waits_for(log, readers_waited_for(s->readers, log, now_ns));
	moved = stream_log_look_back(log);
	(void)stream_log_advance(log, drawn_look(s, now_ns), TAKE_MAX, now_ns);
	return (uint32_t)(stream_log_end(log) - end) + moved;
}

static struct neighbour_ways ways_of(const struct stream *s)
{
	return (struct neighbour_ways){.device = stream_thread_device(s->thread),
		.token = s->ways->config->incarnation,
		.timeout_ns = s->ways->config->link_timeout_ns};
}

/* Tends the link; the first of failures in a row is told. */
static bool tend(struct stream *s, struct neighbour *n, uint64_t now_ns)
{
	struct neighbour_ways ways = ways_of(s);
	uint64_t failures = n->failures;

	if (!n->link && n->address[0] == '\0')
		return false;
	if (neighbour_tend(n, &ways, now_ns))
		return true;
	if (failures == 0 && n->failures > 0)
		stream_complain(s, &n->trouble);
	return false;
}

/* The slots of @part go to the same places of the successor's inbox. */
static bool part_put(struct stream *s, const struct stream_part *part, uint64_t now_ns)
{
	const struct stream_limits *l = &s->limits;
	const unsigned char *from = stream_ring_at(&s->log.ring, part->first);
	uint64_t inbox = stream_words_room(l->rows) + sizeof(struct stream_inbox);
	uint64_t place = (part->first & s->log.ring.mask) * l->slot_len;
	const unsigned char *base = stretch_base(&s->log_memory);

	s->writes++;
	return neighbour_put(&s->successor, inbox + place, s->log_memory.memory,
		(uint64_t)(from - base), (size_t)part->count * l->slot_len, now_ns);
}

static uint32_t run_max(const struct stream *s)
{
	uint64_t slots = RUN_BYTES / s->limits.slot_len;

	return slots < TAKE_MAX ? (uint32_t)slots : TAKE_MAX;
}

static bool run_put(struct stream *s, uint64_t now_ns)
{
	struct stream_run run;

	if (!neighbour_has_room(&s->successor, STREAM_RUN_PARTS + 1) ||
		!stream_log_run(&s->log, run_max(s), &run))
		return false;
	for (uint32_t i = 0; i < run.parts_count; i++) {
		if (!part_put(s, &run.parts[i], now_ns))
			return false;
	}
	stream_feed_run_posted(&s->log.successor, &run);
	s->runs++;
	return true;
}

/* How far the inbox is filled, behind the slots (Y2). */
static void fed_put(struct stream *s, uint64_t now_ns)
{
	uint64_t inbox = stream_words_room(s->limits.rows);
	struct stream_fed fed;

	if (neighbour_has_room(&s->successor, 1) &&
		stream_feed_words(&s->log.successor, stream_log_oldest(&s->log), &fed) &&
		neighbour_write(&s->successor, inbox + offsetof(struct stream_inbox, fed),
			&fed, sizeof(fed), now_ns))
		stream_feed_words_posted(&s->log.successor, &fed);
}

static bool forward(struct stream *s, uint64_t now_ns)
{
	bool put;

	if (!tend(s, &s->successor, now_ns))
		return false;
	if (s->successor.fresh)
		stream_log_successor_again(&s->log);
	s->successor.fresh = false;
	put = run_put(s, now_ns);
	if (s->successor.up)
		fed_put(s, now_ns);
	return put;
}

static bool answer(struct stream *s, uint64_t now_ns)
{
	struct stream_back back;

	if (!tend(s, &s->predecessor, now_ns))
		return false;
	if (s->predecessor.fresh)
		stream_log_predecessor_again(&s->log);
	s->predecessor.fresh = false;
	if (!neighbour_has_room(&s->predecessor, 1) || !stream_log_back(&s->log, &back) ||
		!neighbour_write(&s->predecessor, offsetof(struct stream_words, back),
			&back, sizeof(back), now_ns))
		return false;
	stream_log_back_posted(&s->log, &back);
	return true;
}

static void rate_look(struct stream *s, uint64_t now_ns)
{
	struct stream_rate *r = &s->rate;
	uint64_t ns = now_ns - r->since_ns;

	if (ns < RATE_NS)
		return;
	r->rate = (double)(s->log.commit - r->commit) * 1e9 / (double)ns;
	r->since_ns = now_ns;
	r->commit = s->log.commit;
}

static uint32_t served_turn(struct stream *s, uint64_t now_ns)
{
	uint32_t done = take(s, now_ns);

	if (!stream_is_tail(s))
		done += forward(s, now_ns);
	if (!stream_is_head(s))
		done += answer(s, now_ns);
	if (s->keeper)
		keeper_turn(s->keeper, s->log.commit, now_ns);
	rate_look(s, now_ns);
	return done;
}

static bool readers_feed(struct stream *s, uint64_t now_ns)
{
	struct error line;
	bool busy = readers_turn(s->readers, &s->log, now_ns);

	if (s->notice_due_ns <= now_ns) {
		s->notice_due_ns = now_ns + NOTICE_NS;
		if (readers_line(s->readers, &line))
			stream_complain(s, &line);
	}
	return busy;
}

uint32_t stream_turn(struct stream *s, uint64_t now_ns)
{
	uint32_t done = 0;

	if (s->copy.backlog)
		done += stream_copy_turn(s);
	switch (s->stage) {
	case STREAM_AT_REST:
	case STREAM_READY:
		break;
	case STREAM_FILLING:
		done += stream_fill_turn(s, now_ns);
		break;
	case STREAM_FOLLOWING:
		done += stream_follow_turn(s, now_ns);
		break;
	case STREAM_SERVED:
		done += served_turn(s, now_ns);
		break;
	}
	if (s->readers)
		done += readers_feed(s, now_ns);
	return done;
}
