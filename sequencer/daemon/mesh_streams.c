/* Between replicas: where the memory of their streams is. */
#include <stdlib.h>

#include "sequencer/control/frame.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/mesh_internal.h"

#define STREAM_REQUEST_ID 4 /* nobody answers by it */

struct stream_message {
	struct mesh *mesh;
	Control__StreamAsk *ask; /* or NULL */
	Control__StreamTell *tell;
};

static bool is_of_us(const struct mesh *mesh, struct epoch_member life, uint64_t instance)
{
	return life.id != 0 && mesh->instance != 0 && instance == mesh->instance; /* W3 */
}

void mesh_ask_take(
	struct mesh *mesh, struct epoch_member life, const Control__StreamAsk *ask)
{
	const struct mesh_handlers *h = &mesh->config.handlers;

	if (is_of_us(mesh, life, ask->instance) && h->stream_ask && !mesh->closing)
		h->stream_ask(h->context, life, ask);
}

void mesh_tell_take(
	struct mesh *mesh, struct epoch_member life, const Control__StreamTell *tell)
{
	const struct mesh_handlers *h = &mesh->config.handlers;

	if (!is_of_us(mesh, life, tell->instance) || !h->stream_tell || mesh->closing)
		return;
	if (tell->replica != life.id || tell->incarnation != life.incarnation) {
		log_warning("pawld: %s: places in the name of replica %u are ignored: "
			    "they came on a connection that is not that replica's",
			mesh->cluster, tell->replica); /* W2 */
		return;
	}
	h->stream_tell(h->context, life, tell);
}

static void dial_message(struct watched *peer, const struct stream_message *message)
{
	Control__Request request = CONTROL__REQUEST__INIT;

	request.id = STREAM_REQUEST_ID;
	request.body_case = message->ask ? CONTROL__REQUEST__BODY_STREAM_ASK
					 : CONTROL__REQUEST__BODY_STREAM_TELL;
	if (message->ask)
		request.stream_ask = message->ask;
	else
		request.stream_tell = message->tell;
	if (watched_request(peer, &request))
		log_debug("replica %u: no memory for a message; it will be asked again",
			peer->member.id);
}

static void guest_message(
	struct connection *connection, const struct stream_message *message)
{
	Control__Reply reply = CONTROL__REPLY__INIT;

	reply.body_case = message->ask ? CONTROL__REPLY__BODY_STREAM_ASK
				       : CONTROL__REPLY__BODY_STREAM_TELL;
	if (message->ask)
		reply.stream_ask = message->ask;
	else
		reply.stream_tell = message->tell;
	connection_reply(connection, &reply);
}

void mesh_stream_send(struct mesh *mesh, struct epoch_member to, Control__StreamAsk *ask,
	Control__StreamTell *tell)
{
	struct stream_message message = {mesh, ask, tell};
	struct watched *peer = mesh_dialed_find(mesh, to, false);
	struct connection *guest = guests_find(&mesh->guests, to, false);

	if (mesh->closing)
		return;
	if (peer)
		dial_message(peer, &message);
	else if (guest)
		guest_message(guest, &message);
}

/* Whoever is dialed as well has been sent it. */
static void guest_visit(
	void *context, struct connection *connection, struct epoch_member member)
{
	const struct stream_message *message = context;

	if (!mesh_dialed_find(message->mesh, member, false))
		guest_message(connection, message);
}

void mesh_stream_send_all(
	struct mesh *mesh, Control__StreamAsk *ask, Control__StreamTell *tell)
{
	struct stream_message message = {mesh, ask, tell};

	if (mesh->closing)
		return;
	for (unsigned int i = 0; i < mesh->peers_count; i++) {
		if (dial_life(mesh->peers[i]->dial).id != 0)
			dial_message(mesh->peers[i], &message);
	}
	guests_for_each(&mesh->guests, guest_visit, &message);
}
