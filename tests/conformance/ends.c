/* How links come to be refused, fail and end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hw/clock.h"
#include "tests/conformance/conformance.h"

/* Completions of a link that is failing. */
struct failing {
	uint64_t posted;
	uint64_t completed;
	unsigned int well;
	unsigned int first; /* failures that are not -ECANCELED */
	unsigned int canceled;
};

/* M2 and M4 for one completion. */
static void failing_take(struct failing *failing, const struct completion *done)
{
	assert_int_equal(done->cookie, failing->completed++);
	if (done->status == 0) {
		assert_int_equal(failing->first, 0);
		failing->well++;
	} else if (done->status == -ECANCELED) {
		assert_int_equal(failing->first, 1);
		failing->canceled++;
	} else {
		assert_true(done->status == -EIO || done->status == -ETIMEDOUT ||
			    done->status == -EACCES);
		assert_int_equal(failing->first, 0);
		failing->first++;
	}
}

/*
 * Goes on posting until the link refuses and everything has completed.  At the end it
 * must refuse every operation, for good, and have said what it is.
 */
static void failing_drain(
	struct fixture *fixture, struct link *link, struct failing *failing)
{
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;
	int rc = 0;

	while (rc != -ENOTCONN || failing->completed < failing->posted) {
		struct completion done[4];
		int count;

		rc = fixture->ops->fetch_add(link, 0, 1, failing->posted);
		assert_true(rc == 0 || rc == -EAGAIN || rc == -ENOTCONN);
		failing->posted += rc == 0;
		fixture_let_time_pass(fixture);
		assert_int_equal(fixture->ops->poll(link, done, 4, &count), 0);
		for (int i = 0; i < count; i++)
			failing_take(failing, &done[i]);
		if (clock_now_ns() > deadline)
			fail_msg("the link does not end: %llu of %llu completed",
				(unsigned long long)failing->completed,
				(unsigned long long)failing->posted);
	}
	assert_true(failing->canceled == 0 || failing->first == 1);
}

static void expect_ended(struct fixture *fixture, struct link *link)
{
	struct error err = {""};
	uint64_t word = 0;

	assert_int_equal(fixture->ops->fetch_add(link, 0, 1, 0), -ENOTCONN);
	assert_int_equal(fixture->ops->compare_swap(link, 0, 0, 1, 0), -ENOTCONN);
	assert_int_equal(fixture->ops->write(link, 0, &word, 8, 0), -ENOTCONN);
	assert_int_equal(fixture->ops->read(link, 0, &word, 8, 0), -ENOTCONN);
	assert_int_equal(fixture->ops->write_read(link, 0, 1, 8, &word, 0), -ENOTCONN);
	assert_int_equal(fixture->ops->state(link, &err), -ENOTCONN);
	assert_true(strlen(err.text) > 0);
	fixture_expect_idle(fixture, link);
}

static void broken_link_check(void **state, uint64_t in_flight)
{
	struct fixture *fixture = *state;
	struct failing failing = {0};

	story_needs(fixture->bed->break_link != NULL, "links of this kind can not fail");
	(void)fixture_add(fixture, 64, 1);
	for (; failing.posted < in_flight; failing.posted++)
		assert_int_equal(
			fixture->ops->fetch_add(fixture->link, 0, 1, failing.posted), 0);
	fixture->bed->break_link(fixture);
	failing_drain(fixture, fixture->link, &failing);
	expect_ended(fixture, fixture->link);
}

static void idle_link_that_breaks_refuses_from_then_on(void **state)
{
	broken_link_check(state, 0);
}

static void operation_in_flight_on_a_breaking_link_completes_once(void **state)
{
	broken_link_check(state, 1);
}

static void full_queue_of_a_breaking_link_completes_in_order(void **state)
{
	broken_link_check(state, FIXTURE_DEPTH);
}

static void effects_of_a_broken_link_are_within_what_it_reported(void **state)
{
	struct fixture *fixture = *state;
	struct failing failing = {0};
	uint64_t effects;

	story_needs(fixture->bed->break_link != NULL, "links of this kind can not fail");
	for (; failing.posted < FIXTURE_DEPTH; failing.posted++)
		assert_int_equal(
			fixture->ops->fetch_add(fixture->link, 0, 1, failing.posted), 0);
	fixture->bed->break_link(fixture);
	failing_drain(fixture, fixture->link, &failing);
	if (!fixture->memory)
		return; /* it broke by losing its owner */
	effects = fixture->ops->load(fixture->memory, 0);
	assert_in_range(effects, failing.well, failing.posted);
}

/* Each pair writes its place in the queue, from 1. */
static void pairs_in_flight_on_a_breaking_link_complete_once(void **state)
{
	uint64_t seen[FIXTURE_DEPTH], mark;
	struct fixture *fixture = *state;
	struct failing failing = {0};

	story_needs(fixture->bed->break_link != NULL, "links of this kind can not fail");
	for (; failing.posted < FIXTURE_DEPTH; failing.posted++)
		assert_int_equal(
			fixture->ops->write_read(fixture->link, 64, failing.posted + 1, 8,
				&seen[failing.posted], failing.posted),
			0);
	fixture->bed->break_link(fixture);
	failing_drain(fixture, fixture->link, &failing);
	expect_ended(fixture, fixture->link);
	mark = fixture->ops->load(fixture->memory, 64);
	assert_in_range(mark, failing.well < FIXTURE_DEPTH ? failing.well : FIXTURE_DEPTH,
		FIXTURE_DEPTH);
}

static void evicted_link_can_be_replaced_by_a_new_one(void **state)
{
	struct fixture *fixture = *state;
	struct link *link;

	story_needs(fixture->bed->can_evict, "the owner can not reach its peers");
	fixture->ops->evict(fixture->memory, FIXTURE_TOKEN);
	link = fixture_connect(fixture, fixture->peer, fixture->memory, 4, FIXTURE_TOKEN);
	assert_int_equal(fixture->ops->fetch_add(link, 0, 1, 3), 0);
	assert_int_equal(fixture_wait_well(fixture, link, 3), 0);
	fixture_disconnect(fixture, link);
}

static void withdrawn_memory_ends_its_links(void **state)
{
	struct fixture *fixture = *state;
	struct failing failing = {0};

	story_needs(
		fixture->bed->can_evict, "peers keep the bytes of a withdrawn memory");
	fixture_withdraw(fixture, fixture->memory);
	failing_drain(fixture, fixture->link, &failing);
	expect_ended(fixture, fixture->link);
}

static void withdrawn_memory_stays_with_its_peers(void **state)
{
	struct fixture *fixture = *state;

	story_needs(!fixture->bed->can_evict, "a withdrawn memory ends its links");
	fixture_withdraw(fixture, fixture->memory);
	assert_int_equal(fixture_add(fixture, 0, 1), 0);
	assert_int_equal(fixture_add(fixture, 0, 1), 1);
}

static void evicted_link_ends_and_others_go_on(void **state)
{
	struct fixture *fixture = *state;
	struct failing failing = {0};
	struct link *link;

	story_needs(fixture->bed->can_evict, "the owner can not reach its peers");
	link = fixture_connect(fixture, fixture->peer, fixture->memory, FIXTURE_DEPTH,
		FIXTURE_TOKEN + 1);
	(void)fixture_add(fixture, 64, 1);
	fixture->ops->evict(fixture->memory, FIXTURE_TOKEN);
	failing_drain(fixture, fixture->link, &failing);
	expect_ended(fixture, fixture->link);
	assert_int_equal(fixture->ops->fetch_add(link, 64, 1, 5), 0);
	assert_int_equal(fixture_wait_well(fixture, link, 5), 1);
	fixture_disconnect(fixture, link);
}

static void nothing_takes_effect_after_evict_has_returned(void **state)
{
	struct fixture *fixture = *state;

	story_needs(fixture->bed->can_evict, "the owner can not reach its peers");
	for (int round = 0; round < 10; round++) {
		struct link *link = fixture_connect(
			fixture, fixture->peer, fixture->memory, FIXTURE_DEPTH, 100);
		struct failing failing = {0};
		uint64_t word;

		for (; failing.posted < FIXTURE_DEPTH; failing.posted++)
			assert_int_equal(
				fixture->ops->fetch_add(link, 0, 1, failing.posted), 0);
		for (int i = 0; i < round; i++)
			fixture_let_time_pass(fixture);
		fixture->ops->evict(fixture->memory, 100);
		word = fixture->ops->load(fixture->memory, 0);
		failing_drain(fixture, link, &failing);
		fixture_disconnect(fixture, link);
		assert_int_equal(fixture->ops->load(fixture->memory, 0), word);
	}
}

struct gate {
	const struct memory *memory;
	uint64_t welcome;
	unsigned int asked;
};

static bool gate_ask(void *context, const struct memory *memory, uint64_t token)
{
	struct gate *gate = context;

	assert_ptr_equal(memory, gate->memory);
	gate->asked++;
	return token == gate->welcome;
}

static void owner_lets_in_whom_it_likes(void **state)
{
	struct fixture *fixture = *state;
	const char *address = fixture->ops->address(fixture->memory);
	struct gate gate = {.memory = fixture->memory, .welcome = UINT64_MAX - 5};
	struct link_config config = {.depth = 4, .token = 6};
	struct link *link = NULL;
	int rc;

	story_needs(fixture->bed->has_gate, "the owner is not asked");
	fixture->ops->admit(fixture->owner, gate_ask, &gate);
	rc = fixture_try_connect(fixture, fixture->peer, address, &config, &link);
	assert_true(rc == -EACCES || rc == -ECONNREFUSED);
	assert_int_equal(gate.asked, 1);
	link = fixture_connect(fixture, fixture->peer, fixture->memory, 4, gate.welcome);
	assert_int_equal(gate.asked, 2);
	assert_int_equal(fixture->ops->fetch_add(link, 0, 1, 0), 0);
	assert_int_equal(fixture_wait_well(fixture, link, 0), 0);
	fixture_disconnect(fixture, link);
	fixture->ops->admit(fixture->owner, NULL, NULL);
	config.token = 6;
	assert_int_equal(
		fixture_try_connect(fixture, fixture->peer, address, &config, &link), 0);
	fixture_disconnect(fixture, link);
}

static void text_that_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {"", " ", "pawl", "shm", "verbs ", "sim",
		"shm path=relative len=64", "shm path=/x len=-1",
		"sim node=1 memory=1 len=64 ", "sim node=99 memory=1 len=64",
		"verbs 0.0.0.0:0", "\xff\xfe", "%s%n%s"};
	struct fixture *fixture = *state;
	struct link_config config = {.depth = 4};
	char cut[MEMORY_ADDRESS_MAX], longer[4 * MEMORY_ADDRESS_MAX];
	struct link *link = NULL;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(fixture_try_connect(fixture, fixture->peer, texts[i],
					 &config, &link),
			-EINVAL);
	(void)snprintf(longer, sizeof(longer), "%s%0*d",
		fixture->ops->address(fixture->memory), 2 * MEMORY_ADDRESS_MAX, 0);
	assert_int_equal(
		fixture_try_connect(fixture, fixture->peer, longer, &config, &link),
		-EINVAL);
	(void)snprintf(cut, sizeof(cut), "%.6s", fixture->ops->address(fixture->memory));
	assert_int_equal(fixture_try_connect(fixture, fixture->peer, cut, &config, &link),
		-EINVAL);
	assert_null(link);
}

static void memory_that_is_gone_can_not_be_reached(void **state)
{
	struct fixture *fixture = *state;
	struct memory *memory = fixture_expose(fixture, FIXTURE_MEMORY);
	struct link_config config = {.depth = 4};
	char address[MEMORY_ADDRESS_MAX];
	struct link *link = NULL;
	int rc;

	(void)snprintf(address, sizeof(address), "%s", fixture->ops->address(memory));
	fixture_withdraw(fixture, memory);
	if (fixture->bed->forget)
		fixture->bed->forget();
	rc = fixture_try_connect(fixture, fixture->peer, address, &config, &link);
	assert_true(rc == -ENOENT || rc == -ECONNREFUSED || rc == -ETIMEDOUT ||
		    rc == -EACCES);
	assert_null(link);
}

static void memory_that_never_was_can_not_be_reached(void **state)
{
	struct fixture *fixture = *state;
	struct link_config config = {.depth = 4};
	struct link *link = NULL;
	int rc;

	story_needs(fixture->bed->unreachable != NULL, "no such address is known");
	rc = fixture_try_connect(
		fixture, fixture->peer, fixture->bed->unreachable, &config, &link);
	assert_true(rc == -ENOENT || rc == -ECONNREFUSED || rc == -ETIMEDOUT ||
		    rc == -EADDRNOTAVAIL);
	assert_null(link);
}

int conformance_ends(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		STORY(idle_link_that_breaks_refuses_from_then_on),
		STORY(operation_in_flight_on_a_breaking_link_completes_once),
		STORY(full_queue_of_a_breaking_link_completes_in_order),
		STORY(effects_of_a_broken_link_are_within_what_it_reported),
		STORY(pairs_in_flight_on_a_breaking_link_complete_once),
		STORY(evicted_link_can_be_replaced_by_a_new_one),
		STORY(withdrawn_memory_ends_its_links),
		STORY(withdrawn_memory_stays_with_its_peers),
		STORY(evicted_link_ends_and_others_go_on),
		STORY(nothing_takes_effect_after_evict_has_returned),
		STORY(owner_lets_in_whom_it_likes),
		STORY(text_that_is_no_address_is_refused),
		STORY(memory_that_is_gone_can_not_be_reached),
		STORY(memory_that_never_was_can_not_be_reached),
	};

	print_message("%s: ends\n", bed->name);
	return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}
