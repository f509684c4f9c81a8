/* Sessions of stores at fake replicas: kept by who polls, ended when they are silent. */
#include <unistd.h>

#include "tests/unit/store_rig.h"

#define MS NS_PER_MS

static uint64_t opens(struct pawl_store *store, uint64_t silence_ms)
{
	uint64_t session = 0;

	if (pawl_session_open(store, silence_ms, &session))
		fail_msg("%s", pawl_errmsg(store->pawl));
	return session;
}

static void other_expires(struct shop *shop)
{
	struct pawl_store_options options = PAWL_STORE_OPTIONS_INIT;

	options.expires = true;
	other_opens_with(shop, &options);
}

/* It is known that a keep-alive was applied, not long ago. */
static void is_kept(struct shop *shop, uint64_t session)
{
	uint64_t deadline = clock_now_ns() + RIG_WAIT_NS;
	uint64_t left = 0;

	while (left == 0) {
		assert_true(clock_now_ns() < deadline);
		shop_poll(shop->store);
		assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	}
}

static void polling_keeps_a_session(void **state)
{
	struct shop *shop = *state;
	uint64_t session, left;

	other_expires(shop);
	session = opens(shop->store, 200);
	for (int i = 0; i < 6; i++) {
		shops_poll(shop, 100 * MS);
		is_kept(shop, session);
	}
	assert_true(session_lives(shop->other, session));
	assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	assert_in_range(left, 0, 200);
}

static void a_sync_now_and_then_keeps_a_session(void **state)
{
	struct shop *shop = *state;
	uint64_t deadline = clock_now_ns() + 500 * MS;
	uint64_t session = opens(shop->store, 150), left;

	while (clock_now_ns() < deadline) {
		(void)usleep(10000);
		assert_int_equal(pawl_store_sync(shop->store), 0);
	}
	assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	assert_true(shop->store->kept.sessions[0].known_ns + 350 * MS > deadline);
}

/* A third of the silence: no more than that is published. */
static void keeping_takes_few_commands(void **state)
{
	struct shop *shop = *state;
	uint64_t before;

	(void)opens(shop->store, 300);
	before = pawl_store_position(shop->store);
	shops_poll(shop, 500 * MS);
	assert_in_range(pawl_store_position(shop->store) - before, 1, 5);
}

static void a_silent_session_is_ended_and_not_before(void **state)
{
	struct shop *shop = *state;
	uint64_t session, opened, left;

	other_expires(shop);
	opened = clock_now_ns();
	session = opens(shop->store, 100);
	while (kv_session_next(shop->other->kv, 0, &(struct kv_session_info){0}) ||
		clock_now_ns() - opened < 50 * MS) {
		assert_true(clock_now_ns() - opened < RIG_WAIT_NS);
		shop_poll(shop->other);
	}
	assert_true(clock_now_ns() - opened >= 100 * MS);
	assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	assert_int_equal(left, 0); /* it does not know yet, but that it may be */
	assert_int_equal(pawl_store_sync(shop->store), 0);
	assert_int_equal(pawl_session_left(shop->store, session, &left), -ESTALE);
	said(shop, "it is over");
	assert_int_equal(pawl_session_adopt(shop->store, session), -ESTALE);
	assert_int_equal(shop->store->kept.count, 0);
}

static void nobody_is_ended_by_who_does_not_ask_for_it(void **state)
{
	struct shop *shop = *state;
	uint64_t session;

	other_opens(shop);
	session = opens(shop->store, 30);
	for (int i = 0; i < 100; i++) {
		shop_poll(shop->other);
		(void)usleep(1000);
	}
	assert_true(session_lives(shop->other, session));
}

/* Looks for silent sessions, @ms after a moment.  How many commands that has begun. */
static uint64_t looks_at(struct shop *shop, uint64_t moment_ns, uint64_t ms)
{
	const struct commands *commands = &shop->other->participant->commands;
	uint64_t before = commands->submitted;

	store_silence_turn(shop->other, moment_ns + ms * MS);
	return commands->submitted - before;
}

/* What a participant could not hear is no silence. */
static void silence_counts_anew_in_another_chain(void **state)
{
	struct shop *shop = *state;
	uint64_t moment = clock_now_ns() + 5000 * MS, deadline;

	(void)opens(shop->store, 1000);
	other_opens(shop);
	assert_int_equal(looks_at(shop, moment, 0), 0);
	assert_int_equal(looks_at(shop, moment, 600), 0);
	shop_head_dies(shop);
	deadline = clock_now_ns() + RIG_WAIT_NS;
	while (shop->other_pawl->session.linked_epoch != 2 ||
		shop->other_pawl->session.stage != SESSION_READY) {
		assert_true(clock_now_ns() < deadline);
		shop_poll(shop->other);
	}
	assert_int_equal(looks_at(shop, moment, 1100), 0);
	assert_int_equal(looks_at(shop, moment, 2090), 0);
	assert_int_equal(looks_at(shop, moment, 2100), 1);
	assert_int_equal(looks_at(shop, moment, 2110), 0);
}

static void who_did_not_listen_for_a_second_begins_anew(void **state)
{
	struct shop *shop = *state;
	uint64_t moment = clock_now_ns() + 5000 * MS;

	(void)opens(shop->store, 1500);
	other_opens(shop);
	assert_int_equal(looks_at(shop, moment, 0), 0);
	assert_int_equal(looks_at(shop, moment, 900), 0);
	assert_int_equal(looks_at(shop, moment, 2000), 0);
	assert_int_equal(looks_at(shop, moment, 2900), 0);
	assert_int_equal(looks_at(shop, moment, 3490), 0);
	assert_int_equal(looks_at(shop, moment, 3500), 1);
}

static void an_adopted_session_is_kept_again(void **state)
{
	struct shop *shop = *state;
	uint64_t session, left;

	other_expires(shop);
	session = opens(shop->other, 500);
	other_closes(shop);
	assert_int_equal(pawl_store_sync(shop->store), 0);
	assert_int_equal(pawl_session_left(shop->store, session, &left), -ENOENT);
	said(shop, "pawl_session_adopt");
	assert_int_equal(pawl_session_adopt(shop->store, session), 0);
	assert_int_equal(pawl_session_adopt(shop->store, session), 0);
	assert_int_equal(shop->store->kept.count, 1);
	assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	assert_int_equal(left, 0); /* nothing is known before the first keep-alive */
	other_expires(shop);
	shops_poll(shop, 700 * MS);
	is_kept(shop, session);
}

/* Nothing is accepted for a while: keep-alives wait, none is doubled, and they go on. */
static void keeping_goes_on_after_the_head_died(void **state)
{
	struct shop *shop = *state;
	uint64_t session, left;

	session = opens(shop->store, 60);
	shop->desk.rig.fake.stream.held = true;
	shops_poll(shop, 100 * MS);
	assert_int_equal(pawl_session_left(shop->store, session, &left), 0);
	assert_int_equal(left, 0);
	assert_int_equal(commands_in_flight(&shop->store->participant->commands), 1);
	shop_head_dies(shop);
	is_kept(shop, session);
}

static void keeping_goes_on_when_the_publisher_was_forgotten(void **state)
{
	struct shop *shop = *state;
	uint64_t session, deadline;
	int count;

	session = opens(shop->store, 60);
	shop->desk.rig.fake.stream.held = true;
	shops_poll(shop, 50 * MS);
	shop->desk.rig.fake.stream.forgets = true;
	shop_head_dies(shop);
	deadline = clock_now_ns() + RIG_WAIT_NS;
	while (pawl_store_poll(shop->store, 64, &count) != -ESTALE)
		assert_true(clock_now_ns() < deadline);
	said(shop, "pawl_participant_sync");
	shop->desk.rig.fake.stream.forgets = false;
	assert_int_equal(pawl_store_sync(shop->store), 0);
	(void)usleep(60000);
	is_kept(shop, session);
}

static void a_silence_has_bounds(void **state)
{
	struct shop *shop = *state;
	uint64_t session;

	assert_int_equal(pawl_session_open(shop->store, 0, &session), -EINVAL);
	assert_int_equal(pawl_session_open(shop->store, UINT64_MAX, &session), -EINVAL);
	said(shop, "a year");
	session = opens(shop->store, UINT64_C(366) * 86400 * 1000);
	assert_int_equal(pawl_session_close(shop->store, session), 0);
	assert_int_equal(shop->store->kept.count, 0);
}

static void many_sessions_are_kept_and_ended(void **state)
{
	struct shop *shop = *state;
	uint64_t sessions[100];

	other_expires(shop);
	for (int i = 0; i < 100; i++)
		sessions[i] = opens(i < 60 ? shop->store : shop->other, 500);
	shops_poll(shop, 800 * MS);
	for (int i = 0; i < 100; i++)
		assert_true(session_lives(shop->other, sessions[i]));
	for (int i = 0; i < 60; i += 2)
		assert_int_equal(pawl_session_close(shop->store, sessions[i]), 0);
	assert_int_equal(shop->store->kept.count, 30);
	while (session_lives(shop->other, sessions[59]))
		shop_poll(shop->other);
	for (int i = 60; i < 100; i++)
		assert_true(session_lives(shop->other, sessions[i]));
}

#define SHOP_TEST(test) cmocka_unit_test_setup_teardown(test, shop_open, shop_close)

static const struct CMUnitTest tests[] = {
	SHOP_TEST(polling_keeps_a_session),
	SHOP_TEST(a_sync_now_and_then_keeps_a_session),
	SHOP_TEST(keeping_takes_few_commands),
	SHOP_TEST(a_silent_session_is_ended_and_not_before),
	SHOP_TEST(nobody_is_ended_by_who_does_not_ask_for_it),
	SHOP_TEST(silence_counts_anew_in_another_chain),
	SHOP_TEST(who_did_not_listen_for_a_second_begins_anew),
	SHOP_TEST(an_adopted_session_is_kept_again),
	SHOP_TEST(keeping_goes_on_after_the_head_died),
	SHOP_TEST(keeping_goes_on_when_the_publisher_was_forgotten),
	SHOP_TEST(a_silence_has_bounds),
	SHOP_TEST(many_sessions_are_kept_and_ended),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
