#include "sequencer/core/kv_internal.h"

static int compare_by_id(
	const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	const struct kv_session *session = kv_pool_at(tree->pool, item);

	if (probe->number == session->id)
		return 0;
	return probe->number < session->id ? -1 : 1;
}

void kv_sessions_init(struct kv *kv, void *sessions, uint32_t max)
{
	kv_pool_init(&kv->sessions, sessions, sizeof(struct kv_session), max);
	kv->sessions_by_id = (struct kv_tree){.compare = compare_by_id,
		.pool = &kv->sessions,
		.node_at = offsetof(struct kv_session, by_id),
		.root = KV_NONE};
}

static struct kv_session *session_at(const struct kv *kv, uint32_t item)
{
	return item == KV_NONE ? NULL : kv_pool_at(&kv->sessions, item);
}

struct kv_session *kv_session_find(const struct kv *kv, uint64_t id)
{
	struct kv_probe probe = {.number = id};

	return session_at(kv, kv_tree_find(&kv->sessions_by_id, &probe));
}

struct kv_session *kv_session_add(struct kv *kv, uint64_t id)
{
	struct kv_probe probe = {.number = id};
	uint32_t item = kv_pool_take(&kv->sessions);
	struct kv_session *session = kv_pool_at(&kv->sessions, item);

	*session = (struct kv_session){.id = id, .spoken = id};
	kv_tree_insert(&kv->sessions_by_id, &probe, item);
	return session;
}

bool kv_session_next(const struct kv *kv, uint64_t after, struct kv_session_info *info_p)
{
	struct kv_probe probe = {.number = after};
	const struct kv_session *session = session_at(
		kv, kv_tree_first(&kv->sessions_by_id, &probe, true));

	if (!session)
		return false;
	*info_p = (struct kv_session_info){.session = session->id,
		.spoken = session->spoken,
		.ttl_ms = session->ttl_ms,
		.place = kv_pool_number(&kv->sessions, session)};
	return true;
}

/*
 * What is the session's own ends with it (I7): its waits first, so that it is never made the holder
 * of a lock any more, then keys and locks in the order of their names.
 */
static void session_end(const struct kv_turn *turn, struct kv_session *session)
{
	struct kv *kv = turn->kv;
	struct kv_probe probe = {.number = session->id};
	struct kv_waiter *waiter;
	struct kv_entry *entry;

	while ((waiter = kv_waiter_any(kv, session->id)))
		kv_waiter_remove(kv, waiter);
	while ((entry = kv_table_owned(&kv->keys, session->id)))
		kv_key_remove(turn, entry);
	while ((entry = kv_table_owned(&kv->locks, session->id)))
		kv_lock_pass_on(turn, entry);
	kv_tree_remove(&kv->sessions_by_id, &probe);
	kv_pool_give(&kv->sessions, kv_pool_number(&kv->sessions, session));
	kv_report(turn, KV_SESSION_ENDED, NULL, NULL, 0, probe.number);
}

static void session_say(const struct kv_session *session, struct kv_reply *reply)
{
	reply->session = session->id;
	reply->version = session->spoken;
	reply->number = session->ttl_ms;
}

enum kv_status kv_do_session(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	const struct kv_session *session = kv_session_find(turn->kv, o->number);

	if (!session)
		return KV_ABSENT;
	session_say(session, reply);
	return KV_OK;
}

enum kv_status kv_do_open(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;
	struct kv_session *session;

	if (kv->sessions.count == kv->limits.sessions_max)
		return KV_SESSIONS_FULL;
	session = kv_session_add(kv, turn->position);
	session->ttl_ms = o->number;
	session_say(session, reply);
	kv_report(turn, KV_SESSION_OPENED, NULL, NULL, 0, session->id);
	return KV_OK;
}

enum kv_status kv_do_keep_alive(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	(void)o;
	session_say(kv_session_find(turn->kv, turn->session), reply);
	return KV_OK;
}

enum kv_status kv_do_close(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_session *session = kv_session_find(turn->kv, turn->session);

	(void)o;
	session_say(session, reply);
	session_end(turn, session);
	return KV_OK;
}

enum kv_status kv_do_expire(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_session *session = kv_session_find(turn->kv, o->number);

	if (!session)
		return KV_ABSENT;
	session_say(session, reply);
	if (session->spoken > o->since && !MUTATED(STORE_EXPIRE_ANYWAY)) /* I7 */
		return KV_SPOKE;
	session_end(turn, session);
	return KV_OK;
}
