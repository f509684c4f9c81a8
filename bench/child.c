#include "bench/child.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hw/clock.h"

#define LOOK_NS 20000

void child_bind(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGHUP, SIG_DFL);
}

static int child_died(unsigned int i, int status, struct error *err)
{
	if (WIFSIGNALED(status))
		return error_set(err, -ECHILD,
			"bench: process %u: was killed by signal %d; run it again", i,
			WTERMSIG(status));
	return error_set(err, -ECHILD, "bench: process %u: ended early, with status %d",
		i, WEXITSTATUS(status));
}

int children_check(pid_t *pids, unsigned int count, struct error *err)
{
	for (unsigned int i = 0; i < count; i++) {
		int status;

		if (pids[i] && waitpid(pids[i], &status, WNOHANG) != 0) {
			pids[i] = 0;
			return child_died(i, status, err);
		}
	}
	return 0;
}

void children_end(pid_t *pids, unsigned int count, uint64_t timeout_ns)
{
	uint64_t deadline = clock_now_ns() + timeout_ns;
	struct timespec pause = {.tv_nsec = LOOK_NS};

	for (unsigned int i = 0; i < count; i++) {
		while (pids[i] && waitpid(pids[i], NULL, WNOHANG) == 0) {
			if (clock_now_ns() >= deadline)
				(void)kill(pids[i], SIGKILL);
			(void)nanosleep(&pause, NULL);
		}
		pids[i] = 0;
	}
}

void *shared_map(size_t len, int flags)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | flags, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}
