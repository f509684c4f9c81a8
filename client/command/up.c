/* pawl up. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command/command.h"
#include "client/command/daemon.h"
#include "sequencer/control/paths.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

#define READY_TIMEOUT_MS 60000
#define REPLICAS_MAX 1
#define OWN_ARGUMENTS 8

struct up_arguments {
	const char *name;
	const char *replicas;
	const char *transport;
	char **rest; /* what follows "--" is for pawld */
	int rest_count;
};

static error_t up_option(int key, char *arg, struct argp_state *state)
{
	struct up_arguments *a = state->input;

	switch (key) {
	case 'r':
		a->replicas = arg;
		return 0;
	case 't':
		a->transport = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->name)
			return ARGP_ERR_UNKNOWN; /* the rest follows, as ARGP_KEY_ARGS */
		a->name = arg;
		return 0;
	case ARGP_KEY_ARGS:
		a->rest = state->argv + state->next;
		a->rest_count = state->argc - state->next;
		return 0;
	case ARGP_KEY_END:
		if (!a->name)
			argp_error(state, "an argument is missing");
		if (a->rest_count > 0 &&
			strcmp(state->argv[state->next - 1], "--") != 0 &&
			a->rest[0][0] != '-')
			argp_error(state, "too many arguments");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Where the daemon's output goes; its directory is made. */
static int log_find(const char *name, char *path, size_t len, struct error *err)
{
	char state[PATH_MAX];
	char directory[PATH_MAX];
	int rc = paths_state_dir(state, sizeof(state), err);

	if (!rc)
		rc = paths_log(state, name, 1, path, len, err);
	if (rc)
		return rc;
	(void)snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	return paths_make(directory, 0700, err);
}

static int daemon_run(char **argv, const char *log, struct error *err)
{
	struct daemon_process daemon;
	int rc = daemon_start(argv, log, &daemon, err);

	if (rc)
		return rc;
	rc = daemon_wait_ready(&daemon, READY_TIMEOUT_MS);
	if (rc == -ETIMEDOUT)
		(void)error_set(err, rc,
			"pawl: pawld was not ready within %d s and was ended; its "
			"log is %s",
			READY_TIMEOUT_MS / 1000, log);
	else if (rc && daemon.status[0])
		(void)error_set(err, rc, "%s", daemon.status);
	else if (rc)
		(void)error_set(
			err, rc, "pawl: pawld ended at once; its log says why: %s", log);
	daemon_release(&daemon);
	return rc;
}

static int cluster_start(const struct up_arguments *a)
{
	char cluster[32 + CLUSTER_NAME_MAX], transport[64], log[PATH_MAX];
	char **argv = calloc((size_t)a->rest_count + OWN_ARGUMENTS, sizeof(*argv));
	struct error err;
	int argc = 1, rc;

	if (!argv)
		return command_fail("pawl up: out of memory");
	(void)snprintf(cluster, sizeof(cluster), "--cluster=%s", a->name);
	(void)snprintf(transport, sizeof(transport), "--transport=%s", a->transport);
	argv[argc++] = cluster;
	argv[argc++] = transport;
	for (int i = 0; i < a->rest_count; i++)
		argv[argc++] = a->rest[i];
	rc = log_find(a->name, log, sizeof(log), &err);
	if (!rc)
		rc = daemon_run(argv, log, &err);
	free(argv);
	if (rc)
		return command_fail("%s", err.text);
	(void)printf("%s: up, %s replica over %s\n", a->name, a->replicas, a->transport);
	return command_finish_output();
}

int command_up(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"replicas", 'r', "N", 0, "Length of the chain (1)", 0},
		{"transport", 't', "shm|verbs", 0,
			"Shared memory, for processes on this host (default), or RDMA",
			0},
		{0}};
	static const struct argp argp = {options, up_option, "NAME [-- PAWLD-OPTION...]",
		"Start a cluster on this host.  If it ran before, its numbers go on.  "
		"Options after "
		"'--' are passed to pawld; 'pawld --help' lists them.",
		NULL, NULL, NULL};
	struct up_arguments a = {.replicas = "1", .transport = "shm"};
	uint64_t replicas;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	if (!names_cluster_valid(a.name))
		return command_misuse("pawl: '%s': not a cluster name; use 1 to %d "
				      "letters, digits, '.', "
				      "'_' or '-', beginning with a letter, digit or '_'",
			a.name, CLUSTER_NAME_MAX);
	if (!command_number(a.replicas, 1, REPLICAS_MAX, &replicas))
		return command_misuse(
			"pawl up: --replicas=%s: this version serves chains of 1",
			a.replicas);
	if (strcmp(a.transport, "shm") != 0 && strcmp(a.transport, "verbs") != 0)
		return command_misuse(
			"pawl up: --transport=%s: unknown; use shm or verbs",
			a.transport);
	return cluster_start(&a);
}
