/* The limits of the storage: clear answers, nothing half done, and no memory that gets lost. */
#include "tests/unit/kv_rig.h"

static void as_many_keys_as_the_limit_says_and_not_one_more(void **state)
{
	char key[] = "a";
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (int i = 0; i < 12; i++, key[0]++)
		assert_int_equal(put(&rig, key, "x"), KV_OK);
	assert_int_equal(put(&rig, key, "x"), KV_KEYS_FULL);
	changes_are(&rig, 0);
	assert_int_equal(put(&rig, "a", "again"), KV_OK);
	assert_int_equal(erase(&rig, "b"), KV_OK);
	assert_int_equal(put(&rig, key, "x"), KV_OK);
	rig_free(&rig);
}

/* A value of @len bytes. */
static const char *long_value(size_t len)
{
	static char value[2001];

	memset(value, 'v', len);
	value[len] = '\0';
	return value;
}

static void bytes_are_counted_to_the_last_one(void **state)
{
	char key[] = "a";
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (int i = 0; i < 4; i++, key[0]++)
		assert_int_equal(put(&rig, key, long_value(400)), KV_OK);
	assert_int_equal(put(&rig, "e", long_value(396)), KV_BYTES_FULL);
	assert_int_equal(get(&rig, "e"), KV_ABSENT);
	assert_int_equal(put(&rig, "e", long_value(395)), KV_OK);
	assert_int_equal(put(&rig, "f", ""), KV_BYTES_FULL);
	assert_int_equal(put(&rig, "e", long_value(396)), KV_BYTES_FULL);
	assert_int_equal(get(&rig, "e"), KV_OK);
	assert_int_equal(rig.reply.value.len, 395);
	assert_int_equal(put(&rig, "e", long_value(394)), KV_OK);
	assert_int_equal(put(&rig, "f", ""), KV_OK);
	rig_free(&rig);
}

static void how_memory_was_used_before_makes_no_difference(void **state)
{
	struct kv_usage usage;
	char key[3] = "";
	struct rig rig;

	(void)state;
	rig_make(&rig);
	/* Keys of all lengths come and go in an order that would leave holes. */
	for (unsigned int round = 0; round < 2000; round++) {
		key[0] = (char)('a' + round * 7 % 11);
		if (round % 3 == 2)
			(void)erase(&rig, key);
		else
			(void)put(&rig, key, long_value(round * 37 % 160));
	}
	for (key[0] = 'a'; key[0] < 'z'; key[0]++)
		(void)erase(&rig, key);
	kv_usage_get(rig.kv, &usage);
	assert_int_equal(usage.keys, 0);
	assert_int_equal(usage.bytes, 0);
	rig_free(&rig);
	/* And then everything fits again that fits into a new one. */
	bytes_are_counted_to_the_last_one(state);
}

static void the_worst_mixture_of_lengths_fits_as_well(void **state)
{
	/* Every name and value takes a piece of memory more than its bytes need. */
	static const struct kv_limits limits = {.bytes_max = 61 * 40,
		.keys_max = 40,
		.key_max = 8,
		.value_max = 60,
		.sessions_max = 1,
		.locks_max = 1,
		.waiters_max = 1,
		.command_max = 300,
		.reply_max = 300};
	char key[] = "0";
	struct rig rig;

	(void)state;
	rig_make_with(&rig, &limits);
	for (int i = 0; i < 40; i++, key[0]++)
		assert_int_equal(put(&rig, key, long_value(60)), KV_OK);
	assert_int_equal(put(&rig, key, ""), KV_KEYS_FULL);
	assert_int_equal(erase(&rig, "0"), KV_OK);
	assert_int_equal(put(&rig, key, long_value(60)), KV_OK);
	rig_free(&rig);
}

static void keys_and_values_longer_than_the_limits_are_not_taken(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(put(&rig, long_value(101), ""), KV_TOO_LONG);
	assert_int_equal(put(&rig, "a", long_value(401)), KV_TOO_LONG);
	changes_are(&rig, 0);
	assert_int_equal(put(&rig, long_value(100), ""), KV_OK);
	assert_int_equal(put(&rig, "a", long_value(400)), KV_OK);
	rig_free(&rig);
}

static void a_command_longer_than_the_limit_is_not_taken(void **state)
{
	unsigned char bytes[COMMAND_ROOM];
	struct kv_operation thens[6];
	struct kv_transaction t = {.thens = thens, .thens_count = 6};
	static const char *const keys[] = {"a", "b", "c", "d", "e", "f"};
	struct rig rig;
	size_t len;

	(void)state;
	rig_make(&rig);
	for (int i = 0; i < 6; i++)
		thens[i] = (struct kv_operation){.kind = KV_PUT,
			.key = text(keys[i]),
			.value = {long_value(310), 310}};
	len = kv_transaction_encode(&t, 0, bytes, sizeof(bytes));
	assert_true(len > rig_limits.command_max);
	assert_int_equal(rig_apply(&rig, bytes, len), KV_TOO_LONG);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	rig_free(&rig);
}

static void as_many_sessions_locks_and_waiters_as_the_limits_say(void **state)
{
	static const char *const names[] = {"i", "j", "k", "l"};
	struct kv_operation open = {.kind = KV_OPEN};
	uint64_t s[4];
	struct rig rig;

	(void)state;
	rig_make(&rig);
	for (int i = 0; i < 4; i++)
		s[i] = session_open(&rig);
	assert_int_equal(rig_do(&rig, 0, &open), KV_SESSIONS_FULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(lock(&rig, s[0], names[i]), KV_OK);
	assert_int_equal(lock(&rig, s[0], "m"), KV_LOCKS_FULL);
	for (int i = 0; i < 4; i++)
		assert_int_equal(lock(&rig, s[1], names[i]), KV_WAITING);
	assert_int_equal(lock(&rig, s[2], "i"), KV_WAITING);
	assert_int_equal(lock(&rig, s[2], "j"), KV_WAITERS_FULL);
	changes_are(&rig, 0);
	assert_int_equal(look(&rig, "j"), KV_OK);
	assert_int_equal(rig.reply.number, 1);
	/* Who waits already is told so, also when the queues are full. */
	assert_int_equal(lock(&rig, s[2], "i"), KV_WAITING);
	assert_int_equal(session_close(&rig, s[1]), KV_OK);
	assert_int_equal(lock(&rig, s[2], "j"), KV_WAITING);
	assert_int_equal(rig_do(&rig, 0, &open), KV_OK);
	rig_free(&rig);
}

static void names_of_locks_count_as_bytes(void **state)
{
	char key[] = "a";
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	for (int i = 0; i < 4; i++, key[0]++)
		assert_int_equal(put(&rig, key, long_value(400)), KV_OK);
	assert_int_equal(put(&rig, "e", long_value(385)), KV_OK);
	assert_int_equal(lock(&rig, session, "eleven here"), KV_BYTES_FULL);
	assert_int_equal(look(&rig, "eleven here"), KV_ABSENT);
	assert_int_equal(lock(&rig, session, "ten  here!"), KV_OK);
	assert_int_equal(unlock(&rig, session, "ten  here!"), KV_OK);
	assert_int_equal(put(&rig, "e", long_value(395)), KV_OK);
	rig_free(&rig);
}

static void limits_that_could_not_work_are_not_taken(void **state)
{
	struct kv_limits limits;
	uint64_t len;

	(void)state;
	kv_limits_default(&limits);
	assert_true(kv_limits_valid(&limits));
	assert_true(kv_memory_len(&limits, &len));
	assert_true(len > limits.bytes_max && len < 2 * limits.bytes_max);
	limits.key_max = 1025;
	assert_false(kv_limits_valid(&limits));
	assert_false(kv_memory_len(&limits, &len));
	kv_limits_default(&limits);
	limits.sessions_max = 0;
	assert_false(kv_limits_valid(&limits));
	/* A compare-and-set carries two values, and a list needs room for one item. */
	kv_limits_default(&limits);
	limits.command_max = 2 * limits.value_max;
	assert_false(kv_limits_valid(&limits));
	kv_limits_default(&limits);
	limits.reply_max = limits.value_max;
	assert_false(kv_limits_valid(&limits));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_keys_as_the_limit_says_and_not_one_more),
		cmocka_unit_test(bytes_are_counted_to_the_last_one),
		cmocka_unit_test(how_memory_was_used_before_makes_no_difference),
		cmocka_unit_test(the_worst_mixture_of_lengths_fits_as_well),
		cmocka_unit_test(keys_and_values_longer_than_the_limits_are_not_taken),
		cmocka_unit_test(a_command_longer_than_the_limit_is_not_taken),
		cmocka_unit_test(as_many_sessions_locks_and_waiters_as_the_limits_say),
		cmocka_unit_test(names_of_locks_count_as_bytes),
		cmocka_unit_test(limits_that_could_not_work_are_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
