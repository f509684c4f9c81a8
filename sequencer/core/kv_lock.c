#include "sequencer/core/kv_internal.h"

static void lock_say(const struct kv_entry *lock, struct kv_reply *reply)
{
	reply->version = lock->version;
	reply->session = lock->session;
}

/* @session holds it from now on (I5). */
static void lock_grant(
	const struct kv_turn *turn, struct kv_entry *lock, uint64_t session)
{
	struct kv *kv = turn->kv;
	struct kv_slice name;

	PAWL_ASSERT(turn->position > lock->version); /* I5 */
	kv_table_session_set(&kv->locks, lock, session);
	lock->version = turn->position;
	name = kv_name(kv, &kv->locks, lock);
	kv_report(turn, KV_GRANTED, &name, NULL, lock->version, session);
}

/* Who has waited longest (I6); the broken rule has it the other way round. */
static struct kv_waiter *next_in_turn(const struct kv *kv, const struct kv_entry *lock)
{
	struct kv_waiter *next = kv_waiter_next(kv, lock, 0), *last = next;

	while (MUTATED(STORE_QUEUE_REVERSED) && next) {
		last = next;
		next = kv_waiter_next(kv, lock, last->position);
	}
	return last;
}

void kv_lock_pass_on(const struct kv_turn *turn, struct kv_entry *lock)
{
	struct kv *kv = turn->kv;
	struct kv_waiter *next = next_in_turn(kv, lock);
	struct kv_slice name;
	uint64_t session;

	if (next) {
		session = next->session;
		kv_waiter_remove(kv, next);
		lock_grant(turn, lock, session);
		return;
	}
	name = kv_name(kv, &kv->locks, lock);
	kv_report(turn, KV_RELEASED, &name, NULL, lock->version, lock->session);
	kv->bytes -= lock->name_len;
	kv_table_remove(&kv->locks, lock);
}

static enum kv_status lock_new(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;
	struct kv_slice nothing = {"", 0};
	struct kv_entry *lock;

	if (kv->locks.pool.count == kv->limits.locks_max)
		return KV_LOCKS_FULL;
	if (kv->bytes + o->key.len > kv->limits.bytes_max)
		return KV_BYTES_FULL;
	kv->bytes += o->key.len;
	lock = kv_table_add(&kv->locks, &o->key, &nothing);
	lock_grant(turn, lock, turn->session);
	lock_say(lock, reply);
	return KV_OK;
}

static enum kv_status lock_wait(
	const struct kv_turn *turn, struct kv_entry *lock, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;
	const struct kv_waiter *waiter = kv_waiter_find(kv, lock, turn->session);

	reply->number = waiter ? waiter->position : turn->position;
	if (waiter)
		return KV_WAITING;
	if (kv->waiters.count == kv->limits.waiters_max)
		return KV_WAITERS_FULL;
	kv_waiter_add(kv, lock, turn->session, turn->position);
	return KV_WAITING;
}

enum kv_status kv_do_lock(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv_entry *lock = kv_table_find(&turn->kv->locks, &o->key);

	if (!lock)
		return lock_new(turn, o, reply);
	lock_say(lock, reply);
	if (lock->session == turn->session)
		return KV_OK;
	return o->option == KV_TRY ? KV_HELD : lock_wait(turn, lock, reply);
}

enum kv_status kv_do_unlock(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	struct kv *kv = turn->kv;
	struct kv_entry *lock = kv_table_find(&kv->locks, &o->key);
	struct kv_waiter *waiter;

	if (!lock)
		return KV_NOT_HELD;
	lock_say(lock, reply);
	if (lock->session == turn->session) {
		if (o->number != 0 && o->number != lock->version)
			return KV_NOT_HELD;
		kv_lock_pass_on(turn, lock);
		return KV_OK;
	}
	waiter = o->number == 0 ? kv_waiter_find(kv, lock, turn->session) : NULL;
	if (!waiter)
		return KV_NOT_HELD;
	kv_waiter_remove(kv, waiter);
	return KV_OK;
}

enum kv_status kv_do_look(
	const struct kv_turn *turn, const struct kv_operation *o, struct kv_reply *reply)
{
	const struct kv_entry *lock = kv_table_find(&turn->kv->locks, &o->key);

	if (!lock)
		return KV_ABSENT;
	lock_say(lock, reply);
	reply->number = lock->waiters;
	return KV_OK;
}
