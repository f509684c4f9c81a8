/* Owner and peers in processes of their own. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"
#include "hw/fault/random.h"
#include "tests/conformance/peer.h"

#define HAMMERS 2

/* A byte per number, which must be counted up from 0 to 1 exactly once. */
struct hammer_shared {
	struct peer_shared peer;
	_Atomic unsigned char seen[];
};

static int hammer_run(struct peer *peer)
{
	struct hammer_shared *shared = (struct hammer_shared *)peer->shared;
	uint64_t number, last = 0;

	for (unsigned int i = 0; i < peer->bed->hammer_count; i++) {
		if (peer_add(peer, 64, &number))
			return -1;
		if (i > 0 && number <= last) {
			(void)fprintf(stderr, "peer: %llu after %llu\n",
				(unsigned long long)number, (unsigned long long)last);
			return -1;
		}
		if (number >= (uint64_t)HAMMERS * peer->bed->hammer_count ||
			atomic_fetch_add(&shared->seen[number], 1) != 0) {
			(void)fprintf(stderr, "peer: %llu is wrong or came twice\n",
				(unsigned long long)number);
			return -1;
		}
		last = number;
	}
	return 0;
}

static void processes_hammering_one_word_get_every_number_once(void **state)
{
	struct fixture *fixture = *state;
	size_t numbers = (size_t)HAMMERS * fixture->bed->hammer_count;
	struct hammer_shared *shared;
	pid_t pids[HAMMERS];
	int fd;

	story_needs(fixture->bed->has_processes, "all peers are in this process");
	shared = peer_shared_map(sizeof(*shared) + numbers, &fd);
	for (unsigned int i = 0; i < HAMMERS; i++)
		pids[i] = peer_start(fixture->bed, "hammer", i, fd);
	peer_serve(fixture, &shared->peer);
	for (unsigned int i = 0; i < HAMMERS; i++)
		peer_wait(fixture, pids[i]);
	assert_int_equal(fixture->ops->load(fixture->memory, 64), numbers);
	for (size_t i = 0; i < numbers; i++)
		assert_int_equal(shared->seen[i], 1);
	peer_shared_unmap(shared, sizeof(*shared) + numbers, fd);
}

/*
 * The race that the counter protocol rests on (M3; docs/protocol.md): the peer writes
 * its mark and then reads the state; the owner's processor stores the state and then loads
 * the mark.  Each round counts up both words.  Never may both sides see the old one.
 */
#define LITMUS_STATE 64	 /* offset of the owner's word */
#define LITMUS_MARK 1024 /* offset of the peer's write */

struct litmus_shared {
	struct peer_shared peer;
	size_t mark_len; /* bytes of the peer's write, the mark being its first word; */
			 /*    0: a word, by write_read */
	_Atomic uint64_t peer_saw;
};

/* Steps out of step with the other side, by a little, so that all overlaps are tried. */
static void dither(struct random *random)
{
	for (uint64_t i = random_below(random, 60); i > 0; i--)
		atomic_signal_fence(memory_order_seq_cst);
}

/* Marks the round and reads the state, and waits for both; 0 or -1. */
static int litmus_mark(struct peer *peer, uint64_t round, uint64_t *saw_p)
{
	struct litmus_shared *shared = (struct litmus_shared *)peer->shared;
	const struct memory_ops *ops = peer->bed->ops;
	uint64_t mark[8] = {round};
	int rc;

	if (shared->mark_len == 0)
		rc = ops->write_read(
			peer->link, LITMUS_MARK, round, LITMUS_STATE, saw_p, 0);
	else
		rc = ops->write(peer->link, LITMUS_MARK, mark, shared->mark_len, 0);
	if (!rc && shared->mark_len != 0)
		rc = ops->read(peer->link, LITMUS_STATE, saw_p, 8, 0);
	if (rc) {
		(void)fprintf(stderr, "peer: the mark and its read were refused\n");
		return -1;
	}
	if (shared->mark_len != 0 && peer_wait_well(peer))
		return -1;
	return peer_wait_well(peer);
}

static int litmus_run(struct peer *peer)
{
	struct litmus_shared *shared = (struct litmus_shared *)peer->shared;
	struct random random = {.state = 1};
	uint64_t saw = 0;

	for (uint64_t round = 1; round <= peer->bed->litmus_rounds; round++) {
		if (!peer_meet(peer->shared))
			return -1;
		dither(&random);
		if (litmus_mark(peer, round, &saw))
			return -1;
		atomic_store(&shared->peer_saw, saw);
		if (!peer_meet(peer->shared))
			return -1;
	}
	return 0;
}

/* The owner's half; connections are made while it waits for the first round. */
static void litmus_own(struct fixture *fixture, struct litmus_shared *shared)
{
	char *base = fixture->ops->base(fixture->memory);
	_Atomic uint64_t *state_word = (_Atomic uint64_t *)(void *)(base + LITMUS_STATE);
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;
	struct random random = {.state = 2};

	while (atomic_load(&shared->peer.arrived) == 0 && clock_now_ns() < deadline)
		fixture_let_time_pass(fixture);
	for (uint64_t round = 1; round <= fixture->bed->litmus_rounds; round++) {
		uint64_t owner_saw;

		assert_true(peer_meet(&shared->peer));
		dither(&random);
		(void)atomic_exchange(state_word, round);
		owner_saw = fixture->ops->load(fixture->memory, LITMUS_MARK);
		assert_true(peer_meet(&shared->peer));
		if (owner_saw < round && atomic_load(&shared->peer_saw) < round)
			fail_msg("in round %llu neither side saw the other's write",
				(unsigned long long)round);
	}
}

static void litmus_check(void **state, size_t mark_len)
{
	struct fixture *fixture = *state;
	struct litmus_shared *shared;
	pid_t pid;
	int fd;

	story_needs(fixture->bed->has_processes, "all peers are in this process");
	shared = peer_shared_map(sizeof(*shared), &fd);
	shared->mark_len = mark_len;
	pid = peer_start(fixture->bed, "litmus", 0, fd);
	peer_serve(fixture, &shared->peer);
	litmus_own(fixture, shared);
	peer_wait(fixture, pid);
	peer_shared_unmap(shared, sizeof(*shared), fd);
}

static void mark_and_seal_never_miss_each_other(void **state)
{
	litmus_check(state, 8);
}

static void longer_mark_and_seal_never_miss_each_other(void **state)
{
	litmus_check(state, 64);
}

static void mark_in_a_pair_and_seal_never_miss_each_other(void **state)
{
	litmus_check(state, 0);
}

/* Owns a memory until it is killed, or for as long as a process of ours may live. */
static int owner_run(struct peer *peer)
{
	struct fixture own = {.bed = peer->bed, .ops = peer->bed->ops};

	peer_serve(&own, peer->shared);
	while (usleep(100) == 0)
		fixture_let_time_pass(&own);
	return -1;
}

const struct peer_role peer_roles[] = {
	{.name = "hammer", .run = hammer_run},
	{.name = "litmus", .run = litmus_run},
	{.name = "owner", .is_owner = true, .run = owner_run},
	{.name = NULL},
};

static void expect_failure(struct fixture *fixture)
{
	struct completion done = {.status = 0};
	int rc = 0;

	while (rc == 0 && done.status == 0) {
		rc = fixture->ops->fetch_add(fixture->link, 0, 1, 0);
		if (rc == 0)
			done = fixture_wait(fixture, fixture->link);
	}
	if (rc == 0)
		assert_true(done.status == -EIO || done.status == -ETIMEDOUT ||
			    done.status == -EACCES);
	else
		assert_int_equal(rc, -ENOTCONN);
	assert_int_equal(fixture->ops->state(fixture->link, NULL), -ENOTCONN);
}

static void expect_bytes_live_on(struct fixture *fixture)
{
	assert_int_equal(fixture_add(fixture, 0, 1), 1);
	assert_int_equal(fixture_add(fixture, 0, 1), 2);
}

static void killed_owner_is_noticed_or_leaves_its_bytes(void **state)
{
	struct fixture *fixture = *state;
	struct link_config config = {.depth = FIXTURE_DEPTH, .token = FIXTURE_TOKEN};
	struct peer_shared *shared;
	pid_t pid;
	int fd, rc;

	story_needs(fixture->bed->has_processes, "all peers are in this process");
	shared = peer_shared_map(sizeof(*shared), &fd);
	pid = peer_start(fixture->bed, "owner", 0, fd);
	fixture->peer = fixture_open(fixture, false);
	for (int tries = 0; !atomic_load(&shared->ready) && tries < 2000; tries++)
		(void)usleep(10000);
	rc = fixture_try_connect(
		fixture, fixture->peer, shared->address, &config, &fixture->link);
	if (rc == 0)
		assert_int_equal(fixture_add(fixture, 0, 1), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(rc, 0);
	if (fixture->bed->dies_with_owner)
		expect_failure(fixture);
	else
		expect_bytes_live_on(fixture);
	peer_shared_unmap(shared, sizeof(*shared), fd);
}

int conformance_processes(const struct conformance_bed *bed)
{
	const struct CMUnitTest tests[] = {
		BARE_STORY(processes_hammering_one_word_get_every_number_once),
		BARE_STORY(mark_and_seal_never_miss_each_other),
		BARE_STORY(longer_mark_and_seal_never_miss_each_other),
		BARE_STORY(mark_in_a_pair_and_seal_never_miss_each_other),
		BARE_STORY(killed_owner_is_noticed_or_leaves_its_bytes),
	};

	print_message("%s: processes\n", bed->name);
	return cmocka_run_group_tests_name("processes", tests, NULL, NULL);
}
