#include "client/command/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hw/clock.h"

#define LOOK_MS 20

/* An abstract address: it vanishes with the socket. */
static int notify_open(char *name, size_t len, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int text_len;

	text_len = snprintf(name, len, "@pawl-up-%d-%llu", (int)getpid(),
		(unsigned long long)clock_now_ns());
	memcpy(address.sun_path, name, (size_t)text_len);
	address.sun_path[0] = '\0';
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address,
			       (socklen_t)offsetof(struct sockaddr_un, sun_path) +
				       (socklen_t)text_len) == 0)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	return error_set(err, -errno, "pawl: no socket to hear from pawld: %s",
		error_reason(-errno));
}

/* Beside this program if it is there, else wherever PATH finds it. */
static void program_find(char *path, size_t len)
{
	char own[PATH_MAX];
	ssize_t own_len = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	(void)snprintf(path, len, "pawld");
	if (own_len <= 0)
		return;
	own[own_len] = '\0';
	slash = strrchr(own, '/');
	*slash = '\0';
	if ((size_t)snprintf(path, len, "%s/pawld", own) >= len ||
		access(path, X_OK) != 0)
		(void)snprintf(path, len, "pawld");
}

static void __attribute__((noreturn)) child_run(char **argv, const char *program,
	const char *notify_name, int output, enum daemon_session session)
{
	int null = open("/dev/null", O_RDWR);

	if (session == DAEMON_OWN_SESSION)
		(void)setsid();
	else
		(void)setpgid(0, 0);
	(void)setenv("NOTIFY_SOCKET", notify_name, 1);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(output, STDOUT_FILENO);
	(void)dup2(output, STDERR_FILENO);
	argv[0] = (char *)"pawld";
	(void)execvp(program, argv);
	(void)fprintf(stderr, "pawl: %s: can not be run: %s; is pawld installed?\n",
		program, strerror(errno));
	_exit(127);
}

static int start(char **argv, int output, enum daemon_session session,
	struct daemon_process *daemon_p, struct error *err)
{
	struct daemon_process d = {0};
	char notify_name[100], program[PATH_MAX];

	d.notify = notify_open(notify_name, sizeof(notify_name), err);
	if (d.notify < 0)
		return d.notify;
	program_find(program, sizeof(program));
	d.pid = fork();
	if (d.pid == 0)
		child_run(argv, program, notify_name, output, session);
	if (d.pid < 0) {
		(void)close(d.notify);
		return error_set(err, -errno, "pawl: no process for pawld: %s",
			error_reason(-errno));
	}
	*daemon_p = d;
	return 0;
}

int daemon_start_into(
	char **argv, int output, struct daemon_process *daemon_p, struct error *err)
{
	return start(argv, output, DAEMON_OWN_SESSION, daemon_p, err);
}

int daemon_start(char **argv, const char *log_path, enum daemon_session session,
	struct daemon_process *daemon_p, struct error *err)
{
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int rc;

	if (log < 0)
		return error_set(err, -errno, "pawl: %s: log file: %s", log_path,
			error_reason(-errno));
	rc = start(argv, log, session, daemon_p, err);
	(void)close(log);
	return rc;
}

/* True when a READY=1 was among what has arrived. */
static int notifications_read(struct daemon_process *d)
{
	char text[2048];
	ssize_t len;
	int ready = 0;

	while ((len = recv(d->notify, text, sizeof(text) - 1, 0)) > 0) {
		char *rest = text;
		char *line;

		text[len] = '\0';
		while ((line = strsep(&rest, "\n"))) {
			if (strcmp(line, "READY=1") == 0)
				ready = 1;
			else if (strncmp(line, "STATUS=", 7) == 0)
				(void)snprintf(
					d->status, sizeof(d->status), "%s", line + 7);
		}
	}
	return ready;
}

static int kill_and_reap(struct daemon_process *d)
{
	(void)kill(d->pid, SIGKILL);
	(void)waitpid(d->pid, NULL, 0);
	d->pid = 0;
	return -ETIMEDOUT;
}

int daemon_wait_ready(struct daemon_process *d, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)timeout_ms * 1000000u;

	for (;;) {
		struct pollfd told = {.fd = d->notify, .events = POLLIN};
		int dead;

		(void)poll(&told, 1, LOOK_MS);
		dead = waitpid(d->pid, NULL, WNOHANG) != 0;
		if (notifications_read(d))
			return 0;
		if (dead) {
			d->pid = 0;
			return -ECHILD;
		}
		if (clock_now_ns() >= deadline)
			return kill_and_reap(d);
	}
}

/* Its exit status, or -ETIMEDOUT. */
static int end_await(struct daemon_process *d, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (uint64_t)timeout_ms * 1000000u;

	for (;;) {
		int status;

		if (waitpid(d->pid, &status, WNOHANG) == d->pid) {
			(void)notifications_read(d);
			d->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
		}
		if (clock_now_ns() >= deadline)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, LOOK_MS);
	}
}

int daemon_wait_end(struct daemon_process *d, int timeout_ms)
{
	int status = end_await(d, timeout_ms);

	return status == -ETIMEDOUT ? kill_and_reap(d) : status;
}

int daemon_stop(struct daemon_process *d, int timeout_ms)
{
	int status;

	(void)kill(d->pid, SIGTERM);
	status = end_await(d, timeout_ms);
	return status == -ETIMEDOUT ? status : 0;
}

void daemon_release(struct daemon_process *d)
{
	(void)close(d->notify);
}
