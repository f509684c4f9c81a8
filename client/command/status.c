/* pawl status. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "client/command/ask.h"
#include "client/command/command.h"
#include "sequencer/control/frame.h"

struct status_arguments {
	const char *where;
	bool json;
};

static error_t status_option(int key, char *arg, struct argp_state *state)
{
	struct status_arguments *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 0)
			argp_error(state, "too many arguments");
		a->where = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->where)
			argp_error(state, "an argument is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void duration_print(uint64_t ns)
{
	uint64_t seconds = ns / 1000000000u;

	if (seconds < 120)
		(void)printf("%" PRIu64 " s", seconds);
	else if (seconds < 7200)
		(void)printf("%" PRIu64 " min", seconds / 60);
	else
		(void)printf("%" PRIu64 " h", seconds / 3600);
}

static void replica_print(const Control__Status *s)
{
	(void)printf("%s: epoch %" PRIu64 "\n", s->cluster, s->epoch);
	(void)printf("  replica   %u (head), %s on %s, pid %" PRIu64 ", version %s, up ",
		s->replica, s->transport, s->device, s->pid, s->version);
	duration_print(s->uptime_ns);
	(void)printf("\n  memory    %s, %" PRIu64 " KiB, %slocked, %s pages", s->memory,
		s->memory_len / 1024, s->memory_locked ? "" : "not ",
		s->memory_huge ? "huge" : "small");
	if (s->memory_node >= 0)
		(void)printf(", on NUMA node %d", s->memory_node);
	(void)printf("\n");
	for (size_t i = 0; i < s->n_endpoints; i++)
		(void)printf(
			"  %s %s\n", i == 0 ? "listens  " : "         ", s->endpoints[i]);
}

static void counters_print(const Control__Status *s)
{
	(void)printf("  counters  %zu of %u\n", s->n_counters, s->counters_max);
	for (size_t i = 0; i < s->n_counters; i++)
		(void)printf("    %20" PRIu64 "  %s\n", s->counters[i]->value,
			s->counters[i]->name);
}

static void sessions_print(const Control__Status *s)
{
	(void)printf("  sessions  %zu of %u\n", s->n_sessions, s->sessions_max);
	for (size_t i = 0; i < s->n_sessions; i++) {
		const Control__SessionStatus *session = s->sessions[i];

		(void)printf("    row %-4u pid %-8" PRIu64 " %s, ", session->row,
			session->pid, session->program);
		duration_print(session->age_ns);
		(void)printf("%s\n", session->gone ? ", lost its connection" : "");
	}
}

static json_t *counters_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_counters; i++)
		(void)json_array_append_new(
			list, json_pack("{s:s, s:I, s:I}", "name", s->counters[i]->name,
				      "value", (json_int_t)s->counters[i]->value, "base",
				      (json_int_t)s->counters[i]->epoch_base));
	return list;
}

static json_t *sessions_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_sessions; i++) {
		const Control__SessionStatus *session = s->sessions[i];

		(void)json_array_append_new(list,
			json_pack("{s:i, s:I, s:s, s:I, s:b}", "row", (int)session->row,
				"pid", (json_int_t)session->pid, "program",
				session->program, "age_ns", (json_int_t)session->age_ns,
				"gone", (int)session->gone));
	}
	return list;
}

static json_t *endpoints_json(const Control__Status *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_endpoints; i++)
		(void)json_array_append_new(list, json_string(s->endpoints[i]));
	return list;
}

static json_t *status_json(const Control__Status *s)
{
	return json_pack("{s:s, s:I, s:{s:i, s:s, s:s, s:s, s:I, s:s, s:I, s:o}, "
			 "s:{s:s, s:I, s:b, s:b, s:i}, s:i, s:o, s:i, s:o}",
		"cluster", s->cluster, "epoch", (json_int_t)s->epoch, "replica", "id",
		(int)s->replica, "role", "head", "transport", s->transport, "device",
		s->device, "pid", (json_int_t)s->pid, "version", s->version, "uptime_ns",
		(json_int_t)s->uptime_ns, "endpoints", endpoints_json(s), "memory",
		"path", s->memory, "len", (json_int_t)s->memory_len, "locked",
		(int)s->memory_locked, "huge", (int)s->memory_huge, "node",
		(int)s->memory_node, "counters_max", (int)s->counters_max, "counters",
		counters_json(s), "sessions_max", (int)s->sessions_max, "sessions",
		sessions_json(s));
}

static int json_print(const Control__Status *s)
{
	json_t *root = status_json(s);

	if (!root)
		return command_fail("pawl status: out of memory");
	(void)json_dumpf(root, stdout, JSON_INDENT(2));
	(void)printf("\n");
	json_decref(root);
	return 0;
}

static int status_print(const Control__Reply *reply, bool json)
{
	const Control__Status *s = reply->status;

	if (reply->body_case != CONTROL__REPLY__BODY_STATUS)
		return command_fail("pawl status: unexpected answer; is the replica of "
				    "this version?");
	if (json)
		return json_print(s);
	replica_print(s);
	counters_print(s);
	sessions_print(s);
	return 0;
}

static int status_ask(const struct endpoint *endpoint, bool json)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	Control__GetStatus get = CONTROL__GET_STATUS__INIT;
	Control__Reply *reply;
	struct control control;
	struct error err;
	int rc;

	if (control_init(&control, FRAME_HEADER_LEN + FRAME_MAX))
		return command_fail("pawl status: out of memory");
	request.body_case = CONTROL__REQUEST__BODY_GET_STATUS;
	request.get_status = &get;
	if (ask(&control, endpoint, &request, &reply, &err))
		rc = command_fail("%s", err.text);
	else
		rc = status_print(reply, json);
	control_destroy(&control);
	return rc;
}

int command_status(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"json", 'j', NULL, 0, "Print JSON", 0}, {0}};
	static const struct argp argp = {options, status_option, "NAME",
		"Show a cluster: its replica, counters and sessions.", NULL, NULL, NULL};
	struct status_arguments a = {0};
	struct endpoint_list endpoints;
	struct error err;
	int rc = command_parse(&argp, argc, argv, &a);

	if (rc)
		return rc;
	rc = endpoint_list_find(a.where, &endpoints, &err);
	if (rc) {
		(void)command_fail("%s", err.text);
		return rc == -EINVAL ? COMMAND_USAGE : COMMAND_FAILURE;
	}
	for (unsigned int i = 0; i < endpoints.count && !rc; i++)
		rc = status_ask(&endpoints.at[i], a.json);
	return rc ? rc : command_finish_output();
}
