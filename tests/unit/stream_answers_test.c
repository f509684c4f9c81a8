/* Reads at the tail: what is answered, and what is refused. */
#include "tests/unit/answers_rig.h"

static void a_question_is_answered_from_all_that_was_committed(void **state)
{
	struct answers_status status;

	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	has("a", "1");
	has("b", NULL);
	for (int i = 0; i < 200; i++) {
		char value[16];

		(void)snprintf(value, sizeof(value), "%d", i);
		put("a", value);
		if (i % 7 == 0)
			void_put();
		commit();
		has("a", value);
	}
	answers_status(shelf.store, &status);
	assert_int_equal(status.answered, 202);
	assert_int_equal(status.refused, 0);
	assert_int_equal(status.applied, shelf.commit);
	assert_true(atomic_load(&news) > 0);
}

static void what_is_not_committed_is_not_seen(void **state)
{
	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	put("a", "2");
	has("a", "1");
	commit();
	has("a", "2");
}

static void an_answer_waits_for_what_its_question_wants(void **state)
{
	(void)state;
	begin();
	found();
	put("a", "1");
	commit();
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
	(void)poll(NULL, 0, 30);
	assert_null(answers_take(shelf.answers));
	put("a", "2");
	commit();
	assert_int_equal(await()->code, 0);
	assert_true(shelf.answer->position >= shelf.commit);
}

static void nobody_is_kept_waiting_beyond_the_deadline(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	assert_int_equal(ask_rc("a", shelf.commit + 1, SOON_NS), 0);
	assert_int_equal(await()->code, -EAGAIN);
	has("a", NULL);
}

static void messages_of_many_slots_are_applied_whole(void **state)
{
	char value[1000];

	(void)state;
	begin();
	found();
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put("long", value);
	put("short", "1");
	commit();
	has("long", value);
	has("short", "1");
}

/* Nothing before the founding counts, and what is too long for a command changes nothing. */
static void what_is_no_command_changes_nothing(void **state)
{
	static char noise[6000];

	(void)state;
	begin();
	put("a", "early");
	message_put(noise, sizeof(noise));
	found();
	message_put("", 0);
	message_put("noise", 5);
	message_put(noise, sizeof(noise));
	commit();
	has("a", NULL);
	put("a", "1");
	commit();
	has("a", "1");
}

static void a_stream_that_nobody_founded_is_no_storage(void **state)
{
	(void)state;
	begin();
	message_put("hello", 5);
	commit();
	is_refused("a", -ENOTSUP, "is no storage");
	found();
	put("a", "1");
	commit();
	has("a", "1");
}

static void a_storage_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	answers_begin_with(200000, false);
	attach();
	found();
	commit();
	is_refused("a", -ENOTSUP, "raise tail-memory");
}

static void without_memory_nothing_is_asked(void **state)
{
	(void)state;
	answers_begin_with(0, false);
	attach();
	assert_int_equal(ask_rc("a", 0, WAIT_NS), -ENOTSUP);
	rig_expect_text("set tail-memory");
}

static void there_is_an_end_to_those_who_wait(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	for (int i = 0; i < ANSWERS_WAITING_MAX; i++)
		assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), -EAGAIN);
	rig_expect_text("waiting here already");
	put("a", "1");
	commit();
	for (uint64_t i = 1; i <= ANSWERS_WAITING_MAX; i++) {
		assert_int_equal(await()->code, 0);
		assert_int_equal(shelf.answer->number, i);
	}
	has("a", "1");
}

static void what_nobody_waits_for_any_more_is_freed(void **state)
{
	(void)state;
	begin();
	found();
	commit();
	assert_int_equal(ask_rc("a", shelf.commit, WAIT_NS), 0);
	assert_int_equal(ask_rc("a", shelf.commit + 1, WAIT_NS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELF_STORY(a_question_is_answered_from_all_that_was_committed),
		SHELF_STORY(what_is_not_committed_is_not_seen),
		SHELF_STORY(an_answer_waits_for_what_its_question_wants),
		SHELF_STORY(nobody_is_kept_waiting_beyond_the_deadline),
		SHELF_STORY(messages_of_many_slots_are_applied_whole),
		SHELF_STORY(what_is_no_command_changes_nothing),
		SHELF_STORY(a_stream_that_nobody_founded_is_no_storage),
		SHELF_STORY(a_storage_that_does_not_fit_is_refused),
		SHELF_STORY(without_memory_nothing_is_asked),
		SHELF_STORY(there_is_an_end_to_those_who_wait),
		SHELF_STORY(what_nobody_waits_for_any_more_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
