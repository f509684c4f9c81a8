/* What the store answers decides (E11): claims won, lost and unknown, ceilings, counters. */
#include "tests/unit/epoch_rig.h"

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

/* The head of a chain of one, whose record has room for one more counter. */
static void head_open(struct bench *t)
{
	const struct epoch_member chain[] = {a};

	member_open(t, a, 1, 1, chain);
	t->record.counters_count = 1;
	t->revision++;
	epoch_on_watch(&t->m, t->now_ns);
	read_record(t);
	expect(t, EPOCH_SHOW_CEILINGS);
	assert_int_equal(epoch_counter_add(&t->m, 7, t->now_ns), 0);
	assert_true(t->m.wishes.counter);
	assert_int_equal(epoch_counter_add(&t->m, 8, t->now_ns), -EBUSY);
}

/* The machine wants to write a second counter; the bench does not take it yet. */
static void expect_counter(struct bench *t)
{
	expect(t, EPOCH_WRITE_RECORD);
	assert_int_equal(t->effect.record->counters_count, 2);
	assert_int_equal(t->effect.record->counters[1].reserve_max, 7);
}

static void a_counter_whose_write_failed_is_written_again(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	for (int i = 0; i < 3; i++) {
		expect_counter(&t);
		epoch_on_written(&t.m, EPOCH_NOT_WRITTEN, 0, t.now_ns);
		t.now_ns = epoch_wake_ns(&t.m);
		epoch_on_time(&t.m, t.now_ns);
		read_record(&t);
		expect(&t, EPOCH_SHOW_CEILINGS);
	}
	write_done(&t);
	assert_int_equal(t.record.counters_count, 2);
	assert_false(t.m.wishes.counter);
	bench_close(&t);
}

static void a_counter_whose_write_is_unknown_and_happened_is_not_made_twice(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	take_write(&t); /* the store has it, the answer is lost */
	epoch_on_written(&t.m, EPOCH_UNKNOWN, 0, t.now_ns);
	assert_true(t.m.wishes.counter);
	read_record(&t);
	assert_false(t.m.wishes.counter);
	expect(&t, EPOCH_SHOW_CEILINGS);
	expect_nothing(&t);
	bench_close(&t);
}

static void a_counter_whose_write_is_unknown_and_did_not_happen_is_made(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	expect_counter(&t);
	epoch_on_written(&t.m, EPOCH_UNKNOWN, 0, t.now_ns);
	read_record(&t);
	assert_true(t.m.wishes.counter);
	expect(&t, EPOCH_SHOW_CEILINGS);
	expect_counter(&t); /* the one before may still arrive: one of them conflicts */
	t.record.counters_count = 2;
	t.revision++;
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	read_record(&t);
	assert_false(t.m.wishes.counter);
	bench_close(&t);
}

static void a_counter_that_met_a_conflict_is_made_on_the_newer_record(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	expect_counter(&t);
	t.counters[0].ceiling = 500;
	t.revision++;
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	write_done(&t);
	assert_int_equal(t.counters[0].ceiling, 500);
	assert_int_equal(t.record.counters_count, 2);
	bench_close(&t);
}

/* While a write is on its way nobody can say that the counter will not be there. */
static void a_counter_that_was_sent_is_not_taken_back(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	assert_false(epoch_counter_awaited(&t.m));
	expect_counter(&t);
	assert_true(epoch_counter_awaited(&t.m));
	assert_false(epoch_counter_drop(&t.m));
	epoch_on_written(&t.m, EPOCH_NOT_WRITTEN, 0, t.now_ns);
	assert_false(epoch_counter_awaited(&t.m));
	assert_true(epoch_counter_drop(&t.m));
	assert_false(t.m.wishes.counter);
	t.now_ns = epoch_wake_ns(&t.m);
	epoch_on_time(&t.m, t.now_ns);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	expect_nothing(&t);
	bench_close(&t);
}

static void a_counter_that_was_not_sent_yet_is_not_written(void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	assert_true(epoch_counter_drop(&t.m));
	expect_nothing(&t);
	epoch_on_value(&t.m, 0, 60, t.now_ns); /* the store is free for others */
	write_done(&t);
	assert_int_equal(t.record.counters_count, 1);
	assert_int_equal(t.counters[0].ceiling, 160);
	assert_true(epoch_counter_drop(&t.m)); /* there is none any more */
	bench_close(&t);
}

/* The lost write may still arrive, until the record has another revision. */
static void a_counter_whose_write_is_unknown_is_taken_back_once_it_can_not_arrive(
	void **state)
{
	struct bench t;

	(void)state;
	head_open(&t);
	expect_counter(&t);
	epoch_on_written(&t.m, EPOCH_UNKNOWN, 0, t.now_ns);
	assert_false(epoch_counter_drop(&t.m));
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	assert_false(epoch_counter_drop(&t.m));
	expect_counter(&t);
	epoch_on_written(&t.m, EPOCH_NOT_WRITTEN, 0, t.now_ns);
	assert_false(epoch_counter_drop(&t.m)); /* this one failed, not that before */
	t.counters[0].ceiling = 500;
	t.revision++;
	t.now_ns = epoch_wake_ns(&t.m);
	epoch_on_time(&t.m, t.now_ns);
	read_record(&t);
	assert_true(epoch_counter_drop(&t.m));
	expect(&t, EPOCH_SHOW_CEILINGS);
	expect_nothing(&t);
	assert_int_equal(epoch_counter_add(&t.m, 7, t.now_ns), 0);
	assert_true(epoch_counter_drop(&t.m)); /* the next is another wish */
	bench_close(&t);
}

static void a_wish_for_a_counter_ends_with_the_lead(void **state)
{
	const struct epoch_member chain[] = {b, a};
	struct bench t;

	(void)state;
	head_open(&t);
	expect_counter(&t);
	t.record.epoch = 2;
	t.record.phase = EPOCH_PREPARING;
	t.record.proposer = b;
	t.revision++;
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	read_record(&t);
	assert_true(t.m.wishes.counter); /* it may lead again */
	install_by(&t, b, 2, 1, 2, chain);
	record_active(&t, 2, 2, chain);
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	assert_false(t.m.wishes.counter);
	assert_int_equal(epoch_counter_add(&t.m, 7, t.now_ns), -EREMCHG);
	bench_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unknown_outcome_is_read_back),
		cmocka_unit_test(a_claim_that_another_won_is_given_up),
		cmocka_unit_test(a_dead_proposer_is_replaced_from_the_same_epoch),
		cmocka_unit_test(the_head_moves_a_ceiling_before_it_shows_it),
		cmocka_unit_test(a_counter_made_meanwhile_is_sealed_too),
		cmocka_unit_test(a_counter_whose_write_failed_is_written_again),
		cmocka_unit_test(
			a_counter_whose_write_is_unknown_and_happened_is_not_made_twice),
		cmocka_unit_test(
			a_counter_whose_write_is_unknown_and_did_not_happen_is_made),
		cmocka_unit_test(
			a_counter_that_met_a_conflict_is_made_on_the_newer_record),
		cmocka_unit_test(a_counter_that_was_sent_is_not_taken_back),
		cmocka_unit_test(a_counter_that_was_not_sent_yet_is_not_written),
		cmocka_unit_test(
			a_counter_whose_write_is_unknown_is_taken_back_once_it_can_not_arrive),
		cmocka_unit_test(a_wish_for_a_counter_ends_with_the_lead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
