/*
 * The ways an addition takes through the client library: by the processor, posted past the
 * queue, under a lease, and by the queue; and what each does when it can not finish.
 *
 * Links are those of shared memory with their words hidden, so that they are used as a
 * card's are; their completions can be held back or spoiled.
 */
#include "tests/unit/client_rig.h"

static const unsigned int both[] = {0, 1};
static const unsigned int second[] = {1};

static struct memory_ops card;
static uint64_t held_until_ns; /* no completion is polled before */
static unsigned int spoiled;   /* so many completions come as failures */

static int card_poll(struct link *link, struct completion *done, int max, int *count_p)
{
	int rc;

	*count_p = 0;
	if (clock_now_ns() < held_until_ns)
		return 0;
	rc = shm_memory_ops.poll(link, done, max, count_p);
	for (int i = 0; i < *count_p && spoiled > 0; i++, spoiled--)
		done[i].status = -EIO;
	return rc;
}

/* A handle whose links look like a card's, and its counter. */
static void card_open(struct rig *rig, const struct pawl_options *options)
{
	struct session *s;

	held_until_ns = 0;
	spoiled = 0;
	card = shm_memory_ops;
	card.word = NULL;
	card.poll = card_poll;
	assert_int_equal(pawl_open(fake_address(&rig->fake, 0), options, &rig->pawl), 0);
	s = &rig->pawl->session;
	s->ops = &card;
	for (uint32_t i = 0; i < s->links_count; i++)
		s->links[i].link->ops = &card;
	assert_int_equal(pawl_counter_open(rig->pawl, "orders", &rig->counter), 0);
}

static int rig_of_two(void **state)
{
	*state = rig_make(2, 2);
	return 0;
}

static int rig_of_one(void **state)
{
	*state = rig_make(1, 1);
	return 0;
}

/* The links' own functions end them: a card's know nothing of the rig. */
static int card_remove(void **state)
{
	held_until_ns = 0;
	spoiled = 0;
	return rig_remove(state);
}

static void a_chain_of_one_is_posted_and_waited_for(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(rig_next(rig), i);
	assert_int_equal(rig->pawl->hot->way, WAY_POSTED);
	assert_int_equal(rig_stats(rig).additions, 100);
}

static void posted_in_a_chain_it_is_marked_first(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	for (uint64_t i = 1; i <= 100; i++) {
		assert_int_equal(rig_next(rig), i);
		assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), i);
	}
	assert_int_equal(rig->pawl->hot->way, WAY_CHAIN);
}

static void a_sealed_backup_confirms_nothing_that_is_posted(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	atomic_store(
		fake_word(&rig->fake, 1, 1, REGION_STATE_OFFSET), region_state_sealed(1));
	rig->fake.base = 10;
	rig->fake.stand = 1;
	fake_install(&rig->fake, 2, 2, both);
	fake_serve(&rig->fake, 0, true);
	fake_serve(&rig->fake, 1, true);
	assert_int_equal(rig_next(rig), 11);
	assert_int_equal(rig_stats(rig).redraws, 1);
}

/* The answer is not lost when a call has to wait for long: the number goes to the caller. */
static void an_answer_that_is_late_is_still_used(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	for (uint64_t i = 1; i <= 4; i++) {
		held_until_ns = clock_now_ns() + 5000000;
		assert_int_equal(rig_next(rig), i);
	}
	assert_int_equal(*fake_counter(&rig->fake, 0, 1), 4);
	assert_int_equal(rig->pawl->in_flight, 0);
	assert_int_equal(rig_next(rig), 5);
}

/* The queue's room is one ticket, and the addition that waited was in it until it returned. */
static void at_depth_1_the_short_way_comes_back(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	enum hot_way way;

	options.depth = 1;
	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	way = rig->pawl->hot->way;
	assert_int_not_equal(way, WAY_QUEUE);
	held_until_ns = clock_now_ns() + 5000000;
	for (uint64_t i = 2; i <= 4; i++)
		assert_int_equal(rig_next(rig), i);
	assert_int_equal(rig->pawl->hot->way, way);
}

/* A push while a draw is under way: its answer comes with the drain, and stands. */
static void an_answer_that_comes_after_a_push_stands(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	held_until_ns = clock_now_ns() + 8000000;
	rig->fake.base = rig->fake.stand = 2;
	fake_change(&rig->fake, 2, 1, both);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(*fake_counter(&rig->fake, 0, 1), 2);
	assert_int_equal(*fake_counter(&rig->fake, 0, 2), 2);
	assert_int_equal(rig_stats(rig).redraws, 0);
}

/* A planned change over a slow network loses no number: who is in the new chain is heard out. */
static void a_slow_head_that_stays_is_heard_out(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	static const unsigned int swapped[] = {1, 0};

	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	held_until_ns = clock_now_ns() + 80000000;
	rig->fake.base = rig->fake.stand = 2;
	fake_change(&rig->fake, 2, 2, swapped);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(rig_stats(rig).redraws, 0);
}

/* One that the new chain goes on without may be stopped: nobody waits long for it. */
static void a_silent_head_that_was_voted_out_is_not_waited_for(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	uint64_t since_ns;

	card_open(rig, &options);
	assert_int_equal(pawl_submit(rig->counter, 1, 0), 0);
	since_ns = clock_now_ns();
	held_until_ns = since_ns + RIG_WAIT_NS;
	rig->fake.base = rig->fake.stand = 5;
	fake_change(&rig->fake, 2, 1, second);
	while (rig->pawl->session.linked_epoch < 2) {
		struct pawl_result result;
		int count;

		assert_int_equal(pawl_poll(rig->pawl, &result, 1, &count), 0);
		assert_int_equal(count, 0);
		assert_true(clock_now_ns() - since_ns < 195000000);
	}
	held_until_ns = 0;
	assert_int_equal(rig_poll(rig).last, 6);
}

static void a_draw_that_failed_is_drawn_again(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	spoiled = 1;
	assert_int_equal(rig_next(rig), 3); /* 2 may have been taken, and is nobody's */
	assert_int_equal(rig_stats(rig).rejoins, 1);
	assert_int_equal(rig_stats(rig).epoch, 1);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_LOST), 1);
}

/* What was sent to a head that died is not waited for. */
static void a_dead_heads_answers_are_given_up_at_once(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	struct pawl_result result;

	card_open(rig, &options);
	held_until_ns = clock_now_ns() + RIG_WAIT_NS;
	assert_int_equal(pawl_submit(rig->counter, 1, 0), 0);
	fake_kill(&rig->fake, 0);
	rig_poll_lost(rig);
	assert_false(rig_poll_for(rig, &result, 20000000));
	assert_int_equal(rig->pawl->session.stage, SESSION_JOINING);
	assert_int_equal(rig->pawl->in_flight, 0);
	fake_seal(&rig->fake, 1, 1);
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_poll(rig).last, 1);
}

static void additions_in_flight_are_marked_together(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	card_open(rig, &options);
	for (uint64_t i = 0; i < 60; i++)
		assert_int_equal(pawl_submit(rig->counter, i % 3, i), 0);
	for (uint64_t i = 0, last = 0; i < 60; i++) {
		struct pawl_result result = rig_poll(rig);

		last += i % 3;
		assert_int_equal(result.status, 0);
		assert_int_equal(result.cookie, i);
		assert_int_equal(result.last, last);
	}
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 60);
}

static void reserving_at(struct rig *rig, uint64_t lease_ns, uint32_t depth)
{
	struct pawl_options options = rig_options(rig);

	options.depth = depth;
	options.timeout_ns = 300000000;
	rig->fake.lease_ns = lease_ns;
	rig->fake.reserve_max = 100;
	options.reserve = 1000;
	card_open(rig, &options);
	assert_int_equal(rig_next(rig), 1);
	/* As much as the counter allows, not as much as was asked for. */
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 101);
}

static void reserving(struct rig *rig, uint64_t lease_ns)
{
	reserving_at(rig, lease_ns, rig_options(rig).depth);
}

static void at_depth_1_a_lease_is_used(void **state)
{
	struct rig *rig = *state;
	unsigned int leased = 0;

	reserving_at(rig, RIG_WAIT_NS, 1);
	for (uint64_t i = 2; i <= 100; i++) {
		leased += rig->pawl->hot->way == WAY_CHAIN;
		assert_int_equal(rig_next(rig), i);
	}
	assert_in_range(leased, 80, 99);
}

/* Numbers below the mark need the head alone, and the mark stays ahead of them. */
static void a_lease_needs_the_head_alone(void **state)
{
	struct rig *rig = *state;
	unsigned int marks = 0;
	uint64_t mark = 101;

	reserving(rig, RIG_WAIT_NS);
	for (uint64_t i = 2; i <= 1000; i++) {
		uint64_t now_at;

		assert_int_equal(rig_next(rig), i);
		now_at = *fake_mark(&rig->fake, 1, 1, 2);
		/* Renewed ahead of need, or an addition would have to wait for it. */
		assert_in_range(now_at, i + 20, i + 101);
		marks += now_at != mark;
		mark = now_at;
	}
	assert_in_range(marks, 5, 40);
}

/* A backup that is sealed within the lease does not stop it; the end of the lease does. */
static void nothing_is_confirmed_after_the_lease(void **state)
{
	struct rig *rig = *state;
	uint64_t number;

	reserving(rig, 50000000);
	atomic_store(
		fake_word(&rig->fake, 1, 1, REGION_STATE_OFFSET), region_state_sealed(1));
	assert_int_equal(rig_next(rig), 2);
	(void)usleep(60000);
	assert_int_equal(pawl_next(rig->counter, &number), -ETIMEDOUT);
	assert_int_equal(rig_events_of(rig, PAWL_EVENT_LOST), 1);
}

static void a_lease_that_lapsed_while_idle_is_taken_anew(void **state)
{
	struct rig *rig = *state;

	reserving(rig, 20000000);
	for (uint64_t i = 2; i <= 5; i++) {
		(void)usleep(30000);
		assert_int_equal(rig_next(rig), i);
	}
	assert_int_equal(rig_stats(rig).rejoins, 0);
}

static void numbers_above_the_ceiling_wait_for_it(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	struct pawl_result result;
	uint64_t ceiling_at = region_ceiling_offset(&rig->fake.layout, 0);
	uint64_t number;

	options.timeout_ns = 200000000;
	rig->fake.ceiling = 5;
	*fake_word(&rig->fake, 0, 1, ceiling_at) = 5;
	rig_open_with(rig, fake_address(&rig->fake, 0), &options);
	for (uint64_t i = 1; i <= 5; i++)
		assert_int_equal(rig_next(rig), i);
	assert_int_equal(pawl_submit(rig->counter, 1, 0), 0);
	assert_false(rig_poll_for(rig, &result, 20000000));
	*fake_word(&rig->fake, 0, 1, ceiling_at) = 100;
	result = rig_poll(rig);
	assert_int_equal(result.last, 6);
	assert_int_equal(rig_next(rig), 7);
	/* The same within a call, which does not wait for ever. */
	assert_int_equal(pawl_add(rig->counter, 93, &number), 0);
	assert_int_equal(pawl_next(rig->counter, &number), -ETIMEDOUT);
	*fake_word(&rig->fake, 0, 1, ceiling_at) = 1000;
	assert_int_equal(pawl_add(rig->counter, 200, &result.last), 0);
	assert_int_equal(result.last, 301);
}

/* The mark is stored ahead, and no lease is needed: each addition looks at the states. */
static void words_in_reach_need_no_lease(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);

	rig->fake.lease_ns = RIG_WAIT_NS;
	rig->fake.reserve_max = 100;
	options.reserve = 1000;
	rig_open_with(rig, fake_address(&rig->fake, 0), &options);
	for (uint64_t i = 1; i <= 101; i++) {
		assert_int_equal(rig_next(rig), i);
		assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 101);
	}
	assert_int_equal(rig->pawl->hot->way, WAY_WORDS);
	assert_int_equal(rig_next(rig), 102);
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 202);
	atomic_store(
		fake_word(&rig->fake, 1, 1, REGION_STATE_OFFSET), region_state_sealed(1));
	rig->fake.base = 202;
	rig->fake.stand = 102; /* as if the head was not sealed */
	fake_change(&rig->fake, 2, 1, both);
	assert_int_equal(rig_next(rig), 203);
}

static void hundreds_of_counters_are_opened_again_at_once(void **state)
{
	struct rig *rig = *state;
	struct pawl_counter *counters[FAKE_COUNTERS];
	uint64_t number;

	rig_open(rig, 0);
	counters[0] = rig->counter;
	for (int i = 1; i < FAKE_COUNTERS; i++) {
		char name[PAWL_NAME_MAX + 1];

		(void)snprintf(name, sizeof(name), "%060d", i);
		assert_int_equal(pawl_counter_open(rig->pawl, name, &counters[i]), 0);
	}
	fake_seal(&rig->fake, 0, 1);
	fake_change(&rig->fake, 2, 2, both);
	for (int i = 0; i < FAKE_COUNTERS; i++) {
		assert_int_equal(pawl_add(counters[i], (uint64_t)i + 1, &number), 0);
		assert_int_equal(number, i + 1);
		assert_int_equal(
			*fake_word(&rig->fake, 0, 2, region_counter_offset((uint32_t)i)),
			i + 1);
	}
}

static void options_are_checked_and_older_ones_work(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = PAWL_OPTIONS_INIT;
	struct pawl_counter_options creation = PAWL_COUNTER_OPTIONS_INIT;
	const char *where = fake_address(&rig->fake, 0);
	struct pawl *pawl;

	options.reserve = PAWL_ADD_MAX + 1;
	assert_int_equal(pawl_open(where, &options, &pawl), -EINVAL);
	assert_non_null(strstr(pawl_errmsg(NULL), "reserve"));
	/* As a program would that was built before there was a reserve. */
	options.size = offsetof(struct pawl_options, reserve);
	rig_open_with(rig, where, &options);
	assert_int_equal(rig->pawl->options.reserve, 0);
	creation.reserve_max = PAWL_ADD_MAX + 1;
	assert_int_equal(
		pawl_counter_open_with(rig->pawl, "new", &creation, &rig->counter),
		-EINVAL);
	creation.size = 0;
	assert_int_equal(
		pawl_counter_open_with(rig->pawl, "new", &creation, &rig->counter),
		-EINVAL);
}

#define OF_TWO(test) cmocka_unit_test_setup_teardown(test, rig_of_two, card_remove)
#define OF_ONE(test) cmocka_unit_test_setup_teardown(test, rig_of_one, card_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OF_ONE(a_chain_of_one_is_posted_and_waited_for),
		OF_TWO(posted_in_a_chain_it_is_marked_first),
		OF_TWO(a_sealed_backup_confirms_nothing_that_is_posted),
		OF_TWO(an_answer_that_is_late_is_still_used),
		OF_ONE(at_depth_1_the_short_way_comes_back),
		OF_TWO(at_depth_1_the_short_way_comes_back),
		OF_TWO(at_depth_1_a_lease_is_used),
		OF_ONE(an_answer_that_comes_after_a_push_stands),
		OF_TWO(a_slow_head_that_stays_is_heard_out),
		OF_TWO(a_silent_head_that_was_voted_out_is_not_waited_for),
		OF_ONE(a_draw_that_failed_is_drawn_again),
		OF_TWO(a_dead_heads_answers_are_given_up_at_once),
		OF_TWO(additions_in_flight_are_marked_together),
		OF_TWO(a_lease_needs_the_head_alone),
		OF_TWO(nothing_is_confirmed_after_the_lease),
		OF_TWO(a_lease_that_lapsed_while_idle_is_taken_anew),
		OF_TWO(numbers_above_the_ceiling_wait_for_it),
		OF_ONE(numbers_above_the_ceiling_wait_for_it),
		OF_TWO(words_in_reach_need_no_lease),
		OF_TWO(hundreds_of_counters_are_opened_again_at_once),
		OF_ONE(options_are_checked_and_older_ones_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
