/* Sessions of the storage: how they speak, and what ends with them. */
#include "tests/unit/kv_rig.h"

static enum kv_status keep_alive(struct rig *rig, uint64_t session)
{
	struct kv_operation o = {.kind = KV_KEEP_ALIVE};

	return rig_do(rig, session, &o);
}

static enum kv_status session_look(struct rig *rig, uint64_t session)
{
	struct kv_operation o = {.kind = KV_SESSION, .number = session};

	return rig_query(rig, &o);
}

static void a_session_is_called_by_the_position_that_opened_it(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig);
	assert_int_equal(session_open(&rig), 2);
	changes_are(&rig, 1, "opened = by 2 @0");
	assert_int_equal(session_look(&rig, 2), KV_OK);
	assert_int_equal(rig.reply.number, 3000);
	assert_int_equal(rig.reply.version, 2);
	assert_int_equal(session_look(&rig, 3), KV_ABSENT);
	rig_free(&rig);
}

static void a_session_that_was_silent_since_is_expired(void **state)
{
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	assert_int_equal(expire(&rig, session, session), KV_OK);
	changes_are(&rig, 1, "ended = by 2 @0");
	assert_int_equal(session_look(&rig, session), KV_ABSENT);
	assert_int_equal(expire(&rig, session, session), KV_ABSENT);
	rig_free(&rig);
}

static void a_session_that_has_spoken_since_is_not_expired(void **state)
{
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	assert_int_equal(keep_alive(&rig, session), KV_OK);
	assert_int_equal(expire(&rig, session, session), KV_SPOKE);
	assert_int_equal(rig.reply.version, 3);
	changes_are(&rig, 0);
	assert_int_equal(expire(&rig, session, 3), KV_OK);
	rig_free(&rig);
}

static void every_command_speaks_whatever_becomes_of_it(void **state)
{
	struct kv_operation o = {.kind = KV_SET_VERSION, .key = text("a"), .number = 9};
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	assert_int_equal(rig_do(&rig, session, &o), KV_DIFFERENT);
	assert_int_equal(expire(&rig, session, session), KV_SPOKE);
	assert_int_equal(rig.reply.version, 3);
	rig_free(&rig);
}

static void a_query_does_not_speak(void **state)
{
	struct kv_operation o = {.kind = KV_GET, .key = text("a")};
	unsigned char bytes[200];
	struct machine_result result;
	struct rig rig;
	uint64_t session;
	size_t len;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	len = kv_command_encode(&o, session, bytes, sizeof(bytes));
	kv_query(rig.kv, bytes, len, &result);
	assert_int_equal(expire(&rig, session, session), KV_OK);
	rig_free(&rig);
}

static void a_command_of_a_session_that_is_over_does_nothing(void **state)
{
	struct kv_operation o = {.kind = KV_PUT, .key = text("a"), .value = text("late")};
	struct rig rig;
	uint64_t session;

	(void)state;
	rig_make(&rig);
	session = session_open(&rig);
	(void)expire(&rig, session, session);
	assert_int_equal(rig_do(&rig, session, &o), KV_NO_SESSION);
	assert_int_equal(get(&rig, "a"), KV_ABSENT);
	assert_int_equal(keep_alive(&rig, session), KV_NO_SESSION);
	assert_int_equal(lock(&rig, session, "l"), KV_NO_SESSION);
	rig_free(&rig);
}

static void ephemeral_keys_end_with_their_session_and_others_stay(void **state)
{
	struct rig rig;
	uint64_t a, b;

	(void)state;
	rig_make(&rig);
	a = session_open(&rig);
	b = session_open(&rig);
	assert_int_equal(put_ephemeral(&rig, a, "z", "1"), KV_OK);
	changes_are(&rig, 1, "written z=1 by 2 @4");
	assert_int_equal(put_ephemeral(&rig, a, "m", "2"), KV_OK);
	assert_int_equal(put_ephemeral(&rig, b, "n", "3"), KV_OK);
	assert_int_equal(put(&rig, "o", "4"), KV_OK);
	assert_int_equal(session_close(&rig, a), KV_OK);
	changes_are(
		&rig, 3, "deleted m= by 2 @5", "deleted z= by 2 @4", "ended = by 2 @0");
	assert_int_equal(get(&rig, "z"), KV_ABSENT);
	assert_int_equal(get(&rig, "n"), KV_OK);
	assert_int_equal(rig.reply.session, b);
	assert_int_equal(get(&rig, "o"), KV_OK);
	rig_free(&rig);
}

static void every_write_says_anew_whose_the_key_is(void **state)
{
	struct rig rig;
	uint64_t a, b;

	(void)state;
	rig_make(&rig);
	a = session_open(&rig);
	b = session_open(&rig);
	(void)put_ephemeral(&rig, a, "k", "1");
	(void)put(&rig, "k", "2");
	(void)put_ephemeral(&rig, a, "j", "1");
	(void)put_ephemeral(&rig, b, "j", "2");
	assert_int_equal(session_close(&rig, a), KV_OK);
	assert_int_equal(get(&rig, "k"), KV_OK);
	assert_int_equal(get(&rig, "j"), KV_OK);
	assert_int_equal(session_close(&rig, b), KV_OK);
	changes_are(&rig, 2, "deleted j= by 3 @7", "ended = by 3 @0");
	assert_int_equal(get(&rig, "j"), KV_ABSENT);
	rig_free(&rig);
}

static void who_watches_over_sessions_sees_all_of_them(void **state)
{
	struct kv_session_info info;
	struct rig rig;
	uint64_t a, b;

	(void)state;
	rig_make(&rig);
	a = session_open(&rig);
	b = session_open(&rig);
	(void)keep_alive(&rig, a);
	assert_true(kv_session_next(rig.kv, 0, &info));
	assert_int_equal(info.session, a);
	assert_int_equal(info.spoken, rig.position);
	assert_int_equal(info.ttl_ms, 3000);
	assert_true(kv_session_next(rig.kv, a, &info));
	assert_int_equal(info.session, b);
	assert_false(kv_session_next(rig.kv, b, &info));
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_session_is_called_by_the_position_that_opened_it),
		cmocka_unit_test(a_session_that_was_silent_since_is_expired),
		cmocka_unit_test(a_session_that_has_spoken_since_is_not_expired),
		cmocka_unit_test(every_command_speaks_whatever_becomes_of_it),
		cmocka_unit_test(a_query_does_not_speak),
		cmocka_unit_test(a_command_of_a_session_that_is_over_does_nothing),
		cmocka_unit_test(ephemeral_keys_end_with_their_session_and_others_stay),
		cmocka_unit_test(every_write_says_anew_whose_the_key_is),
		cmocka_unit_test(who_watches_over_sessions_sees_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
