/*
 * What must hold of the storage at every position: who applies it first says what it does, and
 * everybody else's machine must do the same.  Sessions, queues and balances are followed here, from
 * the commands and their answers alone.
 */
#include <stdlib.h>
#include <string.h>

#include "sequencer/core/crc32c.h"
#include "tests/sim/stores.h"

/* ---- Sessions ---- */

static struct sim_session *session_find(struct stores *st, uint64_t name)
{
	for (uint32_t i = 0; i < st->sessions_count; i++) {
		if (st->sessions[i].session == name)
			return &st->sessions[i];
	}
	return NULL;
}

static void session_opened(struct stores *st, uint64_t name)
{
	/* Those that are over make room. */
	for (uint32_t i = 0; i < st->sessions_count; i++) {
		if (st->sessions[i].over)
			st->sessions[i--] = st->sessions[--st->sessions_count];
	}
	PAWL_ASSERT(st->sessions_count < STORE_SESSIONS);
	st->sessions[st->sessions_count++] = (struct sim_session){name, name, false};
}

static void session_over(struct stores *st, uint64_t name)
{
	struct sim_session *session = session_find(st, name);

	if (session)
		session->over = true;
	for (uint32_t lock = 0; lock < STORE_LOCKS; lock++) {
		struct sim_waiter *waiters = st->waiters[lock];
		uint32_t kept = 0;

		for (uint32_t i = 0; i < st->waiters_count[lock]; i++) {
			if (waiters[i].session != name)
				waiters[kept++] = waiters[i];
		}
		st->waiters_count[lock] = kept;
	}
}

/* A session ends when it says so, or for who knows of everything that it has said (I7). */
static void expiry_check(
	struct sim_machine *m, const struct kv_operation *o, const struct kv_reply *reply)
{
	struct stores *st = m->cluster->streams->stores;
	const struct sim_session *session = session_find(st, o->number);
	bool is_there = session && !session->over;

	if (reply->status == KV_OK)
		st->expired++;
	if ((reply->status == KV_ABSENT) == is_there)
		cluster_wrong(
			m->cluster, "a session is not there, or is though it ended");
	if (is_there && reply->status == KV_OK && session->spoken > o->since)
		cluster_wrong(m->cluster, "a session was expired that had spoken since");
	if (is_there && reply->status == KV_SPOKE && session->spoken <= o->since)
		cluster_wrong(m->cluster, "a silent session was not expired");
}

static void speaks(struct sim_machine *m, const struct kv_command *command,
	uint64_t position, const struct kv_reply *reply)
{
	struct sim_session *session = session_find(
		m->cluster->streams->stores, command->session);
	bool is_there = session && !session->over;

	if (command->session == 0)
		return;
	if (is_there == (reply->status == KV_NO_SESSION))
		cluster_wrong(m->cluster, "a session spoke that was over, or could not");
	if (is_there)
		session->spoken = position;
}

/* ---- Queues ---- */

static void waiter_remove(struct stores *st, uint32_t lock, uint64_t session)
{
	struct sim_waiter *waiters = st->waiters[lock];

	for (uint32_t i = 0; i < st->waiters_count[lock]; i++) {
		if (waiters[i].session != session)
			continue;
		st->waiters_count[lock]--;
		memmove(&waiters[i], &waiters[i + 1],
			(st->waiters_count[lock] - i) * sizeof(waiters[0]));
		return;
	}
}

/* Sessions that wait become the holder in the order of their commands (I6). */
static void grants_check(struct sim_machine *m, uint64_t locker)
{
	struct stores *st = m->cluster->streams->stores;

	for (uint32_t i = 0; i < m->grants_count; i++) {
		const struct sim_grant *grant = &m->grants[i];
		struct sim_waiter *first = st->waiters[grant->lock];

		if (grant->session == locker)
			continue; /* it was free */
		st->granted++;
		if (st->waiters_count[grant->lock] == 0 ||
			first->session != grant->session)
			cluster_wrong(m->cluster,
				"a lock was not granted in the order of its queue");
		waiter_remove(st, grant->lock, grant->session);
	}
}

static void queue_follow(struct sim_machine *m, const struct kv_command *command,
	const struct kv_operation *o, uint64_t position, const struct kv_reply *reply)
{
	struct stores *st = m->cluster->streams->stores;
	uint32_t lock = lock_of_name(o->key.bytes, o->key.len);

	if (o->kind == KV_UNLOCK && reply->status == KV_OK)
		waiter_remove(st, lock, command->session);
	if (reply->status != KV_WAITING || reply->number != position)
		return;
	PAWL_ASSERT(st->waiters_count[lock] < STORE_SESSIONS);
	st->waiters[lock][st->waiters_count[lock]++] = (struct sim_waiter){
		command->session, position};
}

/* ---- Balances ---- */

static void balances_check(struct sim_machine *m)
{
	const struct kv_operation list = {.kind = KV_LIST, .key = {"a", 1}};
	unsigned char bytes[STORE_COMMAND_MAX];
	size_t len = kv_command_encode(&list, 0, bytes, sizeof(bytes));
	struct machine_result result;
	struct kv_reply reply, item;
	long total = 0;
	uint32_t count = 0;

	kv_query(m->kv, bytes, len, &result);
	if (!kv_reply_decode(result.bytes, result.len, &reply) || reply.status != KV_OK)
		return;
	while (kv_reply_next(&reply, &item)) {
		char text[STORE_NAME + 1] = {0};
		long balance;

		memcpy(text, item.value.bytes, item.value.len);
		balance = strtol(text, NULL, 10);
		if (balance < 0)
			cluster_wrong(m->cluster, "an account is below zero");
		total += balance;
		count++;
	}
	if (count != 0 &&
		(count != STORE_ACCOUNTS || total != STORE_ACCOUNTS * STORE_BALANCE))
		cluster_wrong(m->cluster, "the accounts do not add up any more");
}

/* ---- Positions ---- */

static void first_check(
	struct sim_machine *m, const struct kv_command *command, uint64_t position)
{
	struct stores *st = m->cluster->streams->stores;
	struct kv_operation o = {0};
	struct kv_reply reply;
	const char *reason;

	PAWL_ASSERT(kv_reply_decode(m->reply, m->reply_len, &reply));
	if (!command->transaction)
		(void)kv_operation_read(command->operations, &o);
	if (o.kind == KV_EXPIRE && reply.status != KV_NO_SESSION)
		expiry_check(m, &o, &reply);
	if (reply.status != KV_UNFOUNDED)
		speaks(m, command, position, &reply);
	if (o.kind == KV_OPEN && reply.status == KV_OK)
		session_opened(st, reply.session);
	for (uint32_t i = 0; i < m->ended_count; i++)
		session_over(st, m->ended[i]);
	grants_check(m, o.kind == KV_LOCK ? command->session : 0);
	if (o.kind == KV_LOCK || o.kind == KV_UNLOCK)
		queue_follow(m, command, &o, position, &reply);
	balances_check(m);
	if (!kv_sound(m->kv, &reason)) {
		cluster_trace(m->cluster, "machine: %s", reason);
		cluster_wrong(m->cluster, "a machine is not sound");
	}
	st->truth[position].kind = (uint8_t)o.kind;
}

void truth_check(
	struct sim_machine *m, uint64_t position, const void *bytes, uint64_t len)
{
	struct stores *st = m->cluster->streams->stores;
	struct store_truth *t = &st->truth[position];
	uint32_t reply = crc32c_update(0, m->reply, m->reply_len);
	struct kv_command command;

	PAWL_ASSERT(position < TRUTH_MAX);
	if (m != &st->kept) {
		if (!t->known || t->reply != reply ||
			t->snapshot != machine_snapshot_crc(m))
			cluster_wrong(m->cluster,
				"two machines are not the same at a position");
		return;
	}
	if (kv_command_decode(bytes, len, &command))
		first_check(m, &command, position);
	t->known = true;
	t->reply = reply;
	t->snapshot = machine_snapshot_crc(m);
}

/* ---- What is committed ---- */

/* The message whose last slot is at @last, if all of it is in the stream. */
static bool message_gather(
	const struct streams *s, uint64_t last, unsigned char *bytes, uint32_t *len_p)
{
	const struct stream_truth *t = &s->truth[last];
	uint32_t slots = message_slots(s, t->publisher, t->id);

	*len_p = 0;
	for (uint32_t part = 0; part < slots; part++) {
		const struct stream_truth *at = &s->truth[last - slots + 1 + part];

		if (!at->known || at->publisher != t->publisher || at->id != t->id)
			return false;
		message_part_fill(s, t->publisher, t->id, part, bytes + *len_p);
		*len_p += message_part_len(s, t->publisher, t->id, part);
	}
	return true;
}

void stores_committed(struct cluster *c)
{
	struct streams *s = c->streams;
	struct stores *st = s->stores;
	unsigned char bytes[STREAM_PARTS_MAX * SIM_SLOT_MAX];
	uint32_t len;

	while (!st->over && st->learned + 1 < TRUTH_MAX &&
		s->truth[st->learned + 1].known) {
		const struct stream_truth *t = &s->truth[++st->learned];

		if (t->flags & STREAM_LAST && message_gather(s, st->learned, bytes, &len))
			machine_apply(&st->kept, st->learned, bytes, len);
		if (t->flags & (STREAM_LAST | STREAM_VOID))
			st->kept.passed = st->learned;
	}
}
