#include "bench/cluster.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/keeper.h"

/* The keeper's own limits are shorter: it always answers, and it always ends. */
#define READY_TIMEOUT_MS 60000
#define END_TIMEOUT_MS 60000
#define LOOK_MS 20

static int keeper_fork(
	const char *transport, const char *device, struct cluster *c, struct error *err)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
		return error_set(err, -errno, "bench: no socket for the cluster: %s",
			error_reason(-errno));
	c->keeper = fork();
	if (c->keeper == 0) {
		(void)close(line[0]);
		keeper_run(line[1], transport, device);
	}
	(void)close(line[1]);
	c->line = line[0];
	if (c->keeper > 0)
		return 0;
	(void)close(c->line);
	return error_set(err, -errno, "bench: no process for the cluster: %s",
		error_reason(-errno));
}

/* What the keeper says first. */
static int word_await(
	struct cluster *c, const volatile sig_atomic_t *interrupted, struct error *err)
{
	struct keeper_word word;

	for (int waited = 0; waited < READY_TIMEOUT_MS; waited += LOOK_MS) {
		struct pollfd line = {.fd = c->line, .events = POLLIN};

		if (*interrupted)
			return error_set(err, -EINTR, "bench: interrupted");
		if (poll(&line, 1, LOOK_MS) <= 0)
			continue;
		if (recv(c->line, &word, sizeof(word), 0) != sizeof(word))
			return error_set(err, -ECHILD,
				"bench: the cluster's keeper ended early; run it again");
		if (word.rc) {
			*err = word.err;
			return word.rc;
		}
		(void)strcpy(c->where, word.where);
		return 0;
	}
	return error_set(err, -ETIMEDOUT, "bench: pawld was not ready within %d s",
		READY_TIMEOUT_MS / 1000);
}

int cluster_start(const char *transport, const char *device,
	const volatile sig_atomic_t *interrupted, struct cluster *cluster_p,
	struct error *err)
{
	struct cluster c = {0};
	struct error ignored;
	int rc = keeper_fork(transport, device, &c, err);

	if (rc)
		return rc;
	rc = word_await(&c, interrupted, err);
	if (rc) {
		(void)!cluster_stop(&c, &ignored);
		return rc;
	}
	*cluster_p = c;
	return 0;
}

int cluster_stop(struct cluster *c, struct error *err)
{
	int status = 0;

	(void)close(c->line);
	for (int waited = 0; waited < END_TIMEOUT_MS; waited += LOOK_MS) {
		if (waitpid(c->keeper, &status, WNOHANG) == c->keeper) {
			if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
				return 0;
			return error_set(err, -EIO,
				"bench: pawld did not end well: the keeper's status is "
				"%d; please report this",
				WEXITSTATUS(status));
		}
		(void)poll(NULL, 0, LOOK_MS);
	}
	return error_set(err, -EIO, "bench: pawld does not end; its keeper is process %d",
		(int)c->keeper);
}
