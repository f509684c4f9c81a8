/* The status of a replica, as 'pawl status' and other tools read it. */
#include "sequencer/daemon/status.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hw/clock.h"

/* The parts of a status whose number varies; one allocation each, freed together. */
struct status_lists {
	Control__CounterStatus *counters;
	Control__CounterStatus **counter_list;
	Control__SessionStatus *sessions;
	Control__SessionStatus **session_list;
	char *endpoints[SERVER_LISTENERS_MAX];
};

static void lists_free(struct status_lists *lists)
{
	free(lists->counters);
	free(lists->counter_list);
	free(lists->sessions);
	free(lists->session_list);
}

static bool lists_make(struct status_lists *lists, uint32_t counters, uint32_t sessions)
{
	lists->counters = calloc(counters + 1, sizeof(*lists->counters));
	lists->counter_list = calloc(counters + 1, sizeof(*lists->counter_list));
	lists->sessions = calloc(sessions + 1, sizeof(*lists->sessions));
	lists->session_list = calloc(sessions + 1, sizeof(*lists->session_list));
	return lists->counters && lists->counter_list && lists->sessions &&
	       lists->session_list;
}

static void counters_fill(
	const struct owner *owner, struct status_lists *lists, Control__Status *status)
{
	for (uint32_t i = 0; i < owner->counters_count; i++) {
		Control__CounterStatus *c = &lists->counters[i];

		control__counter_status__init(c);
		c->name = (char *)owner_counter_name(owner, i);
		c->value = owner_counter_value(owner, i);
		c->epoch_base = owner_counter_base(owner, i);
		lists->counter_list[i] = c;
	}
	status->n_counters = owner->counters_count;
	status->counters = lists->counter_list;
}

static void sessions_fill(const struct session_table *table, struct status_lists *lists,
	Control__Status *status)
{
	uint64_t now = clock_now_ns();

	for (uint32_t i = 0; i < table->rows_count; i++) {
		const struct session *session = &table->rows[i];
		Control__SessionStatus *s = &lists->sessions[status->n_sessions];

		if (session->token == 0)
			continue;
		control__session_status__init(s);
		s->row = session->row;
		s->pid = (uint64_t)session->pid;
		s->program = (char *)session->program;
		s->age_ns = now - session->since_ns;
		s->gone = session->gone;
		lists->session_list[status->n_sessions++] = s;
	}
	status->sessions = lists->session_list;
}

static void replica_fill(const struct handlers *h, Control__Status *status)
{
	const struct owner *owner = replica_owner(h->replica);
	const struct pages *pages = owner->memory->ops->pages(owner->memory);

	status->cluster = (char *)replica_cluster(h->replica);
	status->replica = owner->header.replica;
	status->epoch = owner->header.epoch;
	status->transport = (char *)owner->memory->ops->name;
	status->device = (char *)owner->device->ops->describe(owner->device);
	status->version = (char *)PAWL_VERSION;
	status->pid = (uint64_t)getpid();
	status->uptime_ns = clock_now_ns() - h->started_ns;
	status->counters_max = owner->layout.counters_max;
	status->sessions_max = owner->layout.sessions_max;
	status->memory = (char *)owner->path;
	status->memory_len = pages->len;
	status->memory_locked = pages->locked;
	status->memory_huge = pages->huge;
	status->memory_node = pages->node;
}

static void endpoints_fill(
	const struct handlers *h, struct status_lists *lists, Control__Status *status)
{
	const char *endpoint;

	while ((endpoint = server_endpoint(h->server, (unsigned int)status->n_endpoints)))
		lists->endpoints[status->n_endpoints++] = (char *)endpoint;
	status->endpoints = lists->endpoints;
}

void status_reply(struct handlers *h, struct connection *connection, uint64_t request)
{
	const struct owner *owner = replica_owner(h->replica);
	struct status_lists lists = {0};
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Status status = CONTROL__STATUS__INIT;

	if (!lists_make(&lists, owner->counters_count, h->sessions.rows_count)) {
		lists_free(&lists);
		handlers_reply_error(
			connection, request, -ENOMEM, "pawld: status: out of memory");
		return;
	}
	replica_fill(h, &status);
	counters_fill(owner, &lists, &status);
	sessions_fill(&h->sessions, &lists, &status);
	endpoints_fill(h, &lists, &status);
	reply.id = request;
	reply.body_case = CONTROL__REPLY__BODY_STATUS;
	reply.status = &status;
	connection_reply(connection, &reply);
	lists_free(&lists);
}
