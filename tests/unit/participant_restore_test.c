/* Participants begin with a snapshot that the replicas keep, and go on from one when they were lapped. */
#include "tests/unit/participant_snapshot_rig.h"

/* Somebody else. */
static void strangers_publish(struct part *part, unsigned int count)
{
	struct pawl_options options = rig_options(&part->desk.rig);
	struct pawl_stream *stream;
	struct pawl *pawl;

	assert_int_equal(
		pawl_open(fake_address(&part->desk.rig.fake, 0), &options, &pawl), 0);
	assert_int_equal(pawl_stream_open(pawl, STREAM_NAME, NULL, &stream), 0);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(pawl_publish(stream, "m", 1, NULL), 0);
	pawl_close(pawl);
}

static void who_comes_later_begins_with_the_newest(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 4);
	replica_has(part, 0, 2, "old", 2);
	replica_has(part, 0, 3, "new", 3);
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 3);
	assert_string_equal(part->list.texts[0], "new");
	syncs(part);
	assert_int_equal(part->list.count, 4);
	assert_int_equal(part->list.positions[3], 4);
	(void)part_calls(part, "five", "5:five");
}

static void the_newest_is_found_wherever_it_is(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 3);
	replica_has(part, 0, 1, "old", 1);
	replica_has(part, 1, 2, "new", 2);
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 2);
	assert_string_equal(part->list.texts[0], "new");
}

/* What was submitted goes in one piece, or many. */
static void a_long_one_is_restored_in_pieces(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 10);
	replica_has(part, 0, 5, "first", 2000);
	takes_part(part, 0);
	assert_int_equal(part->list.count, 2000);
	syncs(part);
	assert_int_equal(part->list.count, 2005);
}

static void damage_leads_to_another_replica(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 3);
	replica_has(part, 0, 2, "both", 2);
	replica_has(part, 1, 2, "both", 2);
	at_replica(part, 0)->damages = true;
	at_replica(part, 1)->damages = false;
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 2);
	assert_string_equal(part->list.texts[0], "both");
	syncs(part);
	assert_int_equal(part->list.count, 3);
}

static void damage_leads_to_the_older_one(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 4);
	replica_has(part, 0, 2, "old", 2);
	replica_has(part, 0, 3, "new", 3);
	at_replica(part, 0)->damaged = 3;
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 2);
	assert_string_equal(part->list.texts[0], "old");
	assert_int_equal(restores, 2);
	syncs(part);
	assert_int_equal(part->list.count, 4);
}

/* I7: and then the machine is as new. */
static void when_all_are_damaged_the_log_has_everything(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 4);
	replica_has(part, 0, 2, "old", 2);
	replica_has(part, 0, 3, "new", 3);
	at_replica(part, 0)->damages = true;
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 0);
	syncs(part);
	assert_int_equal(part->list.count, 4);
	assert_string_equal(part->list.texts[0], "m");
}

static void a_replica_that_does_not_answer_is_passed_over(void **state)
{
	struct part *part = *state;

	desk_begin(part);
	publishes(part, 3);
	at_replica(part, 0)->silent = true;
	replica_has(part, 1, 2, "new", 2);
	takes_part(part, 0);
	assert_int_equal(pawl_participant_position(part->p), 2);
}

/* ---- Lapped ---- */

static void who_was_lapped_goes_on_from_a_snapshot(void **state)
{
	struct part *part = *state;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	publishes(part, RING + 100);
	replica_has(part, 0, 1000, "one", 1000);
	syncs(part);
	assert_int_equal(part->list.count, RING + 101);
	assert_int_equal(restores, 1);
	(void)part_calls(part, "end", "1126:end");
}

/* Polls do it as well, and the state of before is not shown any more. */
static void polls_bring_it_back(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	publishes(part, RING + 100);
	replica_has(part, 0, 1000, "one", 1000);
	while (part->list.count < RING + 101) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	assert_int_equal(pawl_participant_position(part->p), RING + 101);
}

static void without_a_newer_snapshot_it_is_over(void **state)
{
	struct part *part = *state;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	(void)part_calls(part, "two", "2:two");
	replica_has(part, 0, 1, "one", 1);
	publishes(part, RING + 100);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pawl_participant_sync(part->p), -EOVERFLOW);
		assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), "are lost"));
		assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl),
			"no replica has a newer snapshot"));
	}
	assert_int_equal(restores, 0);
}

/* And the log has not got the first position any more. */
static void with_nothing_but_damage_it_is_over(void **state)
{
	struct part *part = *state;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	replica_has(part, 0, 1000, "one", 1000);
	at_replica(part, 0)->damages = true;
	publishes(part, RING + 100);
	assert_int_equal(pawl_participant_sync(part->p), -EOVERFLOW);
	assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), "are lost"));
	assert_non_null(
		strstr(pawl_errmsg(part->desk.rig.pawl), "its checksum is wrong"));
}

/* From now on it takes nothing, not even in a turn that has begun. */
static void head_holds(struct part *part)
{
	struct fake *fake = &part->desk.rig.fake;

	(void)pthread_mutex_lock(&fake->lock);
	fake->stream.held = true;
	(void)pthread_mutex_unlock(&fake->lock);
}

static void expect_outcome(
	const struct part *part, unsigned int i, uint64_t cookie, int status)
{
	assert_int_equal(part->outcomes[i].cookie, cookie);
	assert_int_equal(part->outcomes[i].status, status);
}

/* I6: a later message of one's own is behind the snapshot, so this one is inside. */
static void a_command_inside_a_snapshot_is_in_but_its_result_is_not_known(void **state)
{
	struct part *part = *state;

	begins(part);
	part_submits(part, "mine", 7);
	publishes(part, RING + 100); /* on the same handle */
	replica_has(part, 0, 1000, "mine", 1000);
	part_told(part, 1);
	expect_outcome(part, 0, 7, -ENODATA);
	syncs(part);
	assert_int_equal(part->list.count, RING + 101);
	assert_int_equal(part->outcomes_count, 1);
}

/* The same when nothing of one's own comes behind it: the tail has said where it is. */
static void an_acknowledged_place_inside_decides(void **state)
{
	struct part *part = *state;

	begins(part);
	part_submits(part, "mine", 7);
	part_submits(part, "too", 8);
	strangers_publish(part, RING + 100);
	replica_has(part, 0, RING + 102, "mine", RING + 102);
	part_told(part, 2);
	expect_outcome(part, 0, 7, -ENODATA);
	expect_outcome(part, 1, 8, -ENODATA);
}

static void a_command_behind_the_snapshot_has_its_result(void **state)
{
	struct part *part = *state;

	begins(part);
	part_submits(part, "inside", 7);
	(void)desk_publish(&part->desk, "m"); /* so that both are in */
	strangers_publish(part, RING + 100);
	head_holds(part);
	part_submits(part, "behind", 8);
	replica_has(part, 0, RING + 102, "inside", RING + 102);
	part_told(part, 1);
	expect_outcome(part, 0, 7, -ENODATA);
	part_told_nothing(part, 5 * NS_PER_MS);
	part->desk.rig.fake.stream.held = false;
	part_told(part, 2);
	part_outcome(part, 1, 8, "1127:behind");
}

/* A call that waits gets the honest answer; a marker has done its work. */
static void a_call_says_that_its_result_is_not_known(void **state)
{
	struct part *part = *state;
	struct pawl_bytes answer;

	begins(part);
	strangers_publish(part, RING + 100);
	replica_has(part, 0, RING + 101, "inside", RING + 101);
	assert_int_equal(part_call(part, "mine"), -ENODATA);
	assert_non_null(strstr(
		pawl_errmsg(part->desk.rig.pawl), "in the stream, but its result"));
	strangers_publish(part, RING + 100);
	replica_has(part, 0, 2 * RING + 202, "inside", 2000);
	assert_int_equal(
		pawl_participant_read(part->p, PAWL_READ_LOG, "", 0, &answer), 0);
	assert_int_equal(part->outcomes_count, 0);
}

/* Whether it came in before the publisher was forgotten, only the lost positions would tell. */
static void a_forgotten_publisher_and_a_snapshot_leave_a_doubt(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int count;

	begins(part);
	(void)part_calls(part, "one", "1:one");
	head_holds(part);
	part_submits(part, "mine", 7);
	part->desk.rig.fake.stream.forgets = true;
	head_dies(part);
	while (pawl_participant_poll(part->p, 64, &count) != -ESTALE)
		assert_true(clock_now_ns() < deadline);
	part->desk.rig.fake.stream.forgets = false;
	strangers_publish(part, RING + 100);
	replica_has(part, 1, RING + 101, "one", RING + 101);
	syncs(part);
	assert_int_equal(part->outcomes_count, 1);
	expect_outcome(part, 0, 7, -ENOTRECOVERABLE);
	(void)part_calls(part, "end", "1126:end");
}

#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, part_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_comes_later_begins_with_the_newest, of_one),
		TEST(the_newest_is_found_wherever_it_is, of_two),
		TEST(a_long_one_is_restored_in_pieces, of_one),
		TEST(damage_leads_to_another_replica, of_two),
		TEST(damage_leads_to_the_older_one, of_one),
		TEST(when_all_are_damaged_the_log_has_everything, of_one),
		TEST(a_replica_that_does_not_answer_is_passed_over, of_two),
		TEST(who_was_lapped_goes_on_from_a_snapshot, of_one),
		TEST(polls_bring_it_back, of_one),
		TEST(without_a_newer_snapshot_it_is_over, of_one),
		TEST(with_nothing_but_damage_it_is_over, of_one),
		TEST(a_command_inside_a_snapshot_is_in_but_its_result_is_not_known,
			of_one),
		TEST(an_acknowledged_place_inside_decides, of_one),
		TEST(a_command_behind_the_snapshot_has_its_result, of_one),
		TEST(a_call_says_that_its_result_is_not_known, of_one),
		TEST(a_forgotten_publisher_and_a_snapshot_leave_a_doubt, of_two),
	};

	return cmocka_run_group_tests_name("participant restore", tests, NULL, NULL);
}
