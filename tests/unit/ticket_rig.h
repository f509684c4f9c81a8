/* What the tests of the ticket machine share: a queue, and hands to drive it with. */
#ifndef PAWL_TESTS_UNIT_TICKET_RIG_H
#define PAWL_TESTS_UNIT_TICKET_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sequencer/core/region.h"
#include "sequencer/core/ticket.h"

#define DEPTH 8

struct table {
	struct ticket_queue q;
	struct ticket slots[DEPTH];
};

static inline void table_open(
	struct table *t, uint64_t epoch, uint32_t backups, uint64_t base)
{
	ticket_queue_init(&t->q, t->slots, DEPTH);
	ticket_enter_epoch(&t->q, epoch, backups, base);
}

static inline uint64_t submit(struct table *t, uint64_t n, uint64_t cookie)
{
	uint64_t index;

	assert_true(ticket_submit(&t->q, n, cookie, &index));
	return index;
}

/* Posts the next effect, which must be the expected one. */
static inline void post(
	struct table *t, enum ticket_effect_kind kind, uint32_t replica, uint64_t value)
{
	struct ticket_effect effect;

	assert_true(ticket_next_effect(&t->q, &effect));
	assert_int_equal(effect.kind, kind);
	assert_int_equal(effect.replica, replica);
	if (kind != TICKET_READ_STATE)
		assert_int_equal(effect.value, value);
	ticket_effect_posted(&t->q, &effect);
}

/* What a round posts at a backup, the mark first (T3). */
static inline void post_round(struct table *t, uint32_t backup, uint64_t mark)
{
	post(t, TICKET_WRITE_MARK, backup, mark);
	post(t, TICKET_READ_STATE, backup, 0);
}

static inline void nothing_to_post(struct table *t)
{
	struct ticket_effect effect;

	assert_false(ticket_next_effect(&t->q, &effect));
}

static inline void take(struct table *t, uint64_t cookie, uint64_t last)
{
	struct ticket_result result;

	assert_true(ticket_take(&t->q, &result));
	assert_int_equal(result.outcome, TICKET_CONFIRMED);
	assert_int_equal(result.cookie, cookie);
	assert_int_equal(result.last, last);
}

static inline void nothing_to_take(struct table *t)
{
	struct ticket_result result;

	assert_false(ticket_take(&t->q, &result));
}

static inline void take_outcome(struct table *t, enum ticket_outcome outcome)
{
	struct ticket_result result;

	assert_true(ticket_take(&t->q, &result));
	assert_int_equal(result.outcome, outcome);
}

/* A ticket of @n numbers, with cookie 1, that found the counter at @before. */
static inline void table_drawn(struct table *t, uint64_t n, uint64_t before)
{
	submit(t, n, 1);
	post(t, TICKET_DRAW, 0, n);
	ticket_on_draw(&t->q, before);
}

/* Epoch 1 opens, of a head alone, and its numbers end at @ceiling. */
static inline void table_below(struct table *t, uint64_t ceiling)
{
	ticket_queue_init(&t->q, t->slots, DEPTH);
	ticket_ceiling_set(&t->q, ceiling);
	ticket_enter_epoch(&t->q, 1, 0, 0);
}

/* The epoch opens with a lease of 100 ns and marks written 50 ahead. */
static inline void reserve_open(struct table *t)
{
	table_open(t, 1, 1, 0);
	ticket_reserve_set(&t->q, 50, 100);
	ticket_on_time(&t->q, 1000);
	submit(t, 1, 1);
	post(t, TICKET_DRAW, 0, 1);
	ticket_on_draw_at(&t->q, 9, 1010);
	post_round(t, 1, 60);
	ticket_on_time(&t->q, 1040);
	ticket_on_state(&t->q, 1, region_state_open(1));
	take(t, 1, 10);
	nothing_to_post(t);
}

#endif
