/* Transactions of the storage: all comparisons, then one branch, whole or not at all. */
#include "tests/unit/kv_rig.h"

static enum kv_status transact(
	struct rig *rig, uint64_t session, const struct kv_transaction *t)
{
	unsigned char bytes[COMMAND_ROOM];
	size_t len = kv_transaction_encode(t, session, bytes, sizeof(bytes));

	assert_int_not_equal(len, 0);
	return rig_apply(rig, bytes, len);
}

static struct kv_operation op_put(const char *key, const char *value)
{
	return (struct kv_operation){
		.kind = KV_PUT, .key = text(key), .value = text(value)};
}

static struct kv_operation op_of(enum kv_kind kind, const char *key)
{
	return (struct kv_operation){.kind = kind, .key = text(key)};
}

static struct kv_operation op_if(
	enum kv_kind kind, const char *key, enum kv_relation relation, uint64_t number)
{
	return (struct kv_operation){.kind = kind,
		.option = (uint8_t)relation,
		.key = text(key),
		.number = number};
}

static struct kv_operation op_if_value(
	const char *key, enum kv_relation relation, const char *value)
{
	return (struct kv_operation){.kind = KV_IF_VALUE,
		.option = (uint8_t)relation,
		.key = text(key),
		.value = text(value)};
}

/* Whether a transaction takes the first branch with this comparison. */
static bool holds(struct rig *rig, struct kv_operation comparison)
{
	struct kv_transaction t = {.comparisons = &comparison, .comparisons_count = 1};

	assert_int_equal(transact(rig, 0, &t), KV_OK);
	return !(rig->reply.flags & KV_ELSE);
}

static void all_writes_of_the_first_branch_are_made_when_all_comparisons_hold(
	void **state)
{
	struct kv_operation ifs[] = {op_if(KV_IF_VERSION, "a", KV_EQUAL, 2),
		op_if(KV_IF_VERSION, "b", KV_EQUAL, 0)};
	struct kv_operation thens[] = {op_of(KV_DELETE, "a"), op_put("b", "1"),
		op_put("c", "2"), op_of(KV_GET, "d")};
	struct kv_operation elses[] = {op_put("d", "no")};
	struct kv_transaction t = {ifs, thens, elses, 2, 4, 1};
	struct kv_reply item;
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "0");
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	assert_int_equal(rig.reply.flags & KV_ELSE, 0);
	assert_int_equal(rig.reply.items_count, 4);
	changes_are(&rig, 3, "deleted a= by 0 @2", "written b=1 by 0 @3",
		"written c=2 by 0 @3");
	assert_true(kv_reply_next(&rig.reply, &item));
	assert_int_equal(item.kind, KV_DELETE);
	assert_int_equal(item.version, 2);
	assert_true(kv_reply_next(&rig.reply, &item));
	assert_int_equal(item.version, 3);
	assert_true(kv_reply_next(&rig.reply, &item));
	assert_true(kv_reply_next(&rig.reply, &item));
	assert_int_equal(item.status, KV_ABSENT);
	assert_false(kv_reply_next(&rig.reply, &item));
	rig_free(&rig);
}

static void the_other_branch_is_made_when_one_comparison_does_not_hold(void **state)
{
	struct kv_operation ifs[] = {op_if(KV_IF_VERSION, "a", KV_EQUAL, 2),
		op_if(KV_IF_VERSION, "a", KV_EQUAL, 7)};
	struct kv_operation thens[] = {op_put("a", "then")};
	struct kv_operation elses[] = {op_of(KV_GET, "a"), op_put("b", "else")};
	struct kv_transaction t = {ifs, thens, elses, 2, 1, 2};
	struct kv_reply item;
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "0");
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	assert_int_equal(rig.reply.flags & KV_ELSE, KV_ELSE);
	changes_are(&rig, 1, "written b=else by 0 @3");
	assert_true(kv_reply_next(&rig.reply, &item));
	assert_int_equal(item.value.len, 1);
	assert_int_equal(item.version, 2);
	rig_free(&rig);
}

static void versions_are_compared_as_numbers_and_absence_is_version_zero(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "m");
	assert_true(holds(&rig, op_if(KV_IF_VERSION, "a", KV_EQUAL, 2)));
	assert_false(holds(&rig, op_if(KV_IF_VERSION, "a", KV_NOT_EQUAL, 2)));
	assert_true(holds(&rig, op_if(KV_IF_VERSION, "a", KV_LESS, 3)));
	assert_false(holds(&rig, op_if(KV_IF_VERSION, "a", KV_LESS, 2)));
	assert_true(holds(&rig, op_if(KV_IF_VERSION, "a", KV_GREATER, 1)));
	assert_false(holds(&rig, op_if(KV_IF_VERSION, "a", KV_GREATER, 2)));
	assert_true(holds(&rig, op_if(KV_IF_VERSION, "b", KV_EQUAL, 0)));
	assert_false(holds(&rig, op_if(KV_IF_VERSION, "b", KV_GREATER, 0)));
	rig_free(&rig);
}

static void values_are_compared_byte_by_byte(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "mm");
	assert_true(holds(&rig, op_if_value("a", KV_EQUAL, "mm")));
	assert_false(holds(&rig, op_if_value("a", KV_EQUAL, "m")));
	assert_true(holds(&rig, op_if_value("a", KV_GREATER, "m")));
	assert_true(holds(&rig, op_if_value("a", KV_LESS, "mmm")));
	assert_true(holds(&rig, op_if_value("a", KV_LESS, "n")));
	assert_true(holds(&rig, op_if_value("a", KV_GREATER, "lzz")));
	assert_true(holds(&rig, op_if_value("a", KV_NOT_EQUAL, "n")));
	assert_false(holds(&rig, op_if_value("b", KV_EQUAL, "")));
	assert_false(holds(&rig, op_if_value("b", KV_LESS, "x")));
	assert_false(holds(&rig, op_if_value("b", KV_GREATER, "")));
	assert_true(holds(&rig, op_if_value("b", KV_NOT_EQUAL, "")));
	rig_free(&rig);
}

static void a_lock_is_compared_by_holder_and_by_fence(void **state)
{
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	(void)lock(&rig, session, "l");
	assert_true(holds(&rig, op_if(KV_IF_HOLDER, "l", KV_EQUAL, session)));
	assert_true(holds(&rig, op_if(KV_IF_FENCE, "l", KV_EQUAL, 3)));
	assert_false(holds(&rig, op_if(KV_IF_FENCE, "l", KV_EQUAL, 2)));
	assert_true(holds(&rig, op_if(KV_IF_HOLDER, "m", KV_EQUAL, 0)));
	assert_true(holds(&rig, op_if(KV_IF_FENCE, "m", KV_EQUAL, 0)));
	/* A key is no lock. */
	(void)put(&rig, "k", "");
	assert_true(holds(&rig, op_if(KV_IF_FENCE, "k", KV_EQUAL, 0)));
	rig_free(&rig);
}

static void comparisons_see_the_state_before_the_writes(void **state)
{
	/* Whoever compared after writing would find b there, and take the other branch. */
	struct kv_operation ifs[] = {op_if(KV_IF_VERSION, "b", KV_EQUAL, 0),
		op_if_value("a", KV_EQUAL, "old")};
	struct kv_operation thens[] = {op_put("b", "new"), op_put("a", "new")};
	struct kv_operation elses[] = {op_put("a", "wrong")};
	struct kv_transaction t = {ifs, thens, elses, 2, 2, 1};
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "a", "old");
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	assert_int_equal(rig.reply.flags & KV_ELSE, 0);
	assert_int_equal(get(&rig, "a"), KV_OK);
	value_is(&rig, "new");
	rig_free(&rig);
}

static void a_branch_that_meets_a_limit_in_its_end_changes_nothing(void **state)
{
	struct kv_operation thens[] = {op_put("0", "new"), op_of(KV_DELETE, "1"),
		op_put("x", "1"), op_put("y", "2")};
	struct kv_transaction t = {.thens = thens, .thens_count = 4};
	char key[] = "a";
	struct rig rig;

	(void)state;
	rig_make(&rig);
	(void)put(&rig, "0", "old");
	(void)put(&rig, "1", "old");
	for (int i = 2; i < 12; i++, key[0]++)
		assert_int_equal(put(&rig, key, ""), KV_OK);
	assert_int_equal(transact(&rig, 0, &t), KV_KEYS_FULL);
	assert_int_equal(rig.reply.items_count, 0);
	changes_are(&rig, 0);
	assert_int_equal(get(&rig, "0"), KV_OK);
	value_is(&rig, "old");
	assert_int_equal(get(&rig, "1"), KV_OK);
	assert_int_equal(get(&rig, "x"), KV_ABSENT);
	/* One less, and it fits. */
	t.thens_count = 3;
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	rig_free(&rig);
}

static void a_branch_may_be_over_a_limit_before_it_is_within_it(void **state)
{
	struct kv_operation thens[] = {op_put("x", "1"), op_put("y", "2"),
		op_of(KV_DELETE, "a"), op_of(KV_DELETE, "b")};
	struct kv_transaction t = {.thens = thens, .thens_count = 4};
	char key[] = "a";
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (int i = 0; i < 12; i++, key[0]++)
		assert_int_equal(put(&rig, key, ""), KV_OK);
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	assert_int_equal(put(&rig, "z", ""), KV_KEYS_FULL);
	assert_int_equal(get(&rig, "x"), KV_OK);
	rig_free(&rig);
}

static void answers_that_do_not_fit_leave_everything_as_it_was(void **state)
{
	struct kv_operation thens[] = {op_put("n", "1"), op_of(KV_GET, "a"),
		op_of(KV_GET, "b"), op_of(KV_GET, "c")};
	struct kv_transaction t = {.thens = thens, .thens_count = 4};
	char value[301];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	memset(value, 'v', 300);
	value[300] = '\0';
	(void)put(&rig, "a", value);
	(void)put(&rig, "b", value);
	(void)put(&rig, "c", value);
	assert_int_equal(transact(&rig, 0, &t), KV_TOO_LONG);
	assert_int_equal(get(&rig, "n"), KV_ABSENT);
	t.thens_count = 3;
	assert_int_equal(transact(&rig, 0, &t), KV_OK);
	rig_free(&rig);
}

static void keys_of_a_transaction_can_end_with_its_session(void **state)
{
	struct kv_operation thens[] = {op_put("a", "1"), op_put("b", "2")};
	struct kv_transaction t = {.thens = thens, .thens_count = 2};
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	thens[0].option = KV_EPHEMERAL;
	assert_int_equal(transact(&rig, session, &t), KV_OK);
	(void)session_close(&rig, session);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	assert_int_equal(get(&rig, "b"), KV_OK);
	assert_int_equal(transact(&rig, session, &t), KV_NO_SESSION);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			all_writes_of_the_first_branch_are_made_when_all_comparisons_hold),
		cmocka_unit_test(
			the_other_branch_is_made_when_one_comparison_does_not_hold),
		cmocka_unit_test(
			versions_are_compared_as_numbers_and_absence_is_version_zero),
		cmocka_unit_test(values_are_compared_byte_by_byte),
		cmocka_unit_test(a_lock_is_compared_by_holder_and_by_fence),
		cmocka_unit_test(comparisons_see_the_state_before_the_writes),
		cmocka_unit_test(a_branch_that_meets_a_limit_in_its_end_changes_nothing),
		cmocka_unit_test(a_branch_may_be_over_a_limit_before_it_is_within_it),
		cmocka_unit_test(answers_that_do_not_fit_leave_everything_as_it_was),
		cmocka_unit_test(keys_of_a_transaction_can_end_with_its_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
