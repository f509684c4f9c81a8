/*
 * Which replicas a handle is connected to: every member of the newest chain, and while the
 * session is not ready also whoever else may know better, one after the other.
 */
#include <string.h>

#include "client/lib/handle.h"
#include "hw/clock.h"

#define SEEK_NS \
	UINT64_C(50000000) /* for those asked to answer, before another is asked */

struct peer_question peers_question(const struct pawl *pawl)
{
	return (struct peer_question){.cluster = pawl->cluster, .program = pawl->program};
}

struct peer *peers_find(struct session *s, uint32_t replica, uint64_t incarnation)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		if (peer_is(&s->peers[i], replica, incarnation))
			return &s->peers[i];
	}
	return NULL;
}

static struct peer *peers_at(struct session *s, const struct endpoint *endpoint)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		if (strcmp(s->peers[i].endpoint.text, endpoint->text) == 0)
			return &s->peers[i];
	}
	return NULL;
}

bool session_is_heard(const struct session *s)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		if (peer_is_connected(&s->peers[i]))
			return true;
	}
	return false;
}

bool session_chain_has(const struct session *s, const struct peer *peer)
{
	for (uint32_t i = 0; i < s->chain_len; i++) {
		if (peer_is(peer, s->chain[i].replica, s->chain[i].incarnation))
			return true;
	}
	return false;
}

/* How much is lost when a slot is given to another replica; members are not asked for. */
static unsigned int slot_worth(const struct peer *peer)
{
	if (peer->endpoint.text[0] == '\0')
		return 0;
	if (!peer_is_connected(peer))
		return peer->token ? 2 : 1;
	return peer->stage == PEER_WAITING ? 3 : 4;
}

/* A slot for a replica that has none.  NULL: all are in use, for now. */
static struct peer *slot_free(struct session *s)
{
	struct peer *best = NULL;

	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		struct peer *peer = &s->peers[i];

		if (session_chain_has(s, peer) || slot_worth(peer) > 3)
			continue;
		if (!best || slot_worth(peer) < slot_worth(best))
			best = peer;
	}
	if (!best)
		return NULL;
	peer_leave(best);
	peer_forget(best);
	return best;
}

static int dial(struct pawl *pawl, struct peer *peer, const struct endpoint *endpoint)
{
	struct session *s = &pawl->session;
	const struct peer_question question = peers_question(pawl);
	int rc;

	peer->given = book_gave(&s->book, endpoint);
	rc = peer_dial(peer, endpoint, &question, &s->why);
	if (rc)
		s->why_code = handle_public_error(rc);
	return rc;
}

static uint64_t delay_next(uint64_t delay_ns)
{
	if (delay_ns < PEER_RETRY_MIN_NS)
		return PEER_RETRY_MIN_NS;
	return delay_ns * 2 < PEER_RETRY_MAX_NS ? delay_ns * 2 : PEER_RETRY_MAX_NS;
}

/* Somebody who has not said who it is was dialled where the member should be. */
static bool member_may_be_dialled(struct session *s, const struct member *m)
{
	for (unsigned int i = 0; i < m->controls_count; i++) {
		const struct peer *peer = peers_at(s, &m->controls[i]);

		if (peer && peer->stage == PEER_ASKED && peer->replica == 0)
			return true;
	}
	return false;
}

/* The member's own slot; or that of its address, if nobody else is known to be there. */
static struct peer *member_slot(
	struct session *s, const struct member *m, const struct endpoint *endpoint)
{
	struct peer *peer = peers_find(s, m->replica, m->incarnation);

	if (peer)
		return peer;
	peer = peers_at(s, endpoint);
	if (peer && !peer_is_connected(peer) && !session_chain_has(s, peer))
		return peer;
	return peer ? NULL : slot_free(s);
}

static void member_dial(struct pawl *pawl, struct member *m, uint64_t now_ns)
{
	struct session *s = &pawl->session;
	const struct peer *known = peers_find(s, m->replica, m->incarnation);

	if ((known && peer_is_connected(known)) || now_ns < m->retry_at_ns ||
		member_may_be_dialled(s, m))
		return;
	m->delay_ns = delay_next(m->delay_ns);
	m->retry_at_ns = now_ns + m->delay_ns;
	for (unsigned int tries = 0; tries < m->controls_count; tries++) {
		const struct endpoint *endpoint = &m->controls[m->next];
		struct peer *peer = member_slot(s, m, endpoint);

		m->next = (m->next + 1) % m->controls_count;
		if (peer && dial(pawl, peer, endpoint) == 0)
			return;
	}
}

/* True when somebody new was asked. */
static bool seek_one(struct pawl *pawl)
{
	struct session *s = &pawl->session;
	const struct endpoint *endpoint = book_turn(&s->book);
	struct peer *peer = peers_at(s, endpoint);

	if (peer && peer_is_connected(peer))
		return false;
	if (!peer)
		peer = slot_free(s);
	if (!peer)
		return false;
	s->dialled++;
	return dial(pawl, peer, endpoint) == 0;
}

/*
 * Asks the next endpoint of the book.  While somebody is being heard the next is asked only
 * after a while; those that refuse at once are passed over at once.
 */
static void seek(struct pawl *pawl, uint64_t now_ns)
{
	struct session *s = &pawl->session;
	bool found = false;

	if (now_ns < s->seek_at_ns)
		return;
	for (unsigned int i = 0; i < s->book.count && !found; i++)
		found = seek_one(pawl);
	s->seek_delay_ns = delay_next(s->seek_delay_ns);
	s->seek_at_ns = now_ns + (session_is_heard(s) ? SEEK_NS : s->seek_delay_ns);
}

static void ask_again(struct pawl *pawl, struct peer *peer, uint64_t now_ns)
{
	struct session *s = &pawl->session;
	const struct peer_question question = peers_question(pawl);

	if (peer->stage == PEER_WAITING && now_ns >= peer->again_ns) {
		peer_ask(peer, &question);
	} else if (peer->stage == PEER_ASKED &&
		   now_ns >= peer->asked_ns + PEER_ANSWER_NS) {
		int rc = error_set(&s->why, -ETIMEDOUT,
			"pawl: %s: join: no answer within %llu ms; is the replica "
			"stopped or busy?",
			peer->endpoint.text,
			(unsigned long long)(PEER_ANSWER_NS / 1000000));

		peers_failed(pawl, peer, rc);
	}
}

void peers_dial(struct pawl *pawl, uint64_t now_ns)
{
	struct session *s = &pawl->session;

	for (uint32_t i = 0; i < s->chain_len; i++)
		member_dial(pawl, &s->chain[i], now_ns);
	seek(pawl, now_ns);
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++)
		ask_again(pawl, &s->peers[i], now_ns);
}

static bool is_linked(const struct session *s, const struct peer *peer)
{
	for (uint32_t i = 0; i < s->links_count; i++) {
		if (s->links[i].peer == peer)
			return true;
	}
	return false;
}

void peers_failed(struct pawl *pawl, struct peer *peer, int code)
{
	struct session *s = &pawl->session;
	uint64_t soon_ns = clock_now_ns() + s->seek_delay_ns;

	s->why_code = handle_public_error(code);
	peer_off(peer);
	if (soon_ns < s->seek_at_ns)
		s->seek_at_ns = soon_ns;
	if (!is_linked(s, peer))
		return;
	if (s->stage == SESSION_READY)
		session_lost(pawl);
	else if (s->stage != SESSION_DRAINING)
		session_attempt_failed(pawl, code);
}

static void peer_listen(struct pawl *pawl, struct peer *peer)
{
	struct session *s = &pawl->session;
	Control__Reply *reply;
	int rc = 0;

	while (peer_is_connected(peer) && !rc) {
		rc = control_receive(&peer->control, &reply, &s->why);
		if (!rc)
			join_reply(pawl, peer, reply);
	}
	if (rc && rc != -EAGAIN)
		peers_failed(pawl, peer, rc);
}

void peers_listen(struct pawl *pawl)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++)
		peer_listen(pawl, &pawl->session.peers[i]);
}

void peers_prune(struct pawl *pawl)
{
	struct session *s = &pawl->session;

	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		if (peer_is_connected(&s->peers[i]) && !is_linked(s, &s->peers[i]))
			peer_leave(&s->peers[i]);
	}
}
