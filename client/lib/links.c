/* Links to the memory of a chain: one device, one link per member. */
#include <string.h>

#include "client/lib/handle.h"
#include "client/lib/stream.h"
#include "hw/clock.h"

#define LINK_ROOM 4 /* beside additions: state and ceiling reads, a mark with its read */
/* A sealed epoch is followed by a push, which comes sooner than an answer would. */
#define PUSH_NS UINT64_C(5000000)

static int device_get(struct pawl *pawl, const char *transport)
{
	struct session *s = &pawl->session;
	const struct memory_ops *ops = memory_ops_find(transport);
	int rc;

	if (!ops)
		return error_set(&s->why, -EPROTO,
			"pawl: %s: transport '%.15s' is unknown; use a newer library",
			pawl->where, transport);
	if (s->device && s->ops == ops)
		return 0;
	if (streams_hold_device(pawl))
		return error_set(&s->why, -EPROTO,
			"pawl: %s: the cluster has changed from %s to %s while this "
			"handle "
			"publishes; open a new handle",
			pawl->where, s->ops->name, ops->name);
	if (s->links[0].link)
		return error_set(&s->why, -EPROTO,
			"pawl: %s: the chain is of replicas over %s and over %s; use one "
			"transport for all",
			pawl->where, s->ops->name, ops->name);
	if (s->device)
		s->ops->close(s->device);
	s->device = NULL;
	rc = ops->open(&pawl->device_config, &s->device, &s->why);
	if (!rc)
		s->ops = ops;
	return rc;
}

static int memory_unknown(struct pawl *pawl, const struct peer *peer)
{
	return error_set(&pawl->session.why, -EPROTO,
		"pawl: %s: replica %u does not say where its memory is; use the same "
		"version on both sides",
		peer->endpoint.text, peer->replica);
}

static int link_connect(
	struct pawl *pawl, const struct member *m, struct session_link *slot)
{
	struct session *s = &pawl->session;
	const struct peer *peer = slot->peer;
	const char *memory = peer->memory[0] ? peer->memory : m->memory;
	const char *transport = peer->transport[0] ? peer->transport : m->transport;
	struct link_config config = {
		.token = peer->token, .depth = pawl->options.depth + LINK_ROOM};
	int rc;

	if (config.depth > LINK_DEPTH_MAX)
		config.depth = LINK_DEPTH_MAX;
	if (memory[0] == '\0')
		return memory_unknown(pawl, peer);
	rc = device_get(pawl, transport);
	if (rc)
		return rc;
	return s->ops->connect(s->device, memory, &config, &slot->link, &s->why);
}

void links_plan(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	s->linked_epoch = s->epoch;
	s->links_count = s->chain_len;
	for (uint32_t i = 0; i < s->chain_len; i++) {
		const struct member *m = &s->chain[i];

		s->links[i] = (struct session_link){
			.peer = peers_find(s, m->replica, m->incarnation)};
	}
}

int links_connect(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = 0;

	for (uint32_t i = 0; i < s->links_count && !rc; i++)
		rc = link_connect(pawl, &s->chain[i], &s->links[i]);
	return rc;
}

int links_state(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	int rc = s->ops->progress(s->device, &s->why);

	for (uint32_t i = 0; i < s->links_count && !rc; i++)
		rc = s->ops->state(s->links[i].link, &s->why);
	return rc;
}

static void link_close(struct pawl *pawl, struct session_link *slot)
{
	if (slot->link)
		slot->link->ops->disconnect(slot->link);
	slot->link = NULL;
	pawl->in_flight -= slot->in_flight;
	slot->in_flight = 0;
}

/* What it answered holds for the links that are closed now: it has to be asked again. */
static void answer_used(struct session *s, struct peer *peer)
{
	bool over = s->over_epoch >= s->linked_epoch;

	if (peer->stage != PEER_JOINED || peer->epoch != s->linked_epoch)
		return;
	peer->stage = PEER_WAITING; /* J1 */
	peer->again_ns = over ? clock_now_ns() + PUSH_NS : 0;
}

void links_close(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	streams_close(pawl); /* L2 */
	for (uint32_t i = 0; i < s->links_count; i++) {
		link_close(pawl, &s->links[i]);
		answer_used(s, s->links[i].peer);
	}
	s->links_count = 0;
}

void links_close_gone(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	for (uint32_t i = 0; i < s->links_count; i++) {
		if (!peer_is_connected(s->links[i].peer))
			link_close(pawl, &s->links[i]);
	}
}
