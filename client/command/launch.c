#include "client/command/launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sequencer/control/paths.h"
#include "sequencer/core/limits.h"

#define SETTLE_TIMEOUT_MS 30000
/* pawld, cluster, id, transport, store, memory-dir, settle, erase, NULL */
#define OWN_ARGUMENTS 9
#define STORE_SIZE 1100 /* more than pawld takes; it says so itself */

/* What begins without a dash after the name, and not after "--", is one name too many. */
static bool rest_is_wrong(const struct launch *launch, const struct argp_state *state)
{
	return launch->rest_count > 0 &&
	       strcmp(state->argv[state->next - 1], "--") != 0 &&
	       launch->rest[0][0] != '-';
}

error_t launch_option(int key, char *arg, struct argp_state *state, struct launch *launch)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (launch->cluster)
			return ARGP_ERR_UNKNOWN; /* the rest follows, as ARGP_KEY_ARGS */
		launch->cluster = arg;
		return 0;
	case ARGP_KEY_ARGS:
		launch->rest = state->argv + state->next;
		launch->rest_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (!launch->cluster)
			argp_error(state, "an argument is missing");
		if (rest_is_wrong(launch, state))
			argp_error(state, "too many arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* The texts of the arguments, which live as long as the process starts. */
struct arguments {
	char cluster[32 + CLUSTER_NAME_MAX];
	char id[32];
	char transport[64];
	char store[STORE_SIZE];
	char memory_dir[PATH_MAX];
	char **argv;
	int argc;
};

static void arguments_add(struct arguments *a, const char *text)
{
	a->argv[a->argc++] = (char *)text;
}

/* -ENOMEM. */
static int arguments_make(
	const struct launch *launch, uint16_t id, struct arguments *a, struct error *err)
{
	a->argc = 1; /* argv[0] is the program's */
	a->argv = calloc((size_t)launch->rest_count + OWN_ARGUMENTS, sizeof(*a->argv));
	if (!a->argv)
		return error_set(err, -ENOMEM, "pawl: out of memory");
	(void)snprintf(a->cluster, sizeof(a->cluster), "--cluster=%s", launch->cluster);
	(void)snprintf(a->id, sizeof(a->id), "--id=%u", (unsigned int)id);
	arguments_add(a, a->cluster);
	arguments_add(a, a->id);
	if (launch->transport) {
		(void)snprintf(a->transport, sizeof(a->transport), "--transport=%s",
			launch->transport);
		arguments_add(a, a->transport);
	}
	if (launch->store) {
		(void)snprintf(a->store, sizeof(a->store), "--store=%s", launch->store);
		arguments_add(a, a->store);
	}
	if (launch->memory_dir) {
		(void)snprintf(a->memory_dir, sizeof(a->memory_dir), "--memory-dir=%s",
			launch->memory_dir);
		arguments_add(a, a->memory_dir);
	}
	for (int i = 0; i < launch->rest_count; i++)
		arguments_add(a, launch->rest[i]);
	return 0;
}

/* Where the replica's output goes; its directory is made. */
static int log_find(
	const char *cluster, uint16_t id, char *path, size_t len, struct error *err)
{
	char state[PATH_MAX], directory[PATH_MAX];
	int rc = paths_state_dir(state, sizeof(state), err);

	if (!rc)
		rc = paths_log(state, cluster, id, path, len, err);
	if (rc)
		return rc;
	(void)snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	return paths_make(directory, 0700, err);
}

static int ready_await(
	struct daemon_process *daemon, uint16_t id, const char *log, struct error *err)
{
	int rc = daemon_wait_ready(daemon, LAUNCH_READY_TIMEOUT_MS);

	if (rc == -ETIMEDOUT)
		return error_set(err, rc,
			"pawl: replica %u was not ready within %d s and was ended; its "
			"log is %s",
			(unsigned int)id, LAUNCH_READY_TIMEOUT_MS / 1000, log);
	if (rc && daemon->status[0])
		return error_set(err, rc, "%s", daemon->status);
	if (rc)
		return error_set(err, rc,
			"pawl: replica %u ended at once; its log says why: %s",
			(unsigned int)id, log);
	return 0;
}

int launch_replica(const struct launch *launch, uint16_t id,
	struct daemon_process *daemon_p, struct error *err)
{
	struct arguments arguments;
	char log[PATH_MAX];
	int rc = log_find(launch->cluster, id, log, sizeof(log), err);

	if (!rc)
		rc = arguments_make(launch, id, &arguments, err);
	if (rc)
		return rc;
	rc = daemon_start(arguments.argv, log, DAEMON_OWN_SESSION, daemon_p, err);
	free(arguments.argv);
	if (rc)
		return rc;
	rc = ready_await(daemon_p, id, log, err);
	if (rc) {
		daemon_release(daemon_p);
		*daemon_p = (struct daemon_process){.pid = 0};
	}
	return rc;
}

/* The last line of what was said; those before it are the log's. */
static void said_read(int output, struct error *said)
{
	char text[2 * ERROR_TEXT_MAX];
	off_t end = lseek(output, 0, SEEK_END);
	off_t from = end < (off_t)sizeof(text) ? 0 : end - (off_t)sizeof(text) + 1;
	ssize_t len = pread(output, text, sizeof(text) - 1, from);
	char *line;

	while (len > 0 && text[len - 1] == '\n')
		len--;
	text[len > 0 ? len : 0] = '\0';
	line = strrchr(text, '\n');
	(void)error_set(said, 0, "%s", line ? line + 1 : text);
}

static int settle_run(char **argv, int output, struct error *said)
{
	struct daemon_process daemon;
	int status = daemon_start_into(argv, output, &daemon, said);

	if (status)
		return status;
	status = daemon_wait_end(&daemon, SETTLE_TIMEOUT_MS);
	daemon_release(&daemon);
	if (status < 0)
		return error_set(said, status,
			"pawl down: pawld --settle did not end within %d s",
			SETTLE_TIMEOUT_MS / 1000);
	said_read(output, said);
	return status == 0 ? 0 : -EIO;
}

int launch_settle(
	const struct launch *launch, uint16_t id, bool erase, struct error *said)
{
	struct arguments arguments;
	int rc, output = memfd_create("pawld", MFD_CLOEXEC);

	if (output < 0)
		return error_set(said, -errno, "pawl down: no memory for a file: %s",
			error_reason(-errno));
	rc = arguments_make(launch, id, &arguments, said);
	if (!rc) {
		arguments_add(&arguments, "--settle");
		if (erase)
			arguments_add(&arguments, "--erase");
		rc = settle_run(arguments.argv, output, said);
		free(arguments.argv);
	}
	(void)close(output);
	return rc;
}
