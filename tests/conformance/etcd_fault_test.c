/*
 * What can go wrong with etcd itself: stopped, dead, cut off, or holding what Pawl did not
 * write.  Each story has an etcd of its own.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/etcd_proxy.h"
#include "tests/conformance/etcd_story.h"

static struct proxy proxy;

static int set_up(void **state)
{
	(void)state;
	return start_open(NULL);
}

/* All of its threads, and not only soon. */
static void stop_etcd(void)
{
	pid_t pid = server.members[0].pid;

	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
}

/* Both kinds end within their time, and say who did not answer. */
static void assert_in_time(uint64_t expected)
{
	char name[32];
	uint64_t began = clock_now_ns();
	struct call call = call_get(store);

	(void)snprintf(name, sizeof(name), "127.0.0.1:%d", server.members[0].port);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_non_null(strstr(call.err.text, name));
	assert_in_range(
		clock_now_ns() - began, (TIMEOUT_MS - 50) * MS, (TIMEOUT_MS + 500) * MS);
	began = clock_now_ns();
	call = call_put(store, expected, "late", 4);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_in_range(
		clock_now_ns() - began, (TIMEOUT_MS - 50) * MS, (TIMEOUT_MS + 500) * MS);
}

static void requests_to_a_dead_etcd_end_in_time_and_it_may_return(void **state)
{
	uint64_t first = put(0, "first");

	(void)state;
	server_kill(&server, 0);
	assert_in_time(first);
	assert_int_equal(server_restart(&server, 0), 0);
	assert_int_equal(call_get(store).revision, first);
	(void)put(first, "second");
}

static void requests_to_a_stopped_etcd_end_in_time_and_it_may_go_on(void **state)
{
	uint64_t first = put(0, "first");
	struct call get;

	(void)state;
	stop_etcd();
	assert_in_time(first);
	assert_int_equal(kill(server.members[0].pid, SIGCONT), 0);
	/* The one that timed out may have taken effect by now; whatever it is holds. */
	get = call_get(store);
	assert_int_equal(get.status, 0);
	(void)put(get.revision, "second");
}

/* S1 */
static void a_stopped_etcd_does_not_block_the_caller(void **state)
{
	struct call call = {0};
	uint64_t began;

	(void)state;
	stop_etcd();
	assert_int_equal(store_get(store, call_done, &call), 0);
	for (int i = 0; i < 20; i++) {
		began = clock_now_ns();
		store_progress(store);
		assert_in_range(clock_now_ns() - began, 0, 100 * MS);
		(void)usleep(5000);
	}
	began = clock_now_ns();
	store_close(store);
	store = NULL;
	assert_in_range(clock_now_ns() - began, 0, 100 * MS);
	assert_int_equal(call.status, -ECANCELED);
}

/* A store with a watch that stands, by way of the proxy. */
static struct store *open_watcher(struct seen *seen, const char *second)
{
	struct store *watcher;
	struct error err;
	char where[128];

	assert_int_equal(proxy_start(&proxy, server.members[0].port), 0);
	(void)snprintf(where, sizeof(where), "etcd:http://127.0.0.1:%d%s/pawl",
		proxy.port, second);
	assert_int_equal(open_at(where, &watcher, &err), 0);
	store_watch(watcher, note_change, seen);
	wait_for(watcher, &seen->good, 0);
	return watcher;
}

static void a_watch_that_was_cut_tells_what_it_missed_even_if_compacted(void **state)
{
	struct seen seen = {0};
	struct store *watcher = open_watcher(&seen, "");
	uint64_t revision = 0;
	int before;

	(void)state;
	atomic_store(&proxy.mode, PROXY_REFUSE);
	wait_for(watcher, &seen.bad, 0);
	for (int i = 0; i < 5; i++)
		revision = put(revision, "missed");
	compact_to(revision);
	before = seen.good;
	for (int i = 0; i < 20; i++)
		store_wait(watcher, 10);
	assert_int_equal(seen.good, before);
	assert_int_equal(seen.bad, 1); /* once is enough */
	atomic_store(&proxy.mode, PROXY_RELAY);
	wait_for(watcher, &seen.good, before);
	(void)put_seen(watcher, &seen, revision, "seen");
	store_close(watcher);
	proxy_stop(&proxy);
}

static void a_watch_outlives_the_death_of_its_etcd(void **state)
{
	struct seen seen = {0};
	uint64_t revision = put(0, "first");
	int before;

	(void)state;
	store_watch(store, note_change, &seen);
	wait_for(store, &seen.good, 0);
	before = seen.good;
	server_kill(&server, 0);
	wait_for(store, &seen.bad, 0);
	assert_int_equal(server_restart(&server, 0), 0);
	wait_for(store, &seen.good, before);
	(void)put_seen(store, &seen, revision, "second");
}

/* Nothing arrives and nothing is closed: as with a member that is stopped. */
static void a_watch_that_falls_silent_moves_to_another_member(void **state)
{
	struct seen seen = {0};
	struct store *watcher;
	char second[64];
	int before;

	(void)state;
	(void)snprintf(
		second, sizeof(second), ",http://127.0.0.1:%d", server.members[0].port);
	watcher = open_watcher(&seen, second);
	atomic_store(&proxy.mode, PROXY_STALL);
	(void)usleep(50000); /* the proxy may be relaying just now */
	before = seen.good;
	(void)put(0, "first");
	wait_for(watcher, &seen.good, before);
	assert_int_equal(call_get(watcher).status, 0);
	store_close(watcher);
	proxy_stop(&proxy);
}

static void a_watch_without_changes_has_little_to_do(void **state)
{
	struct seen seen = {0};
	uint64_t deadline;
	int rounds = 0;

	(void)state;
	store_watch(store, note_change, &seen);
	wait_for(store, &seen.good, 0);
	deadline = clock_now_ns() + 2000 * MS;
	for (; clock_now_ns() < deadline; rounds++)
		store_wait(store, 2000);
	assert_in_range(rounds, 0, 20);
	assert_int_equal(seen.good, 1);
}

static void a_member_that_is_down_is_passed_over(void **state)
{
	char where[128];
	struct store *other;
	struct error err;
	uint64_t began = clock_now_ns();

	(void)state;
	(void)snprintf(where, sizeof(where),
		"etcd:http://127.0.0.1:%d,http://127.0.0.1:%d/pawl", server_free_port(),
		server.members[0].port);
	assert_int_equal(open_at(where, &other, &err), 0);
	assert_int_equal(call_put(other, 0, "first", 5).status, 0);
	assert_in_range(clock_now_ns() - began, 0, 500 * MS);
	store_close(other);
}

static void what_pawl_did_not_write_is_refused_and_kept(void **state)
{
	struct call call;

	(void)state;
	/* /pawl/cluster = "garbage" */
	assert_int_equal(server_post(&server, 0, "/v3/kv/put",
				 "{\"key\":\"L3Bhd2wvY2x1c3Rlcg==\",\"value\":"
				 "\"Z2FyYmFnZQ==\"}",
				 NULL, 0),
		200);
	call = call_get(store);
	assert_int_equal(call.status, -EBADMSG);
	assert_non_null(strstr(call.err.text, "/pawl/cluster"));
	assert_int_equal(call_put(store, 0, "first", 5).status, -EBADMSG);
	assert_int_equal(call_put(store, 1, "first", 5).status, -EBADMSG);
	assert_int_equal(call_erase(store, 1).status, -EBADMSG);
	assert_int_equal(call_get(store).status, -EBADMSG);
}

/* A tombstone's revision is nobody's to expect, as it is never told. */
static void the_revision_of_an_erased_value_is_no_revision(void **state)
{
	uint64_t first = put(0, "first");

	(void)state;
	assert_int_equal(call_erase(store, first).status, 0);
	for (uint64_t guess = first; guess < first + 4; guess++) {
		assert_int_equal(call_put(store, guess, "second", 6).status, -ESTALE);
		assert_int_equal(call_erase(store, guess).status, -ESTALE);
	}
	assert_int_equal(call_get(store).revision, 0);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(requests_to_a_dead_etcd_end_in_time_and_it_may_return),
		STORY(requests_to_a_stopped_etcd_end_in_time_and_it_may_go_on),
		STORY(a_stopped_etcd_does_not_block_the_caller),
		STORY(a_watch_that_was_cut_tells_what_it_missed_even_if_compacted),
		STORY(a_watch_outlives_the_death_of_its_etcd),
		STORY(a_watch_that_falls_silent_moves_to_another_member),
		STORY(a_watch_without_changes_has_little_to_do),
		STORY(a_member_that_is_down_is_passed_over),
		STORY(what_pawl_did_not_write_is_refused_and_kept),
		STORY(the_revision_of_an_erased_value_is_no_revision),
	};
	const char *missing = server_missing(false);

	if (missing) {
		printf("skipped: %s\n", missing);
		return 77;
	}
	return cmocka_run_group_tests_name("etcd_fault", tests, NULL, NULL);
}
