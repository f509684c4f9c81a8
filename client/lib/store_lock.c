/* Waiting for a lock: a place in its queue, and what is done when the time is over. */
#include <errno.h>
#include <string.h>

#include "client/lib/store.h"
#include "hw/clock.h"

static int error_say(struct pawl_store *store, int code, const char *why)
{
	return error_set(&store->pawl->err, code, "pawl: %s/%s: lock: %s",
		store->pawl->where, pawl_stream_name(store->participant->stream), why);
}

static int errand(struct pawl_store *store, enum kv_kind kind, enum store_errand errand)
{
	const struct store_waiting *w = &store->waiting;
	const struct kv_operation operation = {
		.kind = kind, .key = {w->name, w->name_len}};

	return store_errand(store, &operation, w->session, errand);
}

static void settle(struct store_waiting *w, enum waiting_stage stage)
{
	w->stage = stage;
	w->settled = true;
}

static void decide(struct pawl_store *store, int status, uint64_t fence)
{
	struct store_waiting *w = &store->waiting;

	w->status = status;
	w->fence = fence;
	w->why = store->pawl->err;
	settle(w, WAITING_DECIDED);
}

static void decide_over(struct pawl_store *store)
{
	(void)error_say(store, -ESTALE,
		"the session is over: closed, or silent for too long; open another one");
	decide(store, -ESTALE, 0);
}

/* ---- From within calls that apply ---- */

void store_waiting_changed(struct pawl_store *store, const struct kv_change *change)
{
	const struct store_waiting *w = &store->waiting;

	if (w->stage != WAITING_QUEUED || change->session != w->session)
		return;
	if (change->kind == KV_SESSION_ENDED) {
		decide_over(store);
		return;
	}
	if (change->kind == KV_GRANTED && change->key.len == w->name_len &&
		memcmp(change->key.bytes, w->name, w->name_len) == 0)
		decide(store, 0, change->version);
}

/* Whether the session has the lock already. */
static bool is_holder(struct pawl_store *store, uint64_t *fence_p)
{
	const struct store_waiting *w = &store->waiting;
	const struct kv_operation look = {.kind = KV_LOOK, .key = {w->name, w->name_len}};
	unsigned char query[KV_COMMAND_HEADER + KV_OPERATION_HEADER + KV_KEY_LIMIT];
	size_t len = kv_command_encode(&look, 0, query, sizeof(query));
	struct machine_result answer;
	struct kv_reply reply;

	kv_query(store->kv, query, len, &answer);
	if (!kv_reply_decode(answer.bytes, answer.len, &reply) || reply.status != KV_OK ||
		reply.session != w->session)
		return false;
	*fence_p = reply.version;
	return true;
}

/* The change that is waited for may be inside the snapshot. */
void store_waiting_restored(struct pawl_store *store)
{
	struct store_waiting *w = &store->waiting;
	struct kv_session_info info;
	uint64_t fence;

	if (w->stage != WAITING_QUEUED)
		return;
	if (!store_session_lives(store, w->session, &info))
		decide_over(store);
	else if (is_holder(store, &fence))
		decide(store, 0, fence);
}

/* The command was applied before a snapshot, or nobody knows whether: the state says. */
static bool is_inside(int status)
{
	return status == -ENODATA || status == -ENOTRECOVERABLE;
}

static void lock_answered(
	struct pawl_store *store, int status, const struct pawl_reply *reply)
{
	struct store_waiting *w = &store->waiting;

	if (w->stage != WAITING_ASKED)
		return; /* it was given up */
	if (status == -ECANCELED)
		(void)error_say(store, status,
			"the stream had lost what it knew of this publisher, and the "
			"command is not in it; call again");
	if (status != -EINPROGRESS && !is_inside(status)) {
		decide(store, status, reply->version);
		return;
	}
	settle(w, WAITING_QUEUED);
	if (is_inside(status))
		store_waiting_restored(store);
}

/* Whatever the store answers, the session neither holds the lock nor waits for it. */
static void leave_answered(struct store_waiting *w, int status)
{
	if (status == -ECANCELED || status == -ENOTRECOVERABLE)
		w->leave_submitted = false; /* W4 */
	else
		settle(w, WAITING_NOT);
}

void store_waiting_answered(struct pawl_store *store, enum store_errand errand,
	int status, const struct pawl_reply *reply)
{
	if (errand == ERRAND_LOCK)
		lock_answered(store, status, reply);
	else
		leave_answered(&store->waiting, status);
}

void store_waiting_turn(struct pawl_store *store)
{
	struct store_waiting *w = &store->waiting;

	if (w->stage == WAITING_LEAVING && !w->leave_submitted)
		w->leave_submitted = errand(store, KV_UNLOCK, ERRAND_LEAVE) == 0;
}

/* ---- Waiting ---- */

/* Until something is settled.  -EAGAIN: not yet. */
static int await(struct pawl_store *store, uint64_t deadline_ns)
{
	return participant_await(
		store->participant, &store->waiting.settled, deadline_ns);
}

/* The place in the queue is given up, or the lock is, if it came just now (W4). */
static int leave(struct pawl_store *store)
{
	struct store_waiting *w = &store->waiting;
	int rc;

	w->stage = WAITING_LEAVING;
	w->settled = false;
	w->leave_submitted = false;
	store_waiting_turn(store);
	rc = await(store, clock_deadline_ns(store->pawl->options.timeout_ns));
	if (rc && rc != -EAGAIN)
		return rc;
	return error_say(store, -ETIMEDOUT,
		rc ? "not granted in time; the place in the queue is being given up, but "
		     "the replicas do not answer"
		   : "not granted in time; the place in the queue was given up");
}

/* One that was given up before has to be gone. */
static int waiting_free(struct pawl_store *store, uint64_t deadline_ns)
{
	int rc;

	if (store->waiting.stage != WAITING_LEAVING)
		return 0;
	rc = await(store, deadline_ns);
	return rc == -EAGAIN ? error_say(store, -ETIMEDOUT,
				       "the replicas do not answer, and the lock that "
				       "was waited for before is still being given up")
			     : rc;
}

static int waiting_begin(
	struct pawl_store *store, uint64_t session, const void *name, size_t name_len)
{
	struct store_waiting *w = &store->waiting;
	int rc;

	if (name_len > sizeof(w->name))
		return error_say(
			store, -EMSGSIZE, "the name is longer than names can be");
	w->session = session;
	w->name_len = name_len;
	if (name_len > 0)
		memcpy(w->name, name, name_len);
	if (participant_in_doubt(store->participant)) {
		rc = pawl_participant_sync(store->participant);
		if (rc)
			return rc;
	}
	rc = errand(store, KV_LOCK, ERRAND_LOCK);
	if (rc)
		return rc;
	w->settled = false;
	w->stage = WAITING_ASKED;
	return 0;
}

static int decided(struct pawl_store *store, uint64_t *fence_p)
{
	struct store_waiting *w = &store->waiting;

	w->stage = WAITING_NOT;
	if (w->status)
		return error_set(&store->pawl->err, w->status, "%s", w->why.text);
	*fence_p = w->fence;
	return 0;
}

int pawl_lock_wait(struct pawl_store *store, uint64_t session, const void *name,
	size_t name_len, uint64_t timeout_ns, uint64_t *fence_p)
{
	uint64_t answer_ns = clock_deadline_ns(store->pawl->options.timeout_ns);
	uint64_t deadline_ns = clock_deadline_ns(timeout_ns);
	struct store_waiting *w = &store->waiting;
	int rc = handle_check(store->pawl);

	if (!rc)
		rc = waiting_free(store, answer_ns);
	if (!rc)
		rc = waiting_begin(store, session, name, name_len);
	if (rc)
		return rc;
	rc = await(store, answer_ns);
	if (!rc && w->stage == WAITING_QUEUED) {
		w->settled = false;
		rc = await(store, deadline_ns);
	}
	if (rc == -EAGAIN || rc == -ETIMEDOUT)
		return leave(store);
	if (!rc)
		return decided(store, fence_p);
	w->stage = WAITING_NOT;
	return rc;
}
