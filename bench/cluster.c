#include "bench/cluster.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/keeper.h"
#include "hw/clock.h"

/* The keeper's own limits are shorter: it always answers, and it always ends. */
#define WORD_TIMEOUT_NS UINT64_C(240000000000)
#define END_TIMEOUT_NS UINT64_C(120000000000)
#define LOOK_MS 20

static int keeper_fork(
	const struct cluster_plan *plan, struct cluster *c, struct error *err)
{
	int line[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line))
		return error_set(err, -errno, "bench: no socket for the cluster: %s",
			error_reason(-errno));
	c->keeper = fork();
	if (c->keeper == 0) {
		(void)close(line[0]);
		keeper_run(line[1], plan);
	}
	(void)close(line[1]);
	c->line = line[0];
	if (c->keeper > 0)
		return 0;
	(void)close(c->line);
	return error_set(err, -errno, "bench: no process for the cluster: %s",
		error_reason(-errno));
}

/* The keeper's next message, which has exactly @len bytes. */
static int line_receive(struct cluster *c, void *bytes, size_t len, struct error *err)
{
	uint64_t deadline = clock_now_ns() + WORD_TIMEOUT_NS;

	while (clock_now_ns() < deadline) {
		struct pollfd line = {.fd = c->line, .events = POLLIN};

		if (*c->interrupted)
			return error_set(err, -EINTR, "bench: interrupted");
		if (poll(&line, 1, LOOK_MS) <= 0)
			continue;
		if (recv(c->line, bytes, len, 0) == (ssize_t)len)
			return 0;
		return error_set(err, -ECHILD,
			"bench: the cluster's keeper ended early; run it again");
	}
	return error_set(err, -ETIMEDOUT,
		"bench: the cluster's keeper does not answer within %d s",
		(int)(WORD_TIMEOUT_NS / 1000000000));
}

/* What the keeper says first. */
static int word_await(struct cluster *c, struct error *err)
{
	struct keeper_word word;
	int rc = line_receive(c, &word, sizeof(word), err);

	if (rc)
		return rc;
	if (word.rc) {
		*err = word.err;
		return word.rc;
	}
	(void)strcpy(c->where, word.where);
	c->costs = word.costs;
	memcpy(c->replica_pids, word.replica_pids, sizeof(c->replica_pids));
	c->etcd_pid = word.etcd_pid;
	c->etcd_port = word.etcd_port;
	return 0;
}

int cluster_start(const struct cluster_plan *plan,
	const volatile sig_atomic_t *interrupted, struct cluster *cluster_p,
	struct error *err)
{
	struct cluster c = {.interrupted = interrupted};
	struct error ignored;
	int rc = keeper_fork(plan, &c, err);

	if (rc)
		return rc;
	rc = word_await(&c, err);
	if (rc) {
		(void)!cluster_stop(&c, &ignored);
		return rc;
	}
	*cluster_p = c;
	return 0;
}

static int order(struct cluster *c, enum keeper_order_kind kind, unsigned int replica,
	struct keeper_answer *answer_p, struct error *err)
{
	struct keeper_order told = {.kind = kind, .replica = replica};
	int rc;

	if (send(c->line, &told, sizeof(told), MSG_NOSIGNAL) != sizeof(told))
		return error_set(err, -ECHILD,
			"bench: the cluster's keeper ended early; run it again");
	rc = line_receive(c, answer_p, sizeof(*answer_p), err);
	if (!rc && answer_p->rc) {
		*err = answer_p->err;
		rc = answer_p->rc;
	}
	return rc;
}

int cluster_kill(
	struct cluster *c, unsigned int replica, uint64_t *killed_ns_p, struct error *err)
{
	struct keeper_answer answer;
	int rc = order(c, KEEPER_KILL, replica, &answer, err);

	if (!rc)
		*killed_ns_p = answer.killed_ns;
	return rc;
}

int cluster_restart(struct cluster *c, unsigned int replica, struct error *err)
{
	struct keeper_answer answer;

	return order(c, KEEPER_RESTART, replica, &answer, err);
}

int cluster_stop(struct cluster *c, struct error *err)
{
	uint64_t deadline = clock_now_ns() + END_TIMEOUT_NS;
	int status = 0;

	(void)close(c->line);
	while (clock_now_ns() < deadline) {
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

int cluster_use(const struct cluster_plan *plan, const volatile sig_atomic_t *interrupted,
	int (*work)(struct cluster *cluster, const void *context, struct error *err),
	const void *context, struct error *err)
{
	struct cluster cluster;
	struct error stop_err;
	int rc = cluster_start(plan, interrupted, &cluster, err);
	int stop_rc;

	if (rc)
		return rc;
	rc = work(&cluster, context, err);
	stop_rc = cluster_stop(&cluster, &stop_err);
	if (stop_rc && !rc) {
		*err = stop_err;
		return stop_rc;
	}
	return rc;
}
