/* pawl up. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/command/command.h"
#include "client/command/launch.h"
#include "client/command/locals.h"
#include "client/command/survey.h"
#include "hw/clock.h"
#include "sequencer/core/limits.h"
#include "sequencer/core/names.h"

#define CHAIN_TIMEOUT_NS UINT64_C(60000000000)
/* A cluster that begins, or changes its chain, may have to wait for a moment. */
#define WAITING_NS UINT64_C(2000000000)
#define STOP_TIMEOUT_MS 10000
#define LOOK_MS 10

struct up_arguments {
	struct launch launch;
	const char *replicas;
};

struct up {
	const struct launch *launch;
	unsigned int replicas;
	struct endpoint_list sockets;		  /* of the replicas 1, 2, ... */
	struct daemon_process started[CHAIN_MAX]; /* pid 0: not by this command */
	bool any_started;
	uint64_t epoch;	     /* once the chain is complete */
	uint64_t waiting_ns; /* since when all replicas say that they wait; 0: not all */
	bool waits;	     /* for the operator: what was started stays */
};

static error_t up_option(int key, char *arg, struct argp_state *state)
{
	struct up_arguments *a = state->input;

	switch (key) {
	case 'r':
		a->replicas = arg;
		return 0;
	case 's':
		a->launch.store = arg;
		return 0;
	case 't':
		a->launch.transport = arg;
		return 0;
	default:
		return launch_option(key, arg, state, &a->launch);
	}
}

/* Whether something takes connections there; it need not answer. */
static bool replica_runs(const struct endpoint *socket)
{
	struct control control;
	bool runs;

	if (control_init(&control, CONTROL_BUFFER_LEN))
		return false;
	runs = control_connect(&control, socket, NULL) == 0;
	control_destroy(&control);
	return runs;
}

static int sockets_find(struct up *up, struct locals *locals, struct error *err)
{
	int rc = locals_find(up->launch->cluster, locals, err);

	for (unsigned int i = 0; !rc && i < up->replicas; i++) {
		rc = local_endpoint(locals->runtime, up->launch->cluster,
			(uint16_t)(i + 1), &up->sockets.at[i], err);
		up->sockets.count++;
	}
	return rc;
}

static int already_running(
	const struct up *up, const struct locals *locals, struct error *err)
{
	char path[PATHS_LEN_MAX], pid[16];
	int rc = paths_lock(
		locals->runtime, up->launch->cluster, 1, path, sizeof(path), err);

	if (rc)
		return rc;
	local_pid(locals, 1, pid);
	return error_set(err, -EBUSY,
		"pawl up: %s: already running: process %s holds %s; stop it with 'pawl "
		"down'",
		up->launch->cluster, pid, path);
}

static int missing_start(struct up *up, struct error *err)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < up->replicas; i++) {
		if (up->started[i].pid != 0 || replica_runs(&up->sockets.at[i]))
			continue;
		rc = launch_replica(up->launch, (uint16_t)(i + 1), &up->started[i], err);
		up->any_started |= rc == 0;
	}
	return rc;
}

static bool replica_is_in(const struct up *up, const Control__Status *status)
{
	if (!status || !survey_is_active(status) || !survey_serves(status))
		return false;
	for (unsigned int i = 0; i < up->replicas; i++) {
		if (survey_place(status, i + 1) < 0)
			return false;
	}
	return true;
}

/* Every replica serves one and the same chain, in which all of them are. */
static bool chain_is_complete(struct up *up, const struct survey *survey)
{
	uint64_t epoch = 0;

	for (unsigned int i = 0; i < up->replicas; i++) {
		const Control__Status *status = survey_status(survey, i + 1);

		if (!replica_is_in(up, status) || (epoch && status->epoch != epoch))
			return false;
		epoch = status->epoch;
	}
	up->epoch = epoch;
	return true;
}

/*
 * The first of them that says what keeps it from serving, provided that all of them do; else
 * NULL.
 */
static const Control__Status *waiting_all(
	const struct up *up, const struct survey *survey)
{
	for (unsigned int i = 0; i < up->replicas; i++) {
		const Control__Status *status = survey_status(survey, i + 1);

		if (!status || status->waiting[0] == '\0')
			return NULL;
	}
	return survey_status(survey, 1);
}

/* It has a record that can be used, but not the numbers: an operator has to decide. */
static bool waits_for_operator(const Control__Status *status)
{
	return strcmp(status->phase, "none") != 0 && status->store_trouble[0] == '\0';
}

static int waiting_check(struct up *up, const struct survey *survey, struct error *err)
{
	const Control__Status *status = waiting_all(up, survey);
	uint64_t now = clock_now_ns();

	if (!status)
		up->waiting_ns = 0;
	else if (up->waiting_ns == 0)
		up->waiting_ns = now;
	if (!status || now - up->waiting_ns < WAITING_NS)
		return -EAGAIN;
	up->waits = waits_for_operator(status);
	return error_set(err, -EBUSY, "pawl up: %s: %s: %.350s", up->launch->cluster,
		up->waits ? "pawld runs on, but can not serve" : "pawld can not serve",
		status->waiting);
}

/*
 * A replica that is ready takes requests.  One that was there before and ended meanwhile is
 * started.
 */
static int sockets_check(struct up *up, const struct survey *survey, struct error *err)
{
	for (unsigned int i = 0; i < up->replicas; i++) {
		const struct survey_answer *a = &survey->at[i];

		if (a->status || (a->rc != -ENOENT && a->rc != -ECONNREFUSED))
			continue;
		if (up->started[i].pid == 0)
			return missing_start(up, err) ? -ECHILD : -EAGAIN;
		return error_set(err, a->rc,
			"pawl up: %s: nobody listens here, although replica %u was "
			"ready; look at its log why it ended, or leave runtime-dir out "
			"of its settings and set PAWL_RUNTIME_DIR instead",
			a->endpoint.text, i + 1);
	}
	return -EAGAIN;
}

/* 0: the chain is complete.  -EAGAIN: not yet. */
static int chain_look(struct up *up, struct error *err)
{
	struct survey *survey = survey_make(&up->sockets);
	int rc = 0;

	if (!survey)
		return error_set(err, -ENOMEM, "pawl up: out of memory");
	if (!chain_is_complete(up, survey))
		rc = sockets_check(up, survey, err);
	if (rc == -EAGAIN)
		rc = waiting_check(up, survey, err);
	survey_free(survey);
	return rc;
}

static int chain_await(struct up *up, struct error *err)
{
	uint64_t deadline = clock_now_ns() + CHAIN_TIMEOUT_NS;
	int rc;

	while ((rc = chain_look(up, err)) == -EAGAIN) {
		if (clock_now_ns() >= deadline)
			return error_set(err, -ETIMEDOUT,
				"pawl up: %s: %u replicas run, but not all came into the "
				"chain within %" PRIu64 " s; look at their logs and at "
				"'pawl status %s'",
				up->launch->cluster, up->replicas,
				CHAIN_TIMEOUT_NS / 1000000000u, up->launch->cluster);
		(void)poll(NULL, 0, LOOK_MS);
	}
	return rc;
}

/* Those that this command started, the last first; the others are as they were. */
static void started_stop(struct up *up)
{
	for (unsigned int i = up->replicas; i-- > 0;) {
		if (up->started[i].pid != 0 &&
			daemon_stop(&up->started[i], STOP_TIMEOUT_MS))
			(void)command_fail(
				"pawl up: replica %u, process %d, was started and does "
				"not end; look at its log",
				i + 1, (int)up->started[i].pid);
	}
}

static void started_release(struct up *up)
{
	for (unsigned int i = 0; i < up->replicas; i++) {
		if (up->started[i].notify > 0)
			daemon_release(&up->started[i]);
	}
}

static int cluster_start(struct up *up, struct error *err)
{
	struct locals locals = {0};
	int rc = sockets_find(up, &locals, err);

	if (!rc)
		rc = missing_start(up, err);
	if (!rc)
		rc = chain_await(up, err);
	if (!rc && !up->any_started)
		rc = already_running(up, &locals, err);
	locals_close(&locals);
	return rc;
}

static int cluster_up(struct up *up)
{
	struct error err;
	int rc = cluster_start(up, &err);

	if (rc) {
		rc = command_fail("%s", err.text);
		if (!up->waits)
			started_stop(up);
		started_release(up);
		return rc;
	}
	started_release(up);
	(void)printf("%s: up, %u replica%s over %s, epoch %" PRIu64 "\n",
		up->launch->cluster, up->replicas, up->replicas == 1 ? "" : "s",
		up->launch->transport, up->epoch);
	return command_finish_output();
}

static int arguments_check(const struct up_arguments *a, unsigned int *replicas_p)
{
	uint64_t replicas;

	if (!names_cluster_valid(a->launch.cluster))
		return command_misuse("pawl: '%s': not a cluster name; use 1 to %d "
				      "letters, digits, '.', "
				      "'_' or '-', beginning with a letter, digit or '_'",
			a->launch.cluster, CLUSTER_NAME_MAX);
	if (!command_number(a->replicas, 1, CHAIN_MAX, &replicas))
		return command_misuse(
			"pawl up: --replicas=%s: not a length for a chain; use 1 to %d",
			a->replicas, CHAIN_MAX);
	if (strcmp(a->launch.transport, "shm") != 0 &&
		strcmp(a->launch.transport, "verbs") != 0)
		return command_misuse(
			"pawl up: --transport=%s: unknown; use shm or verbs",
			a->launch.transport);
	*replicas_p = (unsigned int)replicas;
	return COMMAND_OK;
}

int command_up(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"replicas", 'r', "N", 0, "Length of the chain, 1 to 7 (1)", 0},
		{"store", 's', "file:DIR|etcd:URL,.../PREFIX", 0,
			"Where the cluster's record is kept (the state directory)", 0},
		{"transport", 't', "shm|verbs", 0,
			"Shared memory, for processes on this host (default), or RDMA",
			0},
		{0}};
	static const struct argp argp = {options, up_option, "NAME [-- PAWLD-OPTION...]",
		"Start a cluster on this host: the replicas 1 to N, those of them that "
		"do not run.  If it ran before, its numbers go on.  Options after '--' "
		"are passed to pawld; 'pawld --help' lists them.",
		NULL, NULL, NULL};
	struct up_arguments a = {.replicas = "1", .launch = {.transport = "shm"}};
	struct up up = {.launch = &a.launch};
	int rc = command_parse(&argp, argc, argv, &a);

	if (!rc)
		rc = arguments_check(&a, &up.replicas);
	return rc ? rc : cluster_up(&up);
}
