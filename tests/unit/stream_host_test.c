/* The streams of replicas, served by their threads over shared memory. */
#include "tests/unit/stream_host_ends.h"

static struct party party;
static struct hand hand;
static struct eye eye;

static void begin_limited(uint32_t members, uint64_t hole_timeout_ns)
{
	struct stream_limits limits = limits_usual();

	limits.hole_timeout_ns = hole_timeout_ns;
	party_begin(&party, members, &limits);
	hand_begin(&hand, &party, 1);
}

static void begin(uint32_t members)
{
	begin_limited(members, HOLE_NS);
}

static void end(void)
{
	hand_unlink(&hand);
	eye_close(&eye);
	party_end(&party);
}

/* A new stream in epoch 1, of so many members. */
static void serve(uint32_t members)
{
	begin(members);
	change(&party, 1, 0, 0, 0, members - 1);
	hand_enter(&hand, &party, 1, 0, 0, members - 1);
}

static void chain_of_one_acknowledges_and_delivers(void **state)
{
	(void)state;
	serve(1);
	eye_begin(&eye, &party, 0);
	for (int i = 0; i < 50; i++) {
		hand_publish(&hand, 200);
		eye_look(&eye);
	}
	eye_await(&eye, 10000);
	assert_true(eye.voids == 0);
	assert_true(status_of(&party.members[0]).counts.accepted == 10000);
	end();
}

static void position_that_nobody_writes_becomes_a_void(void **state)
{
	struct hand other;

	(void)state;
	begin_limited(1, 20 * NS_PER_MS);
	change(&party, 1, 0, 0, 0, 0);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	eye_begin(&eye, &party, 0);
	hand_begin(&other, &party, 2);
	hand_enter(&other, &party, 1, 0, 0, 0);
	hand_pump(&other); /* resolves */
	other.withholds = true;
	assert_true(hand_submit(&other));
	hand_pump(&other);
	assert_true(other.machine.drawn == 1);
	hand_publish(&hand, 10);
	eye_await(&eye, 10);
	assert_true(eye.voids == 1);
	assert_true(status_of(&party.members[0]).counts.holes == 1);
	other.withholds = false;
	hand_publish(&other, 0); /* met the void, and comes again */
	while (other.acked == 0)
		hand_pump(&other);
	eye_await(&eye, 11);
	hand_unlink(&other);
	end();
}

static void chains(uint32_t members)
{
	serve(members);
	eye_begin(&eye, &party, members - 1);
	for (int i = 0; i < 20; i++) {
		hand_publish(&hand, 250);
		eye_look(&eye);
	}
	eye_await(&eye, 5000);
	eye_begin(&eye, &party, 0); /* the head knows what is committed, soon */
	eye.machine.next = 4901;
	eye.newest[1] = 4900;
	eye_await(&eye, 100);
	assert_true(status_of(&party.members[0]).runs > 0);
	/* A run is two writes at most, where the ring ends. */
	assert_true(status_of(&party.members[0]).writes <=
		    status_of(&party.members[0]).runs + 5);
	end();
}

static void chain_of_two_forwards_and_commits(void **state)
{
	(void)state;
	chains(2);
}

static void chain_of_three_forwards_and_commits(void **state)
{
	(void)state;
	chains(3);
}

static void nothing_is_acknowledged_until_the_tail_has_it(void **state)
{
	uint64_t deadline_ns;

	(void)state;
	begin(2);
	prepare(&party, 1, 0, 0, 0, 1);
	stream_host_enter(party.members[0].host, COUNTER, 1, party.members[0].region,
		WORD_OFFSET); /* the tail has not heard yet */
	hand_enter(&hand, &party, 1, 0, 0, 1);
	hand_pump(&hand);
	assert_true(hand_submit(&hand));
	deadline_ns = clock_now_ns() + WAIT_NS;
	while (status_of(&party.members[0]).end < 1) {
		assert_true(clock_now_ns() < deadline_ns);
		hand_pump(&hand);
		(void)usleep(100);
	}
	hand_pump(&hand);
	assert_true(hand.acked == 0);
	assert_true(stream_host_asks(party.members[0].host));
	enter(&party, 1, 1, 0, 1);
	while (hand.acked == 0)
		hand_pump(&hand);
	assert_false(stream_host_asks(party.members[0].host));
	assert_false(stream_host_asks(party.members[1].host));
	end();
}

static void sealed_log_does_not_grow_and_tells_its_length(void **state)
{
	uint64_t len, again;

	(void)state;
	serve(1);
	hand_publish(&hand, 100);
	assert_false(stream_host_seal(party.members[0].host, COUNTER, 2, &len));
	assert_true(len == 0);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	assert_true(len == 100);
	assert_true(hand_submit(&hand));
	for (int i = 0; i < 50; i++) {
		hand_pump(&hand);
		(void)usleep(100);
	}
	assert_true(hand.acked == 100);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &again));
	assert_true(again == 100);
	/* An epoch that is sealed is not entered again. */
	stream_host_enter(
		party.members[0].host, COUNTER, 1, party.members[0].region, WORD_OFFSET);
	(void)usleep(5000);
	assert_true(status_of(&party.members[0]).end == 100);
	end();
}

static void epoch_that_was_sealed_before_it_was_entered_does_not_begin(void **state)
{
	uint64_t len;

	(void)state;
	begin_limited(1, NS_PER_MS);
	prepare(&party, 1, 0, 0, 0, 0);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	assert_true(len == 0);
	enter(&party, 1, 5, 0, 0); /* positions are drawn, and would become voids */
	(void)usleep(5000);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	hand_pump(&hand);
	assert_true(hand_submit(&hand));
	for (int i = 0; i < 50; i++) {
		hand_pump(&hand);
		(void)usleep(100);
	}
	assert_true(status_of(&party.members[0]).end == 0);
	end();
}

static void replica_outside_the_chain_copies_while_the_stream_runs(void **state)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_NS, len;

	(void)state;
	begin(2);
	change(&party, 1, 0, 0, 0, 0);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	hand_publish(&hand, 600);
	stream_host_follow(party.members[1].host, party.members[0].self, 1);
	await_made(&party.members[1]);
	tell_all(&party);
	hand_publish(&hand, 200);
	while (status_of(&party.members[1]).end < 800) {
		assert_true(clock_now_ns() < deadline_ns);
		(void)usleep(1000);
	}
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	prepare(&party, 2, 1, len, 0, 1); /* and has nothing left to fill */
	assert_true(stream_host_prepared(party.members[1].host, 2));
	enter(&party, 2, len, 0, 1);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 2, len, 0, 1);
	hand_publish(&hand, 50);
	end();
}

/* The chain of epoch 1 without its head, in epoch 2. */
static uint64_t take_over(uint32_t first, uint32_t last)
{
	uint64_t base = 0;

	for (uint32_t i = first; i <= last; i++) {
		uint64_t len;

		assert_true(stream_host_seal(party.members[i].host, COUNTER, 1, &len));
		base = len > base ? len : base;
	}
	change(&party, 2, 1, base, first, last);
	for (uint32_t i = first; i <= last; i++)
		stream_host_retire(party.members[i].host, 1);
	return base;
}

static void head_is_lost_and_nothing_else(void **state)
{
	uint64_t base;

	(void)state;
	serve(3);
	eye_begin(&eye, &party, 2);
	hand_publish(&hand, 500);
	for (int i = 0; i < 100; i++)
		(void)hand_submit(&hand);
	hand_pump(&hand);
	member_stop(&party.members[0], true);
	eye_look(&eye);
	stream_publisher_on_lost(&hand.machine);
	base = take_over(1, 2);
	assert_true(base >= 500);
	hand_enter(&hand, &party, 2, base, 1, 2);
	eye_attach(&eye, &party, 2);
	hand_publish(&hand, 500);
	eye_await(&eye, 1100);
	end();
}

static void change_without_filling_is_prepared_at_once(void **state)
{
	uint64_t len;

	(void)state;
	serve(2);
	hand_publish(&hand, 300);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	assert_true(stream_host_seal(party.members[1].host, COUNTER, 1, &len));
	prepare(&party, 2, 1, len, 0, 1);
	assert_true(stream_host_prepared(party.members[0].host, 2));
	assert_true(stream_host_prepared(party.members[1].host, 2));
	end();
}

static void joiner_is_filled_from_a_member(void **state)
{
	uint64_t len;

	(void)state;
	begin(2);
	change(&party, 1, 0, 0, 0, 0);
	hand_enter(&hand, &party, 1, 0, 0, 0);
	hand_publish(&hand, 3000); /* more than the ring has */
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	change(&party, 2, 1, len, 0, 1);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 2, len, 0, 1);
	eye_begin(&eye, &party, 1);
	eye.machine.next = 2500;
	eye.newest[1] = 2499;
	hand_publish(&hand, 100);
	eye_await(&eye, 601);
	end();
}

/* A source is tried again in milliseconds, for as long as nobody has the log that is wanted. */
static void log_that_nobody_has_is_complained_of_once_with_the_streams_name(void **state)
{
	struct member *joiner = &party.members[1];
	uint64_t len, until_ns;

	(void)state;
	begin(2);
	change(&party, 1, 0, 0, 0, 0);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	prepare(&party, 3, 2, 100, 1, 1); /* epoch 2 was another chain's */
	until_ns = clock_now_ns() + WAIT_NS;
	while (joiner->lines == 0) {
		assert_true(clock_now_ns() < until_ns);
		tell_all(&party);
		look(joiner);
	}
	assert_ptr_equal(strstr(joiner->line, "stream: orders: fill: "), joiner->line);
	until_ns = clock_now_ns() + 100 * NS_PER_MS; /* twenty tries */
	while (clock_now_ns() < until_ns)
		look(joiner);
	assert_int_equal(joiner->lines, 1);
	assert_false(stream_host_prepared(joiner->host, 3));
	end();
}

/* The change to epoch 2 never becomes active, and 3 follows 1 as well. */
static void change_that_is_given_up_leaves_the_log_as_it_was(void **state)
{
	uint64_t len, again;

	(void)state;
	serve(2);
	hand_publish(&hand, 300);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	assert_true(stream_host_seal(party.members[1].host, COUNTER, 1, &len));
	prepare(&party, 2, 1, len, 0, 1);
	assert_true(stream_host_seal(party.members[1].host, COUNTER, 1, &again));
	assert_true(again == len);
	prepare(&party, 3, 1, len, 0, 1);
	assert_false(stream_host_prepared(party.members[0].host, 2) &&
		     !stream_host_prepared(party.members[0].host, 3));
	wait_prepared(&party, 3, 0, 1);
	enter(&party, 3, len, 0, 1);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 3, len, 0, 1);
	hand_publish(&hand, 50);
	end();
}

static void log_of_an_earlier_life_is_adopted(void **state)
{
	struct error err;
	uint64_t len;

	(void)state;
	serve(2);
	hand_publish(&hand, 700);
	member_stop(&party.members[1], false);
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	assert_true(len == 700);
	member_start_as(&party, 1, 2000);
	assert_int_equal(stream_host_adopt(party.members[1].host, COUNTER, &err), 0);
	stream_host_clean(party.members[1].host);
	assert_true(stream_host_seal(party.members[1].host, COUNTER, 1, &len));
	assert_true(len == 700);
	member_stop(&party.members[0], true);
	change(&party, 2, 1, len, 1, 1);
	stream_publisher_on_lost(&hand.machine);
	hand_enter(&hand, &party, 2, len, 1, 1);
	eye_begin(&eye, &party, 1);
	hand_publish(&hand, 100);
	eye_await(&eye, 800);
	end();
}

static void log_of_a_life_that_lives_is_not_adopted(void **state)
{
	struct member other;
	struct error err;

	(void)state;
	serve(1);
	other = party.members[0];
	member_start_as(&party, 0, 2000);
	assert_int_equal(stream_host_adopt(party.members[0].host, COUNTER, &err), -EBUSY);
	assert_non_null(strstr(err.text, "another process serves from this log"));
	member_stop(&other, true);
	assert_int_equal(
		stream_host_adopt(party.members[0].host, COUNTER, &err), -ENOENT);
	end();
}

static void log_that_is_damaged_is_not_adopted(void **state)
{
	struct stream_addresses at;
	struct error err;
	FILE *file;

	(void)state;
	serve(1);
	hand_publish(&hand, 700);
	assert_true(stream_host_addresses(party.members[0].host, COUNTER, &at));
	member_stop(&party.members[0], false);
	file = fopen(at.log_path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 64 + 64 + 5 * SLOT_LEN + 50, SEEK_SET), 0);
	assert_int_equal(fputc(0xff, file), 0xff);
	assert_int_equal(fclose(file), 0);
	member_start_as(&party, 0, 2000);
	assert_int_equal(
		stream_host_adopt(party.members[0].host, COUNTER, &err), -EUCLEAN);
	assert_false(stream_host_addresses(party.members[0].host, COUNTER, &at));
	stream_host_clean(party.members[0].host);
	end();
}

/* Messages from a head that was retired, but writes on, do not reach the successor's new words. */
static void words_are_fresh_in_every_epoch(void **state)
{
	struct stream_addresses before, after;
	uint64_t len;

	(void)state;
	serve(2);
	hand_publish(&hand, 100);
	assert_true(stream_host_addresses(party.members[1].host, COUNTER, &before));
	assert_true(stream_host_seal(party.members[1].host, COUNTER, 1, &len));
	assert_true(stream_host_seal(party.members[0].host, COUNTER, 1, &len));
	change(&party, 2, 1, len, 0, 1);
	assert_true(stream_host_addresses(party.members[1].host, COUNTER, &after));
	assert_string_not_equal(before.words, after.words);
	assert_string_equal(before.log, after.log);
	assert_string_equal(before.inbox, after.inbox);
	assert_int_not_equal(access(before.words_path, F_OK), 0);
	end();
}

static void memory_that_is_full_is_an_error_and_leaves_nothing(void **state)
{
	struct stream_limits limits = limits_usual();
	struct stream_change change;
	struct stream_addresses none;
	uint64_t deadline_ns;
	struct error err;
	int rc;

	(void)state;
	limits.slots = STREAM_RING_MAX;
	limits.slot_len = 4096; /* 64 GiB */
	party_begin(&party, 1, &limits);
	change = change_of(&party, 1, 0, 0, 0, 0, 0);
	assert_int_equal(
		stream_host_prepare(party.members[0].host, COUNTER, &change, &err), 0);
	deadline_ns = clock_now_ns() + WAIT_NS;
	while ((rc = stream_host_look(party.members[0].host, &err)) == 0) {
		assert_true(clock_now_ns() < deadline_ns);
		(void)usleep(100);
	}
	assert_int_equal(rc, -ENOSPC);
	assert_non_null(strstr(err.text, "-log"));
	assert_false(stream_host_addresses(party.members[0].host, COUNTER, &none));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain_of_one_acknowledges_and_delivers),
		cmocka_unit_test(position_that_nobody_writes_becomes_a_void),
		cmocka_unit_test(chain_of_two_forwards_and_commits),
		cmocka_unit_test(chain_of_three_forwards_and_commits),
		cmocka_unit_test(nothing_is_acknowledged_until_the_tail_has_it),
		cmocka_unit_test(sealed_log_does_not_grow_and_tells_its_length),
		cmocka_unit_test(
			epoch_that_was_sealed_before_it_was_entered_does_not_begin),
		cmocka_unit_test(replica_outside_the_chain_copies_while_the_stream_runs),
		cmocka_unit_test(head_is_lost_and_nothing_else),
		cmocka_unit_test(change_without_filling_is_prepared_at_once),
		cmocka_unit_test(joiner_is_filled_from_a_member),
		cmocka_unit_test(
			log_that_nobody_has_is_complained_of_once_with_the_streams_name),
		cmocka_unit_test(change_that_is_given_up_leaves_the_log_as_it_was),
		cmocka_unit_test(log_of_an_earlier_life_is_adopted),
		cmocka_unit_test(log_of_a_life_that_lives_is_not_adopted),
		cmocka_unit_test(log_that_is_damaged_is_not_adopted),
		cmocka_unit_test(words_are_fresh_in_every_epoch),
		cmocka_unit_test(memory_that_is_full_is_an_error_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
