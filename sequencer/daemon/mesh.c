#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hw/clock.h"
#include "sequencer/control/frame.h"
#include "sequencer/core/panic.h"
#include "sequencer/daemon/log.h"
#include "sequencer/daemon/mesh_internal.h"

#define EPOCH_REQUEST_ID 2 /* nobody answers by it */

void mesh_learned(struct mesh *mesh)
{
	const struct mesh_handlers *h = &mesh->config.handlers;

	for (unsigned int i = 0; i < mesh->peers_count; i++)
		dial_kick(mesh->peers[i]->dial);
	if (h->learned && !mesh->closing)
		h->learned(h->context);
}

void mesh_take(
	struct mesh *mesh, struct epoch_member life, const Control__EpochMessage *epoch)
{
	const struct mesh_handlers *h = &mesh->config.handlers;
	struct epoch_wire_message message;
	int rc;

	if (epoch->from != life.id || epoch->from_incarnation != life.incarnation) {
		log_warning("pawld: %s: a message in the name of replica %u is dropped: "
			    "it came on a connection that is not that replica's",
			mesh->cluster, epoch->from); /* W2 */
		return;
	}
	if (mesh->instance == 0 || epoch->instance != mesh->instance ||
		epoch->to != mesh_self(mesh).id) {
		log_debug("a message of replica %u is not for us", life.id); /* W3 */
		return;
	}
	if (epoch_wire_learn(epoch, mesh->config.roster))
		mesh_learned(mesh);
	rc = epoch_wire_unpack(epoch, &message);
	if (rc) {
		log_warning("pawld: %s: a message of replica %u is dropped: %s",
			mesh->cluster, life.id, error_reason(rc));
		return;
	}
	if (!mesh->closing)
		h->message(h->context, &message);
	epoch_wire_free(&message);
}

static void on_timer(uv_timer_t *timer)
{
	struct mesh *mesh = timer->data;
	struct device *device = mesh->config.device;
	struct error err = {0};

	watched_free_ended(mesh);
	/* A device that is lost is the driver's business; here its links just fail. */
	if (device && device->ops->progress(device, &err))
		log_debug("%s", err.text);
	/* Whoever is told may watch others meanwhile. */
	for (unsigned int i = 0; i < mesh->peers_count; i++)
		watched_check(mesh->peers[i], clock_now_ns());
}

int mesh_make(const struct mesh_config *config, struct mesh **mesh_p, struct error *err)
{
	struct mesh *mesh;
	int rc;

	if (config->heartbeat_ns < NS_PER_MS || config->suspect_ns == 0)
		return error_set(err, -EINVAL,
			"pawld: %s: heartbeat-ms and suspect-ms are at least 1",
			config->cluster);
	mesh = calloc(1, sizeof(*mesh));
	if (!mesh)
		return error_set(err, -ENOMEM, "pawld: %s: no memory", config->cluster);
	mesh->config = *config;
	(void)snprintf(mesh->cluster, sizeof(mesh->cluster), "%s", config->cluster);
	mesh->guests.cluster = mesh->cluster;
	mesh->guests.roster = config->roster;
	rc = uv_timer_init(config->loop, &mesh->timer);
	if (rc) {
		free(mesh);
		return error_set(err, rc, "pawld: %s: timer: %s", config->cluster,
			error_reason(rc));
	}
	mesh->handles_open++;
	mesh->timer.data = mesh;
	(void)uv_timer_start(&mesh->timer, on_timer, config->heartbeat_ns / NS_PER_MS,
		config->heartbeat_ns / NS_PER_MS);
	*mesh_p = mesh;
	return 0;
}

void mesh_instance_set(struct mesh *mesh, uint64_t instance)
{
	mesh->instance = instance;
}

/* The watched peer of this life, taken out of the list; or NULL. */
static struct watched *peer_take(struct mesh *mesh, struct epoch_member member)
{
	for (unsigned int i = 0; i < mesh->peers_count; i++) {
		struct watched *peer = mesh->peers[i];

		if (epoch_member_same(peer->member, member)) {
			mesh->peers[i] = mesh->peers[--mesh->peers_count];
			return peer;
		}
	}
	return NULL;
}

void mesh_watch(struct mesh *mesh, const struct epoch_chain *members)
{
	struct watched *peers[CHAIN_MAX];
	unsigned int count = 0;

	PAWL_ASSERT(members->count <= CHAIN_MAX);
	for (uint32_t i = 0; i < members->count && !mesh->closing; i++) {
		struct epoch_member member = members->at[i];

		if (member.id == mesh_self(mesh).id)
			continue; /* its own earlier lives are gone for certain */
		peers[count] = peer_take(mesh, member);
		if (!peers[count])
			peers[count] = watched_make(mesh, member);
		if (peers[count])
			count++;
		else
			log_error("pawld: %s: no memory to watch replica %u",
				mesh->cluster, member.id);
	}
	while (mesh->peers_count > 0)
		watched_end(mesh->peers[--mesh->peers_count]);
	memcpy(mesh->peers, peers, count * sizeof(peers[0]));
	mesh->peers_count = count;
}

static struct watched *peer_find(
	const struct mesh *mesh, struct epoch_member member, bool any_life)
{
	for (unsigned int i = 0; i < mesh->peers_count; i++) {
		struct watched *peer = mesh->peers[i];

		if (epoch_member_same(peer->member, member) ||
			(any_life && peer->member.id == member.id))
			return peer;
	}
	return NULL;
}

struct watched *mesh_dialed_find(
	const struct mesh *mesh, struct epoch_member member, bool any_life)
{
	for (unsigned int i = 0; i < mesh->peers_count; i++) {
		struct epoch_member life = dial_life(mesh->peers[i]->dial);

		if (epoch_member_same(life, member) || (any_life && life.id == member.id))
			return mesh->peers[i];
	}
	return NULL;
}

/* The message as the frame of a request, from malloc; NULL: no memory. */
static uint8_t *frame_make(Control__EpochMessage *epoch, size_t *len_p)
{
	Control__Request request = CONTROL__REQUEST__INIT;
	uint8_t *frame;

	request.id = EPOCH_REQUEST_ID;
	request.body_case = CONTROL__REQUEST__BODY_EPOCH;
	request.epoch = epoch;
	*len_p = message_frame_len(&request.base);
	PAWL_ASSERT(*len_p <= FRAME_HEADER_LEN + FRAME_MAX);
	frame = malloc(*len_p);
	if (frame)
		message_frame_write(&request.base, frame);
	return frame;
}

static void packed_send(
	struct mesh *mesh, struct epoch_member to, Control__EpochMessage *epoch)
{
	struct queued_frame frame;
	struct watched *peer = NULL;
	struct connection *guest = NULL;

	frame.bytes = frame_make(epoch, &frame.len);
	if (!frame.bytes)
		return;
	for (int any_life = 0; any_life <= 1 && !peer && !guest; any_life++) {
		peer = mesh_dialed_find(mesh, to, any_life); /* W1 */
		guest = guests_find(&mesh->guests, to, any_life);
	}
	if (peer)
		dial_send(peer->dial, frame.bytes, frame.len);
	else if (guest)
		guest_send(guest, &frame);
	peer = peer || guest ? NULL : peer_find(mesh, to, false);
	if (peer)
		frame_queue_add(&peer->queue, frame.bytes, frame.len);
	else
		free(frame.bytes);
}

void mesh_send(struct mesh *mesh, const struct epoch_message *message)
{
	struct epoch_wire_source source = {.roster = mesh->config.roster,
		.instance = mesh->instance,
		.name = mesh->config.name,
		.stream = mesh->config.stream,
		.name_context = mesh->config.name_context};
	Control__EpochMessage *packed;

	if (mesh->closing || epoch_wire_pack(message, &source, &packed))
		return;
	packed_send(mesh, message->to, packed);
	epoch_wire_packed_free(packed);
}

/* Every watched life of this replica: a connection of it came or went. */
static void guest_judge(struct mesh *mesh, struct epoch_member member, const char *why)
{
	struct watched *peer = peer_find(mesh, member, false);

	if (!peer)
		peer = peer_find(mesh, member, true);
	if (!peer)
		return;
	watched_judge_connection(peer, why);
	dial_kick(peer->dial);
	watched_announce(peer);
}

static void on_hello(struct mesh *mesh, struct connection *connection, uint64_t id,
	const Control__Hello *hello)
{
	struct roster_entry entry;

	if (!guests_hello(&mesh->guests, connection, id, hello))
		return;
	roster_from_wire(hello->from, &entry);
	if (roster_learn(mesh->config.roster, &entry))
		mesh_learned(mesh);
	guest_judge(mesh, entry.member, "");
}

bool mesh_request(
	struct mesh *mesh, struct connection *connection, const Control__Request *request)
{
	struct epoch_member guest = guests_member(connection);
	bool open = !mesh->closing;

	switch (request->body_case) {
	case CONTROL__REQUEST__BODY_HELLO:
		if (open)
			on_hello(mesh, connection, request->id, request->hello);
		return true;
	case CONTROL__REQUEST__BODY_EPOCH:
		if (open)
			mesh_take(mesh, guest, request->epoch);
		return true;
	case CONTROL__REQUEST__BODY_STREAM_ASK:
		if (open)
			mesh_ask_take(mesh, guest, request->stream_ask);
		return true;
	case CONTROL__REQUEST__BODY_STREAM_TELL:
		if (open)
			mesh_tell_take(mesh, guest, request->stream_tell);
		return true;
	default:
		return false;
	}
}

void mesh_closed_connection(struct mesh *mesh, struct connection *connection)
{
	struct epoch_member member = guests_member(connection);

	guests_forget(&mesh->guests, connection);
	if (member.id != 0)
		guest_judge(mesh, member, "the control connection ended");
}

bool mesh_peer_get(const struct mesh *mesh, unsigned int index, struct mesh_peer *peer_p)
{
	const struct watched *peer;

	if (index >= mesh->peers_count)
		return false;
	peer = mesh->peers[index];
	*peer_p = (struct mesh_peer){.member = peer->member,
		.connected = peer->judge.connected,
		.suspect = peer->judge.opinion == JUDGE_SUSPECT};
	if (peer->judge.moved_ns != 0)
		peer_p->heartbeat_age_ns = clock_now_ns() - peer->judge.moved_ns;
	memcpy(peer_p->why, peer->judge.why, sizeof(peer_p->why));
	return true;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct mesh *mesh = handle->data;

	mesh->handles_open--;
}

void mesh_close(struct mesh *mesh)
{
	if (mesh->closing)
		return;
	mesh->closing = true;
	while (mesh->peers_count > 0)
		watched_end(mesh->peers[--mesh->peers_count]);
	uv_close((uv_handle_t *)&mesh->timer, on_timer_closed);
}

bool mesh_closed(const struct mesh *mesh)
{
	return mesh->handles_open == 0;
}

void mesh_free(struct mesh *mesh)
{
	if (!mesh)
		return;
	PAWL_ASSERT(mesh_closed(mesh));
	watched_free_ended(mesh);
	guests_forget_all(&mesh->guests);
	free(mesh);
}
