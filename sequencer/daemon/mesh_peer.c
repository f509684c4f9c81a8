/* Members that are watched: connected, judged, and told about (mesh.h). */
#include <stdio.h>
#include <stdlib.h>

#include "hw/clock.h"
#include "sequencer/control/frame.h"
#include "sequencer/daemon/mesh_internal.h"

void watched_announce(struct watched *peer)
{
	const struct mesh_handlers *h = &peer->mesh->config.handlers;

	if (peer->over || peer->announced == peer->judge.opinion)
		return;
	peer->announced = peer->judge.opinion;
	if (peer->announced == JUDGE_SUSPECT)
		h->suspect(h->context, peer->member, peer->judge.why);
	else
		h->trust(h->context, peer->member);
}

void guest_send(struct connection *connection, const struct queued_frame *frame)
{
	Control__Reply reply = CONTROL__REPLY__INIT;
	Control__Request *request;

	if (request_decode(frame->bytes + FRAME_HEADER_LEN, frame->len - FRAME_HEADER_LEN,
		    NULL, &request, NULL))
		return;
	reply.body_case = CONTROL__REPLY__BODY_EPOCH;
	reply.epoch = request->epoch;
	connection_reply(connection, &reply);
	control__request__free_unpacked(request, NULL);
}

/* There is a way to the peer's replica now, or was one lost: sends what waits. */
static void queue_flush(struct watched *peer)
{
	struct connection *guest = guests_find(&peer->mesh->guests, peer->member, true);
	struct queued_frame frame;

	if (dial_life(peer->dial).id == 0 && !guest)
		return;
	while ((frame = frame_queue_take(&peer->queue)).bytes) {
		if (dial_life(peer->dial).id != 0)
			dial_send(peer->dial, frame.bytes, frame.len);
		else
			guest_send(guest, &frame);
		free(frame.bytes);
	}
}

static bool is_dialed(const struct watched *peer)
{
	return epoch_member_same(dial_life(peer->dial), peer->member);
}

void watched_judge_connection(struct watched *peer, const char *why)
{
	bool connected = is_dialed(peer) ||
			 guests_find(&peer->mesh->guests, peer->member, false);

	peer->dialed |= is_dialed(peer);
	if (connected && !peer->judge.connected && !peer->judge.dead)
		judge_connected(&peer->judge);
	else if (!connected && peer->judge.connected && peer->dialed)
		judge_lost(&peer->judge, why);
	else if (!connected && peer->judge.connected)
		judge_left(&peer->judge);
	queue_flush(peer);
}

static void on_up(void *context, const Control__Member *who)
{
	struct watched *peer = context;
	struct roster_entry entry;
	char why[JUDGE_WHY_LEN];

	roster_from_wire(who, &entry);
	if (!is_dialed(peer)) {
		(void)snprintf(why, sizeof(why),
			"replica %u lives on in another life, %016llx", who->replica,
			(unsigned long long)who->incarnation);
		judge_dead(&peer->judge, why);
	}
	watched_judge_connection(peer, "");
	if (roster_learn(peer->mesh->config.roster, &entry))
		mesh_learned(peer->mesh);
	watched_announce(peer);
}

static void on_down(void *context, const char *why)
{
	struct watched *peer = context;

	watched_judge_connection(peer, why);
	watched_announce(peer);
}

static void on_failed(void *context, bool refused, bool local, const char *why)
{
	struct watched *peer = context;

	if (refused)
		judge_refused(&peer->judge, local, why);
	watched_announce(peer);
}

static void on_reply(void *context, const Control__Reply *reply)
{
	struct watched *peer = context;

	struct epoch_member life = dial_life(peer->dial);

	if (reply->body_case == CONTROL__REPLY__BODY_EPOCH)
		mesh_take(peer->mesh, life, reply->epoch);
	else if (reply->body_case == CONTROL__REPLY__BODY_STREAM_ASK)
		mesh_ask_take(peer->mesh, life, reply->stream_ask);
	else if (reply->body_case == CONTROL__REPLY__BODY_STREAM_TELL)
		mesh_tell_take(peer->mesh, life, reply->stream_tell);
}

struct watched *watched_make(struct mesh *mesh, struct epoch_member member)
{
	struct watched *peer = calloc(1, sizeof(*peer));
	const struct mesh_config *config = &mesh->config;
	struct dial_config dial = {.loop = config->loop,
		.cluster = mesh->cluster,
		.roster = config->roster,
		.member = member,
		.retry_ns = config->retry_ns,
		.silence_ns = config->suspect_ns,
		.handlers = {.up = on_up,
			.down = on_down,
			.failed = on_failed,
			.reply = on_reply,
			.context = peer},
		.handles_open = &mesh->handles_open};

	if (!peer)
		return NULL;
	peer->mesh = mesh;
	peer->member = member;
	judge_init(
		&peer->judge, config->heartbeat_ns, config->suspect_ns, clock_now_ns());
	heartbeat_init(&peer->heartbeat, config->device, mesh_self(mesh).incarnation,
		config->retry_ns);
	if (dial_make(&dial, &peer->dial)) {
		free(peer);
		return NULL;
	}
	return peer;
}

void watched_end(struct watched *peer)
{
	peer->over = true;
	dial_close(peer->dial);
	heartbeat_close(&peer->heartbeat);
	frame_queue_clear(&peer->queue);
	peer->next_over = peer->mesh->over;
	peer->mesh->over = peer;
}

void watched_free_ended(struct mesh *mesh)
{
	while (mesh->over) {
		struct watched *peer = mesh->over;

		mesh->over = peer->next_over;
		free(peer);
	}
}

void watched_check(struct watched *peer, uint64_t now_ns)
{
	const struct roster_entry *entry = roster_find(
		peer->mesh->config.roster, peer->member);
	enum heartbeat_news news;

	if (heartbeat_aim(&peer->heartbeat, entry))
		judge_region_changed(&peer->judge);
	news = heartbeat_look(&peer->heartbeat, now_ns);
	watched_judge_connection(peer, "the control connection ended");
	judge_check(&peer->judge, news, heartbeat_why(&peer->heartbeat), now_ns);
	watched_announce(peer);
}
