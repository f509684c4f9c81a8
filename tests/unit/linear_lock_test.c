/* Locks with fencing tokens, and transactions over several keys. */
#include "tests/unit/linear_rig.h"

static void a_lock_goes_from_hand_to_hand(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	lock_refused(3, 4, "s2");
	lock(3, 20, "s2", 9);
	unlock(6, 7, "s1", 5, LINEAR_DONE);
	unlock(21, 22, "s2", 9, LINEAR_DONE);
	good();
}

static void two_holders_of_a_lock_are_bad(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	lock(3, 4, "s2", 9);
	bad("lock");
}

static void a_lock_that_is_free_is_not_refused(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	unlock(3, 4, "s1", 5, LINEAR_DONE);
	lock_refused(5, 6, "s2");
	bad("refused");
}

static void a_token_that_goes_back_is_bad(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	unlock(3, 4, "s1", 5, LINEAR_DONE);
	lock(5, 6, "s2", 4);
	bad("position 4");
}

static void a_token_is_given_once(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	unlock(3, 4, "s1", 5, LINEAR_DONE);
	lock(5, 6, "s2", 5);
	bad("position 5");
}

static void nobody_unlocks_what_another_holds(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	unlock(3, 4, "s2", 0, LINEAR_REFUSED);
	good();
	unlock(5, 6, "s2", 0, LINEAR_DONE);
	bad("unlock");
}

static void an_old_token_does_not_unlock(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	unlock(3, 4, "s1", 5, LINEAR_DONE);
	lock(5, 6, "s1", 8);
	unlock(7, 8, "s1", 5, LINEAR_REFUSED);
	good();
	unlock(9, 10, "s1", 5, LINEAR_DONE);
	bad("is of 5");
}

/* A store may refuse him, or give him the token that he has; never another. */
static void a_holder_who_locks_again_keeps_his_token(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	lock(3, 4, "s1", 5);
	lock_refused(5, 6, "s1");
	good();
	lock(7, 8, "s1", 7);
	bad("position 7");
}

static void a_lock_that_expired_is_free(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	expire(3, 4, "s1");
	lock(5, 6, "s2", 9);
	unlock(7, 8, "s1", 5, LINEAR_REFUSED);
	good();
}

static void an_expiry_does_not_hit_another_owner(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	expire(3, 4, "s2");
	lock(5, 6, "s2", 9);
	bad("lock");
}

/* Where the search tries it first there is nothing to take. */
static void an_expiry_happens_when_it_matters(void **state)
{
	(void)state;
	expire(1, 20, "s1");
	lock(2, 3, "s1", 5);
	lock(4, 5, "s2", 9);
	good();
}

/* Nobody knows whether, or when, the session's end was written to the log. */
static void an_expiry_of_unknown_outcome_frees_or_does_not(void **state)
{
	(void)state;
	lock(1, 2, "s1", 5);
	expire(3, 0, "s1");
	lock_refused(5, 6, "s2");
	lock(7, 8, "s2", 9);
	good();
	lock(9, 10, "s3", 11);
	bad("position 11");
}

static void a_guarded_resource_refuses_old_tokens(void **state)
{
	(void)state;
	fence(1, 2, 5, LINEAR_DONE);
	fence(3, 4, 5, LINEAR_DONE);
	fence(5, 6, 9, LINEAR_DONE);
	fence(7, 8, 5, LINEAR_REFUSED);
	good();
	fence(9, 10, 5, LINEAR_DONE);
	bad("fence");
}

static void a_guarded_resource_lets_new_tokens_pass(void **state)
{
	(void)state;
	fence(1, 2, 5, LINEAR_DONE);
	fence(3, 4, 6, LINEAR_REFUSED);
	bad("fence");
}

/* Two accounts and what is moved between them. */
static const struct linear_item both[] = {
	{LINEAR_DO_GET, "x", NULL, 0}, {LINEAR_DO_GET, "y", NULL, 0}};

static void see_both(uint64_t from, uint64_t to, const char *x, const char *y)
{
	struct linear_call call = {
		.kind = LINEAR_TXN, .invoked = from, .then = both, .then_count = 2};
	struct linear_found found[] = {{.value = x}, {.value = y}};
	struct linear_result result = {LINEAR_OK, LINEAR_DONE, to, 0, found, 2};
	uint32_t operation;

	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &result, &err), 0);
}

/* If x and y are what they are taken to be, they become something else. */
static void move_if(uint64_t from, uint64_t to, const char *const before[2],
	const char *const after[2], enum linear_answer answer)
{
	const struct linear_item compare[] = {{LINEAR_IF_VALUE, "x", before[0], 0},
		{LINEAR_IF_VALUE, "y", before[1], 0}};
	const struct linear_item then[] = {
		{LINEAR_DO_PUT, "x", after[0], 0}, {LINEAR_DO_PUT, "y", after[1], 0}};
	size_t count = after[1] ? 2 : 1;

	TELL(from, to,
		.call = {.kind = LINEAR_TXN,
			.compare = compare,
			.compare_count = 2,
			.then = then,
			.then_count = count,
			.otherwise = both,
			.otherwise_count = 2},
		.answer = answer);
}

#define PAIR(a, b)        \
	(const char *[2]) \
	{                 \
		a, b      \
	}

static void a_transfer_is_seen_whole(void **state)
{
	(void)state;
	move_if(1, 2, PAIR(NULL, NULL), PAIR("5", "5"), LINEAR_DONE);
	move_if(3, 10, PAIR("5", "5"), PAIR("4", "6"), LINEAR_DONE);
	see_both(4, 5, "5", "5");
	see_both(6, 7, "4", "6");
	good();
	assert_int_equal(report.partitions, 1);
}

static void half_a_transfer_is_bad(void **state)
{
	(void)state;
	move_if(1, 2, PAIR(NULL, NULL), PAIR("5", "5"), LINEAR_DONE);
	move_if(3, 10, PAIR("5", "5"), PAIR("4", "6"), LINEAR_DONE);
	see_both(4, 5, "4", "5");
	bad("found \"4\" get \"y\" found \"5\"");
}

/* Each key by itself would be in order: strictness is about all of them. */
static void keys_that_a_transaction_joins_have_one_order(void **state)
{
	(void)state;
	put(1, 2, "x", "0");
	put(1, 2, "y", "0");
	put(3, 10, "x", "1");
	put(3, 10, "y", "1");
	see_both(4, 9, "1", "0");
	good();
	see_both(4, 9, "0", "1");
	bad("txn");
}

/* Both saw both doctors on duty, and each went home. */
static void write_skew_is_bad(void **state)
{
	(void)state;
	move_if(1, 2, PAIR(NULL, NULL), PAIR("on", "on"), LINEAR_DONE);
	TELL(3, 9,
		.call = {.kind = LINEAR_TXN,
			.compare = (struct linear_item[]){{LINEAR_IF_VALUE, "x", "on", 0},
				{LINEAR_IF_VALUE, "y", "on", 0}},
			.compare_count = 2,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "x", "off", 0}},
			.then_count = 1},
		.answer = LINEAR_DONE);
	good();
	TELL(3, 9,
		.call = {.kind = LINEAR_TXN,
			.compare = (struct linear_item[]){{LINEAR_IF_VALUE, "x", "on", 0},
				{LINEAR_IF_VALUE, "y", "on", 0}},
			.compare_count = 2,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "y", "off", 0}},
			.then_count = 1},
		.answer = LINEAR_DONE);
	bad("txn");
}

/* It would hold only after its own write. */
static void a_comparison_comes_before_the_writes(void **state)
{
	(void)state;
	TELL(1, 2,
		.call = {.kind = LINEAR_TXN,
			.compare = (struct linear_item[]){{LINEAR_IF_PRESENT, "x", NULL,
				0}},
			.compare_count = 1,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "x", "1", 0}},
			.then_count = 1},
		.answer = LINEAR_DONE);
	bad("if \"x\" is there");
}

static void a_transaction_reads_what_it_wrote(void **state)
{
	(void)state;
	TELL(1, 2,
		.call = {.kind = LINEAR_TXN,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "x", "1", 0},
				{LINEAR_DO_PUT, "x", "2", 0},
				{LINEAR_DO_GET, "x", NULL, 0}},
			.then_count = 3},
		.answer = LINEAR_DONE, .found = "2", .tells = true, .position = 4);
	get_of(3, 4, "x", "2", 4);
	good();
}

/* The search tries it in the wrong place first, where its second step does not fit. */
static void half_a_transaction_is_never_left_behind(void **state)
{
	(void)state;
	TELL(1, 9,
		.call = {.kind = LINEAR_TXN,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "x", "1", 0},
				{LINEAR_DO_GET, "y", NULL, 0}},
			.then_count = 2},
		.answer = LINEAR_DONE, .found = "7", .tells = true);
	TELL(2, 9,
		.call = {.kind = LINEAR_TXN,
			.compare = (struct linear_item[]){{LINEAR_IF_VALUE, "x", NULL,
				0}},
			.compare_count = 1,
			.then = (struct linear_item[]){{LINEAR_DO_PUT, "y", "7", 0}},
			.then_count = 1},
		.answer = LINEAR_DONE);
	good();
}

static void a_transaction_takes_the_other_way_if_one_comparison_fails(void **state)
{
	(void)state;
	move_if(1, 2, PAIR(NULL, NULL), PAIR("5", "5"), LINEAR_DONE);
	move_if(3, 4, PAIR("5", "6"), PAIR("0", "0"), LINEAR_REFUSED);
	see_both(5, 6, "5", "5");
	good();
	move_if(7, 8, PAIR("5", "5"), PAIR("0", "0"), LINEAR_REFUSED);
	bad("refused");
}

static void list(
	uint64_t from, uint64_t to, const struct linear_found *found, size_t count)
{
	struct linear_call call = {.kind = LINEAR_LIST, .invoked = from, .key = "u/"};
	struct linear_result result = {LINEAR_OK, LINEAR_UNTOLD, to, 0, found, count};
	uint32_t operation;

	assert_int_equal(linear_history_add(history, &call, &operation, &err), 0);
	assert_int_equal(linear_history_finish(history, operation, &result, &err), 0);
}

static void a_list_shows_all_that_is_there(void **state)
{
	const struct linear_found found[] = {{"u/a", "1", 0}, {"u/b", "2", 0}};

	(void)state;
	put(1, 2, "u/a", "1");
	put(1, 2, "v/c", "3");
	put(3, 8, "u/b", "2");
	list(4, 5, found, 1);
	list(6, 7, found, 2);
	good();
	assert_int_equal(report.partitions, 2);
}

static void a_list_that_leaves_one_out_is_bad(void **state)
{
	const struct linear_found found[] = {{"u/a", "1", 0}, {"u/b", "2", 0}};

	(void)state;
	put(1, 2, "u/a", "1");
	put(3, 8, "u/b", "2");
	list(4, 5, found, 2);
	list(6, 7, found, 1);
	bad("list");
}

static void an_empty_list_is_an_answer(void **state)
{
	(void)state;
	list(1, 2, NULL, 0);
	put(3, 4, "u/a", "1");
	good();
	list(5, 6, NULL, 0);
	bad("list");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_lock_goes_from_hand_to_hand),
		TEST(two_holders_of_a_lock_are_bad),
		TEST(a_lock_that_is_free_is_not_refused),
		TEST(a_token_that_goes_back_is_bad),
		TEST(a_token_is_given_once),
		TEST(nobody_unlocks_what_another_holds),
		TEST(an_old_token_does_not_unlock),
		TEST(a_holder_who_locks_again_keeps_his_token),
		TEST(a_lock_that_expired_is_free),
		TEST(an_expiry_does_not_hit_another_owner),
		TEST(an_expiry_happens_when_it_matters),
		TEST(an_expiry_of_unknown_outcome_frees_or_does_not),
		TEST(a_guarded_resource_refuses_old_tokens),
		TEST(a_guarded_resource_lets_new_tokens_pass),
		TEST(a_transfer_is_seen_whole),
		TEST(half_a_transfer_is_bad),
		TEST(keys_that_a_transaction_joins_have_one_order),
		TEST(write_skew_is_bad),
		TEST(a_comparison_comes_before_the_writes),
		TEST(a_transaction_reads_what_it_wrote),
		TEST(half_a_transaction_is_never_left_behind),
		TEST(a_transaction_takes_the_other_way_if_one_comparison_fails),
		TEST(a_list_shows_all_that_is_there),
		TEST(a_list_that_leaves_one_out_is_bad),
		TEST(an_empty_list_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
