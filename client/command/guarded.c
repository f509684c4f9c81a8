#include "client/command/guarded.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command/command.h"
#include "hw/clock.h"

int guarded_begin(struct guarded *g, const char *command)
{
	sigset_t set;

	*g = (struct guarded){.command = command};
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, &g->before);
	g->signals_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (g->signals_fd >= 0)
		return COMMAND_OK;
	(void)command_fail("%s: signals: %s", command, strerror(errno));
	return GUARDED_FAILED;
}

/* ---- The process ---- */

static void environment_set(const char *lock, uint64_t fence)
{
	char number[24];

	(void)snprintf(number, sizeof(number), "%" PRIu64, fence);
	(void)setenv("PAWL_LOCK", lock, 1);
	(void)setenv("PAWL_FENCE", number, 1);
}

/* In the new process; it says through @report_fd why it could not begin. */
static void command_become(
	const struct guarded *g, char **argv, pid_t parent, int report_fd)
{
	int why;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &g->before, NULL);
	/* The process before it may have gone already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent)
		(void)execvp(argv[0], argv);
	why = errno;
	if (write(report_fd, &why, sizeof(why)) != sizeof(why))
		_exit(GUARDED_FAILED);
	_exit(GUARDED_UNKNOWN);
}

static int not_started(const struct guarded *g, const char *name, int why)
{
	(void)command_fail(
		"%s: '%s': can not be run: %s", g->command, name, strerror(why));
	return why == ENOENT ? GUARDED_UNKNOWN : GUARDED_UNUSABLE;
}

/* What the new process reports; the end comes when it has become the command. */
static int report_take(struct guarded *g, const char *name, int report_fd)
{
	int why;
	ssize_t got;

	do {
		got = read(report_fd, &why, sizeof(why));
	} while (got < 0 && errno == EINTR);
	(void)close(report_fd);
	if (got != sizeof(why))
		return COMMAND_OK;
	(void)waitpid(g->pid, NULL, 0);
	g->pid = 0;
	return not_started(g, name, why);
}

int guarded_start(struct guarded *g, char **argv, const char *lock, uint64_t fence)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return not_started(g, argv[0], errno);
	(void)fflush(NULL);
	g->pid = fork();
	if (g->pid == 0) {
		environment_set(lock, fence);
		command_become(g, argv, parent, ends[1]);
	}
	(void)close(ends[1]);
	if (g->pid > 0)
		return report_take(g, argv[0], ends[0]);
	g->pid = 0;
	(void)close(ends[0]);
	return not_started(g, argv[0], errno);
}

/* True: it has ended, and status says how. */
static bool command_reap(struct guarded *g)
{
	int status;

	if (g->pid == 0 || waitpid(g->pid, &status, WNOHANG) != g->pid)
		return false;
	g->pid = 0;
	g->status = WIFSIGNALED(status) ? GUARDED_SIGNAL + WTERMSIG(status)
					: WEXITSTATUS(status);
	return true;
}

/* ---- Signals ---- */

static void signal_take(struct guarded *g, const struct signalfd_siginfo *info)
{
	if (info->ssi_signo == SIGCHLD)
		return;
	if (g->asked == 0)
		g->asked = (int)info->ssi_signo;
	/* The terminal sends its own to both. */
	if (g->pid > 0 && info->ssi_code != SI_KERNEL)
		(void)kill(g->pid, (int)info->ssi_signo);
}

bool guarded_wait(struct guarded *g, int timeout_ms)
{
	struct pollfd in = {.fd = g->signals_fd, .events = POLLIN};
	struct signalfd_siginfo info;
	bool runs = g->pid > 0;

	(void)poll(&in, 1, timeout_ms);
	while (read(g->signals_fd, &info, sizeof(info)) == sizeof(info))
		signal_take(g, &info);
	if (command_reap(g))
		return true;
	if (g->pid > 0 && g->kill_ns > 0 && clock_now_ns() >= g->kill_ns)
		(void)kill(g->pid, SIGKILL);
	return !runs && g->asked != 0;
}

void guarded_end(struct guarded *g, uint64_t grace_ns)
{
	if (g->pid == 0 || g->kill_ns > 0)
		return;
	g->kill_ns = clock_now_ns() + grace_ns;
	(void)kill(g->pid, SIGTERM);
	(void)kill(g->pid, SIGCONT); /* one that is stopped gets it, too */
}
