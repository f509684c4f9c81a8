/*
 * Writes whose answer, or which themselves, are lost between a store and etcd: the store
 * finds out what became of them, or says that nobody knows (etcd_request.h, E1 to E4).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/etcd_proxy.h"
#include "tests/conformance/etcd_server.h"
#include "tests/conformance/store_call.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define LIMIT_NS UINT64_C(10000000000)

static struct server server;
static struct proxy proxy;
static struct store *ours, *theirs; /* ours by way of the proxy */

static int open_store(int port, struct store **store_p)
{
	static int stories;
	char address[128];
	struct store_config config = {
		.address = address, .cluster = "cluster", .timeout_ms = 4000};
	struct error err;

	stories += port == proxy.port;
	(void)snprintf(address, sizeof(address), "etcd:http://127.0.0.1:%d/pawl/story-%d",
		port, stories);
	return store_open(&config, store_p, &err);
}

static int set_up(void **state)
{
	(void)state;
	if (proxy_start(&proxy, server.members[0].port))
		return -1;
	return open_store(proxy.port, &ours) ||
	       open_store(server.members[0].port, &theirs);
}

static int tear_down(void **state)
{
	(void)state;
	store_close(ours);
	store_close(theirs);
	proxy_stop(&proxy);
	return 0;
}

/* Works on a request of ours until the proxy has kept what it was told to. */
static void wait_until_kept(void)
{
	uint64_t deadline = clock_now_ns() + LIMIT_NS;

	while (!atomic_load(&proxy.kept) && clock_now_ns() < deadline)
		store_wait(ours, 5);
	assert_true(atomic_load(&proxy.kept));
	/* So that the whole of it is there. */
	for (int i = 0; i < 10; i++)
		store_wait(ours, 5);
}

static void cut(void)
{
	atomic_store(&proxy.cut, true);
}

static void deliver_late(void)
{
	uint64_t deadline = clock_now_ns() + LIMIT_NS;

	atomic_store(&proxy.deliver, true);
	while (atomic_load(&proxy.deliver) && clock_now_ns() < deadline)
		(void)usleep(1000);
	assert_false(atomic_load(&proxy.deliver));
}

static uint64_t put(struct store *store, uint64_t expected, const char *text)
{
	struct call call = call_put(store, expected, text, strlen(text));

	assert_int_equal(call.status, 0);
	return call.revision;
}

static void assert_holds(uint64_t revision, const char *text)
{
	struct call get = call_get(theirs);

	assert_int_equal(get.status, 0);
	assert_int_equal(get.revision, revision);
	assert_int_equal(get.len, strlen(text));
	assert_memory_equal(get.bytes, text, get.len);
}

/* Starts a put of ours that goes wrong as @mode says; it is cut by the caller. */
static void start_put(
	struct call *call, enum proxy_mode mode, uint64_t expected, const char *text)
{
	atomic_store(&proxy.mode, (int)mode);
	assert_int_equal(
		store_put_if(ours, expected, text, strlen(text), call_done, call), 0);
	wait_until_kept();
	assert_false(call->done);
}

static void a_put_whose_answer_is_lost_is_found(void **state)
{
	uint64_t first = put(ours, 0, "first");
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ANSWER, first, "second");
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	assert_true(call.revision > first);
	assert_holds(call.revision, "second");
}

/* E3 */
static void a_put_whose_answer_is_lost_is_found_below_later_ones(void **state)
{
	uint64_t first = put(ours, 0, "first"), second, last;
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ANSWER, first, "second");
	second = call_get(theirs).revision;
	last = put(theirs, put(theirs, second, "third"), "fourth");
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	assert_int_equal(call.revision, second);
	assert_holds(last, "fourth");
}

static void a_put_below_an_erased_value_is_found(void **state)
{
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ANSWER, 0, "first");
	assert_int_equal(call_erase(theirs, call_get(theirs).revision).status, 0);
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	assert_holds(0, "");
}

static void compact_to(uint64_t revision)
{
	char body[64];

	(void)snprintf(body, sizeof(body), "{\"revision\":\"%llu\",\"physical\":true}",
		(unsigned long long)revision);
	assert_int_equal(
		server_post(&server, 0, "/v3/kv/compaction", body, NULL, 0), 200);
}

static void what_was_compacted_away_leaves_the_outcome_unknown(void **state)
{
	uint64_t first = put(ours, 0, "first"), last;
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ANSWER, first, "second");
	last = put(theirs, put(theirs, call_get(theirs).revision, "third"), "fourth");
	compact_to(last);
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_non_null(strstr(call.err.text, "not known"));
	assert_holds(last, "fourth");
}

static void a_put_that_was_lost_is_done_again_and_only_once(void **state)
{
	uint64_t first = put(ours, 0, "first");
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ASKING, first, "second");
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	deliver_late();
	assert_holds(call.revision, "second");
}

static void a_put_that_was_lost_and_overtaken_is_stale_for_ever(void **state)
{
	uint64_t first = put(ours, 0, "first"), last;
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ASKING, first, "second");
	last = put(theirs, put(theirs, first, "other"), "another");
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, -ESTALE);
	deliver_late();
	assert_holds(last, "another");
}

/* Were the key deleted, the late one would find none, as it expects (E1). */
static void a_put_that_comes_after_an_erase_does_not_bring_the_value_back(void **state)
{
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ASKING, 0, "first");
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	assert_int_equal(call_erase(theirs, call.revision).status, 0);
	deliver_late();
	assert_holds(0, "");
}

static void an_erase_whose_answer_is_lost_is_found(void **state)
{
	uint64_t first = put(ours, 0, "first");
	struct call call = {0};

	(void)state;
	atomic_store(&proxy.mode, PROXY_KEEP_ANSWER);
	assert_int_equal(store_erase_if(ours, first, call_done, &call), 0);
	wait_until_kept();
	cut();
	call_wait(ours, &call);
	assert_int_equal(call.status, 0);
	assert_int_equal(call.revision, 0);
	assert_holds(0, "");
}

/* S8: it was sent, and nobody is left to ask. */
static void a_put_without_anybody_to_ask_is_unknown_in_time(void **state)
{
	uint64_t first = put(ours, 0, "first"), began = clock_now_ns();
	struct call call = {0};

	(void)state;
	start_put(&call, PROXY_KEEP_ASKING, first, "second");
	atomic_store(&proxy.mode, PROXY_REFUSE);
	call_wait(ours, &call);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_in_range(clock_now_ns() - began, 0, UINT64_C(4500000000));
	assert_non_null(strstr(call.err.text, "not known"));
	assert_holds(first, "first");
}

/* A put that never went out says nothing about effects. */
static void a_put_that_can_not_be_sent_is_over_in_time(void **state)
{
	uint64_t began = clock_now_ns();
	struct call call;

	(void)state;
	proxy_stop(&proxy);
	call = call_put(ours, 0, "first", 5);
	assert_int_equal(call.status, -ETIMEDOUT);
	assert_in_range(
		clock_now_ns() - began, UINT64_C(3900000000), UINT64_C(4500000000));
	assert_non_null(strstr(call.err.text, "Connection refused"));
	assert_null(strstr(call.err.text, "not known"));
	assert_int_equal(proxy_start(&proxy, server.members[0].port), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_put_whose_answer_is_lost_is_found),
		STORY(a_put_whose_answer_is_lost_is_found_below_later_ones),
		STORY(a_put_below_an_erased_value_is_found),
		STORY(what_was_compacted_away_leaves_the_outcome_unknown),
		STORY(a_put_that_was_lost_is_done_again_and_only_once),
		STORY(a_put_that_was_lost_and_overtaken_is_stale_for_ever),
		STORY(a_put_that_comes_after_an_erase_does_not_bring_the_value_back),
		STORY(an_erase_whose_answer_is_lost_is_found),
		STORY(a_put_without_anybody_to_ask_is_unknown_in_time),
		STORY(a_put_that_can_not_be_sent_is_over_in_time),
	};
	const char *missing = server_missing(false);
	int failed;

	if (missing) {
		printf("skipped: %s\n", missing);
		return 77;
	}
	if (server_start(&server, 1, false))
		return 1;
	failed = cmocka_run_group_tests_name("etcd_outcome", tests, NULL, NULL);
	server_stop(&server);
	return failed;
}
