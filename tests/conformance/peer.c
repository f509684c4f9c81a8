#include "tests/conformance/peer.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"

#define MEET_SPINS 2000 /* before the processor is offered to others */

void *peer_shared_map(size_t len)
{
	void *shared = mmap(
		NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(shared, MAP_FAILED);
	return shared;
}

void peer_shared_unmap(void *shared, size_t len)
{
	assert_int_equal(munmap(shared, len), 0);
}

static int address_await(const struct peer *peer)
{
	uint64_t deadline = clock_now_ns() + FIXTURE_TIMEOUT_NS;

	while (!atomic_load(&peer->shared->ready)) {
		if (clock_now_ns() > deadline) {
			(void)fprintf(stderr, "peer: no address came\n");
			return -1;
		}
		(void)usleep(200);
	}
	return 0;
}

static int link_open(struct peer *peer)
{
	const struct memory_ops *ops = peer->bed->ops;
	struct link_config config = {
		.depth = FIXTURE_DEPTH, .token = 1000 + peer->number};
	struct error err = {""};

	if (peer->bed->open(false, &peer->device, &err) ||
		ops->connect(peer->device, peer->shared->address, &config, &peer->link,
			&err) ||
		link_wait_connected(peer->link, FIXTURE_TIMEOUT_NS, &err)) {
		(void)fprintf(stderr, "peer: %s\n", err.text);
		return -1;
	}
	return 0;
}

static int peer_main(struct peer *peer, peer_fn run)
{
	int rc;

	if (address_await(peer) || link_open(peer))
		return 1;
	rc = run(peer);
	peer->bed->ops->disconnect(peer->link);
	peer->bed->ops->close(peer->device);
	return rc != 0;
}

pid_t peer_start(const struct conformance_bed *bed, unsigned int number,
	struct peer_shared *shared, peer_fn run)
{
	struct peer peer = {.bed = bed, .shared = shared, .number = number};
	pid_t parent = getpid();
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(PEER_LIFE_S);
	if (getppid() != parent)
		_exit(1);
	_exit(peer_main(&peer, run));
}

void peer_serve(struct fixture *fixture, struct peer_shared *shared)
{
	fixture->owner = fixture_open(fixture, true);
	fixture->memory = fixture_expose(fixture, FIXTURE_MEMORY);
	(void)snprintf(shared->address, sizeof(shared->address), "%s",
		fixture->ops->address(fixture->memory));
	atomic_store(&shared->ready, 1);
}

void peer_wait(struct fixture *fixture, pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		fixture_let_time_pass(fixture);
		(void)usleep(200);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the peer failed or took longer than %d s (status %d)",
			PEER_LIFE_S, status);
}

int peer_wait_well(struct peer *peer)
{
	struct completion done;
	int rc = link_wait_completion(peer->link, FIXTURE_TIMEOUT_NS, &done);

	if (!rc)
		rc = done.status;
	if (rc)
		(void)fprintf(stderr, "peer: completion: %s\n", error_reason(rc));
	return rc ? -1 : 0;
}

int peer_add(struct peer *peer, uint64_t offset, uint64_t *old_p)
{
	struct completion done = {.status = 1};
	int rc = peer->bed->ops->fetch_add(peer->link, offset, 1, 0);

	if (!rc)
		rc = link_wait_completion(peer->link, FIXTURE_TIMEOUT_NS, &done);
	if (rc || done.status) {
		(void)fprintf(stderr, "peer: fetch_add: %s\n",
			error_reason(rc ? rc : done.status));
		return -1;
	}
	*old_p = done.value;
	return 0;
}

bool peer_meet(struct peer_shared *shared)
{
	uint32_t mine = atomic_fetch_add(&shared->arrived, 1);
	uint32_t all = (mine | 1) + 1; /* both have come when there is an even number */
	uint64_t deadline = 0;

	for (uint64_t spins = 1; (int32_t)(atomic_load(&shared->arrived) - all) < 0;
		spins++) {
		if (spins % MEET_SPINS)
			continue;
		(void)sched_yield();
		if (deadline == 0)
			deadline = clock_now_ns() + 3 * FIXTURE_TIMEOUT_NS;
		else if (clock_now_ns() > deadline)
			return false;
	}
	return true;
}
