/* Memory of streams that takes long to make: everything else goes on meanwhile. */
#include "tests/unit/stream_host_ends.h"

#include <dirent.h>
#include <sys/resource.h>

#define CALL_NS (200 * NS_PER_MS) /* far more than any call may take */

static struct party party;
static struct hand hand;
static struct memory_ops slow_ops;

/* What is exposed waits while it is shut, or fails, and goes on as it is opened. */
enum gate {
	GATE_OPEN,
	GATE_SHUT,
	GATE_FAILS,
};
static _Atomic int gate;
static _Atomic int waiting;
static _Atomic int exposed; /* memories that were not withdrawn yet */

static int slow_expose(struct device *device, const struct memory_config *config,
	struct memory **memory_p, struct error *err)
{
	int rc;

	waiting++;
	while (gate == GATE_SHUT)
		(void)usleep(100);
	waiting--;
	if (gate == GATE_FAILS && strstr(config->pages.path, "-words"))
		return error_set(
			err, -ENOMEM, "verbs: card/1: 8 KiB of memory can not be pinned");
	rc = shm_memory_ops.expose(device, config, memory_p, err);
	if (rc)
		return rc;
	exposed++;
	return 0;
}

static unsigned int files(void)
{
	DIR *listing = opendir(party.directory);
	const struct dirent *entry;
	unsigned int count = 0;

	assert_non_null(listing);
	while ((entry = readdir(listing)) != NULL)
		count += strstr(entry->d_name, "pawl-") != NULL;
	(void)closedir(listing);
	return count;
}

static void begin(uint32_t count)
{
	struct stream_limits limits = limits_usual();

	slow_ops = shm_memory_ops;
	slow_ops.expose = slow_expose;
	gate = GATE_OPEN;
	exposed = 0;
	party.ops = &slow_ops;
	party_begin(&party, count, &limits);
}

static void end(void)
{
	gate = GATE_OPEN;
	hand_unlink(&hand);
	party_end(&party);
}

static void wait_shut(void)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	while (waiting == 0) {
		assert_true(clock_now_ns() < deadline_ns);
		(void)usleep(100);
	}
}

static void ask(uint32_t member, uint64_t epoch, uint64_t from, uint64_t base,
	uint32_t first, uint32_t last)
{
	struct stream_change change = change_of(
		&party, epoch, from, base, first, last, member);
	uint64_t since_ns = clock_now_ns();
	struct error err;

	assert_int_equal(
		stream_host_prepare(party.members[member].host, COUNTER, &change, &err),
		0);
	assert_true(clock_now_ns() - since_ns < CALL_NS);
}

/* The first error that looking tells. */
static int look_until_error(uint32_t member, struct error *err)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;
	int rc = 0;

	while (!rc) {
		assert_true(clock_now_ns() < deadline_ns);
		(void)usleep(100);
		rc = stream_host_look(party.members[member].host, err);
	}
	return rc;
}

static void loop_goes_on_while_memory_is_made(void **state)
{
	struct stream_addresses addresses;
	struct stream_status status;
	uint64_t since_ns, len;

	(void)state;
	begin(1);
	gate = GATE_SHUT;
	ask(0, 1, 0, 0, 0, 0);
	ask(0, 1, 0, 0, 0, 0); /* again: nothing */
	wait_shut();
	since_ns = clock_now_ns();
	for (int i = 0; i < 100; i++) {
		look(&party.members[0]);
		assert_false(stream_host_prepared(party.members[0].host, 1));
		assert_false(stream_host_addresses(
			party.members[0].host, COUNTER, &addresses));
		assert_true(stream_host_status(party.members[0].host, COUNTER, &status));
		assert_false(stream_host_asks(party.members[0].host));
		assert_false(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
		stream_host_admit(party.members[0].host, 7);
		stream_host_evict(party.members[0].host, 7);
	}
	assert_true(clock_now_ns() - since_ns < 10 * CALL_NS);
	assert_int_equal(waiting, 1);
	gate = GATE_OPEN;
	await_made(&party.members[0]);
	assert_int_equal(exposed, 3);
	assert_true(stream_host_prepared(party.members[0].host, 1));
	enter(&party, 1, 0, 0, 0);
	hand_begin(&hand, &party, 1);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	hand_publish(&hand, 100);
	end();
}

/* The next stream of the same thread is made while this one is published to. */
static void other_streams_of_the_thread_go_on(void **state)
{
	struct stream_change other;
	struct error err;

	(void)state;
	begin(1);
	change(&party, 1, 0, 0, 0, 0);
	hand_begin(&hand, &party, 1);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	assert_int_equal(stream_host_know(party.members[0].host, COUNTER + 1, "trades",
				 &party.limits, &err),
		0);
	other = change_of(&party, 1, 0, 0, 0, 0, 0);
	gate = GATE_SHUT;
	assert_int_equal(
		stream_host_prepare(party.members[0].host, COUNTER + 1, &other, &err), 0);
	wait_shut();
	hand_publish(&hand, 500);
	assert_false(stream_host_prepared(party.members[0].host, 1));
	gate = GATE_OPEN;
	await_made(&party.members[0]);
	assert_true(stream_host_prepared(party.members[0].host, 1));
	hand_publish(&hand, 100);
	end();
}

/* Epoch 2 is given up for 3 before the memory for it is there; of 2 nothing is left. */
static void change_that_comes_while_memory_is_made_goes_before(void **state)
{
	struct stream_addresses addresses;

	(void)state;
	begin(1);
	gate = GATE_SHUT;
	ask(0, 2, 0, 0, 0, 0);
	wait_shut();
	ask(0, 3, 0, 0, 0, 0);
	stream_host_retire(party.members[0].host, 2);
	gate = GATE_OPEN;
	wait_prepared(&party, 3, 0, 0);
	assert_true(stream_host_addresses(party.members[0].host, COUNTER, &addresses));
	assert_true(addresses.epoch == 3);
	assert_int_equal(files(), 3);
	enter(&party, 3, 0, 0, 0);
	hand_begin(&hand, &party, 1);
	hand_enter(&hand, &party, 3, 0, 0, 0);
	hand_publish(&hand, 100);
	end();
}

/* The log and the inbox stay for the next change, words of an epoch that is history do not. */
static void epoch_that_is_retired_while_memory_is_made_is_not_prepared(void **state)
{
	struct stream_addresses addresses;

	(void)state;
	begin(1);
	gate = GATE_SHUT;
	ask(0, 2, 0, 0, 0, 0);
	wait_shut();
	stream_host_retire(party.members[0].host, 2);
	gate = GATE_OPEN;
	await_made(&party.members[0]);
	assert_true(stream_host_addresses(party.members[0].host, COUNTER, &addresses));
	assert_true(addresses.epoch == 0);
	assert_int_equal(files(), 2);
	stream_host_enter(party.members[0].host, COUNTER, 2, NULL, WORD_OFFSET);
	assert_false(status_of(&party.members[0]).rate > 0);
	change(&party, 3, 0, 0, 0, 0);
	assert_int_equal(files(), 3);
	end();
}

/* The stream is so new that no member had a log of the epoch before: all begin it empty. */
static void stream_that_nobody_had_made_yet_begins_in_the_next_epoch(void **state)
{
	(void)state;
	begin(2);
	gate = GATE_SHUT;
	ask(0, 1, 0, 0, 0, 1);
	ask(1, 1, 0, 0, 0, 1);
	wait_shut();
	ask(0, 2, 1, 0, 0, 1);
	ask(1, 2, 1, 0, 0, 1);
	gate = GATE_OPEN;
	wait_prepared(&party, 2, 0, 1);
	enter(&party, 2, 0, 0, 1);
	hand_begin(&hand, &party, 1);
	hand_enter(&hand, &party, 2, 0, 0, 1);
	hand_publish(&hand, 100);
	end();
}

static void follower_becomes_a_member_while_its_memory_is_made(void **state)
{
	uint64_t len;

	(void)state;
	begin(2);
	change(&party, 1, 0, 0, 0, 0);
	hand_begin(&hand, &party, 1);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	hand_publish(&hand, 300);
	gate = GATE_SHUT;
	stream_host_follow(party.members[1].host, party.members[0].self, 1);
	wait_shut();
	assert_false(stream_host_followed(party.members[1].host));
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	ask(0, 2, 1, len, 0, 1);
	ask(1, 2, 1, len, 0, 1);
	stream_host_follow(
		party.members[1].host, party.members[0].self, 1); /* too late */
	gate = GATE_OPEN;
	wait_prepared(&party, 2, 0, 1);
	enter(&party, 2, len, 0, 1);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 2, len, 0, 1);
	hand_publish(&hand, 50);
	end();
}

static void stop_waits_for_what_is_being_made_and_leaves_nothing(void **state)
{
	(void)state;
	begin(2);
	gate = GATE_SHUT;
	ask(0, 1, 0, 0, 0, 0);
	wait_shut();
	gate = GATE_OPEN;
	member_stop(&party.members[0], false); /* logs would stay, if they were begun */
	assert_int_equal(files(), 0);
	ask(1, 1, 0, 0, 1, 1); /* not even begun, perhaps */
	member_stop(&party.members[1], true);
	assert_int_equal(files(), 0);
	end();
}

static void memory_that_can_not_be_pinned_is_one_line_and_leaves_nothing(void **state)
{
	struct error err;

	(void)state;
	begin(2);
	gate = GATE_FAILS;
	ask(0, 1, 0, 0, 0, 0);
	assert_int_equal(look_until_error(0, &err), -ENOMEM);
	assert_non_null(strstr(err.text, "can not be pinned"));
	assert_int_equal(files(), 0);
	assert_int_equal(stream_host_look(party.members[0].host, &err), 0); /* once */
	gate = GATE_OPEN;
	change(&party, 2, 0, 0, 0, 0); /* and there may be memory again */
	end();
}

/* It is no member, and would be filled when it joins: that is said, and nothing ends. */
static void follower_without_memory_goes_on_without(void **state)
{
	struct member *follower = &party.members[1];
	struct rlimit before, small;
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS;

	(void)state;
	begin(2);
	change(&party, 1, 0, 0, 0, 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){4096, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	stream_host_follow(follower->host, party.members[0].self, 1);
	while (follower->lines == 0 && clock_now_ns() < deadline_ns) {
		look(follower);
		(void)usleep(100);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(follower->lines, 1);
	assert_non_null(strstr(follower->line, "-s3-log"));
	assert_int_equal(files(), 3);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_goes_on_while_memory_is_made),
		cmocka_unit_test(other_streams_of_the_thread_go_on),
		cmocka_unit_test(change_that_comes_while_memory_is_made_goes_before),
		cmocka_unit_test(
			epoch_that_is_retired_while_memory_is_made_is_not_prepared),
		cmocka_unit_test(
			stream_that_nobody_had_made_yet_begins_in_the_next_epoch),
		cmocka_unit_test(follower_becomes_a_member_while_its_memory_is_made),
		cmocka_unit_test(stop_waits_for_what_is_being_made_and_leaves_nothing),
		cmocka_unit_test(
			memory_that_can_not_be_pinned_is_one_line_and_leaves_nothing),
		cmocka_unit_test(follower_without_memory_goes_on_without),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
