/* What the textbooks call linearizable, and what they do not: registers, claims, transactions. */
#include "tests/unit/linear_rig.h"

static void reads_and_writes_one_after_the_other_are_good(void **state)
{
	(void)state;
	get(1, 2, "a", NULL);
	put(3, 4, "a", "1");
	get(5, 6, "a", "1");
	delete (7, 8, "a");
	get(9, 10, "a", NULL);
	good();
	assert_int_equal(report.operations, 5);
	assert_int_equal(report.partitions, 1);
}

static void a_stale_read_after_a_write_returned_is_bad(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(3, 4, "a", "2");
	get(5, 6, "a", "1");
	bad("get \"a\" found \"1\"; from 5 to 6");
	assert_non_null(
		strstr(report.text, "2 operations before it, and then \"a\" is \"2\""));
}

static void a_read_beside_a_write_may_see_either(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(3, 10, "a", "2");
	get(4, 5, "a", "1");
	get(6, 7, "a", "2");
	good();
}

/* The second read began after the first had seen the new value. */
static void a_value_seen_once_does_not_go_away(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(3, 10, "a", "2");
	get(4, 5, "a", "2");
	get(6, 7, "a", "1");
	bad("get \"a\" found \"1\"");
}

static void operations_that_touch_in_time_have_any_order(void **state)
{
	(void)state;
	put(1, 5, "a", "1");
	get(5, 9, "a", NULL);
	good();
}

static void a_value_that_nobody_wrote_is_bad(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	get(1, 9, "a", "7");
	bad("found \"7\"");
}

static void a_read_of_the_future_is_bad(void **state)
{
	(void)state;
	get(1, 2, "a", "1");
	put(3, 4, "a", "1");
	bad("found \"1\"");
}

static void keys_are_looked_at_each_by_itself(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	put(1, 2, "b", "1");
	get(3, 4, "b", "1");
	get(3, 4, "a", NULL);
	bad("\"a\": no order explains");
	assert_int_equal(report.partitions, 2);
}

/* Both compared with 1, and both were told that they had won. */
static void a_lost_update_is_bad(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	cas(3, 9, "a", "1", "2", LINEAR_DONE);
	cas(4, 8, "a", "1", "3", LINEAR_DONE);
	bad("cas");
}

static void one_of_two_swaps_wins(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	cas(3, 9, "a", "1", "2", LINEAR_REFUSED);
	cas(4, 8, "a", "1", "3", LINEAR_DONE);
	get(10, 11, "a", "3");
	cas(12, 13, "a", "3", NULL, LINEAR_DONE);
	get(14, 15, "a", NULL);
	good();
}

static void a_swap_refused_without_cause_is_bad(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	cas(3, 4, "a", "1", "2", LINEAR_REFUSED);
	bad("refused");
}

static void a_swap_that_is_refused_is_told_what_is_there(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	TELL(3, 4,
		.call = {.kind = LINEAR_CAS, .key = "a", .expected = "0", .value = "2"},
		.answer = LINEAR_REFUSED, .found = "1", .tells = true);
	good();
	TELL(5, 6,
		.call = {.kind = LINEAR_CAS, .key = "a", .expected = "0", .value = "2"},
		.answer = LINEAR_REFUSED, .found = "9", .tells = true);
	bad("found \"9\"");
}

static void swap_version(uint64_t from, uint64_t to, uint64_t version, const char *value,
	enum linear_answer answer, uint64_t position)
{
	TELL(from, to,
		.call = {.kind = LINEAR_CAS,
			.key = "a",
			.by_version = true,
			.version = version,
			.value = value},
		.answer = answer, .position = position);
}

static void a_swap_by_version_compares_the_version(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 7);
	swap_version(3, 4, 7, "1", LINEAR_DONE, 9);
	swap_version(5, 6, 7, "1", LINEAR_REFUSED, 0);
	get_of(7, 8, "a", "1", 9);
	good();
	swap_version(9, 10, 7, "2", LINEAR_DONE, 12);
	bad("if \"a\" is of 7");
}

static void a_swap_of_version_0_is_a_claim(void **state)
{
	(void)state;
	swap_version(1, 2, 0, "1", LINEAR_DONE, 3);
	good();
	swap_version(3, 4, 0, "1", LINEAR_DONE, 4);
	bad("cas");
}

/* The value is right, and it is not the one that was written last. */
static void an_old_version_of_the_same_value_is_bad(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 7);
	put_at(3, 4, "a", "1", 8);
	get_of(5, 6, "a", "1", 7);
	bad("found \"1\" of 7");
}

static void versions_that_go_back_are_bad(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 7);
	put_at(3, 4, "a", "2", 6);
	bad("position 6");
}

static void versions_do_not_begin_again_after_a_deletion(void **state)
{
	(void)state;
	put_at(1, 2, "a", "1", 7);
	delete (3, 4, "a");
	put_at(5, 6, "a", "1", 7);
	bad("position 7");
}

/* The write did not tell its version, the first read does. */
static void a_version_is_learnt_once(void **state)
{
	(void)state;
	put_at(1, 2, "a", "0", 5);
	put(3, 4, "a", "1");
	get_of(5, 6, "a", "1", 8);
	get_of(7, 8, "a", "1", 8);
	good();
	get_of(9, 10, "a", "1", 9);
	bad("of 9");
}

static void a_version_older_than_the_one_before_is_not_learnt(void **state)
{
	(void)state;
	put_at(1, 2, "a", "0", 5);
	put(3, 4, "a", "1");
	get_of(5, 6, "a", "1", 5);
	bad("of 5");
}

static void a_claim_has_one_winner(void **state)
{
	(void)state;
	claim(1, 9, "ann", "p1", LINEAR_DONE);
	claim(2, 8, "ann", "p2", LINEAR_REFUSED);
	good();
}

static void two_winners_of_a_claim_are_bad(void **state)
{
	(void)state;
	claim(1, 9, "ann", "p1", LINEAR_DONE);
	claim(2, 8, "ann", "p2", LINEAR_DONE);
	bad("claim");
}

static void a_claim_without_a_winner_is_bad(void **state)
{
	(void)state;
	claim(1, 9, "ann", "p1", LINEAR_REFUSED);
	claim(2, 8, "ann", "p2", LINEAR_REFUSED);
	bad("claim");
}

static void a_claim_may_be_made_again_after_a_deletion(void **state)
{
	(void)state;
	claim(1, 2, "ann", "p1", LINEAR_DONE);
	delete (3, 4, "ann");
	claim(5, 6, "ann", "p2", LINEAR_DONE);
	good();
}

static void a_deletion_says_whether_something_was_there(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	TELL(3, 4, .call = {.kind = LINEAR_DELETE, .key = "a"}, .answer = LINEAR_DONE);
	TELL(5, 6, .call = {.kind = LINEAR_DELETE, .key = "a"}, .answer = LINEAR_REFUSED);
	good();
	TELL(7, 8, .call = {.kind = LINEAR_DELETE, .key = "a"}, .answer = LINEAR_DONE);
	bad("delete");
}

/* A deletion without a word of what was there, and a swap that nobody told the end of. */
static void an_answer_that_was_not_told_may_be_either(void **state)
{
	(void)state;
	delete (1, 2, "a");
	cas(3, 4, "a", NULL, "1", LINEAR_UNTOLD);
	cas(5, 6, "a", NULL, "2", LINEAR_UNTOLD);
	get(7, 8, "a", "1");
	good();
	get(9, 10, "a", "2");
	bad("found \"2\"");
}

static void a_local_read_is_not_held_to_it(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	TELL(3, 4, .call = {.kind = LINEAR_GET, .key = "a", .read = LINEAR_READ_LOCAL},
		.tells = true);
	good();
	assert_int_equal(report.operations, 1);
	limits.local_too = true;
	bad("get \"a\" found nothing");
}

static void reads_at_the_tail_and_by_sync_are(void **state)
{
	(void)state;
	put(1, 2, "a", "1");
	TELL(3, 4, .call = {.kind = LINEAR_GET, .key = "a", .read = LINEAR_READ_TAIL},
		.found = "1", .tells = true);
	good();
	TELL(5, 6, .call = {.kind = LINEAR_GET, .key = "a", .read = LINEAR_READ_SYNC},
		.tells = true);
	bad("get \"a\" found nothing");
}

/* A text of limited length holds it, however long keys are. */
static void a_long_story_is_cut(void **state)
{
	static char key[5000];

	(void)state;
	memset(key, 'k', sizeof(key) - 1);
	put(1, 2, key, key);
	for (uint64_t i = 0; i < 100; i++)
		get(3, 100 + i, key, NULL);
	bad("no order explains");
	assert_true(strlen(report.text) < LINEAR_TEXT_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(reads_and_writes_one_after_the_other_are_good),
		TEST(a_stale_read_after_a_write_returned_is_bad),
		TEST(a_read_beside_a_write_may_see_either),
		TEST(a_value_seen_once_does_not_go_away),
		TEST(operations_that_touch_in_time_have_any_order),
		TEST(a_value_that_nobody_wrote_is_bad),
		TEST(a_read_of_the_future_is_bad),
		TEST(keys_are_looked_at_each_by_itself),
		TEST(a_lost_update_is_bad),
		TEST(one_of_two_swaps_wins),
		TEST(a_swap_refused_without_cause_is_bad),
		TEST(a_swap_that_is_refused_is_told_what_is_there),
		TEST(a_swap_by_version_compares_the_version),
		TEST(a_swap_of_version_0_is_a_claim),
		TEST(an_old_version_of_the_same_value_is_bad),
		TEST(versions_that_go_back_are_bad),
		TEST(versions_do_not_begin_again_after_a_deletion),
		TEST(a_version_is_learnt_once),
		TEST(a_version_older_than_the_one_before_is_not_learnt),
		TEST(a_claim_has_one_winner),
		TEST(two_winners_of_a_claim_are_bad),
		TEST(a_claim_without_a_winner_is_bad),
		TEST(a_claim_may_be_made_again_after_a_deletion),
		TEST(a_deletion_says_whether_something_was_there),
		TEST(an_answer_that_was_not_told_may_be_either),
		TEST(a_local_read_is_not_held_to_it),
		TEST(reads_at_the_tail_and_by_sync_are),
		TEST(a_long_story_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
