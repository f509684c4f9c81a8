/* How the client library finds the replicas of a cluster, again and again. */
#include "tests/unit/client_rig.h"

static const unsigned int both[] = {0, 1};
static const unsigned int second[] = {1};

static int rig_of_two(void **state)
{
	*state = rig_make(3, 2);
	return 0;
}

/* Any replica will do, and an address that nobody listens at does no harm. */
static void the_chain_is_found_from_any_address(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	char where[400];

	fake_kill(&rig->fake, 2);
	(void)snprintf(where, sizeof(where), "unix:/nobody/here,%s,%s",
		fake_address(&rig->fake, 2), fake_address(&rig->fake, 1));
	rig_open_with(rig, where, &options);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 1);
}

static void a_replica_outside_tells_who_serves(void **state)
{
	struct rig *rig = *state;

	fake_mood_set(&rig->fake, 2, FAKE_ELSEWHERE, 0);
	rig_open(rig, 2);
	assert_int_equal(rig_next(rig), 1);
	assert_true(fake_joins(&rig->fake, 0) >= 1);
}

/* A path that names a replica of its own host may be another replica's here. */
static void an_address_where_somebody_else_answers_is_passed_over(void **state)
{
	struct rig *rig = *state;

	(void)strcpy(rig->fake.replicas[1].also, rig->fake.replicas[2].path);
	fake_serve(&rig->fake, 2, false);
	rig->fake.replicas[2].incarnation = 999;
	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(*fake_mark(&rig->fake, 1, 1, 2), 1);
}

static void a_lost_connection_is_resumed_with_the_same_row(void **state)
{
	struct rig *rig = *state;
	struct pawl_counter *other;
	uint64_t number;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_hang_up(&rig->fake, 0);
	fake_hang_up(&rig->fake, 1);
	assert_int_equal(pawl_counter_open(rig->pawl, "other", &other), 0);
	assert_int_equal(pawl_next(other, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(rig->fake.replicas[0].sessions, 1);
	assert_int_equal(rig->fake.replicas[1].sessions, 1);
	assert_int_equal(rig_stats(rig).epoch, 1);
	assert_string_equal(pawl_counter_name(other), "other");
}

/* Nobody pushes to a handle whose connections are gone: it asks. */
static void a_handle_that_lost_everybody_finds_them_again(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_kill(&rig->fake, 0);
	fake_hang_up(&rig->fake, 1);
	fake_seal(&rig->fake, 1, 1);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_next(rig), 2);
}

static void a_cluster_begun_anew_is_refused(void **state)
{
	struct rig *rig = *state;
	uint64_t number;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 0, 1);
	fake_hang_up(&rig->fake, 0);
	fake_kill(&rig->fake, 1);
	rig->fake.instance = 8;
	fake_change(&rig->fake, 2, 1, both);
	assert_int_equal(pawl_next(rig->counter, &number), -EPROTO);
	assert_non_null(strstr(pawl_errmsg(rig->pawl), "erased"));
}

static void nobody_left_is_an_unknown_outcome(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	uint64_t number, began_ns;

	options.timeout_ns = 300000000;
	rig_open_with(rig, fake_address(&rig->fake, 0), &options);
	fake_seal(&rig->fake, 0, 1);
	fake_kill(&rig->fake, 0);
	fake_kill(&rig->fake, 1);
	began_ns = clock_now_ns();
	assert_int_equal(pawl_next(rig->counter, &number), -ETIMEDOUT);
	assert_in_range(clock_now_ns() - began_ns, 290000000, 2000000000);
	assert_non_null(strstr(pawl_errmsg(rig->pawl), "outcome is unknown"));
	fake_revive(&rig->fake, 1, 101);
	rig->fake.base = rig->fake.stand = 5;
	fake_change(&rig->fake, 2, 1, second);
	assert_int_equal(rig_next(rig), 6);
}

static void a_stopped_cluster_says_so_and_may_come_back(void **state)
{
	struct rig *rig = *state;
	uint64_t number;

	rig_open(rig, 0);
	fake_seal(&rig->fake, 0, 1);
	fake_goodbye(&rig->fake, 0);
	fake_goodbye(&rig->fake, 1);
	assert_int_equal(pawl_next(rig->counter, &number), -ESHUTDOWN);
	fake_revive(&rig->fake, 0, 300);
	fake_revive(&rig->fake, 1, 301);
	fake_change(&rig->fake, 2, 2, both);
	(void)usleep(200000); /* longer than the longest pause between attempts */
	assert_int_equal(rig_next(rig), 1);
}

static void a_full_replica_refuses_a_new_handle(void **state)
{
	struct rig *rig = *state;
	struct pawl *pawl;

	fake_mood_set(&rig->fake, 1, FAKE_REFUSES, EUSERS);
	assert_int_equal(pawl_open(fake_address(&rig->fake, 0), NULL, &pawl), -EUSERS);
	assert_string_equal(pawl_errmsg(NULL), "fake: no; ask somebody else");
}

static void a_replica_that_serves_nobody_ends_an_open_in_time(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	struct pawl *pawl;

	options.timeout_ns = 200000000;
	for (unsigned int i = 0; i < 3; i++)
		fake_mood_set(&rig->fake, i, FAKE_ELSEWHERE, 0);
	assert_int_equal(
		pawl_open(fake_address(&rig->fake, 0), &options, &pawl), -ETIMEDOUT);
	assert_non_null(strstr(pawl_errmsg(NULL), "ask somebody else"));
}

/* The same replica in another life has another session and is another member. */
static void another_life_is_joined_anew(void **state)
{
	struct rig *rig = *state;

	rig_open(rig, 0);
	assert_int_equal(rig_next(rig), 1);
	fake_kill(&rig->fake, 1);
	fake_seal(&rig->fake, 0, 1);
	fake_revive(&rig->fake, 1, 555);
	rig->fake.base = rig->fake.stand = 1;
	fake_change(&rig->fake, 2, 2, both);
	assert_int_equal(rig_next(rig), 2);
	assert_int_equal(*fake_mark(&rig->fake, 1, 2, 2), 2);
	assert_int_equal(rig->fake.replicas[1].sessions, 2);
	assert_int_equal(rig->fake.replicas[0].sessions, 1);
}

static unsigned int joined_count(struct rig *rig, unsigned int place)
{
	unsigned int count = 0;

	(void)pthread_mutex_lock(&rig->fake.lock);
	for (int i = 0; i < FAKE_CONNECTIONS; i++)
		count += rig->fake.replicas[place].connections[i].joined;
	(void)pthread_mutex_unlock(&rig->fake.lock);
	return count;
}

/* A replica with two addresses has one session of this handle, whichever answers. */
static void a_replica_found_twice_is_joined_once(void **state)
{
	struct rig *rig = *state;
	struct pawl_options options = rig_options(rig);
	struct pawl_result none;
	unsigned int joined;
	char link[128], where[160];

	(void)snprintf(link, sizeof(link), "%s/link", rig->fake.directory);
	(void)snprintf(where, sizeof(where), "unix:%s", link);
	assert_int_equal(symlink(rig->fake.replicas[0].path, link), 0);
	rig_open_with(rig, where, &options);
	fake_mood_set(&rig->fake, 1, FAKE_ELSEWHERE, 0);
	fake_hang_up(&rig->fake, 1);
	rig_poll_lost(rig);
	/* Time enough to look for somebody at every address, twice. */
	assert_false(rig_poll_for(rig, &none, 400000000));
	/* One that was found again is left at once, and perhaps found once more. */
	joined = joined_count(rig, 0);
	for (int i = 0; i < 200 && joined != 1; i++) {
		assert_false(rig_poll_for(rig, &none, 1000000));
		joined = joined_count(rig, 0);
	}
	assert_int_equal(joined, 1);
	assert_true(fake_joins(&rig->fake, 0) >= 3);
	fake_mood_set(&rig->fake, 1, FAKE_SERVES, 0);
	assert_int_equal(rig_next(rig), 1);
	assert_int_equal(unlink(link), 0);
}

#define OF_TWO(test) cmocka_unit_test_setup_teardown(test, rig_of_two, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OF_TWO(the_chain_is_found_from_any_address),
		OF_TWO(a_replica_outside_tells_who_serves),
		OF_TWO(an_address_where_somebody_else_answers_is_passed_over),
		OF_TWO(a_lost_connection_is_resumed_with_the_same_row),
		OF_TWO(a_handle_that_lost_everybody_finds_them_again),
		OF_TWO(a_cluster_begun_anew_is_refused),
		OF_TWO(nobody_left_is_an_unknown_outcome),
		OF_TWO(a_stopped_cluster_says_so_and_may_come_back),
		OF_TWO(a_full_replica_refuses_a_new_handle),
		OF_TWO(a_replica_that_serves_nobody_ends_an_open_in_time),
		OF_TWO(another_life_is_joined_anew),
		OF_TWO(a_replica_found_twice_is_joined_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
