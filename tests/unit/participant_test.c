/* Participants at fake replicas: commands come back, are matched, and are applied once. */
#include "client/lib/publish.h"
#include "tests/unit/participant_rig.h"

static const unsigned int second[] = {1};

static int of_one(void **state)
{
	*state = part_make(2, 1);
	return 0;
}

static int of_two(void **state)
{
	*state = part_make(2, 2);
	return 0;
}

/* Somebody else, who publishes in the same stream. */
static void stranger_publishes(struct part *part, const char *text)
{
	struct pawl_options options = rig_options(&part->desk.rig);
	struct pawl_stream *stream;
	struct pawl *pawl;

	assert_int_equal(
		pawl_open(fake_address(&part->desk.rig.fake, 0), &options, &pawl), 0);
	assert_int_equal(pawl_stream_open(pawl, STREAM_NAME, NULL, &stream), 0);
	assert_int_equal(pawl_publish(stream, text, strlen(text), NULL), 0);
	pawl_close(pawl);
}

static void a_command_returns_what_the_machine_made_of_it(void **state)
{
	struct part *part = *state;
	char room[3];
	size_t len;

	part_open(part);
	assert_int_equal(part_calls(part, "buy", "1:buy"), 1);
	assert_int_equal(part_calls(part, "sell", "2:sell"), 2);
	assert_int_equal(
		pawl_participant_call(part->p, "hold", 4, room, 3, &len, NULL), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(room, "3:h", 3);
	assert_int_equal(part->outcomes_count, 0);
}

static void a_command_is_done_when_it_has_come_back(void **state)
{
	struct part *part = *state;

	part_open(part);
	(void)part_calls(part, "first", "1:first");
	part->desk.rig.fake.stream.tail_held = true;
	part_submits(part, "second", 7);
	part_told_nothing(part, 20 * NS_PER_MS);
	desk_logged(&part->desk, 0, 2, 2, "second");
	assert_int_equal(part->list.count, 1);
	part->desk.rig.fake.stream.tail_held = false;
	part_told(part, 1);
	part_outcome(part, 0, 7, "2:second");
	assert_int_equal(part->outcomes[0].position, 2);
}

static void outcomes_come_in_order_of_submission(void **state)
{
	struct part *part = *state;
	char text[16], result[32];

	part_open(part);
	for (unsigned int i = 1; i <= 500; i++) {
		(void)snprintf(text, sizeof(text), "c%u", i);
		part_submits(part, text, 1000 + i);
	}
	part_told(part, 500);
	for (unsigned int i = 1; i <= 500; i++) {
		(void)snprintf(result, sizeof(result), "%u:c%u", i, i);
		part_outcome(part, i - 1, 1000 + i, result);
	}
}

static void what_others_publish_is_applied_and_is_not_ones_own(void **state)
{
	struct part *part = *state;

	part_open(part);
	stranger_publishes(part, "theirs");
	assert_int_equal(part_calls(part, "mine", "2:mine"), 2);
	assert_int_equal(desk_publish(&part->desk, "beside"), 3);
	part_submits(part, "again", 5);
	stranger_publishes(part, "theirs");
	part_told(part, 1);
	part_outcome(part, 0, 5, "4:again");
	assert_int_equal(pawl_participant_sync(part->p), 0);
	assert_int_equal(part->list.count, 5);
	assert_string_equal(part->list.texts[0], "theirs");
	assert_string_equal(part->list.texts[2], "beside");
}

static void a_full_depth_is_back_pressure(void **state)
{
	struct part *part = *state;
	struct pawl_participant_options options = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = list_machine(&part->list);

	part_open(part);
	pawl_participant_close(part->p);
	options.depth = 2;
	options.on_outcome = part_on_outcome;
	options.outcome_context = part;
	assert_int_equal(pawl_participant_open(part->desk.rig.pawl, STREAM_NAME, &machine,
				 &options, &part->p),
		0);
	part->desk.rig.fake.stream.held = true;
	part_submits(part, "1", 1);
	part_submits(part, "2", 2);
	assert_int_equal(pawl_participant_submit(part->p, "3", 1, 3), -EAGAIN);
	assert_non_null(
		strstr(pawl_errmsg(part->desk.rig.pawl), "2 commands are in flight"));
	assert_int_equal(part_call(part, "3"), -EAGAIN);
	part->desk.rig.fake.stream.held = false;
	part_told(part, 2);
	(void)part_calls(part, "3", "3:3");
}

static void a_call_that_gives_up_is_told_of_later(void **state)
{
	struct part *part = *state;

	part_open_with(part, 100 * NS_PER_MS);
	(void)part_calls(part, "first", "1:first");
	part->desk.rig.fake.stream.tail_held = true;
	assert_int_equal(part_call(part, "late"), -ETIMEDOUT);
	assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), "stays in flight"));
	part->desk.rig.fake.stream.tail_held = false;
	part_told(part, 1);
	part_outcome(part, 0, 0, "2:late");
	(void)part_calls(part, "next", "3:next");
}

/* Another chain, of the second replica, in epoch 2. */
static void head_dies(struct part *part)
{
	fake_stream_change(&part->desk.rig.fake, 2, 1, second);
	part->desk.rig.fake.stream.held = false;
	part->desk.rig.fake.stream.tail_held = false;
	fake_serve(&part->desk.rig.fake, 1, false);
	fake_serve(&part->desk.rig.fake, 0, true);
}

/* Half of them are in the log of the head, and the others were only drawn from it. */
static void commands_survive_the_head_each_once(void **state)
{
	struct part *part = *state;
	char text[16], result[32];

	part_open(part);
	(void)part_calls(part, "0", "1:0");
	part->desk.rig.fake.stream.tail_held = true;
	for (unsigned int i = 1; i <= 20; i++) {
		(void)snprintf(text, sizeof(text), "%u", i);
		part_submits(part, text, i);
		if (i == 10)
			part_told_nothing(part, 5 * NS_PER_MS);
		part->desk.rig.fake.stream.held = i >= 10;
	}
	head_dies(part);
	part_told(part, 20);
	for (unsigned int i = 1; i <= 20; i++) {
		(void)snprintf(result, sizeof(result), "%u:%u", i + 1, i);
		part_outcome(part, i - 1, i, result);
	}
	(void)part_calls(part, "end", "22:end");
}

/* ---- Unknown outcomes are found in the log ---- */

static void forgotten(struct part *part)
{
	part->desk.rig.fake.stream.forgets = true;
	head_dies(part);
}

static void submits_until_it_is_known(struct part *part)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int count, rc = 0;

	while (rc != -ESTALE) {
		assert_true(clock_now_ns() < deadline);
		rc = pawl_participant_poll(part->p, 64, &count);
		assert_true(rc == 0 || rc == -ESTALE);
	}
	assert_int_equal(pawl_participant_submit(part->p, "x", 1, 9), -ESTALE);
}

static void what_the_log_has_is_in_though_nobody_knows_the_publisher(void **state)
{
	struct part *part = *state;

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	part->desk.rig.fake.stream.tail_held = true;
	part_submits(part, "two", 2);
	part_told_nothing(part, 5 * NS_PER_MS);
	part->desk.rig.fake.stream.held = true;
	part_submits(part, "three", 3);
	forgotten(part);
	submits_until_it_is_known(part);
	assert_non_null(
		strstr(pawl_errmsg(part->desk.rig.pawl), "pawl_participant_sync"));
	assert_int_equal(pawl_participant_sync(part->p), 0);
	part_outcome(part, 0, 2, "2:two");
	assert_int_equal(part->outcomes_count, 2);
	assert_int_equal(part->outcomes[1].cookie, 3);
	assert_int_equal(part->outcomes[1].status, -ECANCELED);
	part->desk.rig.fake.stream.forgets = false;
	(void)part_calls(part, "four", "3:four");
}

static void a_call_looks_in_the_log_itself(void **state)
{
	struct part *part = *state;

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	forgotten(part);
	assert_int_equal(part_call(part, "two"), -ECANCELED);
	assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), "is not in it"));
	part->desk.rig.fake.stream.forgets = false;
	(void)part_calls(part, "three", "2:three");
	assert_int_equal(part->outcomes_count, 0);
}

/* Who waits for an outcome, and does nothing else, gets it. */
static void a_wait_looks_in_the_log_itself(void **state)
{
	struct part *part = *state;
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int count;

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	part->desk.rig.fake.stream.held = true;
	part_submits(part, "two", 2);
	forgotten(part);
	while (part->outcomes_count == 0) {
		assert_true(clock_now_ns() < deadline);
		assert_int_equal(
			pawl_participant_wait(part->p, 64, 10 * NS_PER_MS, &count), 0);
	}
	assert_int_equal(part->outcomes[0].cookie, 2);
	assert_int_equal(part->outcomes[0].status, -ECANCELED);
}

static void who_has_nothing_in_flight_is_never_in_doubt(void **state)
{
	struct part *part = *state;
	uint64_t deadline, publisher;

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	publisher = pawl_stream_publisher(part->desk.stream);
	forgotten(part);
	deadline = clock_now_ns() + RIG_WAIT_NS;
	while (pawl_stream_publisher(part->desk.stream) == publisher) {
		assert_true(clock_now_ns() < deadline);
		part_poll(part);
	}
	part->desk.rig.fake.stream.forgets = false;
	(void)part_calls(part, "two", "2:two");
}

/* ---- Waiting ---- */

static void a_wait_ends_with_a_message_or_with_its_time(void **state)
{
	struct part *part = *state;
	uint64_t began;
	int count;

	part_open(part);
	stranger_publishes(part, "theirs");
	assert_int_equal(pawl_participant_wait(part->p, 64, RIG_WAIT_NS, &count), 0);
	assert_int_equal(count, 1);
	began = clock_now_ns();
	assert_int_equal(pawl_participant_wait(part->p, 64, 20 * NS_PER_MS, &count), 0);
	assert_int_equal(count, 0);
	assert_true(clock_now_ns() - began >= 20 * NS_PER_MS);
	assert_int_equal(pawl_participant_wait(part->p, 0, 0, &count), -EINVAL);
}

/* ---- Reads ---- */

static void part_reads(struct part *part, enum pawl_reading how, const char *answer)
{
	struct pawl_bytes bytes;

	if (pawl_participant_read(part->p, how, "", 0, &bytes))
		fail_msg("%s", pawl_errmsg(part->desk.rig.pawl));
	assert_int_equal(bytes.len, strlen(answer));
	assert_memory_equal(bytes.bytes, answer, bytes.len);
}

static void reads_see_what_they_promise(void **state)
{
	struct part *part = *state;
	struct pawl_bytes bytes;

	part_open(part);
	(void)part_calls(part, "mine", "1:mine");
	stranger_publishes(part, "theirs");
	part_reads(part, PAWL_READ_LOCAL, "1");
	part_reads(part, PAWL_READ_SYNC, "2");
	assert_int_equal(part->list.markers, 0);
	stranger_publishes(part, "theirs");
	part_reads(part, PAWL_READ_LOCAL, "2");
	part_reads(part, PAWL_READ_LOG, "3");
	assert_int_equal(part->list.markers, 1);
	part_reads(part, PAWL_READ_LOCAL, "3");
	assert_int_equal(
		pawl_participant_read(part->p, PAWL_READ_TAIL, "", 0, &bytes), -ENOTSUP);
	assert_int_equal(part->outcomes_count, 0);
}

/* Its marker comes back later, and nobody is told of that. */
static void a_read_that_can_not_be_linearizable_fails(void **state)
{
	struct part *part = *state;
	struct pawl_bytes bytes;

	part_open_with(part, 100 * NS_PER_MS);
	(void)part_calls(part, "one", "1:one");
	part->desk.rig.fake.stream.tail_held = true;
	assert_int_equal(
		pawl_participant_read(part->p, PAWL_READ_LOG, "", 0, &bytes), -ETIMEDOUT);
	assert_int_equal(pawl_participant_read(part->p, PAWL_READ_SYNC, "", 0, &bytes),
		-ETIMEDOUT);
	part_reads(part, PAWL_READ_LOCAL, "1");
	part->desk.rig.fake.stream.tail_held = false;
	part_reads(part, PAWL_READ_SYNC, "1");
	assert_int_equal(part->list.markers, 1);
	assert_int_equal(part->outcomes_count, 0);
}

/* ---- A state that is not whole is none ---- */

static void lost_positions_end_a_participant(void **state)
{
	struct part *part = *state;
	struct pawl_bytes bytes;
	int count;

	part_open(part);
	for (unsigned int i = 0; i < 1100; i++)
		(void)desk_publish(&part->desk, "m");
	assert_int_equal(pawl_participant_poll(part->p, 64, &count), -EOVERFLOW);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pawl_participant_poll(part->p, 64, &count), -EOVERFLOW);
		assert_non_null(strstr(pawl_errmsg(part->desk.rig.pawl), "are lost"));
	}
	assert_int_equal(part_call(part, "x"), -EOVERFLOW);
	assert_int_equal(pawl_participant_submit(part->p, "x", 1, 1), -EOVERFLOW);
	assert_int_equal(pawl_participant_sync(part->p), -EOVERFLOW);
	assert_int_equal(pawl_participant_read(part->p, PAWL_READ_LOCAL, "", 0, &bytes),
		-EOVERFLOW);
	assert_int_equal(part->list.count, 0);
}

/* A snapshot had everything up to there. */
static void a_machine_that_has_something_begins_behind_it(void **state)
{
	struct part *part = *state;
	struct pawl_participant_options options = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = list_machine(&part->list);

	part_open(part);
	(void)part_calls(part, "one", "1:one");
	(void)part_calls(part, "two", "2:two");
	pawl_participant_close(part->p);
	options.applied = 1;
	part->list.count = 1;
	assert_int_equal(pawl_participant_open(part->desk.rig.pawl, STREAM_NAME, &machine,
				 &options, &part->p),
		0);
	assert_int_equal(pawl_participant_position(part->p), 1);
	(void)part_calls(part, "three", "3:three");
	assert_string_equal(part->list.texts[1], "two");
}

static void what_can_not_be_is_refused(void **state)
{
	struct part *part = *state;
	struct pawl_participant_options options = PAWL_PARTICIPANT_OPTIONS_INIT;
	struct pawl_machine machine = list_machine(&part->list);
	struct pawl_participant *p;
	struct pawl *pawl;
	int count;

	part_open(part);
	pawl = part->desk.rig.pawl;
	assert_int_equal(pawl_participant_poll(part->p, 0, &count), -EINVAL);
	options.depth = 3;
	assert_int_equal(
		pawl_participant_open(pawl, "x", &machine, &options, &p), -EINVAL);
	options.depth = 2 * PAWL_PUBLISH_DEPTH_MAX;
	assert_int_equal(
		pawl_participant_open(pawl, "x", &machine, &options, &p), -EINVAL);
	options.size = 1;
	assert_int_equal(
		pawl_participant_open(pawl, "x", &machine, &options, &p), -EINVAL);
	machine.query = NULL;
	assert_int_equal(pawl_participant_open(pawl, "x", &machine, NULL, &p), -EINVAL);
	assert_non_null(strstr(pawl_errmsg(pawl), "no query"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup_teardown(
		a_command_returns_what_the_machine_made_of_it, of_one, part_remove),
	cmocka_unit_test_setup_teardown(
		a_command_is_done_when_it_has_come_back, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		outcomes_come_in_order_of_submission, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		what_others_publish_is_applied_and_is_not_ones_own, of_one, part_remove),
	cmocka_unit_test_setup_teardown(
		a_full_depth_is_back_pressure, of_one, part_remove),
	cmocka_unit_test_setup_teardown(
		a_call_that_gives_up_is_told_of_later, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		commands_survive_the_head_each_once, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		what_the_log_has_is_in_though_nobody_knows_the_publisher, of_two,
		part_remove),
	cmocka_unit_test_setup_teardown(
		a_call_looks_in_the_log_itself, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		a_wait_looks_in_the_log_itself, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		who_has_nothing_in_flight_is_never_in_doubt, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		a_wait_ends_with_a_message_or_with_its_time, of_one, part_remove),
	cmocka_unit_test_setup_teardown(reads_see_what_they_promise, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		a_read_that_can_not_be_linearizable_fails, of_two, part_remove),
	cmocka_unit_test_setup_teardown(
		lost_positions_end_a_participant, of_one, part_remove),
	cmocka_unit_test_setup_teardown(
		a_machine_that_has_something_begins_behind_it, of_one, part_remove),
	cmocka_unit_test_setup_teardown(what_can_not_be_is_refused, of_one, part_remove),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
