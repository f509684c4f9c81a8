/* Sessions that a store keeps: a keep-alive when a third of their silence has passed. */
#include <errno.h>
#include <stdlib.h>

#include "client/lib/store.h"
#include "hw/clock.h"

#define SILENCE_MS_MAX (UINT64_C(366) * 86400 * 1000)
#define ROOM_FIRST 16u

bool store_session_lives(
	const struct pawl_store *store, uint64_t session, struct kv_session_info *info_p)
{
	return session > 0 && kv_session_next(store->kv, session - 1, info_p) &&
	       info_p->session == session;
}

/* ---- The list of them ---- */

static struct kept_session *kept_find(const struct pawl_store *store, uint64_t session)
{
	const struct store_kept *kept = &store->kept;

	for (unsigned int i = 0; i < kept->count; i++) {
		if (kept->sessions[i].session == session)
			return &kept->sessions[i];
	}
	return NULL;
}

bool store_keeps(const struct pawl_store *store, uint64_t session)
{
	return kept_find(store, session);
}

static int refused(struct pawl_store *store, int code, const char *why)
{
	return error_set(&store->pawl->err, code, "pawl: %s/%s: session: %s",
		store->pawl->where, pawl_stream_name(store->participant->stream), why);
}

/* Room for one more. */
static int kept_room(struct pawl_store *store)
{
	struct store_kept *kept = &store->kept;
	unsigned int room = kept->room ? kept->room * 2 : ROOM_FIRST;
	struct kept_session *sessions;

	if (kept->count == PAWL_SESSIONS_KEPT_MAX)
		return refused(store, -ENOSPC,
			"this handle keeps as many as it can; close one, or open another "
			"handle");
	if (kept->count < kept->room)
		return 0;
	sessions = realloc(kept->sessions, room * sizeof(*sessions));
	if (!sessions)
		return refused(store, -ENOMEM, "out of memory");
	kept->sessions = sessions;
	kept->room = room;
	return 0;
}

static void kept_add(struct pawl_store *store, const struct kept_session *session)
{
	store->kept.sessions[store->kept.count++] = *session;
	store->kept.due_ns = 0; /* the next turn says when */
}

void store_kept_ended(struct pawl_store *store, uint64_t session)
{
	struct store_kept *kept = &store->kept;
	struct kept_session *ended = kept_find(store, session);

	if (ended)
		*ended = kept->sessions[--kept->count];
}

void store_kept_restored(struct pawl_store *store)
{
	struct store_kept *kept = &store->kept;
	struct kv_session_info info;

	for (unsigned int i = kept->count; i-- > 0;) {
		if (!store_session_lives(store, kept->sessions[i].session, &info))
			kept->sessions[i] = kept->sessions[--kept->count];
	}
}

/* ---- Keeping ---- */

/* 0: a keep-alive is in flight now. */
static int keep(struct pawl_store *store, struct kept_session *session, uint64_t now_ns)
{
	const struct kv_operation operation = {.kind = KV_KEEP_ALIVE};
	int rc = store_errand(store, &operation, session->session, ERRAND_KEEP);

	if (rc)
		return rc;
	session->asked_ns = now_ns;
	session->asking = true;
	return 0;
}

void store_kept_turn(struct pawl_store *store, uint64_t now_ns)
{
	struct store_kept *kept = &store->kept;
	uint64_t due_ns = UINT64_MAX;

	if (kept->count == 0 || now_ns < kept->due_ns)
		return;
	for (unsigned int i = 0; i < kept->count; i++) {
		struct kept_session *session = &kept->sessions[i];
		uint64_t third = session->silence_ns / 3;

		if (session->asking)
			continue; /* its answer says when */
		if (now_ns - session->asked_ns >= third && keep(store, session, now_ns))
			return; /* at the next turn */
		if (session->asked_ns + third < due_ns)
			due_ns = session->asked_ns + third;
	}
	kept->due_ns = due_ns;
}

void store_kept_answered(struct pawl_store *store, const struct pawl_reply *reply)
{
	struct store_kept *kept = &store->kept;

	for (unsigned int i = 0; i < kept->count; i++) {
		struct kept_session *session = &kept->sessions[i];

		if (reply && session->session != reply->session)
			continue;
		if (reply && session->asking)
			session->known_ns = session->asked_ns;
		session->asking = false;
	}
	kept->due_ns = 0;
}

/* ---- What people call ---- */

int pawl_session_open(struct pawl_store *store, uint64_t silence_ms, uint64_t *session_p)
{
	const struct pawl_command c = {.kind = PAWL_SESSION_OPEN, .number = silence_ms};
	uint64_t now = clock_now_ns();
	struct kept_session session = {
		.silence_ns = silence_ms * NS_PER_MS, .asked_ns = now, .known_ns = now};
	struct kv_session_info info;
	struct pawl_reply reply;
	int rc = handle_check(store->pawl);

	if (!rc && (silence_ms == 0 || silence_ms > SILENCE_MS_MAX))
		rc = refused(store, -EINVAL, "a silence is from 1 ms to a year");
	if (!rc)
		rc = kept_room(store);
	if (!rc)
		rc = pawl_store_call(store, &c, &reply);
	if (rc)
		return rc;
	session.session = reply.session;
	if (store_session_lives(store, reply.session, &info))
		kept_add(store, &session);
	*session_p = reply.session;
	return 0;
}

static int is_over(struct pawl_store *store)
{
	return refused(store, -ESTALE,
		"it is over: closed, or silent for too long; open another one");
}

int pawl_session_adopt(struct pawl_store *store, uint64_t session)
{
	struct kept_session adopted = {.session = session};
	struct kv_session_info info;
	int rc = handle_check(store->pawl);

	if (rc || store_keeps(store, session))
		return rc;
	if (!store_session_lives(store, session, &info))
		return is_over(store);
	rc = kept_room(store);
	if (rc)
		return rc;
	adopted.silence_ns = (info.ttl_ms < SILENCE_MS_MAX ? info.ttl_ms
							   : SILENCE_MS_MAX) *
			     NS_PER_MS;
	kept_add(store, &adopted); /* due at once */
	return 0;
}

int pawl_session_left(struct pawl_store *store, uint64_t session, uint64_t *left_ms_p)
{
	const struct kept_session *kept;
	struct kv_session_info info;
	uint64_t now, until;
	int rc = handle_check(store->pawl);

	if (rc)
		return rc;
	if (!store_session_lives(store, session, &info))
		return is_over(store);
	kept = kept_find(store, session);
	if (!kept)
		return refused(store, -ENOENT,
			"this handle does not keep it; pawl_session_adopt does that");
	now = clock_now_ns();
	until = kept->known_ns ? kept->known_ns + kept->silence_ns : 0;
	*left_ms_p = until > now ? (until - now) / NS_PER_MS : 0;
	return 0;
}
