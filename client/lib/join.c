/* What replicas say: who serves which epoch, who would know, and that they end. */
#include <stdio.h>
#include <string.h>

#include "client/lib/handle.h"
#include "client/lib/stream.h"
#include "hw/clock.h"

/* Its answer to a Join says that it serves nobody, or an epoch that is over. */
static void nothing_here(struct peer *peer)
{
	peer_put_off(peer, clock_now_ns());
}

void join_learn(struct session *s, Control__Member *const *chain, size_t count)
{
	bool is_new = false;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < chain[i]->n_control; k++)
			(void)book_learn(&s->book, chain[i]->control[k], &is_new);
	}
	if (is_new)
		s->seek_at_ns = 0;
}

static void member_set(struct session *s, struct member *m, const Control__Member *told)
{
	bool is_new = false;

	memset(m, 0, sizeof(*m));
	m->replica = told->replica;
	m->incarnation = told->incarnation;
	(void)snprintf(m->memory, sizeof(m->memory), "%s", told->memory);
	(void)snprintf(m->transport, sizeof(m->transport), "%s", told->transport);
	for (size_t i = 0; i < told->n_control; i++) {
		const struct endpoint *endpoint = book_learn(
			&s->book, told->control[i], &is_new);

		if (endpoint && m->controls_count < BOOK_CONTROLS_MAX)
			m->controls[m->controls_count++] = *endpoint;
	}
}

/* Who has answered for an older one is likely to tell by itself, soon. */
static void answers_outdated(struct session *s)
{
	for (unsigned int i = 0; i < SESSION_PEERS_MAX; i++) {
		struct peer *peer = &s->peers[i];

		if (peer->stage == PEER_JOINED && peer->epoch < s->epoch)
			nothing_here(peer);
	}
}

/* A newer epoch is served: everything goes there. */
static void epoch_heard(struct pawl *pawl, const Control__Joined *joined)
{
	struct session *s = &pawl->session;

	s->epoch = joined->epoch; /* S1 */
	s->chain_len = (uint32_t)joined->n_chain;
	for (size_t i = 0; i < joined->n_chain; i++)
		member_set(s, &s->chain[i], joined->chain[i]);
	s->retry_at_ns = 0;
	if (s->stage == SESSION_READY) {
		session_lost(pawl);
	} else if (s->stage != SESSION_DRAINING) {
		links_close(pawl);
		session_stage_enter(s, SESSION_JOINING);
	}
	answers_outdated(s);
}

/*
 * A cluster that was erased and begun again has other numbers: not for this handle.  An
 * address that was only heard of may belong to another cluster here.
 */
static bool instance_is_right(
	struct pawl *pawl, const struct peer *peer, uint64_t instance)
{
	struct session *s = &pawl->session;

	if (!s->instance)
		s->instance = instance;
	if (s->instance == instance)
		return true;
	(void)error_set(&s->why, -EPROTO,
		"pawl: %s: the cluster was erased and begun again; open a new handle for "
		"its new numbers",
		pawl->where);
	s->refused = s->refused || peer->given;
	return false;
}

static const Control__Member *member_told(
	const Control__Joined *joined, uint32_t replica, uint64_t incarnation)
{
	for (size_t i = 0; i < joined->n_chain; i++) {
		const Control__Member *m = joined->chain[i];

		if (m->replica == replica && m->incarnation == incarnation)
			return m;
	}
	return NULL;
}

/*
 * The same life of a replica was reached over two addresses (J2): the connection that has
 * the session stays.  If that one is gone, it is made again where the replica was found,
 * for a session is resumed by its token only.
 */
static bool is_somebody_known(
	struct pawl *pawl, struct peer *peer, uint32_t replica, uint64_t incarnation)
{
	struct session *s = &pawl->session;
	struct peer *known = peers_find(s, replica, incarnation);
	const struct peer_question question = peers_question(pawl);
	struct endpoint endpoint = peer->endpoint;
	int rc = 0;

	if (!known || known == peer)
		return false;
	peer_leave(peer);
	peer_forget(peer);
	if (known->stage == PEER_JOINED || known->stage == PEER_WAITING)
		return true;
	rc = peer_dial(known, &endpoint, &question, &s->why);
	if (rc)
		s->why_code = handle_public_error(rc);
	return true;
}

static void epoch_is_old(struct pawl *pawl, const struct peer *peer, uint64_t epoch)
{
	struct session *s = &pawl->session;

	s->why_code = error_set(&s->why, -EPROTO,
		"pawl: %s: the replica is at epoch %llu, behind this session's %llu; was "
		"its "
		"state restored from an old copy?",
		peer->endpoint.text, (unsigned long long)epoch,
		(unsigned long long)s->epoch);
}

/* It serves: the session there is ours. */
static void served(struct pawl *pawl, struct peer *peer, const Control__Joined *joined)
{
	struct session *s = &pawl->session;

	join_learn(s, joined->chain, joined->n_chain);
	if (joined->epoch > s->epoch)
		epoch_heard(pawl, joined);
	if (peer->request)
		return; /* J1: its answer will say the same */
	if (joined->epoch < s->epoch || joined->epoch <= s->over_epoch) {
		if (joined->epoch < s->epoch)
			epoch_is_old(pawl, peer, joined->epoch);
		nothing_here(peer);
		return;
	}
	peer->stage = PEER_JOINED;
	peer->delay_ns = 0;
}

/* Who answers; a replica that does not say is the only one of its chain. */
static void identity_told(
	const Control__Joined *joined, uint32_t *replica_p, uint64_t *incarnation_p)
{
	bool says = joined->replica != 0 || joined->n_chain != 1;

	*replica_p = says ? joined->replica : joined->chain[0]->replica;
	*incarnation_p = says ? joined->incarnation : joined->chain[0]->incarnation;
}

static void on_joined(struct pawl *pawl, struct peer *peer, const Control__Reply *reply)
{
	struct session *s = &pawl->session;
	const Control__Joined *joined = reply->joined;
	uint64_t incarnation;
	uint32_t replica;

	if (reply->id != 0 && reply->id != peer->request)
		return;
	if (!instance_is_right(pawl, peer, joined->instance)) {
		peers_failed(pawl, peer, -EPROTO);
		return;
	}
	if (reply->id != 0)
		peer->request = 0;
	identity_told(joined, &replica, &incarnation);
	if (is_somebody_known(pawl, peer, replica, incarnation))
		return;
	if (peer->stage == PEER_JOINED && joined->epoch == peer->epoch)
		return; /* it has told us before */
	peer->replica = replica;
	peer->incarnation = incarnation;
	if (peer_take(peer, joined, member_told(joined, replica, incarnation))) {
		served(pawl, peer, joined);
		return;
	}
	(void)error_set(&s->why, -EPROTO,
		"pawl: %s: join: the replica's limits can not be; use the same version "
		"on "
		"both sides",
		peer->endpoint.text);
	peers_failed(pawl, peer, -EPROTO);
}

/* True for errors that the same question will meet again. */
static bool error_is_final(int code)
{
	return code == -ENOENT || code == -EACCES || code == -EPROTO || code == -EINVAL;
}

static void on_refused(struct pawl *pawl, struct peer *peer, const Control__Reply *reply)
{
	struct session *s = &pawl->session;
	int code = error_set(&s->why, -(int)reply->error, "%s", reply->text);

	peer->request = 0;
	if (code == -EAGAIN) {
		s->why_code = handle_public_error(code);
		if (reply->body_case == CONTROL__REPLY__BODY_ELSEWHERE)
			join_learn(s, reply->elsewhere->chain, reply->elsewhere->n_chain);
		nothing_here(peer);
		return;
	}
	if (peer->given || code == -EUSERS)
		s->denied = handle_public_error(code);
	s->refused = s->refused || (peer->given && error_is_final(code));
	peers_failed(pawl, peer, code);
}

static void on_stopping(struct pawl *pawl, struct peer *peer)
{
	struct session *s = &pawl->session;
	int rc = error_set(&s->why, -ESHUTDOWN,
		"pawl: %s: the cluster was stopped by its operator; 'pawl up' starts it "
		"again and the numbers go on",
		pawl->where);

	s->stopped = true;
	peers_failed(pawl, peer, rc);
}

void join_reply(struct pawl *pawl, struct peer *peer, const Control__Reply *reply)
{
	if (reply->body_case == CONTROL__REPLY__BODY_STOPPING)
		on_stopping(pawl, peer);
	else if (reply->error && reply->id == peer->request && reply->id != 0)
		on_refused(pawl, peer, reply);
	else if (!reply->error && reply->body_case == CONTROL__REPLY__BODY_JOINED)
		on_joined(pawl, peer, reply);
	else if (!opening_reply(pawl, peer, reply))
		(void)streams_reply(pawl, peer, reply);
}

bool join_is_complete(struct session *s)
{
	if (s->chain_len == 0 || s->epoch <= s->over_epoch)
		return false;
	for (uint32_t i = 0; i < s->chain_len; i++) {
		const struct peer *peer = peers_find(
			s, s->chain[i].replica, s->chain[i].incarnation);

		if (!peer || peer->stage != PEER_JOINED || peer->epoch != s->epoch)
			return false; /* S2 */
	}
	return true;
}
