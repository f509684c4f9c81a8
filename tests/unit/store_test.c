/* Stores at fake replicas: what their calls answer, and what they refuse. */
#include "tests/unit/store_rig.h"

static void what_was_put_is_there_until_it_is_deleted(void **state)
{
	struct shop *shop = *state;
	struct pawl_reply *r = &shop->reply;

	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_LOG, KEY("a"), r), -ENOENT);
	said(shop, STREAM_NAME);
	assert_int_equal(pawl_store_put(shop->store, KEY("a"), KEY("1"), r), 0);
	assert_int_equal(r->version, pawl_store_position(shop->store));
	for (int how = PAWL_READ_LOG; how <= PAWL_READ_LOCAL; how++) {
		assert_int_equal(
			pawl_store_get(shop->store, (enum pawl_reading)how, KEY("a"), r),
			0);
		has_value(shop, "1");
	}
	assert_int_equal(pawl_store_delete(shop->store, KEY("a"), NULL), 0);
	assert_int_equal(pawl_store_delete(shop->store, KEY("a"), NULL), -ENOENT);
	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_LOCAL, KEY("a"), r), -ENOENT);
}

static void a_name_is_claimed_once(void **state)
{
	struct shop *shop = *state;
	struct pawl_reply theirs;
	uint64_t version;

	other_opens(shop);
	assert_int_equal(
		pawl_store_claim(shop->store, KEY("ada"), KEY("me"), &shop->reply), 0);
	version = shop->reply.version;
	assert_int_equal(
		pawl_store_claim(shop->other, KEY("ada"), KEY("them"), &theirs), -EEXIST);
	assert_int_equal(theirs.version, version);
	assert_int_equal(theirs.value_len, 2);
	assert_memory_equal(theirs.value, "me", 2);
	assert_int_equal(
		pawl_store_claim(shop->other, KEY("bob"), KEY("them"), &theirs), 0);
	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_LOCAL, KEY("bob"), NULL), -ENOENT);
	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_SYNC, KEY("bob"), &shop->reply), 0);
	has_value(shop, "them");
}

static void a_set_wants_what_is_there(void **state)
{
	struct shop *shop = *state;
	struct pawl_reply *r = &shop->reply;
	uint64_t version;

	assert_int_equal(
		pawl_store_set_version(shop->store, KEY("k"), 0, KEY("one"), r), 0);
	version = r->version;
	assert_int_equal(
		pawl_store_set_version(shop->store, KEY("k"), 0, KEY("two"), r), -EEXIST);
	assert_int_equal(r->version, version);
	has_value(shop, "one");
	assert_int_equal(
		pawl_store_set_version(shop->store, KEY("k"), version, KEY("two"), r), 0);
	assert_int_equal(
		pawl_store_set_value(shop->store, KEY("k"), KEY("one"), KEY("three"), r),
		-EEXIST);
	assert_int_equal(
		pawl_store_set_value(shop->store, KEY("k"), KEY("two"), KEY("three"), r),
		0);
}

static void keys_of_a_prefix_are_listed_in_order(void **state)
{
	struct shop *shop = *state;
	struct pawl_reply item;

	assert_int_equal(pawl_store_put(shop->store, KEY("u/b"), KEY("2"), NULL), 0);
	assert_int_equal(pawl_store_put(shop->store, KEY("u/a"), KEY("1"), NULL), 0);
	assert_int_equal(pawl_store_put(shop->store, KEY("v"), KEY("3"), NULL), 0);
	assert_int_equal(pawl_store_list(shop->store, PAWL_READ_LOCAL, KEY("u/"), NULL, 0,
				 &shop->reply),
		0);
	assert_int_equal(shop->reply.items, 2);
	assert_true(pawl_reply_next(&shop->reply, &item));
	assert_memory_equal(item.key, "u/a", 3);
	assert_memory_equal(item.value, "1", 1);
	assert_true(pawl_reply_next(&shop->reply, &item));
	assert_memory_equal(item.key, "u/b", 3);
	assert_false(pawl_reply_next(&shop->reply, &item));
	assert_int_equal(pawl_store_list(shop->store, PAWL_READ_LOCAL, KEY("u/"),
				 KEY("u/a"), &shop->reply),
		0);
	assert_int_equal(shop->reply.items, 1);
}

static void all_of_a_transaction_or_the_other_branch(void **state)
{
	struct shop *shop = *state;
	const struct pawl_command is_there = {.kind = PAWL_IF_VALUE,
		.option = PAWL_EQUAL,
		.key = "a",
		.key_len = 1,
		.value = "10",
		.value_len = 2};
	const struct pawl_command thens[] = {{.kind = PAWL_PUT,
						     .key = "a",
						     .key_len = 1,
						     .value = "7",
						     .value_len = 1},
		{.kind = PAWL_PUT,
			.key = "b",
			.key_len = 1,
			.value = "3",
			.value_len = 1}};
	const struct pawl_command elses[] = {
		{.kind = PAWL_GET, .key = "a", .key_len = 1}};
	struct pawl_transaction t = {.comparisons = &is_there,
		.thens = thens,
		.elses = elses,
		.comparisons_count = 1,
		.thens_count = 2,
		.elses_count = 1};
	struct pawl_reply item;

	assert_int_equal(pawl_store_put(shop->store, KEY("a"), KEY("10"), NULL), 0);
	assert_int_equal(pawl_store_transact(shop->store, &t, &shop->reply), 0);
	assert_false(shop->reply.otherwise);
	assert_int_equal(pawl_store_transact(shop->store, &t, &shop->reply), 0);
	assert_true(shop->reply.otherwise);
	assert_true(pawl_reply_next(&shop->reply, &item));
	assert_memory_equal(item.value, "7", 1);
	assert_int_equal(
		pawl_store_get(shop->store, PAWL_READ_LOCAL, KEY("b"), &shop->reply), 0);
	has_value(shop, "3");
	t.thens_count = PAWL_OPERATIONS_MAX + 1;
	assert_int_equal(pawl_store_transact(shop->store, &t, NULL), -EINVAL);
}

/* The holder that slept finds its token refused. */
static void a_stale_holder_is_fenced(void **state)
{
	struct shop *shop = *state;
	uint64_t first, second, fence, later, guard = 0, spoken;
	const struct pawl_command look = {.kind = PAWL_LOOK, .key = "door", .key_len = 4};

	assert_int_equal(pawl_session_open(shop->store, 1000, &first), 0);
	assert_int_equal(pawl_session_open(shop->store, 1000, &second), 0);
	assert_int_equal(pawl_lock(shop->store, first, KEY("door"), true, &fence), 0);
	assert_int_equal(pawl_fence_check(&guard, fence), 0);
	spoken = fence;
	assert_int_equal(
		pawl_lock(shop->store, second, KEY("door"), false, &later), -EBUSY);
	assert_int_equal(
		pawl_lock(shop->store, second, KEY("door"), true, &later), -EINPROGRESS);
	assert_int_equal(pawl_session_keep(shop->store, first), 0);
	assert_int_equal(pawl_session_expire(shop->store, first, spoken), -EBUSY);
	assert_int_equal(
		pawl_session_expire(shop->store, first, pawl_store_position(shop->store)),
		0);
	assert_int_equal(
		pawl_store_read(shop->store, PAWL_READ_SYNC, &look, &shop->reply), 0);
	assert_int_equal(shop->reply.session, second);
	assert_true(shop->reply.version > fence);
	assert_int_equal(pawl_fence_check(&guard, shop->reply.version), 0);
	assert_int_equal(pawl_fence_check(&guard, fence), -ESTALE);
	assert_int_equal(guard, shop->reply.version);
	assert_int_equal(pawl_unlock(shop->store, first, KEY("door"), fence), -ESTALE);
	assert_int_equal(pawl_unlock(shop->store, second, KEY("door"), fence), -ESTALE);
	assert_int_equal(pawl_unlock(shop->store, second, KEY("door"), guard), 0);
	assert_int_equal(pawl_session_close(shop->store, second), 0);
	assert_int_equal(pawl_session_keep(shop->store, second), -ESTALE);
}

static void submitted_commands_are_told_of_in_order(void **state)
{
	struct shop *shop = *state;
	struct pawl_command put = {.kind = PAWL_CLAIM,
		.key = "x",
		.key_len = 1,
		.value = "y",
		.value_len = 1};
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	int count;

	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(pawl_store_submit(shop->store, &put, i), 0);
	while (shop->told_count < 10) {
		assert_true(clock_now_ns() < deadline);
		assert_int_equal(pawl_store_poll(shop->store, 8, &count), 0);
	}
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(shop->told[i].cookie, i + 1);
		assert_int_equal(shop->told[i].status, i == 0 ? 0 : -EEXIST);
	}
	assert_int_equal(shop->told[9].reply.version, shop->told[0].position);
}

/* Who comes later takes the limits of the one who founded it, and finds everything. */
static void the_first_founds_it(void **state)
{
	struct shop *shop = *state;

	assert_int_equal(pawl_store_put(shop->store, KEY("k"), KEY("v"), NULL), 0);
	other_opens(shop);
	assert_int_equal(kv_limits_of(shop->other->kv)->keys_max, 100);
	assert_int_equal(kv_limits_of(shop->other->kv)->key_max, 256);
	assert_int_equal(
		pawl_store_get(shop->other, PAWL_READ_LOCAL, KEY("k"), &shop->reply), 0);
	has_value(shop, "v");
}

static void limits_are_said_clearly(void **state)
{
	struct shop *shop = *state;
	char key[16], value[257];

	memset(value, 'x', sizeof(value));
	for (int i = 0; i < 100; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		assert_int_equal(
			pawl_store_put(shop->store, key, strlen(key), "", 0, NULL), 0);
	}
	assert_int_equal(
		pawl_store_put(shop->store, KEY("more"), KEY(""), NULL), -ENOSPC);
	said(shop, "keys");
	assert_int_equal(
		pawl_store_put(shop->store, value, 257, KEY("v"), NULL), -EMSGSIZE);
	assert_int_equal(pawl_store_put(shop->store, KEY(""), KEY("v"), NULL), -EINVAL);
}

static void what_it_holds_is_told_beside_its_limits(void **state)
{
	struct shop *shop = *state;
	struct pawl_store_limits limits;
	struct pawl_store_usage usage;
	uint64_t session, fence;

	assert_int_equal(pawl_store_put(shop->store, KEY("a"), KEY("12"), NULL), 0);
	assert_int_equal(pawl_session_open(shop->store, 1000, &session), 0);
	assert_int_equal(pawl_lock(shop->store, session, KEY("lock"), false, &fence), 0);
	pawl_store_usage_get(shop->store, &usage);
	assert_int_equal(usage.keys, 1);
	assert_int_equal(usage.bytes, 1 + 2 + 4);
	assert_int_equal(usage.sessions, 1);
	assert_int_equal(usage.locks, 1);
	assert_int_equal(usage.waiters, 0);
	other_opens(shop);
	pawl_store_limits_get(shop->other, &limits);
	assert_int_equal(limits.keys_max, 100);
	assert_int_equal(limits.bytes_max, 10000);
	assert_int_equal(limits.key_max, 256);
	assert_true(limits.reply_max > 0);
}

static void what_is_to_exist_is_not_founded(void **state)
{
	struct shop *shop = *state;
	struct pawl_stream_options stream = PAWL_STREAM_OPTIONS_INIT;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct pawl *pawl = shop->desk.rig.pawl;

	fake_stream_make(&shop->desk.rig.fake, STREAM_NAME, &stream_limits);
	stream.existing = true;
	options.stream = &stream;
	for (int twice = 0; twice < 2; twice++) {
		assert_int_equal(
			pawl_store_open(pawl, STREAM_NAME, &options, &shop->store),
			-ENOENT);
		said(shop, "nobody has founded it");
	}
	assert_int_equal(pawl_store_open(pawl, STREAM_NAME, NULL, &shop->store), 0);
	pawl_store_close(shop->store);
	assert_int_equal(pawl_store_open(pawl, STREAM_NAME, &options, &shop->store), 0);
}

static void what_can_not_be_is_refused(void **state)
{
	struct shop *shop = *state;
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;
	struct stream_limits small = stream_limits;
	struct pawl *pawl = shop->desk.rig.pawl;
	struct pawl_store *store;

	small.message_max = 1000;
	fake_stream_make(&shop->desk.rig.fake, STREAM_NAME, &small);
	assert_int_equal(pawl_store_open(pawl, STREAM_NAME, NULL, &store), -EINVAL);
	said(shop, "message_max");
	options.limits.value_max = 1u << 20;
	assert_int_equal(pawl_store_open(pawl, STREAM_NAME, &options, &store), -EINVAL);
	said(shop, "not possible");
	options.size = 0;
	assert_int_equal(pawl_store_open(pawl, STREAM_NAME, &options, &store), -EINVAL);
	said(shop, "PAWL_STORE_OPTIONS_INIT");
}

#define SHOP_TEST(test) cmocka_unit_test_setup_teardown(test, shop_open, shop_close)

static const struct CMUnitTest tests[] = {
	SHOP_TEST(what_was_put_is_there_until_it_is_deleted),
	SHOP_TEST(a_name_is_claimed_once),
	SHOP_TEST(a_set_wants_what_is_there),
	SHOP_TEST(keys_of_a_prefix_are_listed_in_order),
	SHOP_TEST(all_of_a_transaction_or_the_other_branch),
	SHOP_TEST(a_stale_holder_is_fenced),
	SHOP_TEST(submitted_commands_are_told_of_in_order),
	SHOP_TEST(the_first_founds_it),
	SHOP_TEST(limits_are_said_clearly),
	SHOP_TEST(what_it_holds_is_told_beside_its_limits),
	cmocka_unit_test_setup_teardown(
		what_is_to_exist_is_not_founded, shop_begin, shop_close),
	cmocka_unit_test_setup_teardown(
		what_can_not_be_is_refused, shop_begin, shop_close),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
