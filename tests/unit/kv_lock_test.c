/* Locks of the storage: holders, queues and fences. */
#include "tests/unit/kv_rig.h"

struct three {
	struct rig rig;
	uint64_t a, b, c;
};

static void three_make(struct three *t)
{
	rig_make(&t->rig);
	t->a = session_open(&t->rig);
	t->b = session_open(&t->rig);
	t->c = session_open(&t->rig);
	assert_int_equal(t->c, 4);
}

static void a_free_lock_is_held_at_once_and_its_fence_is_the_position(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	assert_int_equal(lock(&t.rig, t.a, "l"), KV_OK);
	assert_int_equal(t.rig.reply.version, 5);
	assert_int_equal(t.rig.reply.session, t.a);
	changes_are(&t.rig, 1, "granted l= by 2 @5");
	assert_int_equal(look(&t.rig, "l"), KV_OK);
	assert_int_equal(t.rig.reply.version, 5);
	assert_int_equal(look(&t.rig, "m"), KV_ABSENT);
	rig_free(&t.rig);
}

static void who_holds_a_lock_and_asks_again_keeps_it_with_its_fence(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	assert_int_equal(lock(&t.rig, t.a, "l"), KV_OK);
	assert_int_equal(t.rig.reply.version, 5);
	changes_are(&t.rig, 0);
	rig_free(&t.rig);
}

static void sessions_that_wait_hold_it_in_the_order_of_positions(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	assert_int_equal(lock(&t.rig, t.c, "l"), KV_WAITING);
	assert_int_equal(t.rig.reply.session, t.a);
	assert_int_equal(t.rig.reply.number, 6);
	assert_int_equal(lock(&t.rig, t.b, "l"), KV_WAITING);
	assert_int_equal(look(&t.rig, "l"), KV_OK);
	assert_int_equal(t.rig.reply.number, 2);
	assert_int_equal(unlock(&t.rig, t.a, "l"), KV_OK);
	changes_are(&t.rig, 1, "granted l= by 4 @8");
	assert_int_equal(unlock(&t.rig, t.c, "l"), KV_OK);
	changes_are(&t.rig, 1, "granted l= by 3 @9");
	assert_int_equal(unlock(&t.rig, t.b, "l"), KV_OK);
	changes_are(&t.rig, 1, "released l= by 3 @9");
	assert_int_equal(look(&t.rig, "l"), KV_ABSENT);
	rig_free(&t.rig);
}

static void who_waits_and_asks_again_keeps_the_place(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	(void)lock(&t.rig, t.b, "l");
	(void)lock(&t.rig, t.c, "l");
	assert_int_equal(lock(&t.rig, t.b, "l"), KV_WAITING);
	assert_int_equal(t.rig.reply.number, 6);
	(void)unlock(&t.rig, t.a, "l");
	changes_are(&t.rig, 1, "granted l= by 3 @9");
	rig_free(&t.rig);
}

static void a_try_does_not_wait(void **state)
{
	struct kv_operation o = {.kind = KV_LOCK, .option = KV_TRY, .key = text("l")};
	struct three t;

	(void)state;
	three_make(&t);
	assert_int_equal(rig_do(&t.rig, t.a, &o), KV_OK);
	assert_int_equal(rig_do(&t.rig, t.b, &o), KV_HELD);
	assert_int_equal(t.rig.reply.session, t.a);
	assert_int_equal(t.rig.reply.version, 5);
	assert_int_equal(unlock(&t.rig, t.a, "l"), KV_OK);
	changes_are(&t.rig, 1, "released l= by 2 @5");
	rig_free(&t.rig);
}

static void who_leaves_the_queue_is_passed_over(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	(void)lock(&t.rig, t.b, "l");
	(void)lock(&t.rig, t.c, "l");
	assert_int_equal(unlock(&t.rig, t.b, "l"), KV_OK);
	changes_are(&t.rig, 0);
	(void)unlock(&t.rig, t.a, "l");
	changes_are(&t.rig, 1, "granted l= by 4 @9");
	assert_int_equal(unlock(&t.rig, t.b, "l"), KV_NOT_HELD);
	rig_free(&t.rig);
}

static void an_unlock_with_an_old_fence_releases_nothing(void **state)
{
	struct kv_operation o = {.kind = KV_UNLOCK, .key = text("l"), .number = 5};
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	(void)unlock(&t.rig, t.a, "l");
	(void)lock(&t.rig, t.a, "l");
	assert_int_equal(rig_do(&t.rig, t.a, &o), KV_NOT_HELD);
	o.number = 7;
	assert_int_equal(rig_do(&t.rig, t.a, &o), KV_OK);
	rig_free(&t.rig);
}

static void fences_grow_also_when_the_lock_was_free_between(void **state)
{
	uint64_t newest = 0;
	struct three t;

	(void)state;
	three_make(&t);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(lock(&t.rig, t.a, "l"), KV_OK);
		assert_true(t.rig.reply.version > newest);
		newest = t.rig.reply.version;
		assert_int_equal(lock(&t.rig, t.b, "l"), KV_WAITING);
		(void)unlock(&t.rig, t.a, "l");
		assert_int_equal(look(&t.rig, "l"), KV_OK);
		assert_int_equal(t.rig.reply.session, t.b);
		assert_true(t.rig.reply.version > newest);
		newest = t.rig.reply.version;
		(void)unlock(&t.rig, t.b, "l");
	}
	rig_free(&t.rig);
}

static void the_locks_of_an_expired_session_pass_to_who_waits(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "y");
	(void)lock(&t.rig, t.a, "x");
	(void)lock(&t.rig, t.b, "x");
	(void)lock(&t.rig, t.c, "x");
	(void)lock(&t.rig, t.b, "z");
	(void)lock(&t.rig, t.a, "z");
	assert_int_equal(expire(&t.rig, t.a, t.rig.position), KV_OK);
	changes_are(&t.rig, 3, "granted x= by 3 @11", "released y= by 2 @5",
		"ended = by 2 @0");
	/* And it waits for nothing any more. */
	assert_int_equal(unlock(&t.rig, t.b, "z"), KV_OK);
	changes_are(&t.rig, 1, "released z= by 3 @9");
	rig_free(&t.rig);
}

static void who_expired_while_waiting_never_holds_it(void **state)
{
	struct three t;

	(void)state;
	three_make(&t);
	(void)lock(&t.rig, t.a, "l");
	(void)lock(&t.rig, t.b, "l");
	(void)lock(&t.rig, t.c, "l");
	assert_int_equal(expire(&t.rig, t.b, t.rig.position), KV_OK);
	changes_are(&t.rig, 1, "ended = by 3 @0");
	(void)unlock(&t.rig, t.a, "l");
	changes_are(&t.rig, 1, "granted l= by 4 @9");
	rig_free(&t.rig);
}

static void who_guards_something_lets_no_older_fence_in(void **state)
{
	uint64_t newest = 0;

	(void)state;
	assert_true(kv_fence_admit(&newest, 5));
	assert_true(kv_fence_admit(&newest, 5));
	assert_true(kv_fence_admit(&newest, 8));
	assert_false(kv_fence_admit(&newest, 5));
	assert_int_equal(newest, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_free_lock_is_held_at_once_and_its_fence_is_the_position),
		cmocka_unit_test(who_holds_a_lock_and_asks_again_keeps_it_with_its_fence),
		cmocka_unit_test(sessions_that_wait_hold_it_in_the_order_of_positions),
		cmocka_unit_test(who_waits_and_asks_again_keeps_the_place),
		cmocka_unit_test(a_try_does_not_wait),
		cmocka_unit_test(who_leaves_the_queue_is_passed_over),
		cmocka_unit_test(an_unlock_with_an_old_fence_releases_nothing),
		cmocka_unit_test(fences_grow_also_when_the_lock_was_free_between),
		cmocka_unit_test(the_locks_of_an_expired_session_pass_to_who_waits),
		cmocka_unit_test(who_expired_while_waiting_never_holds_it),
		cmocka_unit_test(who_guards_something_lets_no_older_fence_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
