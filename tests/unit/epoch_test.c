/* The epoch machine, driven by hand: how one epoch follows another. */
#include "tests/unit/epoch_rig.h"

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
	assert_int_equal(t.now_ns, 1000000 + LEASE_NS + LEASE_NS / 100 + 2);
	epoch_on_time(&t.m, t.now_ns);
	write_done(&t);
	assert_int_equal(t.counters[0].stand, 50);
	assert_int_equal(t.counters[1].base, 50);
	assert_int_equal(t.counters[1].stand, 40); /* E5 */
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
		cmocka_unit_test(an_older_claim_is_not_obeyed),
		cmocka_unit_test(a_late_seal_of_a_former_epoch_leaves_the_next_open),
		cmocka_unit_test(tickets_resolve_against_the_epoch_that_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
