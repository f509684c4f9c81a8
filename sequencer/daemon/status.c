/* The status of a replica, as 'pawl status' and other tools read it. */
#include "sequencer/daemon/status.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/daemon/members_reply.h"
#include "sequencer/daemon/status_streams.h"

#define PEERS_MAX 32

/* The parts of a status whose number varies; one allocation each, freed together. */
struct status_lists {
	Control__CounterStatus *counters;
	Control__CounterStatus **counter_list;
	Control__SessionStatus *sessions;
	Control__SessionStatus **session_list;
	char *endpoints[SERVER_LISTENERS_MAX];
	struct members_reply chain;
	Control__Takeover takeovers[TIMELINE_KEPT];
	Control__Takeover *takeover_list[TIMELINE_KEPT];
	struct mesh_peer peers_seen[PEERS_MAX];
	Control__PeerStatus peers[PEERS_MAX];
	Control__PeerStatus *peer_list[PEERS_MAX];
	char waiting[REPLICA_TEXT_LEN];
};

static void lists_free(struct status_lists *lists)
{
	if (!lists)
		return;
	free(lists->counters);
	free(lists->counter_list);
	free(lists->sessions);
	free(lists->session_list);
	free(lists);
}

static struct status_lists *lists_make(uint32_t counters, uint32_t sessions)
{
	struct status_lists *lists = calloc(1, sizeof(*lists));

	if (!lists)
		return NULL;
	lists->counters = calloc(counters + 1, sizeof(*lists->counters));
	lists->counter_list = calloc(counters + 1, sizeof(*lists->counter_list));
	lists->sessions = calloc(sessions + 1, sizeof(*lists->sessions));
	lists->session_list = calloc(sessions + 1, sizeof(*lists->session_list));
	if (lists->counters && lists->counter_list && lists->sessions &&
		lists->session_list)
		return lists;
	lists_free(lists);
	return NULL;
}

static void counters_fill(
	struct replica *r, struct status_lists *lists, Control__Status *status)
{
	const struct held_region *region = replica_region(r);
	uint32_t known = r->machine.known ? r->machine.seen.counters_count : 0;

	if (!region)
		return;
	for (uint32_t i = 0; i < region->owner.counters_count && i < known; i++) {
		Control__CounterStatus *c = &lists->counters[i];

		control__counter_status__init(c);
		c->name = (char *)owner_counter_name(&region->owner, i);
		c->value = owner_value(&region->owner, i);
		c->epoch_base = owner_counter_base(&region->owner, i);
		c->reserve_max = r->machine.seen.counters[i].reserve_max;
		c->ceiling = r->machine.seen.counters[i].ceiling;
		c->jump = replica_counter_jump(r, i);
		lists->counter_list[status->n_counters++] = c;
	}
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

static void memory_fill(struct replica *r, Control__Status *status)
{
	const struct held_region *region = replica_region(r);
	const struct memory *memory;
	const struct pages *pages;

	status->memory_node = -1;
	if (!region)
		return;
	memory = region->owner.memory;
	pages = memory->ops->pages(memory);
	status->memory = (char *)region->owner.path;
	status->memory_len = pages->len;
	status->memory_locked = pages->locked;
	status->memory_huge = pages->huge;
	status->memory_node = pages->node;
}

static const char *role_name(const struct replica *r)
{
	if (!r->served)
		return "outside";
	return replica_is_head(r) ? "head" : "backup";
}

static const char *phase_name(const struct replica *r)
{
	const struct epoch_record *seen = &r->machine.seen;

	if (!r->record_known || (r->machine.known && seen->epoch == 0))
		return "none";
	switch (seen->phase) {
	case EPOCH_PREPARING:
		return "preparing";
	case EPOCH_ACTIVE:
		return "active";
	case EPOCH_STOPPED:
		break;
	}
	return "stopped";
}

static void replica_fill(
	const struct handlers *h, struct status_lists *lists, Control__Status *status)
{
	struct replica *r = h->replica;

	status->cluster = r->facts.name;
	status->instance = r->facts.instance;
	status->replica = r->config->id;
	status->incarnation = roster_self(&r->roster)->member.incarnation;
	status->epoch = r->served ? r->served : r->machine.seen.active_epoch;
	status->served_ns = r->served_ns;
	status->role = (char *)role_name(r);
	status->phase = (char *)phase_name(r);
	status->transport = (char *)r->ops->name;
	status->device = (char *)r->ops->describe(r->device);
	status->version = (char *)PAWL_VERSION;
	status->pid = (uint64_t)getpid();
	status->uptime_ns = clock_now_ns() - h->started_ns;
	status->counters_max = r->facts.counters_max;
	status->sessions_max = r->config->sessions_max;
	status->store = (char *)r->config->store;
	status->store_trouble = r->store_trouble;
	status->lease_ns = r->machine.seen.lease_ns;
	status->rejoins = r->machine.config.rejoin;
	replica_waiting(r, lists->waiting, sizeof(lists->waiting));
	status->waiting = lists->waiting;
	status->no_chain = replica_misses_chain(r);
	memory_fill(r, status);
}

static void chain_fill(
	struct replica *r, struct status_lists *lists, Control__Status *status)
{
	members_reply_fill(&lists->chain, &r->machine.seen.chain, &r->roster);
	status->n_chain = lists->chain.count;
	status->chain = lists->chain.list;
}

static void takeovers_fill(
	const struct timeline *t, struct status_lists *lists, Control__Status *status)
{
	for (uint32_t i = 0; i < t->done_count; i++) {
		const struct takeover *done = &t->done[i];
		Control__Takeover *to = &lists->takeovers[i];

		control__takeover__init(to);
		to->epoch = done->epoch;
		to->from = done->from;
		to->cause = (char *)done->cause;
		to->wall_ns = done->wall_ns;
		to->noticed_ns = done->noticed_ns;
		to->claimed_ns = done->claimed_ns;
		to->sealed_ns = done->sealed_ns;
		to->installed_ns = done->installed_ns;
		to->activated_ns = done->activated_ns;
		to->members = done->members;
		to->head_sealed = done->head_sealed;
		lists->takeover_list[status->n_takeovers++] = to;
	}
	status->takeovers = lists->takeover_list;
}

static void peers_fill(
	const struct mesh *mesh, struct status_lists *lists, Control__Status *status)
{
	unsigned int i;

	for (i = 0; i < PEERS_MAX && mesh_peer_get(mesh, i, &lists->peers_seen[i]); i++) {
		struct mesh_peer *peer = &lists->peers_seen[i];
		Control__PeerStatus *to = &lists->peers[i];

		control__peer_status__init(to);
		to->replica = peer->member.id;
		to->incarnation = peer->member.incarnation;
		to->connected = peer->connected;
		to->suspect = peer->suspect;
		to->heartbeat_age_ns = peer->heartbeat_age_ns;
		to->why = peer->why;
		lists->peer_list[i] = to;
	}
	status->n_peers = i;
	status->peers = lists->peer_list;
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
	struct replica *r = h->replica;
	const struct held_region *region = replica_region(r);
	struct status_lists *lists = lists_make(
		region ? region->owner.counters_count : 0, h->sessions.rows_count);
	struct status_streams *streams = status_streams_make(r);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Status status = CONTROL__STATUS__INIT;

	if (!lists || !streams) {
		lists_free(lists);
		status_streams_free(streams);
		handlers_reply_error(
			connection, request, -ENOMEM, "pawld: status: out of memory");
		return;
	}
	replica_fill(h, lists, &status);
	counters_fill(r, lists, &status);
	sessions_fill(&h->sessions, lists, &status);
	endpoints_fill(h, lists, &status);
	chain_fill(r, lists, &status);
	takeovers_fill(&r->timeline, lists, &status);
	peers_fill(r->mesh, lists, &status);
	status_streams_fill(streams, &status);
	reply.id = request;
	reply.body_case = CONTROL__REPLY__BODY_STATUS;
	reply.status = &status;
	connection_reply(connection, &reply);
	status_streams_free(streams);
	lists_free(lists);
}
