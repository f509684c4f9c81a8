/* The client library's session, against replicas that do as they are told. */
#include "tests/unit/client_rig.h"

static const unsigned int both[] = {0, 1};
static const unsigned int second[] = {1};
static const unsigned int turned[] = {1, 0};
static const unsigned int three[] = {0, 1, 2};

static int rig_of_two(void **state)
{
	*state = rig_make(3, 2);
	return 0;
}

static int rig_of_one(void **state)
{
	*state = rig_make(2, 1);
	return 0;
}

static void every_backup_has_the_mark_of_a_number(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(rig_next(rig), i);
		assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), i);
	}
	assert_int_equal(*fake_counter(&rig->fake, 0, 1), 5);
}

static void a_push_moves_an_idle_handle_on(void **state)
{
	struct rig *rig = *state;
	const struct pawl_event *last;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_seal(&rig->fake, 0, 1);
	fake_seal(&rig->fake, 1, 1);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 2, both);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(*fake_counter(&rig->fake, 0, 2), 2);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_LOST), 1);
	last = &rig->events[rig->events_count - 1];
	assert_int_equal(last->kind, PAWL_EVENT_EPOCH);
	assert_int_equal(last->epoch, 2);
	assert_int_equal(last->replicas, 2);
	assert_in_range(last->pause_ns, 1, RIG_WAIT_NS);
	assert_int_equal(rig_stats(rig).epoch, 2);
	assert_int_equal(rig_stats(rig).rejoins, 1);
}

/* A polling handle need not draw to hear of it. */
static void a_handle_that_only_polls_hears_of_a_new_epoch(void **state)
{
	struct rig *rig = *state;
	struct pawl_result none;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 1, 1);
	fake_change(&rig->fake, 2, 1, second);
	assert_false(rig_poll_for(rig, &none, 100000000));
	assert_int_equal(rig_stats(rig).epoch, 2);
}

/* Drawn from the old head and marked at a backup that was sealed before its state was read. */
static void drawn_unconfirmed(struct rig *rig)
{
	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	atomic_store(
		fake_word(&rig->fake, 1, 1, REGION_STATE_OFFSET), region_state_sealed(1));
	assert_int_equal(pawl_submit(rig->counter, 1, 77), 0);
	rig_poll_lost(rig);
	assert_int_equal(*fake_counter(&rig->fake, 0, 1), 2);
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 2);
}

static void a_drawn_number_stands_if_the_next_epoch_says_so(void **state)
{
	struct rig *rig = *state;
	struct pawl_result result;

	drawn_unconfirmed(rig);
	rig->fake.base = rig->fake.stand = 2;
	fake_change(&rig->fake, 2, 1, second);
	result = rig_poll(rig);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.last, 2);
	assert_int_equal(rig->fake.newest_from_epoch, 1);
	assert_int_equal(*fake_counter(&rig->fake, 1, 2), 2);
	assert_int_equal(rig_stats(rig).redraws, 0);
	assert_int_equal(rig_next(rig), 3);
}

static void a_drawn_number_that_does_not_stand_is_drawn_again(void **state)
{
	struct rig *rig = *state;
	struct pawl_result result;

	drawn_unconfirmed(rig);
	rig->fake.base = 40;
	rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 1, second);
	result = rig_poll(rig);
	assert_int_equal(result.status, 0);
	assert_int_equal(result.last, 41);
	assert_int_equal(rig_stats(rig).redraws, 1);
}

/* The direct way: the same, met within a call. */
static void a_call_that_meets_the_end_of_an_epoch_gets_its_number(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(rig->pawl->hot->way, WAY_WORDS);
	atomic_store(
		fake_word(&rig->fake, 1, 1, REGION_STATE_OFFSET), region_state_sealed(1));
	rig->fake.base = rig->fake.stand = 2; /* as if the mark was counted */
	fake_install(&rig->fake, 2, 1, second);
	fake_serve(&rig->fake, 1, false);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(*fake_counter(&rig->fake, 0, 1), 2);
	assert_int_equal(*fake_counter(&rig->fake, 1, 2), 2);
}

static void a_dead_head_is_followed_by_its_backup(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_kill(&rig->fake, 0);
	fake_seal(&rig->fake, 1, 1);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_EPOCH), 2);
}

static void members_change_places(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_seal(&rig->fake, 0, 1);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 2, turned);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(*fake_counter(&rig->fake, 1, 2), 2);
	assert_int_equal(*fake_mark(&rig->fake, 0, 2, 1), 2);
}

/* A member that has not heard yet is waited for; its push ends the wait. */
static void a_member_that_is_behind_is_waited_for(void **state)
{
	struct rig *rig = *state;
	struct pawl_result result;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 0, 1);
	fake_seal(&rig->fake, 1, 1);
	fake_install(&rig->fake, 2, 3, three);
	fake_serve(&rig->fake, 0, true);
	assert_int_equal(pawl_submit(rig->counter, 1, 0), 0);
	assert_false(rig_poll_for(rig, &result, 30000000));
	fake_serve(&rig->fake, 2, false);
	assert_false(rig_poll_for(rig, &result, 30000000));
	assert_int_equal(*fake_counter(&rig->fake, 0, 2), 0);
	fake_serve(&rig->fake, 1, true);
	result = rig_poll(rig);
	assert_int_equal(result.last, 1);
	assert_int_equal(*fake_mark(&rig->fake, 1, 2, 2), 1);
	assert_int_equal(*fake_mark(&rig->fake, 2, 2, 3), 1);
}

/* While it joins one epoch the next one is served. */
static void a_chain_that_never_came_to_be_is_given_up(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 0, 1);
	fake_mood_set(&rig->fake, 2, FAKE_SILENT, 0);
	fake_install(&rig->fake, 2, 3, three);
	fake_serve(&rig->fake, 0, true);
	fake_install(&rig->fake, 3, 2, both);
	fake_serve(&rig->fake, 1, true);
	fake_serve(&rig->fake, 0, true);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(rig_stats(rig).epoch, 3);
}

/* Epoch 1 is sealed and nobody serves another: there is no way back into it. */
static void an_epoch_that_is_over_is_not_joined_again(void **state)
{
	struct rig *rig = *state;
	struct pawl_result result;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 0, 1);
	assert_int_equal(pawl_submit(rig->counter, 1, 0), 0);
	assert_false(rig_poll_for(rig, &result, 50000000));
	assert_int_equal(rig_stats(rig).rejoins, 0);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_LOST), 1);
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_poll(rig).last, 1);
}

static void a_jump_is_told_to_those_who_were_there(void **state)
{
	struct rig *rig = *state;

	rig->fake.jump = 9;
	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_JUMP), 0);
	fake_seal(&rig->fake, 1, 1);
	rig->fake.base = 10;
	rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_next(rig), 11);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_JUMP), 1);
	for (unsigned int i = 0; i < rig->events_count; i++) {
		if (rig->events[i].kind != PAWL_EVENT_JUMP)
			continue;
		assert_ptr_equal(rig->events[i].counter, rig->counter);
		assert_int_equal(rig->events[i].jump, 9);
	}
}

static void a_chain_of_one_grows(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(rig->pawl->hot->way, WAY_WORD);
	fake_seal(&rig->fake, 0, 1);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 2, both);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(rig->pawl->hot->way, WAY_WORDS);
	assert_int_equal(*fake_mark(&rig->fake, 1, 2, 2), 2);
}

#define OF_TWO(test) cmocka_unit_test_setup_teardown(test, rig_of_two, rig_remove)
#define OF_ONE(test) cmocka_unit_test_setup_teardown(test, rig_of_one, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OF_TWO(every_backup_has_the_mark_of_a_number),
		OF_TWO(a_push_moves_an_idle_handle_on),
		OF_TWO(a_handle_that_only_polls_hears_of_a_new_epoch),
		OF_TWO(a_drawn_number_stands_if_the_next_epoch_says_so),
		OF_TWO(a_drawn_number_that_does_not_stand_is_drawn_again),
		OF_TWO(a_call_that_meets_the_end_of_an_epoch_gets_its_number),
		OF_TWO(a_dead_head_is_followed_by_its_backup),
		OF_TWO(members_change_places),
		OF_TWO(a_member_that_is_behind_is_waited_for),
		OF_TWO(a_chain_that_never_came_to_be_is_given_up),
		OF_TWO(an_epoch_that_is_over_is_not_joined_again),
		OF_TWO(a_jump_is_told_to_those_who_were_there),
		OF_ONE(a_chain_of_one_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
