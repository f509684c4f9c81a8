#include "tests/conformance/peer.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"

#define MEET_SPINS 2000 /* before the processor is offered to others */

static void *shared_attach(int fd, size_t len)
{
	return mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

void *peer_shared_map(size_t len, int *fd_p)
{
	int fd = memfd_create("pawl-conformance", MFD_CLOEXEC);
	void *shared;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	shared = shared_attach(fd, len);
	assert_ptr_not_equal(shared, MAP_FAILED);
	*fd_p = fd;
	return shared;
}

void peer_shared_unmap(void *shared, size_t len, int fd)
{
	assert_int_equal(munmap(shared, len), 0);
	assert_int_equal(close(fd), 0);
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

static int role_run(struct peer *peer, const struct peer_role *role)
{
	int rc;

	if (role->is_owner)
		return role->run(peer) != 0;
	if (address_await(peer) || link_open(peer))
		return 1;
	rc = role->run(peer);
	peer->bed->ops->disconnect(peer->link);
	peer->bed->ops->close(peer->device);
	return rc != 0;
}

/* In the child of a fork: becomes this program in a role, or ends. */
static _Noreturn void role_become(
	const struct conformance_bed *bed, const char *role, unsigned int number, int fd)
{
	char number_text[16], fd_text[16];

	(void)snprintf(number_text, sizeof(number_text), "%u", number);
	(void)snprintf(fd_text, sizeof(fd_text), "%d", fd);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fcntl(fd, F_SETFD, 0) == 0)
		(void)execl("/proc/self/exe", "conformance", "peer", bed->name, role,
			number_text, fd_text, (char *)NULL);
	_exit(1);
}

pid_t peer_start(
	const struct conformance_bed *bed, const char *role, unsigned int number, int fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		role_become(bed, role, number, fd);
	return pid;
}

int peer_main(const struct conformance_bed *beds, char **arguments)
{
	const struct peer_role *role = peer_roles;
	struct peer peer = {.bed = beds, .number = (unsigned int)atoi(arguments[2])};
	int fd = atoi(arguments[3]);
	struct stat status;

	while (peer.bed->name && strcmp(peer.bed->name, arguments[0]) != 0)
		peer.bed++;
	while (role->name && strcmp(role->name, arguments[1]) != 0)
		role++;
	if (!peer.bed->name || !role->name || fstat(fd, &status) != 0)
		return 2;
	peer.shared = shared_attach(fd, (size_t)status.st_size);
	if (peer.shared == MAP_FAILED || (peer.bed->begin && peer.bed->begin() != 0))
		return 2;
	(void)alarm(PEER_LIFE_S);
	return role_run(&peer, role);
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
