/* The judge that takes the store's own order, the positions, and holds it to time and answers. */
#include <errno.h>

#include "tests/unit/linear_rig.h"

static void replayed(enum linear_verdict verdict, const char *why)
{
	assert_int_equal(linear_replay(history, &report), 0);
	if (report.verdict != verdict || !strstr(report.text, why))
		print_error("%s\n", report.text);
	assert_int_equal(report.verdict, verdict);
	assert_non_null(strstr(report.text, why));
}

static void get_at(uint64_t from, uint64_t to, enum linear_read read, const char *value,
	uint64_t position)
{
	TELL(from, to, .call = {.kind = LINEAR_GET, .key = "a", .read = read},
		.found = value, .tells = true, .position = position);
}

static void local_at(uint32_t process, uint64_t from, uint64_t to, const char *value,
	uint64_t position)
{
	TELL(from, to,
		.call = {.kind = LINEAR_GET,
			.key = "a",
			.read = LINEAR_READ_LOCAL,
			.process = process},
		.found = value, .tells = true, .position = position);
}

static void an_order_that_explains_all_is_good(void **state)
{
	(void)state;
	put_at(1, 9, "a", "2", 5);
	put_at(1, 9, "a", "1", 3);
	get_at(10, 11, LINEAR_READ_SYNC, "2", 5);
	get_at(10, 12, LINEAR_READ_TAIL, "2", 5);
	get_at(2, 8, LINEAR_READ_LOG, "1", 4);
	replayed(LINEAR_GOOD, "");
	assert_int_equal(report.operations, 5);
	assert_int_equal(report.skipped, 0);
}

static void a_position_is_given_once(void **state)
{
	(void)state;
	put_at(1, 9, "a", "1", 3);
	put_at(1, 9, "b", "2", 3);
	replayed(LINEAR_BAD, "have the same one");
}

static void a_later_operation_has_a_larger_position(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 5);
	put_at(3, 4, "b", "2", 4);
	replayed(LINEAR_BAD, "had returned before");
}

/* Nothing is wrong between neighbours. */
static void a_wrong_order_of_distant_positions_is_seen(void **state)
{
	(void)state;
	put_at(50, 60, "a", "1", 1);
	put_at(5, 55, "b", "1", 2);
	put_at(40, 70, "c", "1", 3);
	put_at(30, 45, "d", "1", 4);
	replayed(LINEAR_BAD, "from 30 to 45");
}

/* What the value is does not matter: it may be the same again. */
static void a_read_that_missed_a_position_is_stale(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 4, "a", "1", 5);
	get_at(5, 6, LINEAR_READ_TAIL, "1", 4);
	replayed(LINEAR_BAD, "had returned before");
}

static void reads_that_know_of_one_position_have_no_order(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	get_at(3, 4, LINEAR_READ_SYNC, "1", 3);
	get_at(5, 6, LINEAR_READ_SYNC, "1", 3);
	replayed(LINEAR_GOOD, "");
}

static void a_read_does_not_know_of_what_was_not_asked_for(void **state)
{
	(void)state;
	get_at(1, 2, LINEAR_READ_SYNC, "1", 3);
	put_at(3, 4, "a", "1", 3);
	replayed(LINEAR_BAD, "had returned before");
}

static void an_answer_is_the_one_of_its_position(void **state)
{
	(void)state;
	put_at(1, 9, "a", "1", 3);
	put_at(1, 9, "a", "2", 5);
	get_at(1, 9, LINEAR_READ_SYNC, "2", 4);
	replayed(LINEAR_BAD, "by the positions \"a\" is \"1\" (3)");
}

/* The order of positions is one that the search could not know to be wrong. */
static void the_wrong_winner_of_a_claim_is_seen(void **state)
{
	(void)state;
	TELL(1, 9, .call = {.kind = LINEAR_CLAIM, .key = "ann", .value = "p1"},
		.answer = LINEAR_REFUSED, .position = 3);
	TELL(1, 9, .call = {.kind = LINEAR_CLAIM, .key = "ann", .value = "p2"},
		.answer = LINEAR_DONE, .position = 5);
	good();
	replayed(LINEAR_BAD, "claim");
}

static void a_local_read_may_be_behind(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 4, "a", "2", 5);
	local_at(9, 5, 6, "1", 3);
	local_at(9, 7, 8, "2", 5);
	replayed(LINEAR_GOOD, "");
}

static void a_local_read_does_not_go_back(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 4, "a", "2", 5);
	local_at(9, 5, 6, "2", 5);
	local_at(9, 7, 8, "1", 3);
	replayed(LINEAR_BAD, "a process went back");
}

static void a_local_read_sees_what_its_process_wrote(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	TELL(3, 4, .call = {.kind = LINEAR_PUT, .key = "a", .value = "2", .process = 9},
		.position = 5);
	local_at(9, 5, 6, "1", 3);
	replayed(LINEAR_BAD, "a process went back");
}

static void another_process_has_its_own_past(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 4, "a", "2", 5);
	local_at(8, 5, 6, "2", 5);
	local_at(8, 7, 8, "2", 5);
	local_at(9, 9, 10, "1", 3);
	replayed(LINEAR_GOOD, "");
}

static void a_local_read_gives_what_was_there_at_its_position(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 4, "a", "2", 5);
	local_at(9, 5, 6, "1", 5);
	replayed(LINEAR_BAD, "what it answered");
}

/* It may have come between, and nobody knows where. */
static void values_beside_a_write_without_a_position_are_not_judged(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put(3, 0, "a", "2");
	get_at(5, 6, LINEAR_READ_SYNC, "2", 4);
	put_at(1, 2, "b", "1", 4);
	replayed(LINEAR_GOOD, "");
	assert_int_equal(report.operations, 1);
	assert_int_equal(report.skipped, 3);
}

static void what_was_refused_wrote_nothing_wherever_it_was(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	tell(&(struct told){.from = 3,
		.to = 4,
		.call = {.kind = LINEAR_CAS, .key = "a", .value = "2", .expected = "9"},
		.answer = LINEAR_REFUSED});
	get_at(5, 6, LINEAR_READ_SYNC, "1", 4);
	replayed(LINEAR_GOOD, "");
	assert_int_equal(report.operations, 2);
	get_at(7, 8, LINEAR_READ_SYNC, "2", 5);
	replayed(LINEAR_BAD, "what it answered");
}

static void an_unknown_outcome_may_have_a_position(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 3);
	put_at(3, 0, "a", "2", 4);
	get_at(5, 6, LINEAR_READ_SYNC, "2", 4);
	replayed(LINEAR_GOOD, "");
	assert_int_equal(report.skipped, 0);
	get_at(7, 8, LINEAR_READ_SYNC, "1", 4);
	replayed(LINEAR_BAD, "what it answered");
}

static void without_positions_nothing_is_decided(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	replayed(LINEAR_UNDECIDED, "no operation has a position");
}

static void what_is_no_answer_is_refused(void **state)
{
	const struct linear_call call = {
		.kind = LINEAR_PUT, .key = "a", .value = "1", .invoked = 9};
	const struct linear_result early = {.outcome = LINEAR_OK, .returned = 8};
	const struct linear_result ends = {.outcome = LINEAR_OK, .returned = 9};
	const struct linear_result refused = {
		.outcome = LINEAR_OK, .returned = 9, .answer = LINEAR_REFUSED};
	const struct linear_result far = {
		.outcome = LINEAR_OK, .returned = 9, .position = UINT64_MAX};
	uint32_t operation;

	(void)state;
	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(
		linear_history_finish(history, operation, &early, &err), -EINVAL);
	assert_non_null(strstr(err.text, "returned before it was invoked"));
	assert_int_equal(
		linear_history_finish(history, operation, &refused, &err), -EINVAL);
	assert_non_null(strstr(err.text, "never refused"));
	assert_int_equal(linear_history_finish(history, operation, &far, &err), -EINVAL);
	assert_non_null(strstr(err.text, "too large"));
	assert_int_equal(linear_history_finish(history, operation, &ends, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &ends, &err), -EINVAL);
	assert_non_null(strstr(err.text, "finished before"));
	assert_int_equal(
		linear_history_finish(history, operation + 1, &ends, &err), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(an_order_that_explains_all_is_good),
		TEST(a_position_is_given_once),
		TEST(a_later_operation_has_a_larger_position),
		TEST(a_wrong_order_of_distant_positions_is_seen),
		TEST(a_read_that_missed_a_position_is_stale),
		TEST(reads_that_know_of_one_position_have_no_order),
		TEST(a_read_does_not_know_of_what_was_not_asked_for),
		TEST(an_answer_is_the_one_of_its_position),
		TEST(the_wrong_winner_of_a_claim_is_seen),
		TEST(a_local_read_may_be_behind),
		TEST(a_local_read_does_not_go_back),
		TEST(a_local_read_sees_what_its_process_wrote),
		TEST(another_process_has_its_own_past),
		TEST(a_local_read_gives_what_was_there_at_its_position),
		TEST(values_beside_a_write_without_a_position_are_not_judged),
		TEST(what_was_refused_wrote_nothing_wherever_it_was),
		TEST(an_unknown_outcome_may_have_a_position),
		TEST(without_positions_nothing_is_decided),
		TEST(what_is_no_answer_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
