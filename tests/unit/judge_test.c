/* Who is suspected, when, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sequencer/daemon/judge.h"

#define BEAT_NS UINT64_C(5000000)
#define SUSPECT_NS (10 * BEAT_NS)

/* A judge and its clock. */
struct court {
	struct judge judge;
	uint64_t now_ns;
};

static void court_open(struct court *c)
{
	c->now_ns = 1000;
	judge_init(&c->judge, BEAT_NS, SUSPECT_NS, c->now_ns);
}

static void check_after(struct court *c, enum heartbeat_news news, uint64_t passed_ns)
{
	c->now_ns += passed_ns;
	judge_check(&c->judge, news, NULL, c->now_ns);
}

static void checks(struct court *c, enum heartbeat_news news, unsigned int count)
{
	while (count-- > 0)
		check_after(c, news, BEAT_NS);
}

static void a_connected_peer_is_trusted_at_once(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	assert_int_equal(c.judge.opinion, JUDGE_UNDECIDED);
	judge_connected(&c.judge);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
}

static void a_peer_that_can_not_be_connected_is_suspected_in_time(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	checks(&c, HEARTBEAT_NONE, 9);
	assert_int_equal(c.judge.opinion, JUDGE_UNDECIDED);
	checks(&c, HEARTBEAT_NONE, 1);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	assert_non_null(strstr(c.judge.why, "could not be connected for 50 ms"));
}

static void a_peer_whose_connection_ends_is_suspected_at_once(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	judge_lost(&c.judge, "it closed");
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	assert_string_equal(c.judge.why, "it closed");
}

static void a_peer_that_ended_its_own_connection_is_suspected_when_it_refuses(
	void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	judge_left(&c.judge);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
	judge_refused(&c.judge, false, "refused");
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
}

static void a_first_refusal_may_be_a_replica_that_is_just_starting(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_refused(&c.judge, true, "nobody listens");
	assert_int_equal(c.judge.opinion, JUDGE_UNDECIDED);
	judge_refused(&c.judge, true, "nobody listens");
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	assert_string_equal(c.judge.why, "nobody listens");
}

static void a_refusal_by_another_host_proves_nothing_about_who_never_was_there(
	void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_refused(&c.judge, false, "nobody listens");
	judge_refused(&c.judge, false, "nobody listens");
	judge_refused(&c.judge, false, "nobody listens");
	assert_int_equal(c.judge.opinion, JUDGE_UNDECIDED);
}

static void a_heartbeat_that_stands_still_is_suspected_in_time(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	checks(&c, HEARTBEAT_STILL, 9);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
	checks(&c, HEARTBEAT_MOVED, 1);
	checks(&c, HEARTBEAT_STILL, 9);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
	checks(&c, HEARTBEAT_STILL, 1);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	assert_non_null(strstr(c.judge.why, "did not move for 50 ms"));
}

static void a_watcher_that_slept_suspects_nobody_on_waking(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	for (int night = 0; night < 5; night++) {
		check_after(&c, HEARTBEAT_STILL, 1000 * SUSPECT_NS);
		assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
		checks(&c, HEARTBEAT_MOVED, 1);
	}
}

static void a_watcher_that_slept_before_connecting_suspects_nobody(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	check_after(&c, HEARTBEAT_NONE, 1000 * SUSPECT_NS);
	assert_int_equal(c.judge.opinion, JUDGE_UNDECIDED);
}

static void a_stopped_peer_is_trusted_only_when_it_moves_again(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	checks(&c, HEARTBEAT_STILL, 10);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	checks(&c, HEARTBEAT_STILL, 100);
	checks(&c, HEARTBEAT_NONE, 100);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	checks(&c, HEARTBEAT_MOVED, 1);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
	assert_string_equal(c.judge.why, "");
}

static void a_peer_that_comes_back_without_a_heartbeat_is_trusted_by_its_connection(
	void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	judge_lost(&c.judge, "reset");
	checks(&c, HEARTBEAT_NONE, 3);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	judge_connected(&c.judge);
	checks(&c, HEARTBEAT_NONE, 1);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
}

static void a_heart_that_beats_beyond_a_cut_is_not_enough(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	judge_lost(&c.judge, "reset");
	checks(&c, HEARTBEAT_MOVED, 100);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
}

static void a_former_life_is_never_trusted_again(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	judge_dead(&c.judge, "another life");
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	judge_connected(&c.judge);
	checks(&c, HEARTBEAT_MOVED, 100);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
	assert_string_equal(c.judge.why, "another life");
}

static void a_new_region_has_all_its_time_to_begin(void **state)
{
	struct court c;

	(void)state;
	court_open(&c);
	judge_connected(&c.judge);
	checks(&c, HEARTBEAT_STILL, 9);
	judge_region_changed(&c.judge);
	checks(&c, HEARTBEAT_STILL, 9);
	assert_int_equal(c.judge.opinion, JUDGE_TRUSTED);
	checks(&c, HEARTBEAT_STILL, 1);
	assert_int_equal(c.judge.opinion, JUDGE_SUSPECT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_connected_peer_is_trusted_at_once),
		cmocka_unit_test(a_peer_that_can_not_be_connected_is_suspected_in_time),
		cmocka_unit_test(a_peer_whose_connection_ends_is_suspected_at_once),
		cmocka_unit_test(
			a_peer_that_ended_its_own_connection_is_suspected_when_it_refuses),
		cmocka_unit_test(a_first_refusal_may_be_a_replica_that_is_just_starting),
		cmocka_unit_test(
			a_refusal_by_another_host_proves_nothing_about_who_never_was_there),
		cmocka_unit_test(a_heartbeat_that_stands_still_is_suspected_in_time),
		cmocka_unit_test(a_watcher_that_slept_suspects_nobody_on_waking),
		cmocka_unit_test(a_watcher_that_slept_before_connecting_suspects_nobody),
		cmocka_unit_test(a_stopped_peer_is_trusted_only_when_it_moves_again),
		cmocka_unit_test(
			a_peer_that_comes_back_without_a_heartbeat_is_trusted_by_its_connection),
		cmocka_unit_test(a_heart_that_beats_beyond_a_cut_is_not_enough),
		cmocka_unit_test(a_former_life_is_never_trusted_again),
		cmocka_unit_test(a_new_region_has_all_its_time_to_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
