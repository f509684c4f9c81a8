#include "bench/etcd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/child.h"
#include "bench/store_costs.h"
#include "hw/clock.h"

#define READY_TIMEOUT_NS UINT64_C(30000000000)
#define LOOK_US 50000
#define NOT_INSTALLED 127
#define ARGUMENT_SIZE (PATH_MAX + 64)

/* A port of 127.0.0.1 that nobody has at the moment, or -1. */
static int port_find(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int port = -1;

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, len) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &len) == 0)
		port = ntohs(address.sin_port);
	(void)close(fd);
	return port;
}

static void __attribute__((noreturn))
etcd_run(const struct etcd *etcd, const char *directory, pid_t parent)
{
	static char data[ARGUMENT_SIZE], log[ARGUMENT_SIZE];
	char client[64], peer[64], arguments[5][160];
	char *argv[] = {(char *)"etcd", (char *)"--name=bench", data, arguments[0],
		arguments[1], arguments[2], arguments[3], arguments[4], NULL};
	int fd;

	child_bind(parent);
	(void)snprintf(log, sizeof(log), "%s/etcd.log", directory);
	(void)snprintf(data, sizeof(data), "--data-dir=%s/etcd", directory);
	(void)snprintf(client, sizeof(client), "http://127.0.0.1:%d", etcd->port);
	(void)snprintf(peer, sizeof(peer), "http://127.0.0.1:%d", etcd->peer_port);
	(void)snprintf(arguments[0], 160, "--listen-client-urls=%s", client);
	(void)snprintf(arguments[1], 160, "--advertise-client-urls=%s", client);
	(void)snprintf(arguments[2], 160, "--listen-peer-urls=%s", peer);
	(void)snprintf(arguments[3], 160, "--initial-advertise-peer-urls=%s", peer);
	(void)snprintf(arguments[4], 160, "--initial-cluster=bench=%s", peer);
	fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	(void)execvp("etcd", argv);
	_exit(NOT_INSTALLED);
}

void etcd_address(const struct etcd *etcd, char *text, size_t len)
{
	(void)snprintf(text, len, "etcd:http://127.0.0.1:%d/pawl-bench", etcd->port);
}

static int ended_early(int status, struct error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_INSTALLED)
		return error_set(err, -ENOENT,
			"bench: etcd: not installed; apt-get install etcd-server, or "
			"name one that runs: --store=etcd:URL/PREFIX");
	return error_set(err, -ECHILD,
		"bench: etcd: ended at once, with status %d; start one yourself and name "
		"it: --store=etcd:URL/PREFIX",
		WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

static int serving_await(struct etcd *etcd, struct error *err)
{
	uint64_t deadline = clock_now_ns() + READY_TIMEOUT_NS;
	char address[64];
	int status;

	etcd_address(etcd, address, sizeof(address));
	while (clock_now_ns() < deadline) {
		if (waitpid(etcd->pid, &status, WNOHANG) != 0) {
			etcd->pid = 0;
			return ended_early(status, err);
		}
		if (store_answers(address))
			return 0;
		(void)usleep(LOOK_US);
	}
	return error_set(err, -ETIMEDOUT,
		"bench: etcd: does not serve within %d s; is the disk too slow?",
		(int)(READY_TIMEOUT_NS / 1000000000));
}

int etcd_start(struct etcd *etcd, const char *directory, struct error *err)
{
	pid_t parent = getpid();
	int rc;

	*etcd = (struct etcd){.port = port_find(), .peer_port = port_find()};
	if (etcd->port < 0 || etcd->peer_port < 0)
		return error_set(err, -EADDRNOTAVAIL,
			"bench: etcd: there is no free port on 127.0.0.1");
	etcd->pid = fork();
	if (etcd->pid == 0)
		etcd_run(etcd, directory, parent);
	if (etcd->pid < 0) {
		etcd->pid = 0;
		return error_set(err, -errno, "bench: etcd: no process for it: %s",
			error_reason(-errno));
	}
	rc = serving_await(etcd, err);
	if (rc)
		etcd_stop(etcd);
	return rc;
}

void etcd_stop(struct etcd *etcd)
{
	if (etcd->pid <= 0)
		return;
	(void)kill(etcd->pid, SIGKILL);
	(void)waitpid(etcd->pid, NULL, 0);
	etcd->pid = 0;
}
