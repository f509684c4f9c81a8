/* Lives and memory: what a replica that starts again may do (E2), and stopping everything. */
#include "tests/unit/epoch_rig.h"

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

/* Its region may not have gone yet when a late message asks for another of the same epoch. */
static void a_claim_that_the_record_has_passed_does_not_come_back(void **state)
{
	const struct epoch_member chain[] = {a, b, c};
	struct bench t;

	(void)state;
	member_open(&t, c, 3, 3, chain);
	install_by(&t, a, 4, 3, 3, chain);
	t.record.epoch = 5;
	t.record.phase = EPOCH_PREPARING;
	t.record.proposer = b;
	t.revision++;
	epoch_on_watch(&t.m, t.now_ns);
	read_record(&t);
	expect(&t, EPOCH_RETIRE_HERE);
	assert_int_equal(t.effect.epoch, 4);
	message_from(&t, a, EPOCH_INSTALL, 4, 3);
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

static void counters_of_a_new_cluster_may_be_told_when_the_store_was_read(void **state)
{
	struct epoch_counter counters[COUNTERS] = {{.ceiling = 100}, {.ceiling = 90}};
	struct bench t;

	(void)state;
	bench_open(&t, a);
	read_record(&t); /* there is none */
	expect_nothing(&t);
	epoch_begin(&t.m, counters, COUNTERS, LEASE_NS, t.now_ns);
	take_write(&t);
	assert_int_equal(t.record.counters_count, COUNTERS);
	assert_int_equal(t.counters[1].ceiling, 90);
	assert_int_equal(t.record.lease_ns, LEASE_NS);
	bench_close(&t);
}

static void record_stopped(struct bench *t, uint64_t epoch, uint64_t active_epoch)
{
	t->record.epoch = epoch;
	t->record.active_epoch = active_epoch;
	t->record.phase = EPOCH_STOPPED;
	t->record.proposer = a;
	t->record.former.count = 0;
	t->revision++;
	epoch_on_watch(&t->m, t->now_ns);
	read_record(t);
}

static void a_permission_to_begin_is_used_up_by_an_epoch(void **state)
{
	const struct epoch_member chain[] = {b};
	struct bench t;

	(void)state;
	bench_open(&t, a);
	epoch_begin(&t.m, NULL, 0, LEASE_NS, t.now_ns);
	record_active(&t, 1, 1, chain); /* others were faster */
	read_record(&t);
	record_stopped(&t, 2, 1);
	expect_nothing(&t);
	epoch_begin(&t.m, NULL, 0, LEASE_NS, t.now_ns);
	expect(&t, EPOCH_WRITE_RECORD);
	bench_close(&t);
}

static void a_permission_to_begin_is_used_up_by_an_epoch_that_was_not_seen(void **state)
{
	struct bench t;

	(void)state;
	bench_open(&t, a);
	record_stopped(&t, 2, 1);
	epoch_begin(&t.m, NULL, 0, LEASE_NS, t.now_ns);
	expect(&t, EPOCH_WRITE_RECORD);
	epoch_on_written(&t.m, EPOCH_CONFLICT, 0, t.now_ns); /* long ago */
	record_stopped(&t, 4, 3);
	expect_nothing(&t);
	bench_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_life_with_lost_memory_is_no_member),
		cmocka_unit_test(a_new_life_that_kept_its_memory_goes_on),
		cmocka_unit_test(memory_of_an_older_epoch_is_retired),
		cmocka_unit_test(a_claim_that_the_record_has_passed_does_not_come_back),
		cmocka_unit_test(recovery_begins_at_the_ceilings_and_lets_nothing_stand),
		cmocka_unit_test(a_stop_leaves_the_bases_in_the_record),
		cmocka_unit_test(a_stopped_cluster_begins_where_it_ended),
		cmocka_unit_test(
			counters_of_a_new_cluster_may_be_told_when_the_store_was_read),
		cmocka_unit_test(a_permission_to_begin_is_used_up_by_an_epoch),
		cmocka_unit_test(
			a_permission_to_begin_is_used_up_by_an_epoch_that_was_not_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
