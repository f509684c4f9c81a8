/* What the tests of streams share: logs with their memory, and hands to fill inboxes. */
#ifndef PAWL_TESTS_UNIT_STREAM_RIG_H
#define PAWL_TESTS_UNIT_STREAM_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/stream_log.h"

#define SLOTS 8
#define SLOT_LEN 64
#define ROWS 4
#define HOLE_NS 1000
#define EPOCH 5

/* One replica's log, words and inbox. */
struct bench {
	struct stream_log log;
	unsigned char *memory;
	struct stream_words *words;
	struct stream_inbox *fed;
	struct stream_ring inbox;
	uint64_t memory_len;
};

static inline void *zeroed(size_t len)
{
	void *bytes = aligned_alloc(64, (len + 63) / 64 * 64);

	assert_non_null(bytes);
	memset(bytes, 0, (len + 63) / 64 * 64);
	return bytes;
}

static inline void words_fresh(struct bench *b)
{
	free(b->words);
	free(b->fed);
	free(b->inbox.bytes);
	b->fed = zeroed(sizeof(*b->fed));
	b->words = zeroed(stream_words_len(ROWS));
	b->inbox = (struct stream_ring){.bytes = zeroed(SLOTS * SLOT_LEN),
		.slot_len = SLOT_LEN,
		.mask = SLOTS - 1};
}

static inline void bench_create(struct bench *b, uint64_t begin)
{
	memset(b, 0, sizeof(*b));
	assert_true(stream_log_len(SLOTS, SLOT_LEN, ROWS, &b->memory_len));
	b->memory = zeroed(b->memory_len);
	stream_log_create(&b->log, b->memory, SLOTS, SLOT_LEN, ROWS, begin);
	words_fresh(b);
}

static inline void bench_enter_prepared(
	struct bench *b, uint64_t epoch, bool head, bool tail)
{
	struct stream_entering entering = {.epoch = epoch,
		.ceiling = 1000000,
		.hole_timeout_ns = HOLE_NS,
		.head = head,
		.tail = tail,
		.places = {.words = b->words, .inbox = b->fed, .ring = b->inbox}};

	stream_log_enter(&b->log, &entering);
}

static inline void bench_enter(struct bench *b, uint64_t epoch, bool head, bool tail)
{
	stream_log_prepare(&b->log, epoch, b->words, b->fed);
	bench_enter_prepared(b, epoch, head, tail);
}

/* A new log in epoch EPOCH. */
static inline void bench_open(struct bench *b, bool head, bool tail)
{
	bench_create(b, 0);
	bench_enter(b, EPOCH, head, tail);
}

static inline void bench_close(struct bench *b)
{
	free(b->memory);
	free(b->words);
	free(b->fed);
	free(b->inbox.bytes);
}

static inline uint64_t publisher(uint32_t row)
{
	return stream_publisher_name(1 + row, row);
}

/* The publisher of @row writes a slot to @position. */
static inline void inbox_put(struct bench *b, uint64_t epoch, uint64_t position,
	uint32_t row, uint64_t id, uint8_t flags)
{
	struct stream_slot slot = {.position = position,
		.epoch = epoch,
		.publisher = publisher(row),
		.id = id,
		.len = 3,
		.flags = flags};

	stream_slot_write(stream_ring_at(&b->inbox, position), &slot, "abc");
}

static inline void message_put(
	struct bench *b, uint64_t position, uint32_t row, uint64_t id)
{
	inbox_put(b, EPOCH, position, row, id, STREAM_FIRST | STREAM_LAST);
}

/* What the log has at @position: its id, or 0 for a void. */
static inline uint64_t logged_id(const struct bench *b, uint64_t position)
{
	struct stream_slot slot;

	assert_true(position >= stream_log_oldest(&b->log) &&
		    position <= stream_log_end(&b->log));
	assert_true(stream_slot_read(
		stream_ring_at(&b->log.ring, position), SLOT_LEN, &slot));
	assert_int_equal(slot.position, position);
	return slot.flags & STREAM_VOID ? 0 : slot.id;
}

/* Seals the log in @epoch; its length. */
static inline uint64_t seal(struct stream_log *log, uint64_t epoch)
{
	uint64_t len;

	assert_true(stream_log_seal(log, epoch, &len));
	return len;
}

/* Carries what @from has for its successor @to, and the answer back. */
static inline void chain_carry(struct bench *from, struct bench *to)
{
	struct stream_run run;
	struct stream_fed words;

	while (stream_log_run(&from->log, 64, &run)) {
		for (uint32_t i = 0; i < run.parts_count; i++) {
			const struct stream_part *part = &run.parts[i];

			memcpy(stream_ring_at(&to->inbox, part->first),
				stream_ring_at(&from->log.ring, part->first),
				(size_t)part->count * SLOT_LEN);
		}
		stream_feed_run_posted(&from->log.successor, &run);
	}
	if (stream_feed_words(
		    &from->log.successor, stream_log_oldest(&from->log), &words)) {
		to->fed->fed = words;
		stream_feed_words_posted(&from->log.successor, &words);
	}
}

static inline void chain_answer(struct bench *from, struct bench *to)
{
	struct stream_back back;

	if (!stream_log_back(&to->log, &back))
		return;
	from->words->back = back;
	stream_log_back_posted(&to->log, &back);
	(void)stream_log_look_back(&from->log);
	(void)stream_log_advance(&from->log, 0, 0, 0);
}

static inline bool advance(struct bench *b, uint64_t drawn, uint64_t now_ns)
{
	return stream_log_advance(&b->log, drawn, 64, now_ns);
}

struct chain {
	struct bench head, middle, tail;
};

static inline void chain_open(struct chain *c)
{
	bench_open(&c->head, true, false);
	bench_open(&c->middle, false, false);
	bench_open(&c->tail, false, true);
	chain_answer(&c->middle, &c->tail);
	chain_answer(&c->head, &c->middle);
}

static inline void chain_close(struct chain *c)
{
	bench_close(&c->head);
	bench_close(&c->middle);
	bench_close(&c->tail);
}

#endif
