#include "sequencer/daemon/guests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sequencer/daemon/log.h"
#include "sequencer/daemon/peer.h"

struct mesh_guest {
	struct connection *connection;
	struct epoch_member member;
	struct mesh_guest *older;
};

static int hello_check(const struct guests *guests, const struct connection *connection,
	const Control__Hello *hello, struct error *err)
{
	const struct peer *peer = connection_peer(connection);

	if (peer->local && !peer_is_operator(peer))
		return error_set(err, -EACCES,
			"pawld: %s: user %u is no replica of this cluster; replicas run "
			"as its owner",
			guests->cluster, (unsigned int)peer->uid);
	if (hello->protocol != CONTROL_PROTOCOL)
		return error_set(err, -EPROTO,
			"pawld: %s: replica %u speaks protocol %u and this one %d; use "
			"the same version everywhere",
			guests->cluster, hello->from->replica, hello->protocol,
			CONTROL_PROTOCOL);
	if (strcmp(hello->cluster, guests->cluster) != 0)
		return error_set(err, -ENOENT,
			"pawld: this replica belongs to cluster '%s', not to '%s'; check "
			"the address",
			guests->cluster, hello->cluster);
	return 0;
}

static void refuse(struct connection *connection, uint64_t request, int code,
	const struct error *err)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	log_warning("%s", err->text);
	reply.id = request;
	reply.error = (uint32_t)-code;
	reply.text = (char *)(uintptr_t)err->text;
	connection_reply(connection, &reply);
}

static void welcome(
	struct guests *guests, struct connection *connection, uint64_t request)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Welcome body = CONTROL__WELCOME__INIT;
	Control__Member self;
	char *controls[RECORD_CONTROLS_MAX];

	roster_to_wire(roster_self(guests->roster), &self, controls);
	body.self = &self;
	reply.id = request;
	reply.body_case = CONTROL__REPLY__BODY_WELCOME;
	reply.welcome = &body;
	connection_reply(connection, &reply);
}

/* 0, or -ENOMEM. */
static int guest_set(
	struct guests *guests, struct connection *connection, struct epoch_member member)
{
	struct mesh_guest *guest = connection_mesh(connection);

	if (!guest) {
		guest = malloc(sizeof(*guest));
		if (!guest)
			return -ENOMEM;
		guest->connection = connection;
		guest->older = guests->newest;
		guests->newest = guest;
		connection_mesh_set(connection, guest);
	}
	guest->member = member;
	return 0;
}

bool guests_hello(struct guests *guests, struct connection *connection, uint64_t request,
	const Control__Hello *hello)
{
	struct epoch_member member = {hello->from->replica, hello->from->incarnation};
	struct error err = {0};
	int rc = hello_check(guests, connection, hello, &err);

	if (!rc && hello->to == roster_self(guests->roster)->member.id) {
		rc = guest_set(guests, connection, member);
		if (rc)
			(void)error_set(&err, rc, "pawld: %s: no memory for a connection",
				guests->cluster);
	}
	if (rc)
		refuse(connection, request, rc, &err);
	else
		welcome(guests, connection, request);
	return !rc && connection_mesh(connection) != NULL;
}

struct epoch_member guests_member(const struct connection *connection)
{
	const struct mesh_guest *guest = connection_mesh(connection);

	return guest ? guest->member : (struct epoch_member){.id = 0};
}

struct connection *guests_find(
	const struct guests *guests, struct epoch_member member, bool any_life)
{
	for (struct mesh_guest *g = guests->newest; g; g = g->older) {
		if (epoch_member_same(g->member, member) ||
			(any_life && g->member.id == member.id))
			return g->connection;
	}
	return NULL;
}

void guests_for_each(const struct guests *guests,
	void (*visit)(
		void *context, struct connection *connection, struct epoch_member member),
	void *context)
{
	for (struct mesh_guest *g = guests->newest; g; g = g->older)
		visit(context, g->connection, g->member);
}

void guests_forget(struct guests *guests, struct connection *connection)
{
	struct mesh_guest *guest = connection_mesh(connection);
	struct mesh_guest **link = &guests->newest;

	if (!guest)
		return;
	while (*link != guest)
		link = &(*link)->older;
	*link = guest->older;
	connection_mesh_set(connection, NULL);
	free(guest);
}

void guests_forget_all(struct guests *guests)
{
	while (guests->newest)
		guests_forget(guests, guests->newest->connection);
}
