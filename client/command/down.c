/* pawl down. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "client/command/ask.h"
#include "client/command/command.h"
#include "client/command/daemon.h"
#include "hw/clock.h"
#include "sequencer/control/paths.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

#define END_TIMEOUT_NS UINT64_C(10000000000)
#define SETTLE_TIMEOUT_MS 30000
#define LOOK_MS 5

struct down_arguments {
	const char *name;
	bool erase;
};

static error_t down_option(int key, char *arg, struct argp_state *state)
{
	struct down_arguments *a = state->input;

	switch (key) {
	case 'e':
		a->erase = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "too many arguments");
		a->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->name)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* True once nobody holds the lock behind @fd: the process that had it has ended. */
static bool lock_is_free(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB))
		return false;
	(void)flock(fd, LOCK_UN);
	return true;
}

static int end_await(int lock, struct error *err)
{
	uint64_t deadline = clock_now_ns() + END_TIMEOUT_NS;

	while (lock >= 0 && !lock_is_free(lock)) {
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"pawl: the replica has saved its numbers but does not "
				"end; look at its log");
		(void)poll(NULL, 0, LOOK_MS);
	}
	return 0;
}

static int stop_ask(const struct endpoint *endpoint, bool erase, struct error *err)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__Stop stop = CONTROL__STOP__INIT;
	Control__Reply *reply;
	struct control control;
	int rc = control_init(&control, CONTROL_BUFFER_LEN);

	if (rc)
		return error_set(err, rc, "pawl down: out of memory");
	stop.erase = erase;
	request.body_case = CONTROL__REQUEST__BODY_STOP;
	request.stop = &stop;
	rc = ask(&control, endpoint, &request, &reply, err);
	control_destroy(&control);
	return rc;
}

/* A replica that could not save its numbers says so and ends all the same. */
static int stop_and_await(
	const struct endpoint *endpoint, int lock, bool erase, struct error *err)
{
	int rc = stop_ask(endpoint, erase, err);
	struct error late;

	if (!rc)
		return end_await(lock, err);
	if (rc != -EACCES && rc != -ETIMEDOUT && end_await(lock, &late))
		(void)command_fail("%s", late.text);
	return rc;
}

/* Nobody runs: pawld itself settles what a killed one may have left. */
static int settle(const struct down_arguments *a)
{
	char cluster[32 + CLUSTER_NAME_MAX];
	char *argv[] = {NULL, cluster, (char *)"--settle",
		a->erase ? (char *)"--erase" : NULL, NULL};
	struct daemon_process daemon;
	struct error err;
	int status;

	(void)snprintf(cluster, sizeof(cluster), "--cluster=%s", a->name);
	if (daemon_start(argv, NULL, &daemon, &err))
		return command_fail("%s", err.text);
	status = daemon_wait_end(&daemon, SETTLE_TIMEOUT_MS);
	daemon_release(&daemon);
	if (status < 0)
		return command_fail("pawl down: pawld --settle did not end within %d s",
			SETTLE_TIMEOUT_MS / 1000);
	return status;
}

/* @lock is the running replica's, or negative when it may not be looked at. */
static int stop(const struct down_arguments *a, const char *runtime, int lock)
{
	char socket_path[PATH_MAX] = "", text[PATH_MAX + 8];
	struct endpoint endpoint;
	struct error err;
	int rc = paths_socket(
		runtime, a->name, 1, socket_path, sizeof(socket_path), &err);

	(void)snprintf(text, sizeof(text), "unix:%s", socket_path);
	if (!rc)
		rc = endpoint_parse(text, false, &endpoint, &err);
	if (!rc)
		rc = stop_and_await(&endpoint, lock, a->erase, &err);
	if (rc)
		return command_fail("%s", err.text);
	(void)printf("%s: down, %s\n", a->name,
		a->erase ? "its numbers are forgotten" : "its numbers are kept");
	return command_finish_output();
}

/*
 * The lock stays open over the stop, so that a replica which starts right after it, with a
 * lock of its own, is not waited for.
 */
static int down(const struct down_arguments *a)
{
	char runtime[PATH_MAX], path[PATH_MAX];
	struct error err;
	int rc = paths_runtime_dir(runtime, sizeof(runtime), &err);
	int lock;

	if (!rc)
		rc = paths_lock(runtime, a->name, 1, path, sizeof(path), &err);
	if (rc)
		return command_fail("%s", err.text);
	lock = open(path, O_RDONLY | O_CLOEXEC);
	if (lock < 0 && errno != EACCES)
		return settle(a);
	if (lock >= 0 && lock_is_free(lock)) {
		(void)close(lock);
		return settle(a);
	}
	rc = stop(a, runtime, lock);
	if (lock >= 0)
		(void)close(lock);
	return rc;
}

int command_down(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"erase", 'e', NULL, 0,
			"Forget the numbers as well: a cluster started under this name "
			"begins again at 1",
			0},
		{0}};
	static const struct argp argp = {options, down_option, "NAME",
		"Stop a cluster on this host.  Its numbers are kept, and go on when it "
		"is started "
		"again.  A replica that was killed is settled: its numbers are saved "
		"from the memory "
		"it left.",
		NULL, NULL, NULL};
	struct down_arguments a = {0};
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!names_cluster_valid(a.name))
		return command_misuse("pawl: '%s': not a cluster name; use 1 to %d "
				      "letters, digits, '.', "
				      "'_' or '-', beginning with a letter, digit or '_'",
			a.name, CLUSTER_NAME_MAX);
	return down(&a);
}
