#include "tests/conformance/store_conformance.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/conformance/store_call.h"

#define STORY(story) cmocka_unit_test_setup_teardown(story, set_up, tear_down)
#define ROUNDS 200

static const struct store_place *place;
static struct store *ours, *theirs; /* two users of one cluster */

static int open_cluster(const char *cluster, struct store **store_p)
{
	struct store_config config = {
		.address = place->address(), .cluster = cluster, .timeout_ms = 5000};
	struct error err = {.text = ""};
	int rc = store_open(&config, store_p, &err);

	if (rc)
		fprintf(stderr, "%s\n", err.text);
	return rc;
}

static int set_up(void **state)
{
	(void)state;
	if (place->make())
		return -1;
	return open_cluster("cluster", &ours) || open_cluster("cluster", &theirs) ? -1
										  : 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_close(ours);
	store_close(theirs);
	place->discard();
	return 0;
}

static void assert_value(struct store *store, uint64_t revision, const char *text)
{
	struct call get = call_get(store);

	assert_int_equal(get.status, 0);
	assert_int_equal(get.revision, revision);
	assert_int_equal(get.len, strlen(text));
	assert_memory_equal(get.bytes, text, strlen(text));
}

static uint64_t put_text(struct store *store, uint64_t expected, const char *text)
{
	struct call put = call_put(store, expected, text, strlen(text));

	assert_int_equal(put.status, 0);
	assert_true(put.revision > expected);
	return put.revision;
}

static void a_new_cluster_has_no_value_and_revision_0(void **state)
{
	struct call get = call_get(ours);

	(void)state;
	assert_int_equal(get.status, 0);
	assert_int_equal(get.revision, 0);
	assert_int_equal(get.len, 0);
}

static void what_one_puts_the_other_reads(void **state)
{
	uint64_t revision = put_text(ours, 0, "first");

	(void)state;
	assert_value(theirs, revision, "first");
	revision = put_text(theirs, revision, "second");
	assert_value(ours, revision, "second");
}

static void a_put_that_expects_another_revision_changes_nothing(void **state)
{
	uint64_t revision = put_text(ours, 0, "first");
	uint64_t wrong[] = {0, revision + 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct call put = call_put(theirs, wrong[i], "other", 5);

		assert_int_equal(put.status, -ESTALE);
		assert_string_not_equal(put.err.text, "");
		assert_value(ours, revision, "first");
	}
}

static void an_erased_value_is_gone(void **state)
{
	uint64_t revision = put_text(ours, 0, "first");
	struct call erase = call_erase(theirs, revision);

	(void)state;
	assert_int_equal(erase.status, 0);
	a_new_cluster_has_no_value_and_revision_0(NULL);
	assert_int_equal(call_put(theirs, revision, "second", 6).status, -ESTALE);
	assert_int_equal(call_erase(theirs, revision).status, -ESTALE);
}

static void an_erase_that_expects_another_revision_changes_nothing(void **state)
{
	uint64_t revision = put_text(ours, 0, "first");

	(void)state;
	assert_int_equal(call_erase(ours, revision + 1).status, -ESTALE);
	assert_value(ours, revision, "first");
}

/* Or somebody who slept through the erase could change what he has never seen (S6). */
static void revisions_go_on_growing_after_an_erase(void **state)
{
	uint64_t before = put_text(ours, 0, "first");
	uint64_t after;

	(void)state;
	assert_int_equal(call_erase(ours, before).status, 0);
	after = put_text(theirs, 0, "second");
	assert_true(after > before);
	assert_int_equal(call_put(ours, before, "third", 5).status, -ESTALE);
}

static void requests_that_make_no_sense_are_refused(void **state)
{
	struct call call = {0};
	char *large = calloc(1, STORE_VALUE_MAX + 1);

	(void)state;
	assert_non_null(large);
	assert_int_equal(store_put_if(ours, 0, "", 0, call_done, &call), -EINVAL);
	assert_int_equal(
		store_put_if(ours, 0, large, STORE_VALUE_MAX + 1, call_done, &call),
		-EINVAL);
	assert_int_equal(store_erase_if(ours, 0, call_done, &call), -EINVAL);
	free(large);
	store_wait(ours, 0);
	assert_int_equal(call.calls, 0);
}

static void any_bytes_up_to_the_limit_are_kept(void **state)
{
	char *large = malloc(STORE_VALUE_MAX);
	struct call get;

	(void)state;
	assert_non_null(large);
	for (size_t i = 0; i < STORE_VALUE_MAX; i++)
		large[i] = (char)i;
	assert_int_equal(call_put(ours, 0, large, STORE_VALUE_MAX).status, 0);
	get = call_get(theirs);
	assert_int_equal(get.len, STORE_VALUE_MAX);
	assert_memory_equal(get.bytes, large, sizeof(get.bytes));
	free(large);
}

/* S2 */
static void no_callback_comes_from_within_a_request(void **state)
{
	struct call put = {0}, get = {0};
	char bytes[] = "first";

	(void)state;
	assert_int_equal(store_put_if(ours, 0, bytes, 5, call_done, &put), 0);
	assert_int_equal(store_get(ours, call_done, &get), 0);
	memset(bytes, 'x', sizeof(bytes));
	assert_int_equal(put.calls + get.calls, 0);
	call_wait(ours, &get);
	assert_int_equal(put.calls, 1);
	assert_int_equal(get.calls, 1);
	assert_int_equal(get.revision, put.revision);
	assert_memory_equal(get.bytes, "first", 5);
	store_wait(ours, 10);
	assert_int_equal(put.calls + get.calls, 2);
}

static void too_many_requests_are_told_to_wait(void **state)
{
	struct call calls[STORE_REQUESTS_MAX] = {0}, extra = {0};

	(void)state;
	for (int i = 0; i < STORE_REQUESTS_MAX; i++)
		assert_int_equal(store_get(ours, call_done, &calls[i]), 0);
	assert_int_equal(store_get(ours, call_done, &extra), -EAGAIN);
	call_wait(ours, &calls[STORE_REQUESTS_MAX - 1]);
	for (int i = 0; i < STORE_REQUESTS_MAX; i++)
		assert_int_equal(calls[i].calls, 1);
	assert_int_equal(extra.calls, 0);
	assert_int_equal(call_get(ours).status, 0);
}

struct chained {
	struct call first, second;
	int accepted;
};

static void start_second(void *context, const struct store_result *result)
{
	struct chained *chained = context;

	call_done(&chained->first, result);
	chained->accepted = store_get(ours, call_done, &chained->second);
}

static void a_callback_may_start_a_request(void **state)
{
	struct chained chained = {.accepted = -1};

	(void)state;
	assert_int_equal(store_put_if(ours, 0, "first", 5, start_second, &chained), 0);
	call_wait(ours, &chained.second);
	assert_int_equal(chained.accepted, 0);
	assert_int_equal(chained.second.revision, chained.first.revision);
}

static void closing_cancels_what_is_left_and_takes_nothing_new(void **state)
{
	struct call put = {0};
	struct chained get = {.accepted = 0};

	(void)state;
	assert_int_equal(store_put_if(ours, 0, "first", 5, call_done, &put), 0);
	assert_int_equal(store_get(ours, start_second, &get), 0);
	store_close(ours);
	ours = NULL;
	assert_int_equal(put.calls, 1);
	assert_int_equal(put.status, -ECANCELED);
	assert_int_equal(get.first.status, -ECANCELED);
	assert_int_equal(get.accepted, -ECANCELED);
	assert_int_equal(get.second.calls, 0);
}

static void clusters_do_not_see_each_other(void **state)
{
	struct store *other;

	(void)state;
	assert_int_equal(open_cluster("other", &other), 0);
	put_text(ours, 0, "first");
	assert_int_equal(call_get(other).revision, 0);
	store_close(other);
}

struct watch {
	int calls;
	int status;
};

static void count_change(void *context, int status, const struct error *err)
{
	struct watch *watch = context;

	(void)err;
	watch->calls++;
	watch->status = status;
}

static void wait_for_change(struct store *store, const struct watch *watch, int more_than)
{
	uint64_t deadline = clock_now_ns() + UINT64_C(10000000000);

	while (watch->calls <= more_than && clock_now_ns() < deadline)
		store_wait(store, 100);
}

/* Takes in what is still on its way. */
static void settle(struct store *store)
{
	for (int i = 0; i < 5; i++)
		store_wait(store, 20);
}

static void a_watch_tells_of_every_change_by_another(void **state)
{
	struct watch watch = {0};
	uint64_t revision = 0;
	int before;

	(void)state;
	store_watch(ours, count_change, &watch);
	for (int i = 0; i < 3; i++) {
		before = watch.calls;
		revision = put_text(theirs, revision, "value");
		wait_for_change(ours, &watch, before);
		assert_true(watch.calls > before);
		assert_int_equal(watch.status, 0);
	}
	settle(ours);
	before = watch.calls;
	assert_int_equal(call_erase(theirs, revision).status, 0);
	wait_for_change(ours, &watch, before);
	assert_true(watch.calls > before);
}

static void a_watch_tells_of_our_own_change(void **state)
{
	struct watch watch = {0};

	(void)state;
	store_watch(ours, count_change, &watch);
	put_text(ours, 0, "value");
	wait_for_change(ours, &watch, 0);
	assert_true(watch.calls > 0);
}

static void a_watch_can_be_replaced_and_ended(void **state)
{
	struct watch first = {0}, second = {0};
	uint64_t revision;

	(void)state;
	store_watch(ours, count_change, &first);
	store_watch(ours, count_change, &second);
	revision = put_text(theirs, 0, "value");
	wait_for_change(ours, &second, 0);
	settle(ours);
	assert_int_equal(first.calls, 0);
	assert_true(second.calls > 0);
	store_watch(ours, NULL, NULL);
	second.calls = 0;
	put_text(theirs, revision, "value");
	settle(ours);
	assert_int_equal(second.calls, 0);
}

/* A loop that wakes up without a reason burns a processor. */
static void a_quiet_store_has_nothing_to_do(void **state)
{
	struct pollfd fd = {.fd = store_fd(ours), .events = POLLIN};

	(void)state;
	put_text(ours, 0, "value");
	settle(ours);
	assert_int_equal(poll(&fd, 1, 100), 0);
	assert_true(store_timeout_ms(ours) < 0 || store_timeout_ms(ours) >= 100);
}

/* One increment of a number kept in the store, by as many attempts as it takes. */
static int increment(struct store *store)
{
	for (;;) {
		struct call get = call_get(store), put;
		char text[32] = "0", next[32];

		if (get.status || get.len >= sizeof(text))
			return -1;
		memcpy(text, get.bytes, get.len);
		text[get.len ? get.len : 1] = '\0';
		(void)snprintf(next, sizeof(next), "%ld", strtol(text, NULL, 10) + 1);
		put = call_put(store, get.revision, next, strlen(next));
		if (put.status != -ESTALE)
			return put.status;
	}
}

static int increment_often(void)
{
	struct store *store;
	int rc = open_cluster("cluster", &store);

	for (int i = 0; i < ROUNDS && !rc; i++)
		rc = increment(store);
	if (!rc)
		store_close(store);
	return rc;
}

/* S4 */
static void two_processes_that_compete_lose_nothing(void **state)
{
	char expected[32];
	struct call get;
	pid_t children[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (children[i] == 0)
			_exit(increment_often() ? 1 : 0);
	}
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	(void)snprintf(expected, sizeof(expected), "%d", 2 * ROUNDS);
	get = call_get(ours);
	assert_int_equal(get.len, strlen(expected));
	assert_memory_equal(get.bytes, expected, get.len);
}

static void an_address_that_makes_no_sense_is_refused(void **state)
{
	struct store_config good = {
		.address = place->address(), .cluster = "cluster", .timeout_ms = 1000};
	struct store_config bad[] = {good, good, good, good};
	struct store *store = NULL;

	(void)state;
	bad[0].address = "nonsense:somewhere";
	bad[1].address = "";
	bad[2].cluster = "../up";
	bad[3].timeout_ms = 0;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {.text = ""};

		assert_int_equal(store_open(&bad[i], &store, &err), -EINVAL);
		assert_string_not_equal(err.text, "");
		assert_null(store);
	}
}

int store_conformance_run(const struct store_place *where)
{
	const struct CMUnitTest tests[] = {
		STORY(a_new_cluster_has_no_value_and_revision_0),
		STORY(what_one_puts_the_other_reads),
		STORY(a_put_that_expects_another_revision_changes_nothing),
		STORY(an_erased_value_is_gone),
		STORY(an_erase_that_expects_another_revision_changes_nothing),
		STORY(revisions_go_on_growing_after_an_erase),
		STORY(requests_that_make_no_sense_are_refused),
		STORY(any_bytes_up_to_the_limit_are_kept),
		STORY(no_callback_comes_from_within_a_request),
		STORY(too_many_requests_are_told_to_wait),
		STORY(a_callback_may_start_a_request),
		STORY(closing_cancels_what_is_left_and_takes_nothing_new),
		STORY(clusters_do_not_see_each_other),
		STORY(a_watch_tells_of_every_change_by_another),
		STORY(a_watch_tells_of_our_own_change),
		STORY(a_watch_can_be_replaced_and_ended),
		STORY(a_quiet_store_has_nothing_to_do),
		STORY(two_processes_that_compete_lose_nothing),
		STORY(an_address_that_makes_no_sense_is_refused),
	};

	place = where;
	return cmocka_run_group_tests_name(where->name, tests, NULL, NULL);
}
