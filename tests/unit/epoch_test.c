/* The epoch machine, driven by hand: each test is one story of design.md, section 5. */
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

static void bench_open(struct bench *t, struct epoch_member self)
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

static void bench_close(struct bench *t)
{
	free(t->words);
}

static void expect(struct bench *t, enum epoch_effect_kind kind)
{
	assert_true(epoch_next_effect(&t->m, &t->effect));
	assert_int_equal(t->effect.kind, kind);
}

static void expect_message(
	struct bench *t, enum epoch_message_kind kind, struct epoch_member to)
{
	expect(t, EPOCH_SEND);
	assert_int_equal(t->effect.message.kind, kind);
	assert_true(epoch_member_same(t->effect.message.to, to));
}

static void expect_nothing(struct bench *t)
{
	assert_false(epoch_next_effect(&t->m, &t->effect));
}

/* The record of an active epoch. */
static void record_active(struct bench *t, uint64_t epoch, uint32_t count,
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
static void read_record(struct bench *t)
{
	expect(t, EPOCH_READ_RECORD);
	epoch_on_record(&t->m, t->revision ? &t->record : NULL, t->revision, t->now_ns);
}

/* The store takes what the machine writes. */
static void take_write(struct bench *t)
{
	struct epoch_counter *counters = t->counters;

	expect(t, EPOCH_WRITE_RECORD);
	assert_int_equal(t->effect.revision, t->revision);
	memcpy(counters, t->effect.record->counters, sizeof(t->counters));
	t->record = *t->effect.record;
	t->record.counters = counters;
	t->revision++;
}

static void write_done(struct bench *t)
{
	take_write(t);
	epoch_on_written(&t->m, EPOCH_WRITTEN, t->revision, t->now_ns);
}

static void message_from(struct bench *t, struct epoch_member from,
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

static void sealed_from(struct bench *t, struct epoch_member from, uint64_t claim,
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
static void install_by(struct bench *t, struct epoch_member proposer, uint64_t epoch,
	uint64_t from, uint32_t count, const struct epoch_member *members)
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
static void member_open(struct bench *t, struct epoch_member self, uint64_t epoch,
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

static void seal_here(
	struct bench *t, uint64_t epoch, bool head, uint64_t first, uint64_t second)
{
	uint64_t values[COUNTERS] = {first, second};

	expect(t, EPOCH_SEAL_HERE);
	assert_int_equal(t->effect.epoch, epoch);
	assert_int_equal(t->effect.head, head);
	epoch_on_sealed_here(&t->m, epoch, head, values, COUNTERS, t->now_ns);
}

static void install_here(struct bench *t, uint64_t epoch)
{
	expect(t, EPOCH_INSTALL_HERE);
	assert_int_equal(t->effect.epoch, epoch);
	epoch_on_installed_here(&t->m, epoch, t->now_ns);
}

static void a_new_cluster_begins_with_the_replica_that_may_begin_it(void **state)
{
	struct epoch_counter counters[COUNTERS] = {{.ceiling = 100}, {.ceiling = 100}};
	struct bench t;

	(void)state;
	bench_open(&t, a);
	epoch_begin(&t.m, counters, COUNTERS, LEASE_NS, t.now_ns);
	read_record(&t);
	write_done(&t); /* claim */
	assert_int_equal(t.record.phase, EPOCH_PREPARING);
	install_here(&t, 1);
	write_done(&t); /* activate */
	assert_int_equal(t.record.phase, EPOCH_ACTIVE);
	assert_int_equal(t.record.active_epoch, 1);
	expect(&t, EPOCH_SERVE);
	bench_close(&t);
}

static void a_replica_that_may_not_begin_waits(void **state)
{
	struct bench t;

	(void)state;
	bench_open(&t, b);
	read_record(&t);
	t.now_ns += 1000000;
	epoch_on_time(&t.m, t.now_ns);
	expect_nothing(&t);
	bench_close(&t);
}

static void a_backup_takes_over_from_a_dead_head(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 3, chain);
	epoch_on_suspect(&t.m, a, t.now_ns);
	write_done(&t);
	assert_int_equal(t.record.epoch, 2);
	assert_int_equal(t.record.chain.count, 2);
	seal_here(&t, 1, false, 7, 3);
	expect_message(&t, EPOCH_SEAL, a); /* in case it lives */
	expect_message(&t, EPOCH_SEAL, c);
	expect_nothing(&t);
	sealed_from(&t, c, 2, 1, false, 5, 4);
	install_here(&t, 2);
	expect_message(&t, EPOCH_INSTALL, c);
	message_from(&t, c, EPOCH_INSTALLED, 2, 1);
	write_done(&t);
	assert_int_equal(t.counters[0].base, 7); /* E4: the largest of each */
	assert_int_equal(t.counters[1].base, 4);
	expect(&t, EPOCH_RETIRE_HERE);
	assert_int_equal(t.effect.epoch, 1);
	expect(&t, EPOCH_SERVE);
	bench_close(&t);
}

static void the_second_survivor_waits_for_its_turn(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, c, 1, 3, chain);
	epoch_on_suspect(&t.m, a, t.now_ns);
	expect_nothing(&t);
	t.now_ns = epoch_wake_ns(&t.m);
	epoch_on_time(&t.m, t.now_ns);
	expect(&t, EPOCH_WRITE_RECORD);
	bench_close(&t);
}

static void exact_values_of_a_sealed_head_win(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	assert_int_equal(epoch_promote(&t.m, b.id, t.now_ns), 0);
	write_done(&t);
	assert_true(epoch_member_same(t.record.chain.at[0], b));
	seal_here(&t, 1, true, 9, 9);
	install_here(&t, 2);
	expect_message(&t, EPOCH_INSTALL, b);
	message_from(&t, b, EPOCH_INSTALLED, 2, 1);
	write_done(&t);
	assert_int_equal(t.counters[0].base, 9);
	assert_int_equal(t.counters[0].stand, 9);
	bench_close(&t);
}

static void marks_written_ahead_let_fewer_tickets_stand(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 2, chain);
	t.counters[1].reserve_max = 10;
	t.revision++;
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	epoch_on_suspect(&t.m, a, t.now_ns);
	expect(&t, EPOCH_SHOW_CEILINGS);
	write_done(&t);
	seal_here(&t, 1, false, 50, 50);
	install_here(&t, 2);
	expect_nothing(&t); /* E7 */
	t.now_ns = epoch_wake_ns(&t.m);
	assert_int_equal(t.now_ns, 1000000 + LEASE_NS + LEASE_NS / 100 + 1);
	epoch_on_time(&t.m, t.now_ns);
	write_done(&t);
	assert_int_equal(t.counters[0].stand, 50);
	assert_int_equal(t.counters[1].base, 50);
	assert_int_equal(t.counters[1].stand, 40); /* E5 */
	bench_close(&t);
}

static void an_unknown_outcome_is_read_back(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 2, chain);
	epoch_on_suspect(&t.m, a, t.now_ns);
	take_write(&t); /* the store has it, the answer is lost */
	epoch_on_written(&t.m, EPOCH_UNKNOWN, 0, t.now_ns);
	expect(&t, EPOCH_READ_RECORD);
	expect_nothing(&t);
	epoch_on_record(&t.m, &t.record, t.revision, t.now_ns);
	expect(&t, EPOCH_SEAL_HERE);
	bench_close(&t);
}

static void a_claim_that_another_won_is_given_up(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 3, chain);
	epoch_on_suspect(&t.m, a, t.now_ns);
	expect(&t, EPOCH_WRITE_RECORD);
	t.record.epoch = 2;
	t.record.phase = EPOCH_PREPARING;
	t.record.proposer = c;
	t.revision++;
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	read_record(&t);
	expect_nothing(&t);
	bench_close(&t);
}

static void a_dead_proposer_is_replaced_from_the_same_epoch(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, c, 1, 3, chain);
	t.record.epoch = 2;
	t.record.phase = EPOCH_PREPARING;
	t.record.proposer = b;
	t.revision++;
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	install_by(&t, b, 2, 1, 2, &chain[1]);
	epoch_on_suspect(&t.m, a, t.now_ns);
	epoch_on_suspect(&t.m, b, t.now_ns);
	write_done(&t);
	assert_int_equal(t.record.epoch, 3);
	assert_int_equal(t.record.active_epoch, 1);
	expect(&t, EPOCH_RETIRE_HERE); /* epoch 2 never existed (E8) */
	assert_int_equal(t.effect.epoch, 2);
	seal_here(&t, 1, false, 1, 1);
	bench_close(&t);
}

static void an_older_claim_is_not_obeyed(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, c, 1, 3, chain);
	message_from(&t, b, EPOCH_SEAL, 4, 9); /* refused, but heard (E12) */
	expect_message(&t, EPOCH_REFUSED, b);
	message_from(&t, a, EPOCH_SEAL, 3, 1);
	expect_nothing(&t);
	bench_close(&t);
}

static void a_late_seal_of_a_former_epoch_leaves_the_next_open(void **state)
{
	const struct epoch_member chain[] = {a, b};
	uint64_t values[COUNTERS] = {0};
	struct epoch_message seal = {
		.kind = EPOCH_SEAL, .from = a, .to = b, .claim = 2, .target = 1};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 2, chain);
	install_by(&t, a, 2, 1, 2, chain);
	epoch_on_message(&t.m, &seal, t.now_ns);
	expect(&t, EPOCH_SEAL_HERE);
	assert_int_equal(t.effect.epoch, 1);
	message_from(&t, a, EPOCH_ACTIVATED, 2, 2);
	epoch_on_sealed_here(&t.m, 1, false, values, COUNTERS, t.now_ns);
	expect(&t, EPOCH_RETIRE_HERE);
	expect(&t, EPOCH_SERVE);
	assert_int_equal(t.effect.epoch, 2);
	expect(&t, EPOCH_READ_RECORD);
	expect_nothing(&t); /* epoch 2 is not sealed */
	bench_close(&t);
}

static void a_new_life_with_lost_memory_is_no_member(void **state)
{
	const struct epoch_member chain[] = {a, b};
	const struct epoch_member again = {1, 12};
	struct bench t;

	(void)state;
	bench_open(&t, again);
	record_active(&t, 5, 2, chain);
	read_record(&t);
	epoch_on_suspect(&t.m, b, t.now_ns);
	t.now_ns += 1000000;
	epoch_on_time(&t.m, t.now_ns);
	expect_nothing(&t); /* E2 */
	bench_close(&t);
}

static void a_new_life_that_kept_its_memory_goes_on(void **state)
{
	const struct epoch_member chain[] = {a};
	const struct epoch_member again = {1, 12};
	struct bench t;

	(void)state;
	bench_open(&t, again);
	epoch_adopt(&t.m, 5, a.incarnation);
	record_active(&t, 5, 1, chain);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	write_done(&t);
	assert_true(epoch_member_same(t.record.chain.at[0], again));
	seal_here(&t, 5, true, 8, 8);
	install_here(&t, 6);
	write_done(&t);
	assert_int_equal(t.counters[0].base, 8);
	bench_close(&t);
}

static void memory_of_an_older_epoch_is_retired(void **state)
{
	const struct epoch_member chain[] = {a, b};
	const struct epoch_member again = {1, 12};
	struct bench t;

	(void)state;
	bench_open(&t, again);
	epoch_adopt(&t.m, 4, a.incarnation);
	record_active(&t, 5, 2, chain);
	read_record(&t);
	expect(&t, EPOCH_RETIRE_HERE);
	assert_int_equal(t.effect.epoch, 4);
	expect_nothing(&t);
	bench_close(&t);
}

static void recovery_begins_at_the_ceilings_and_lets_nothing_stand(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	bench_open(&t, d);
	record_active(&t, 5, 2, chain);
	t.counters[0] = (struct epoch_counter){.base = 10, .ceiling = 70};
	t.counters[1] = (struct epoch_counter){.base = 20, .ceiling = 90};
	read_record(&t);
	expect_nothing(&t);
	epoch_recover(&t.m, t.now_ns);
	write_done(&t);
	install_here(&t, 6);
	write_done(&t);
	assert_int_equal(t.counters[0].base, 70);
	assert_int_equal(t.counters[1].base, 90);
	assert_int_equal(t.counters[1].stand, 0);
	assert_int_equal(t.counters[1].ceiling, 190);
	bench_close(&t);
}

static void the_head_moves_a_ceiling_before_it_shows_it(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	epoch_on_value(&t.m, 1, 60, t.now_ns);
	take_write(&t);
	expect_nothing(&t); /* E10 */
	assert_int_equal(t.counters[1].ceiling, 160);
	epoch_on_written(&t.m, EPOCH_WRITTEN, t.revision, t.now_ns);
	expect(&t, EPOCH_SHOW_CEILINGS);
	assert_int_equal(t.effect.record->counters[1].ceiling, 160);
	bench_close(&t);
}

static void a_counter_made_meanwhile_is_sealed_too(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	t.record.counters_count = 1;
	t.revision++;
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	assert_int_equal(epoch_counter_add(&t.m, 10, t.now_ns), 0);
	write_done(&t);
	assert_int_equal(t.record.counters_count, 2);
	assert_int_equal(t.counters[1].reserve_max, 10);
	assert_int_equal(t.counters[1].ceiling, 100);
	expect(&t, EPOCH_SHOW_CEILINGS);
	assert_int_equal(epoch_counter_add(&t.m, 10, t.now_ns), -EINVAL); /* no room */
	message_from(&t, b, EPOCH_JOIN, 0, 0);
	write_done(&t);
	seal_here(&t, 1, true, 4, 5);
	assert_int_equal(t.effect.counters_count, 2);
	install_here(&t, 2);
	assert_int_equal(t.effect.record->counters[1].base, 5);
	bench_close(&t);
}

static void several_join_at_once_as_last_backups(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	message_from(&t, c, EPOCH_JOIN, 0, 0);
	expect(&t, EPOCH_WRITE_RECORD);
	message_from(&t, d, EPOCH_JOIN, 0, 0);
	t.record = *t.effect.record;
	t.record.counters = t.counters;
	epoch_on_written(&t.m, EPOCH_WRITTEN, ++t.revision, t.now_ns);
	assert_int_equal(t.record.chain.count, 3);
	assert_true(epoch_member_same(t.record.chain.at[2], c));
	seal_here(&t, 1, true, 1, 1);
	install_here(&t, 2);
	expect_message(&t, EPOCH_INSTALL, b);
	expect_message(&t, EPOCH_INSTALL, c);
	message_from(&t, b, EPOCH_INSTALLED, 2, 1);
	message_from(&t, c, EPOCH_INSTALLED, 2, 1);
	write_done(&t);
	expect(&t, EPOCH_RETIRE_HERE);
	expect(&t, EPOCH_SERVE);
	expect(&t, EPOCH_SHOW_CEILINGS);
	expect_message(&t, EPOCH_ACTIVATED, c);
	expect_message(&t, EPOCH_ACTIVATED, b);
	take_write(&t); /* the other is next */
	assert_int_equal(t.record.chain.count, 4);
	bench_close(&t);
}

static void a_joiner_that_does_not_answer_is_left_out(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	message_from(&t, b, EPOCH_JOIN, 0, 0);
	write_done(&t);
	seal_here(&t, 1, true, 6, 6);
	install_here(&t, 2);
	expect_message(&t, EPOCH_INSTALL, b);
	t.now_ns += STEP_NS;
	epoch_on_time(&t.m, t.now_ns);
	write_done(&t);
	assert_int_equal(t.record.epoch, 3);
	assert_int_equal(t.record.chain.count, 1);
	expect(&t, EPOCH_RETIRE_HERE);
	seal_here(&t, 1, true, 6, 6);
	install_here(&t, 3);
	write_done(&t);
	assert_int_equal(t.record.active_epoch, 3);
	bench_close(&t);
}

static void the_last_member_can_not_be_removed(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	assert_int_equal(epoch_remove(&t.m, c.id, t.now_ns), -EINVAL);
	assert_int_equal(epoch_remove(&t.m, a.id, t.now_ns), 0);
	assert_int_equal(epoch_remove(&t.m, b.id, t.now_ns), -EINVAL);
	bench_close(&t);
	member_open(&t, b, 1, 2, chain);
	assert_int_equal(epoch_remove(&t.m, a.id, t.now_ns), -EREMCHG);
	bench_close(&t);
}

static void a_stop_leaves_the_bases_in_the_record(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	assert_int_equal(epoch_stop(&t.m, t.now_ns), 0);
	write_done(&t);
	seal_here(&t, 1, true, 30, 40);
	write_done(&t);
	assert_int_equal(t.record.phase, EPOCH_STOPPED);
	assert_int_equal(t.record.active_epoch, 1);
	assert_int_equal(t.record.former.count, 0);
	assert_int_equal(t.counters[1].base, 40);
	expect(&t, EPOCH_RETIRE_HERE);
	bench_close(&t);
}

static void a_stopped_cluster_begins_where_it_ended(void **state)
{
	struct bench t;

	(void)state;
	bench_open(&t, c);
	t.record = (struct epoch_record){.epoch = 2,
		.active_epoch = 1,
		.phase = EPOCH_STOPPED,
		.proposer = a,
		.chain = {.count = 1, .at = {a}},
		.counters_count = COUNTERS,
		.counters = t.counters};
	t.counters[0] = (struct epoch_counter){.base = 30, .stand = 30, .ceiling = 130};
	t.revision = 7;
	epoch_begin(&t.m, NULL, 0, 0, t.now_ns);
	read_record(&t);
	write_done(&t);
	install_here(&t, 3);
	assert_int_equal(t.effect.record->counters[0].base, 30);
	write_done(&t);
	expect(&t, EPOCH_SERVE);
	assert_int_equal(epoch_stand(&t.m, 1, 0), 30);
	bench_close(&t);
}

static void tickets_resolve_against_the_epoch_that_followed(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	for (uint64_t epoch = 2; epoch <= 12; epoch++) {
		message_from(&t, b, EPOCH_JOIN, 0, 0);
		write_done(&t);
		seal_here(&t, epoch - 1, true, epoch * 10, 0);
		install_here(&t, epoch);
		expect_message(&t, EPOCH_INSTALL, b);
		message_from(&t, b, EPOCH_INSTALLED, epoch, epoch - 1);
		write_done(&t);
		expect(&t, EPOCH_RETIRE_HERE);
		expect(&t, EPOCH_SERVE);
		expect(&t, EPOCH_SHOW_CEILINGS);
		expect_message(&t, EPOCH_ACTIVATED, b);
		/* It leaves again, so that the next round has something to do. */
		record_active(&t, epoch, 1, chain);
		epoch_on_watch(&t.m, t.now_ns);
		read_record(&t);
		expect(&t, EPOCH_SHOW_CEILINGS);
		expect_nothing(&t);
	}
	assert_int_equal(epoch_stand(&t.m, 11, 0), 120);
	assert_int_equal(epoch_stand(&t.m, 4, 0), 50);
	assert_int_equal(epoch_stand(&t.m, 3, 0), 0); /* forgotten (E9) */
	bench_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_cluster_begins_with_the_replica_that_may_begin_it),
		cmocka_unit_test(a_replica_that_may_not_begin_waits),
		cmocka_unit_test(a_backup_takes_over_from_a_dead_head),
		cmocka_unit_test(the_second_survivor_waits_for_its_turn),
		cmocka_unit_test(exact_values_of_a_sealed_head_win),
		cmocka_unit_test(marks_written_ahead_let_fewer_tickets_stand),
		cmocka_unit_test(an_unknown_outcome_is_read_back),
		cmocka_unit_test(a_claim_that_another_won_is_given_up),
		cmocka_unit_test(a_dead_proposer_is_replaced_from_the_same_epoch),
		cmocka_unit_test(an_older_claim_is_not_obeyed),
		cmocka_unit_test(a_late_seal_of_a_former_epoch_leaves_the_next_open),
		cmocka_unit_test(a_new_life_with_lost_memory_is_no_member),
		cmocka_unit_test(a_new_life_that_kept_its_memory_goes_on),
		cmocka_unit_test(memory_of_an_older_epoch_is_retired),
		cmocka_unit_test(recovery_begins_at_the_ceilings_and_lets_nothing_stand),
		cmocka_unit_test(the_head_moves_a_ceiling_before_it_shows_it),
		cmocka_unit_test(a_counter_made_meanwhile_is_sealed_too),
		cmocka_unit_test(several_join_at_once_as_last_backups),
		cmocka_unit_test(a_joiner_that_does_not_answer_is_left_out),
		cmocka_unit_test(the_last_member_can_not_be_removed),
		cmocka_unit_test(a_stop_leaves_the_bases_in_the_record),
		cmocka_unit_test(a_stopped_cluster_begins_where_it_ended),
		cmocka_unit_test(tickets_resolve_against_the_epoch_that_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
