/* Participants write snapshots of their machine to the replicas. */
#include "tests/unit/participant_snapshot_rig.h"

static void writes_snapshot(struct part *part, uint64_t expected)
{
	uint64_t position = 0;

	if (pawl_participant_snapshot(part->p, &position))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
	assert_int_equal(position, expected);
	assert_int_equal(pawl_participant_kept(part->p, NULL, NULL), expected);
}

static void expect_refused(struct part *part, int code, const char *why)
{
	assert_int_equal(pawl_participant_snapshot(part->p, NULL), code);
	assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), why));
}

static void a_snapshot_is_kept_and_then_acknowledged(void **state)
{
	struct part *part = *state;
	const struct fake_snapshot *kept = &at_replica(part, 0)->kept[0];

	begins(part);
	(void)part_calls(part, "one", "1:one");
	(void)part_calls(part, "two", "2:two");
	writes_snapshot(part, 2);
	assert_int_equal(kept->position, 2);
	assert_int_equal(kept->len, 8);
	assert_memory_equal(kept->bytes, "one\ntwo\n", 8);
	assert_int_equal(part->desk.rig.fake.stream.snapshot, 2);
	(void)part_calls(part, "three", "3:three");
	writes_snapshot(part, 3);
}

/* What is applied meanwhile is not in it (I5). */
static void a_long_one_goes_in_pieces_while_commands_are_applied(void **state)
{
	struct part *part = *state;
	const struct fake_snapshot *kept = &at_replica(part, 0)->kept[0];

	begins(part);
	for (unsigned int i = 0; i < 900; i++)
		(void)desk_publish(&part->desk, "fifteen letters");
	syncs(part);
	part_submits(part, "later", 1);
	writes_snapshot(part, 900);
	assert_int_equal(kept->len, 900 * 16);
	assert_true(at_replica(part, 0)->puts >= 2);
	part_told(part, 1);
	part_outcome(part, 0, 1, "901:later");
}

static void what_a_replica_can_not_keep_is_said(void **state)
{
	struct part *part = *state;
	struct fake_snapshots *s = at_replica(part, 0);
	const char *why = "";
	int status = 0;

	begins(part);
	expect_refused(part, -EINVAL, "nothing was applied yet");
	(void)part_calls(part, "one", "1:one");
	s->refusal = ENOSPC;
	expect_refused(part, -ENOSPC, "no snapshot for you");
	assert_int_equal(pawl_participant_kept(part->p, &status, &why), 0);
	assert_int_equal(status, -ENOSPC);
	assert_non_null(strstr(why, "no snapshot for you"));
	s->refusal = EFBIG;
	expect_refused(part, -EFBIG, "no snapshot for you");
	s->refusal = EOPNOTSUPP;
	expect_refused(part, -EOPNOTSUPP, "no snapshot for you");
	(void)part_calls(part, "two", "2:two");
	s->refusal = 0;
	writes_snapshot(part, 2);
}

static void a_machine_without_functions_has_none(void **state)
{
	struct part *part = *state;

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	expect_refused(part, -EOPNOTSUPP, "no functions for it");
}

static void half_of_the_functions_are_refused(void **state)
{
	struct part *part = *state;
	struct pawl_participant_options with = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = kept_machine(&part->list);

	desk_begin(part);
	machine.restore_end = NULL;
	assert_int_equal(pawl_participant_open(part->desk.rig.pawl, STREAM_NAME, &machine,
				 NULL, &part->p),
		-EINVAL);
	machine = list_machine(&part->list);
	with.snapshot_every = 10;
	assert_int_equal(pawl_participant_open(part->desk.rig.pawl, STREAM_NAME, &machine,
				 &with, &part->p),
		-EINVAL);
}

/* The head has no archive, and the other one has. */
static void whoever_archives_takes_it(void **state)
{
	struct part *part = *state;

	begins(part);
	at_replica(part, 0)->refusal = EOPNOTSUPP;
	(void)part_calls(part, "one", "1:one");
	writes_snapshot(part, 1);
	assert_int_equal(at_replica(part, 1)->kept[0].position, 1);
}

/* It is not acknowledged while a member lacks it; the text says which. */
static void one_that_is_not_everywhere_is_written_on(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	part->desk.rig.pawl->options.timeout_ns = 50 * NS_PER_MS;
	part->desk.rig.fake.stream.snapshot_refusal = EAGAIN;
	expect_refused(part, -ETIMEDOUT, "no stream for you");
	part->desk.rig.fake.stream.snapshot_refusal = 0;
	while (pawl_participant_kept(part->p, NULL, NULL) == 0) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	assert_int_equal(pawl_participant_kept(part->p, NULL, NULL), 1);
}

static void the_next_head_is_given_what_it_lacks(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	part->desk.rig.pawl->options.timeout_ns = 50 * NS_PER_MS;
	part->desk.rig.fake.stream.snapshot_refusal = EAGAIN;
	expect_refused(part, -ETIMEDOUT, "no stream for you");
	part->desk.rig.pawl->options.timeout_ns = RIG_WAIT_NS;
	head_dies(part);
	part->desk.rig.fake.stream.snapshot_refusal = 0;
	while (pawl_participant_kept(part->p, NULL, NULL) == 0) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	assert_int_equal(at_replica(part, 1)->kept[0].position, 1);
}

static void one_is_written_every_so_often(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	desk_begin(part);
	takes_part(part, 10);
	for (unsigned int i = 0; i < 9; i++)
		assert_int_equal(part_call(part, "m"), 0);
	part_told_nothing(part, 10 * NS_PER_MS);
	assert_int_equal(at_replica(part, 0)->puts, 0);
	assert_int_equal(part_call(part, "m"), 0);
	while (pawl_participant_kept(part->p, NULL, NULL) == 0) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	assert_int_equal(pawl_participant_kept(part->p, NULL, NULL), 10);
	assert_int_equal(at_replica(part, 0)->kept[0].position, 10);
}

static void what_another_one_has_written_will_do(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	unsigned int gets;

	desk_begin(part);
	takes_part(part, 10);
	gets = at_replica(part, 0)->gets;
	replica_has(part, 0, 5, "m", 5);
	for (unsigned int i = 0; i < 12; i++)
		assert_int_equal(part_call(part, "m"), 0);
	while (at_replica(part, 0)->gets == gets) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	part_told_nothing(part, 10 * NS_PER_MS);
	assert_int_equal(at_replica(part, 0)->puts, 0);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(part_call(part, "m"), 0);
	while (at_replica(part, 0)->kept[0].position < 15) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, part_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_snapshot_is_kept_and_then_acknowledged, of_one),
		TEST(a_long_one_goes_in_pieces_while_commands_are_applied, of_one),
		TEST(what_a_replica_can_not_keep_is_said, of_one),
		TEST(a_machine_without_functions_has_none, of_one),
		TEST(half_of_the_functions_are_refused, of_one),
		TEST(whoever_archives_takes_it, of_two),
		TEST(one_that_is_not_everywhere_is_written_on, of_one),
		TEST(the_next_head_is_given_what_it_lacks, of_two),
		TEST(one_is_written_every_so_often, of_one),
		TEST(what_another_one_has_written_will_do, of_one),
	};

	return cmocka_run_group_tests_name("participant snapshots", tests, NULL, NULL);
}
