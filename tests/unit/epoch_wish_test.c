/* What operators and joiners ask of the head. */
#include "tests/unit/epoch_rig.h"

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

/* The claim that was just written becomes the active epoch @epoch of @a alone, or with b. */
static void change_done(struct bench *t, uint64_t epoch)
{
	seal_here(t, epoch - 1, true, 5, 5);
	install_here(t, epoch);
	for (uint32_t i = 1; i < t->record.chain.count; i++)
		expect_message(t, EPOCH_INSTALL, t->record.chain.at[i]);
	for (uint32_t i = 1; i < t->record.chain.count; i++)
		message_from(t, t->record.chain.at[i], EPOCH_INSTALLED, epoch, epoch - 1);
	write_done(t);
	assert_int_equal(t->record.active_epoch, epoch);
	expect(t, EPOCH_RETIRE_HERE);
	expect(t, EPOCH_SERVE);
	expect(t, EPOCH_SHOW_CEILINGS);
}

static void several_wishes_at_once_are_one_change(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 3, chain);
	t.m.store_retry_ns = t.now_ns + 100; /* the store is not to be asked right now */
	assert_int_equal(epoch_add(&t.m, d, t.now_ns), 0);
	assert_int_equal(epoch_remove(&t.m, b.id, t.now_ns), 0);
	assert_int_equal(epoch_promote(&t.m, c.id, t.now_ns), 0);
	assert_int_equal(epoch_promote(&t.m, a.id, t.now_ns), -EBUSY);
	t.now_ns += 100;
	epoch_on_time(&t.m, t.now_ns);
	take_write(&t);
	assert_int_equal(t.record.chain.count, 3);
	assert_true(epoch_member_same(t.record.chain.at[0], c));
	assert_true(epoch_member_same(t.record.chain.at[1], a));
	assert_true(epoch_member_same(t.record.chain.at[2], d));
	bench_close(&t);
}

static void a_wish_made_during_a_change_is_fulfilled_by_the_next(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 3, chain);
	assert_int_equal(epoch_remove(&t.m, c.id, t.now_ns), 0);
	write_done(&t);
	assert_int_equal(epoch_promote(&t.m, b.id, t.now_ns), 0);
	expect(&t, EPOCH_SEAL_HERE);
	epoch_on_sealed_here(
		&t.m, 1, true, (uint64_t[COUNTERS]){5, 5}, COUNTERS, t.now_ns);
	install_here(&t, 2);
	expect_message(&t, EPOCH_INSTALL, b);
	message_from(&t, b, EPOCH_INSTALLED, 2, 1);
	write_done(&t);
	assert_true(epoch_member_same(t.record.chain.at[0], a));
	while (epoch_next_effect(&t.m, &t.effect) && t.effect.kind != EPOCH_WRITE_RECORD)
		;
	assert_int_equal(t.effect.kind, EPOCH_WRITE_RECORD);
	assert_int_equal(t.effect.record->epoch, 3);
	assert_true(epoch_member_same(t.effect.record->chain.at[0], b));
	bench_close(&t);
}

static void wishes_are_forgotten_when_another_leads(void **state)
{
	const struct epoch_member chain[] = {a, b, c}, next[] = {b, a, c};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 3, chain);
	assert_int_equal(epoch_remove(&t.m, c.id, t.now_ns), 0);
	expect(&t, EPOCH_WRITE_RECORD);
	install_by(&t, b, 2, 1, 3, next);
	record_active(&t, 2, 3, next);
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	read_record(&t);
	assert_int_equal(t.m.wishes.removed_count, 0);
	epoch_on_suspect(&t.m, b, t.now_ns); /* now it leads, and c stays */
	while (epoch_next_effect(&t.m, &t.effect) && t.effect.kind != EPOCH_WRITE_RECORD)
		;
	assert_int_equal(t.effect.record->chain.count, 2);
	assert_true(epoch_member_same(t.effect.record->chain.at[1], c));
	bench_close(&t);
}

static void a_wish_to_stop_does_not_outlive_the_cluster(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	assert_int_equal(epoch_stop(&t.m, t.now_ns), 0);
	expect(&t, EPOCH_WRITE_RECORD);
	/* What came of it is heard of when d has begun the stopped cluster again. */
	t.record.epoch = 3;
	t.record.phase = EPOCH_PREPARING;
	t.record.proposer = d;
	t.record.former.count = 0;
	t.revision++;
	epoch_on_written(&t.m, EPOCH_UNKNOWN, 0, t.now_ns);
	read_record(&t);
	epoch_on_suspect(&t.m, d, t.now_ns);
	epoch_begin(&t.m, NULL, 0, LEASE_NS, t.now_ns);
	take_write(&t);
	epoch_on_written(&t.m, EPOCH_WRITTEN, t.revision, t.now_ns);
	install_here(&t, 4);
	take_write(&t);
	assert_int_equal(t.record.phase, EPOCH_ACTIVE);
	bench_close(&t);
}

static void too_many_joiners_are_told_so(void **state)
{
	const struct epoch_member chain[] = {a};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 1, chain);
	t.m.store_retry_ns = t.now_ns + 100;
	for (uint32_t i = 0; i < CHAIN_MAX; i++)
		assert_int_equal(
			epoch_add(&t.m, (struct epoch_member){10 + i, 1}, t.now_ns), 0);
	assert_int_equal(epoch_add(&t.m, (struct epoch_member){10, 2}, t.now_ns), 0);
	assert_int_equal(epoch_add(&t.m, d, t.now_ns), -EBUSY);
	bench_close(&t);
}

static void a_removal_that_would_leave_nobody_is_given_up(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	epoch_on_suspect(&t.m, b, t.now_ns);
	write_done(&t); /* b is left out */
	assert_int_equal(epoch_remove(&t.m, b.id, t.now_ns), -EINVAL);
	change_done(&t, 2);
	assert_int_equal(t.record.chain.count, 1);
	assert_int_equal(epoch_remove(&t.m, a.id, t.now_ns), -EINVAL);
	bench_close(&t);
}

static void a_removal_made_during_a_change_is_not_lost(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 3, chain);
	assert_int_equal(epoch_promote(&t.m, b.id, t.now_ns), 0);
	take_write(&t);
	assert_int_equal(epoch_remove(&t.m, c.id, t.now_ns), 0); /* not in this claim */
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns);
	record_active(&t, 1, 3, chain);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	take_write(&t); /* but in the one that follows */
	assert_int_equal(t.record.chain.count, 2);
	assert_true(epoch_member_same(t.record.chain.at[0], b));
	bench_close(&t);
}

static void a_removal_made_when_a_joiner_is_taken_in_comes_next(void **state)
{
	const struct epoch_member chain[] = {a, b};
	struct bench t;

	(void)state;
	member_open(&t, a, 1, 2, chain);
	assert_int_equal(epoch_add(&t.m, c, t.now_ns), 0);
	write_done(&t);
	assert_int_equal(epoch_remove(&t.m, b.id, t.now_ns), 0);
	seal_here(&t, 1, true, 5, 5);
	install_here(&t, 2);
	message_from(&t, b, EPOCH_INSTALLED, 2, 1);
	message_from(&t, c, EPOCH_INSTALLED, 2, 1);
	write_done(&t);
	assert_int_equal(t.record.chain.count, 3);
	while (epoch_next_effect(&t.m, &t.effect) && t.effect.kind != EPOCH_WRITE_RECORD)
		;
	assert_int_equal(t.effect.record->chain.count, 2);
	assert_true(epoch_member_same(t.effect.record->chain.at[1], c));
	bench_close(&t);
}

static void wishes_told_to_a_replica_that_thought_it_led_are_forgotten(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, b, 1, 3, chain);
	t.m.store_retry_ns = t.now_ns + 100;
	epoch_on_suspect(&t.m, a, t.now_ns);
	assert_int_equal(epoch_remove(&t.m, c.id, t.now_ns), 0);
	epoch_on_trust(&t.m, a, t.now_ns);
	t.now_ns += 100;
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	expect(&t, EPOCH_SHOW_CEILINGS);
	epoch_on_suspect(&t.m, a, t.now_ns);
	take_write(&t);
	assert_int_equal(t.record.chain.count, 2); /* b and c */
	bench_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_join_at_once_as_last_backups),
		cmocka_unit_test(a_joiner_that_does_not_answer_is_left_out),
		cmocka_unit_test(the_last_member_can_not_be_removed),
		cmocka_unit_test(several_wishes_at_once_are_one_change),
		cmocka_unit_test(a_wish_made_during_a_change_is_fulfilled_by_the_next),
		cmocka_unit_test(wishes_are_forgotten_when_another_leads),
		cmocka_unit_test(a_wish_to_stop_does_not_outlive_the_cluster),
		cmocka_unit_test(too_many_joiners_are_told_so),
		cmocka_unit_test(a_removal_that_would_leave_nobody_is_given_up),
		cmocka_unit_test(a_removal_made_during_a_change_is_not_lost),
		cmocka_unit_test(a_removal_made_when_a_joiner_is_taken_in_comes_next),
		cmocka_unit_test(
			wishes_told_to_a_replica_that_thought_it_led_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
