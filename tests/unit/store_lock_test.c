/* Waiting for the locks of a store at fake replicas. */
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/store_rig.h"

#define MS NS_PER_MS

/* What somebody else does while this thread waits; with a handle of his own. */
struct helper {
	struct shop *shop;
	pthread_t thread;
	uint64_t session;
	uint64_t pause_ns;
};

static void helper_begin(struct helper *h, struct shop *shop, uint64_t session,
	uint64_t pause_ns, void *(*run)(void *))
{
	*h = (struct helper){.shop = shop, .session = session, .pause_ns = pause_ns};
	assert_int_equal(pthread_create(&h->thread, NULL, run, h), 0);
}

static void helper_end(struct helper *h)
{
	assert_int_equal(pthread_join(h->thread, NULL), 0);
}

static void helper_rests(const struct helper *h)
{
	uint64_t deadline = clock_now_ns() + h->pause_ns;

	while (clock_now_ns() < deadline)
		shop_poll(h->shop->other);
}

static void *releases(void *context)
{
	struct helper *h = context;

	helper_rests(h);
	if (pawl_unlock(h->shop->other, h->session, KEY("door"), 0))
		abort();
	return NULL;
}

static uint64_t other_holds(struct shop *shop, uint64_t silence_ms)
{
	uint64_t session, fence;

	other_opens(shop);
	assert_int_equal(pawl_session_open(shop->other, silence_ms, &session), 0);
	assert_int_equal(pawl_lock(shop->other, session, KEY("door"), false, &fence), 0);
	return session;
}

static uint64_t opens(struct shop *shop, uint64_t silence_ms)
{
	uint64_t session = 0;

	if (pawl_session_open(shop->store, silence_ms, &session))
		fail_msg("%s", pawl_errmsg(shop->desk.rig.pawl));
	return session;
}

/* Whoever holds it; 0: nobody.  Nobody waits. */
static uint64_t holder(struct shop *shop)
{
	const struct pawl_command look = {.kind = PAWL_LOOK, .key = "door", .key_len = 4};
	int rc = pawl_store_read(shop->store, PAWL_READ_SYNC, &look, &shop->reply);

	if (rc == -ENOENT)
		return 0;
	assert_int_equal(rc, 0);
	assert_int_equal(shop->reply.number, 0);
	return shop->reply.session;
}

static void what_is_free_is_had_at_once(void **state)
{
	struct shop *shop = *state;
	uint64_t session = opens(shop, 60000), fence, again;

	assert_int_equal(pawl_lock_wait(shop->store, session, KEY("door"), 0, &fence), 0);
	assert_int_equal(holder(shop), session);
	assert_int_equal(shop->reply.version, fence);
	assert_int_equal(pawl_lock_wait(shop->store, session, KEY("door"), 0, &again), 0);
	assert_int_equal(again, fence);
}

static void who_waits_is_woken_when_it_is_his_turn(void **state)
{
	struct shop *shop = *state;
	struct helper helper;
	uint64_t theirs = other_holds(shop, 60000);
	uint64_t session = opens(shop, 60000), fence, began = clock_now_ns();

	helper_begin(&helper, shop, theirs, 50 * MS, releases);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), RIG_WAIT_NS, &fence),
		0);
	assert_true(clock_now_ns() - began >= 50 * MS);
	helper_end(&helper);
	assert_int_equal(holder(shop), session);
	assert_int_equal(shop->reply.version, fence);
}

static void who_waited_too_long_is_not_in_the_queue_any_more(void **state)
{
	struct shop *shop = *state;
	uint64_t theirs = other_holds(shop, 60000);
	uint64_t session = opens(shop, 60000), fence = 7;

	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), 20 * MS, &fence),
		-ETIMEDOUT);
	said(shop, "was given up");
	assert_int_equal(fence, 7);
	assert_int_equal(holder(shop), theirs);
	assert_int_equal(pawl_unlock(shop->other, theirs, KEY("door"), 0), 0);
	assert_int_equal(holder(shop), 0);
}

/* Nobody else looks after the holder. */
static void a_silent_holder_is_ended_by_who_waits(void **state)
{
	struct shop *shop = *state;
	uint64_t theirs = other_holds(shop, 100), fence;
	uint64_t session = opens(shop, 100), began = clock_now_ns();

	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), RIG_WAIT_NS, &fence),
		0);
	assert_true(clock_now_ns() - began >= 90 * MS);
	assert_int_equal(holder(shop), session);
	assert_int_equal(pawl_session_keep(shop->other, theirs), -ESTALE);
}

static void *holds_on(void *context)
{
	struct helper *h = context;

	helper_rests(h);
	return NULL;
}

/* A holder that is there keeps it, and a session that waits is kept too. */
static void a_wait_keeps_its_session_and_leaves_the_holder_alone(void **state)
{
	struct shop *shop = *state;
	struct helper helper;
	uint64_t theirs = other_holds(shop, 700);
	uint64_t session = opens(shop, 700), fence;

	shop->other->silence.always = true;
	helper_begin(&helper, shop, theirs, 1500 * MS, holds_on);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), 1400 * MS, &fence),
		-ETIMEDOUT);
	helper_end(&helper);
	assert_int_equal(holder(shop), theirs);
	assert_true(session_lives(shop->store, session));
}

static void *closes_the_waiting_session(void *context)
{
	struct helper *h = context;

	helper_rests(h);
	if (pawl_session_close(h->shop->other, h->session))
		abort();
	return NULL;
}

static void a_session_that_ends_waits_no_longer(void **state)
{
	struct shop *shop = *state;
	struct helper helper;
	uint64_t theirs = other_holds(shop, 60000);
	uint64_t session = opens(shop, 60000), fence;

	helper_begin(&helper, shop, session, 30 * MS, closes_the_waiting_session);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), RIG_WAIT_NS, &fence),
		-ESTALE);
	said(shop, "the session is over");
	helper_end(&helper);
	assert_int_equal(holder(shop), theirs);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), RIG_WAIT_NS, &fence),
		-ESTALE);
}

/* ---- The moment of the timeout ---- */

static void grants_note(void *context, const struct pawl_change *change)
{
	uint64_t *granted = context;

	if (change->kind == PAWL_GRANTED)
		*granted = change->session;
}

static void hasty_open(struct shop *shop)
{
	struct pawl_store_options options = shop_options(shop);

	pawl_store_close(shop->store);
	shop->desk.rig.pawl->options.timeout_ns = 100 * MS;
	if (pawl_store_open(shop->desk.rig.pawl, STREAM_NAME, &options, &shop->store))
		fail_msg("%s", pawl_errmsg(shop->desk.rig.pawl));
}

/* The release comes before the command that gives the place up, and nobody knows at that time. */
static void a_grant_in_the_moment_of_the_timeout_is_given_back(void **state)
{
	struct shop *shop = *state;
	struct pawl_command unlock = {.kind = PAWL_UNLOCK, .key = "door", .key_len = 4};
	uint64_t session, fence, granted = 0;
	struct pawl_watch *watch;

	hasty_open(shop);
	unlock.session = other_holds(shop, 60000);
	session = opens(shop, 60000);
	assert_int_equal(pawl_store_watch(shop->store, PAWL_WATCH_LOCKS, KEY("door"),
				 grants_note, &granted, &watch, NULL),
		0);
	assert_int_equal(
		pawl_lock(shop->store, session, KEY("door"), true, &fence), -EINPROGRESS);
	shop->desk.rig.fake.stream.held = true;
	assert_int_equal(pawl_store_submit(shop->other, &unlock, 1), 0);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), 0, &fence), -ETIMEDOUT);
	assert_int_equal(granted, 0);
	shop->desk.rig.fake.stream.held = false;
	assert_int_equal(holder(shop), 0);
	assert_int_equal(granted, session);
}

/* W4: what could not be given up in time is given up later, before anything else. */
static void what_is_given_up_late_is_not_held(void **state)
{
	struct shop *shop = *state;
	uint64_t session, fence;

	hasty_open(shop);
	session = opens(shop, 60000);
	shop->desk.rig.fake.stream.held = true;
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), 1, &fence), -ETIMEDOUT);
	said(shop, "being given up");
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), 1, &fence), -ETIMEDOUT);
	said(shop, "waited for before");
	shop->desk.rig.fake.stream.held = false;
	shops_poll(shop, 20 * MS);
	assert_int_equal(holder(shop), 0);
	assert_int_equal(pawl_lock_wait(shop->store, session, KEY("door"), 1, &fence), 0);
	assert_int_equal(holder(shop), session);
}

/* The command that asked is in the log, and the one that gave it up is not: another one is sent. */
static void what_was_not_given_up_by_a_lost_publisher_is(void **state)
{
	struct shop *shop = *state;
	uint64_t session, fence, deadline;
	int count;

	hasty_open(shop);
	session = opens(shop, 60000);
	assert_int_equal(pawl_lock_wait(shop->store, session, KEY("door"), 0, &fence), 0);
	shop->desk.rig.fake.stream.held = true;
	shop->store->waiting.session = session;
	shop->store->waiting.stage = WAITING_LEAVING;
	shop->store->waiting.leave_submitted = false;
	shops_poll(shop, 10 * MS);
	assert_true(shop->store->waiting.leave_submitted);
	shop->desk.rig.fake.stream.forgets = true;
	shop_head_dies(shop);
	deadline = clock_now_ns() + RIG_WAIT_NS;
	while (pawl_store_poll(shop->store, 64, &count) != -ESTALE)
		assert_true(clock_now_ns() < deadline);
	shop->desk.rig.fake.stream.forgets = false;
	shop->desk.rig.pawl->options.timeout_ns = RIG_WAIT_NS;
	assert_int_equal(holder(shop), session);
	shops_poll(shop, 50 * MS);
	assert_int_equal(holder(shop), 0);
}

static void *head_dies(void *context)
{
	struct helper *h = context;

	helper_rests(h);
	shop_head_dies(h->shop);
	helper_rests(h);
	if (pawl_unlock(h->shop->other, h->session, KEY("door"), 0))
		abort();
	return NULL;
}

static void a_wait_survives_the_head(void **state)
{
	struct shop *shop = *state;
	struct helper helper;
	uint64_t theirs = other_holds(shop, 60000);
	uint64_t session = opens(shop, 60000), fence;

	helper_begin(&helper, shop, theirs, 30 * MS, head_dies);
	assert_int_equal(
		pawl_lock_wait(shop->store, session, KEY("door"), RIG_WAIT_NS, &fence),
		0);
	helper_end(&helper);
	assert_int_equal(holder(shop), session);
	assert_int_equal(shop->reply.version, fence);
}

#define SHOP_TEST(test) cmocka_unit_test_setup_teardown(test, shop_open, shop_close)

static const struct CMUnitTest tests[] = {
	SHOP_TEST(what_is_free_is_had_at_once),
	SHOP_TEST(who_waits_is_woken_when_it_is_his_turn),
	SHOP_TEST(who_waited_too_long_is_not_in_the_queue_any_more),
	SHOP_TEST(a_silent_holder_is_ended_by_who_waits),
	SHOP_TEST(a_wait_keeps_its_session_and_leaves_the_holder_alone),
	SHOP_TEST(a_session_that_ends_waits_no_longer),
	SHOP_TEST(a_grant_in_the_moment_of_the_timeout_is_given_back),
	SHOP_TEST(what_is_given_up_late_is_not_held),
	SHOP_TEST(what_was_not_given_up_by_a_lost_publisher_is),
	SHOP_TEST(a_wait_survives_the_head),
};

int main(void)
{
	return cmocka_run_group_tests(tests, NULL, NULL);
}
