#include "sequencer/daemon/handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/members_reply.h"
#include "sequencer/daemon/status.h"
#include "sequencer/daemon/streams_handlers.h"

void handlers_reply_error(
	struct connection *connection, uint64_t request, int code, const char *text)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	PAWL_ASSERT(code < 0);
	reply.id = request;
	reply.error = (uint32_t)-code;
	reply.text = (char *)text;
	connection_reply(connection, &reply);
}

static int join_check(
	const struct replica *replica, const Control__Join *join, struct error *err)
{
	const char *cluster = replica->facts.name;

	if (join->protocol != CONTROL_PROTOCOL)
		return error_set(err, -EPROTO,
			"pawld: %s: the client speaks protocol %u and this replica %d; "
			"use the same version on both sides",
			cluster, join->protocol, CONTROL_PROTOCOL);
	if (join->cluster[0] && strcmp(join->cluster, cluster) != 0)
		return error_set(err, -ENOENT,
			"pawld: this replica belongs to cluster '%s', not to '%s'; check "
			"the address",
			cluster, join->cluster);
	return 0;
}

static void joined_reply(struct handlers *h, struct connection *connection, uint64_t id,
	const struct session *session)
{
	struct replica *r = h->replica;
	const struct owner *owner = &replica_region(r)->owner;
	struct members_reply members;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Joined joined = CONTROL__JOINED__INIT;

	members_reply_fill(&members, &epoch_serving(&r->machine)->chain, &r->roster);
	joined.cluster = r->facts.name;
	joined.epoch = r->served;
	joined.instance = r->facts.instance;
	joined.session = session->token;
	joined.row = session->row;
	joined.counters_max = owner->layout.counters_max;
	joined.sessions_max = owner->layout.sessions_max;
	joined.n_chain = members.count;
	joined.chain = members.list;
	joined.replica = r->config->id;
	joined.incarnation = roster_self(&r->roster)->member.incarnation;
	joined.lease_ns = r->machine.seen.lease_ns;
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_JOINED;
	reply.joined = &joined;
	connection_reply(connection, &reply);
}

/* Nobody is served here: says who may serve. */
static void elsewhere_reply(
	struct handlers *h, struct connection *connection, uint64_t id)
{
	struct replica *r = h->replica;
	struct members_reply members;
	struct error err;
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Elsewhere elsewhere = CONTROL__ELSEWHERE__INIT;

	(void)error_set(&err, -EAGAIN,
		"pawld: %s/%u: serves no epoch at the moment; 'pawl status' says why",
		r->facts.name, r->config->id);
	members_reply_fill(&members, &r->machine.seen.former, &r->roster);
	elsewhere.epoch = r->machine.seen.active_epoch;
	elsewhere.n_chain = members.count;
	elsewhere.chain = members.list;
	reply.id = id;
	reply.error = EAGAIN;
	reply.text = err.text;
	reply.body_case = CONTROL__REPLY__BODY_ELSEWHERE;
	reply.elsewhere = &elsewhere;
	connection_reply(connection, &reply);
}

/* The region of the served epoch still is open. */
static bool is_serving(const struct handlers *h)
{
	struct held_region *region = replica_region(h->replica);

	return region && owner_is_open(&region->owner);
}

struct resumed {
	const struct connection *connection;
	const struct session *session;
};

/*
 * A session that comes back has left its former connection, which may not have ended yet.  After
 * the network was cut it can be the other way round: this Join is the late one, of a connection
 * that the client has given up, and it would wait for ever on the other one, without a session.
 * So that one ends, and whoever still uses it joins again.
 */
static void former_end(void *context, struct connection *connection)
{
	const struct resumed *resumed = context;

	if (connection == resumed->connection ||
		connection_session(connection) != resumed->session)
		return;
	connection_session_set(connection, NULL);
	connection_end(connection);
}

static void session_attach(
	struct handlers *h, struct connection *connection, struct session *session)
{
	struct resumed resumed = {connection, session};

	server_for_each(h->server, former_end, &resumed);
	connection_session_set(connection, session);
}

static void on_join(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Join *join)
{
	const struct peer *peer = connection_peer(connection);
	pid_t pid = peer->local ? peer->pid : (pid_t)join->pid;
	struct session *session = connection_session(connection);
	uint64_t resume = session ? session->token : join->session;
	struct error err = {.text = ""};
	int rc = join_check(h->replica, join, &err);

	if (!rc && !is_serving(h)) {
		elsewhere_reply(h, connection, id);
		return;
	}
	if (!rc)
		rc = session_join(
			&h->sessions, pid, join->program, resume, &session, &err);
	if (rc) {
		log_info("%s", err.text);
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	session_attach(h, connection, session);
	log_debug("session %u: %s (pid %d) joined", session->row, session->program,
		(int)pid);
	joined_reply(h, connection, id, session);
}

static void served_tell(void *context, struct connection *connection)
{
	struct handlers *h = context;
	const struct session *session = connection_session(connection);

	if (session)
		joined_reply(h, connection, 0, session);
}

void handlers_served(struct handlers *h)
{
	if (h->server && h->replica && replica_region(h->replica))
		server_for_each(h->server, served_tell, h);
}

static void on_leave(struct handlers *h, struct connection *connection, uint64_t id)
{
	struct session *session = connection_session(connection);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Left left = CONTROL__LEFT__INIT;

	if (session)
		session_leave(&h->sessions, session);
	connection_session_set(connection, NULL);
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_LEFT;
	reply.left = &left;
	connection_reply(connection, &reply);
}

void handlers_say_goodbye(struct handlers *h, const char *why, bool cluster)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Stopping stopping = CONTROL__STOPPING__INIT;

	stopping.why = (char *)why;
	stopping.alone = !cluster;
	reply.body_case = CONTROL__REPLY__BODY_STOPPING;
	reply.stopping = &stopping;
	if (h->stopper) {
		reply.id = h->stop_request;
		connection_reply(h->stopper, &reply);
		reply.id = 0;
	}
	if (cluster)
		server_tell_all(h->server, &reply);
}

void handlers_request(
	void *context, struct connection *connection, const Control__Request *request)
{
	struct handlers *h = context;

	switch (request->body_case) {
	case CONTROL__REQUEST__BODY_JOIN:
		on_join(h, connection, request->id, request->join);
		break;
	case CONTROL__REQUEST__BODY_OPEN_COUNTER:
		openings_add(
			&h->openings, connection, request->id, request->open_counter);
		break;
	case CONTROL__REQUEST__BODY_OPEN_STREAM:
		openings_add_stream(
			&h->openings, connection, request->id, request->open_stream);
		break;
	case CONTROL__REQUEST__BODY_SUBSCRIBE:
		streams_subscribe(h, connection, request->id, request->subscribe);
		break;
	case CONTROL__REQUEST__BODY_UNSUBSCRIBE:
		streams_unsubscribe(h, connection, request->id, request->unsubscribe);
		break;
	case CONTROL__REQUEST__BODY_ACKNOWLEDGE_SNAPSHOT:
		streams_acknowledge(
			h, connection, request->id, request->acknowledge_snapshot);
		break;
	case CONTROL__REQUEST__BODY_TAIL_READ:
		streams_tail_read(h, connection, request->id, request->tail_read);
		break;
	case CONTROL__REQUEST__BODY_PUT_SNAPSHOT:
		snapshots_put_request(h, connection, request->id, request->put_snapshot);
		break;
	case CONTROL__REQUEST__BODY_GET_SNAPSHOT:
		snapshots_get_request(h, connection, request->id, request->get_snapshot);
		break;
	case CONTROL__REQUEST__BODY_LEAVE:
		on_leave(h, connection, request->id);
		break;
	case CONTROL__REQUEST__BODY_GET_STATUS:
		status_reply(h, connection, request->id);
		break;
	case CONTROL__REQUEST__BODY_STOP:
		handlers_stop(h, connection, request->id, request->stop);
		break;
	case CONTROL__REQUEST__BODY_ADMIN:
		handlers_admin(h, connection, request->id, request->admin);
		break;
	case CONTROL__REQUEST__BODY_HELLO:
	case CONTROL__REQUEST__BODY_EPOCH:
	case CONTROL__REQUEST__BODY_STREAM_ASK:
	case CONTROL__REQUEST__BODY_STREAM_TELL:
		(void)mesh_request(h->replica->mesh, connection, request);
		break;
	default:
		pawl_panic(__FILE__, __LINE__,
			"request_decode lets no other request through");
	}
}

void handlers_closed(void *context, struct connection *connection)
{
	struct handlers *h = context;
	struct session *session = connection_session(connection);

	if (session)
		session_disconnect(&h->sessions, session);
	openings_forget(&h->openings, connection);
	questions_forget(&h->questions, connection);
	if (h->replica)
		snapshots_forget(h->replica, connection);
	handlers_stop_forget(h, connection);
	if (h->replica && h->replica->mesh)
		mesh_closed_connection(h->replica->mesh, connection);
}
