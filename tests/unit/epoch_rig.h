/* What the tests of the epoch machine share: one machine, its store, and hands to drive it. */
#ifndef PAWL_TESTS_UNIT_EPOCH_RIG_H
#define PAWL_TESTS_UNIT_EPOCH_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/core/epoch.h"

#define COUNTERS 2
#define LEASE_NS 1000

#define TURN_NS 100
#define STEP_NS 10000
#define RESEND_NS 500

/* One machine, the record that its store holds, and its newest effect. */
struct bench {
	struct epoch_machine m;
	uint64_t *words;
	uint64_t now_ns;
	struct epoch_effect effect;
	struct epoch_record record;
	struct epoch_counter counters[COUNTERS];
	uint64_t revision;
};

static const struct epoch_member a = {1, 11}, b = {2, 22}, c = {3, 33}, d = {4, 44};

static inline void bench_open(struct bench *t, struct epoch_member self)
{
	struct epoch_config config = {
		.self = self,
		.counters_max = COUNTERS,
		.turn_ns = TURN_NS,
		.step_ns = STEP_NS,
		.resend_ns = RESEND_NS,
		.takeover_ns = 50000,
		.store_ns = 10,
		.join_ns = 1000,
		.ceiling_ahead = 100,
	};

	memset(t, 0, sizeof(*t));
	t->now_ns = 1000000;
	t->words = malloc(epoch_words_count(COUNTERS) * sizeof(t->words[0]));
	assert_non_null(t->words);
	epoch_init(&t->m, &config, t->words, t->now_ns);
	t->record.counters = t->counters;
	t->record.counters_count = COUNTERS;
	t->record.lease_ns = LEASE_NS;
}

static inline void bench_close(struct bench *t)
{
	free(t->words);
}

static inline void expect(struct bench *t, enum epoch_effect_kind kind)
{
	assert_true(epoch_next_effect(&t->m, &t->effect));
	assert_int_equal(t->effect.kind, kind);
}

static inline void expect_message(
	struct bench *t, enum epoch_message_kind kind, struct epoch_member to)
{
	expect(t, EPOCH_SEND);
	assert_int_equal(t->effect.message.kind, kind);
	assert_true(epoch_member_same(t->effect.message.to, to));
}

static inline void expect_nothing(struct bench *t)
{
	assert_false(epoch_next_effect(&t->m, &t->effect));
}

/* The record of an active epoch. */
static inline void record_active(struct bench *t, uint64_t epoch, uint32_t count,
	const struct epoch_member *members)
{
	t->record.epoch = t->record.active_epoch = epoch;
	t->record.phase = EPOCH_ACTIVE;
	t->record.proposer = members[0];
	t->record.chain.count = count;
	for (uint32_t i = 0; i < count; i++)
		t->record.chain.at[i] = members[i];
	t->record.former = t->record.chain;
	t->revision++;
}

/* The machine reads the record. */
static inline void read_record(struct bench *t)
{
	expect(t, EPOCH_READ_RECORD);
	epoch_on_record(&t->m, t->revision ? &t->record : NULL, t->revision, t->now_ns);
}

/* The store takes what the machine writes. */
static inline void take_write(struct bench *t)
{
	struct epoch_counter *counters = t->counters;

	expect(t, EPOCH_WRITE_RECORD);
	assert_int_equal(t->effect.revision, t->revision);
	memcpy(counters, t->effect.record->counters, sizeof(t->counters));
	t->record = *t->effect.record;
	t->record.counters = counters;
	t->revision++;
}

static inline void write_done(struct bench *t)
{
	take_write(t);
	epoch_on_written(&t->m, EPOCH_WRITTEN, t->revision, t->now_ns);
}

static inline void message_from(struct bench *t, struct epoch_member from,
	enum epoch_message_kind kind, uint64_t claim, uint64_t target)
{
	struct epoch_message message = {.kind = kind,
		.from = from,
		.to = t->m.config.self,
		.claim = claim,
		.target = target,
		.counters_count = COUNTERS};

	epoch_on_message(&t->m, &message, t->now_ns);
}

static inline void sealed_from(struct bench *t, struct epoch_member from, uint64_t claim,
	uint64_t target, bool exact, uint64_t first, uint64_t second)
{
	uint64_t values[COUNTERS] = {first, second};
	struct epoch_message message = {.kind = EPOCH_SEALED,
		.from = from,
		.to = t->m.config.self,
		.claim = claim,
		.target = target,
		.exact = exact,
		.values = values,
		.counters_count = COUNTERS};

	epoch_on_message(&t->m, &message, t->now_ns);
}

/* Installs @epoch here by another's hand, with everything at its base. */
static inline void install_by(struct bench *t, struct epoch_member proposer,
	uint64_t epoch, uint64_t from, uint32_t count, const struct epoch_member *members)
{
	uint64_t stands[COUNTERS] = {0};
	struct epoch_history history = {.count = 1, .epochs = {epoch}, .froms = {from}};
	struct epoch_message install = {.kind = EPOCH_INSTALL,
		.from = proposer,
		.to = t->m.config.self,
		.claim = epoch,
		.target = from,
		.counters_count = COUNTERS,
		.counters = t->counters,
		.history = &history};

	history.stands[0] = stands;
	install.chain.count = count;
	for (uint32_t i = 0; i < count; i++)
		install.chain.at[i] = members[i];
	epoch_on_message(&t->m, &install, t->now_ns);
	expect(t, EPOCH_INSTALL_HERE);
	assert_int_equal(t->effect.epoch, epoch);
	epoch_on_installed_here(&t->m, epoch, t->now_ns);
	expect_message(t, EPOCH_INSTALLED, proposer);
}

/* A member of the active @epoch, which its head installed. */
static inline void member_open(struct bench *t, struct epoch_member self, uint64_t epoch,
	uint32_t count, const struct epoch_member *members)
{
	bench_open(t, self);
	read_record(t);
	install_by(
		t, members[0].id == self.id ? d : members[0], epoch, 0, count, members);
	record_active(t, epoch, count, members);
	epoch_on_watch(&t->m, t->now_ns);
	read_record(t);
	expect(t, EPOCH_SERVE);
	assert_int_equal(t->effect.epoch, epoch);
	expect(t, EPOCH_SHOW_CEILINGS);
	expect_nothing(t);
}

static inline void seal_here(
	struct bench *t, uint64_t epoch, bool head, uint64_t first, uint64_t second)
{
	uint64_t values[COUNTERS] = {first, second};

	expect(t, EPOCH_SEAL_HERE);
	assert_int_equal(t->effect.epoch, epoch);
	assert_int_equal(t->effect.head, head);
	epoch_on_sealed_here(&t->m, epoch, head, values, COUNTERS, t->now_ns);
}

static inline void install_here(struct bench *t, uint64_t epoch)
{
	expect(t, EPOCH_INSTALL_HERE);
	assert_int_equal(t->effect.epoch, epoch);
	epoch_on_installed_here(&t->m, epoch, t->now_ns);
}

#endif
