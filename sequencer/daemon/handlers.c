#include "sequencer/daemon/handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hw/clock.h"
#include "sequencer/core/names.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/peer.h"
#include "sequencer/daemon/status.h"

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

static int deposed(struct replica *replica, struct error *err)
{
	if (owner_is_open(replica_owner(replica)))
		return 0;
	return error_set(err, -EAGAIN,
		"pawld: %s: another process has taken over from this replica; connect "
		"again",
		replica_cluster(replica));
}

static int join_check(
	struct replica *replica, const Control__Join *join, struct error *err)
{
	const char *cluster = replica_cluster(replica);

	if (join->protocol != CONTROL_PROTOCOL)
		return error_set(err, -EPROTO,
			"pawld: %s: the client speaks protocol %u and this replica %d; "
			"use the same "
			"version on both sides",
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
	const struct owner *owner = replica_owner(h->replica);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Joined joined = CONTROL__JOINED__INIT;
	Control__Member member = CONTROL__MEMBER__INIT;
	Control__Member *chain[1] = {&member};

	member.replica = owner->header.replica;
	member.transport = (char *)owner->memory->ops->name;
	member.memory = (char *)owner->memory->ops->address(owner->memory);
	joined.cluster = (char *)replica_cluster(h->replica);
	joined.epoch = owner->header.epoch;
	joined.instance = owner->header.instance;
	joined.session = session->token;
	joined.row = session->row;
	joined.counters_max = owner->layout.counters_max;
	joined.sessions_max = owner->layout.sessions_max;
	joined.n_chain = 1;
	joined.chain = chain;
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_JOINED;
	reply.joined = &joined;
	connection_reply(connection, &reply);
}

static void on_join(struct handlers *h, struct connection *connection, uint64_t id,
	const Control__Join *join)
{
	const struct peer *peer = connection_peer(connection);
	pid_t pid = peer->local ? peer->pid : (pid_t)join->pid;
	struct session *session = connection_session(connection);
	struct error err = {0};
	int rc = join_check(h->replica, join, &err);

	if (!rc)
		rc = deposed(h->replica, &err);
	if (!rc && !session)
		rc = session_join(
			&h->sessions, pid, join->program, join->session, &session, &err);
	if (rc) {
		log_info("%s", err.text);
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	connection_session_set(connection, session);
	log_debug("session %u: %s (pid %d) joined", session->row, session->program,
		(int)pid);
	joined_reply(h, connection, id, session);
}

static int counter_name_check(const char *name, struct error *err)
{
	size_t len = strlen(name);

	if (len > COUNTER_NAME_MAX)
		return error_set(err, -ENAMETOOLONG,
			"pawld: the name of a counter is %zu bytes long; at most %d are "
			"allowed",
			len, COUNTER_NAME_MAX);
	if (!names_counter_valid(name, len))
		return error_set(err, -EINVAL,
			"pawld: '%.63s': not a name for a counter; use 1 to %d printable "
			"ASCII characters",
			name, COUNTER_NAME_MAX);
	return 0;
}

static void on_open_counter(struct handlers *h, struct connection *connection,
	uint64_t id, const Control__OpenCounter *open)
{
	struct owner *owner = replica_owner(h->replica);
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__CounterOpened opened = CONTROL__COUNTER_OPENED__INIT;
	struct error err = {0};
	uint32_t index;
	int rc = counter_name_check(open->name, &err);

	if (!rc && !owner_counter_find(owner, open->name, &index)) {
		rc = owner_counter_add(owner, open->name, 0, &index, &err);
		if (!rc)
			log_info("counter '%s' was created", open->name);
	}
	/* After the addition: whoever seals counts the counters after sealing the state. */
	if (!rc)
		rc = deposed(h->replica, &err);
	if (rc) {
		log_warning("%s", err.text);
		handlers_reply_error(connection, id, rc, err.text);
		return;
	}
	opened.counter = index;
	opened.epoch_base = owner_counter_base(owner, index);
	opened.epoch = owner->header.epoch;
	reply.id = id;
	reply.body_case = CONTROL__REPLY__BODY_COUNTER_OPENED;
	reply.counter_opened = &opened;
	connection_reply(connection, &reply);
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

static void on_stop(
	struct handlers *h, struct connection *connection, uint64_t id, bool erase)
{
	if (!peer_is_operator(connection_peer(connection))) {
		handlers_reply_error(connection, id, -EACCES,
			"pawld: only the owner of a cluster may stop it, over its local "
			"socket; use 'pawl "
			"down' on the replica's host");
		return;
	}
	h->stop(h->stop_context, connection, id, erase);
}

void handlers_say_goodbye(struct handlers *h, const char *why)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Stopping stopping = CONTROL__STOPPING__INIT;

	stopping.why = (char *)why;
	reply.body_case = CONTROL__REPLY__BODY_STOPPING;
	reply.stopping = &stopping;
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
		on_open_counter(h, connection, request->id, request->open_counter);
		break;
	case CONTROL__REQUEST__BODY_LEAVE:
		on_leave(h, connection, request->id);
		break;
	case CONTROL__REQUEST__BODY_GET_STATUS:
		status_reply(h, connection, request->id);
		break;
	case CONTROL__REQUEST__BODY_STOP:
		on_stop(h, connection, request->id, request->stop->erase);
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
}
