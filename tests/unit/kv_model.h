/*
 * The storage again, as simple as can be, to compare the machine with: arrays that are searched from
 * end to end, a transaction that works on a copy of everything, and names that sort by themselves.
 * It is given operations, never bytes.
 */
#ifndef PAWL_TESTS_UNIT_KV_MODEL_H
#define PAWL_TESTS_UNIT_KV_MODEL_H

#include "tests/unit/kv_rig.h"

#define MODEL_NAME 16
#define MODEL_VALUE 128
#define MODEL_ENTRIES 64
#define MODEL_QUEUE 16

/* So few that all of them are met again and again. */
static const struct kv_limits model_limits = {.bytes_max = 300,
	.keys_max = 12,
	.key_max = 100,
	.value_max = 400,
	.sessions_max = 4,
	.locks_max = 4,
	.waiters_max = 5,
	.command_max = 2048,
	.reply_max = 1024};

struct model_key {
	char name[MODEL_NAME];
	char value[MODEL_VALUE];
	uint64_t version, owner;
};

struct model_lock {
	char name[MODEL_NAME];
	uint64_t holder, fence;
	uint64_t waiters[MODEL_QUEUE], positions[MODEL_QUEUE];
	unsigned int waiters_count;
};

struct model_session {
	uint64_t id, spoken, ttl;
};

/* All arrays are in order; what is removed is closed up. */
struct model {
	struct model_key keys[MODEL_ENTRIES];
	struct model_lock locks[MODEL_ENTRIES];
	struct model_session sessions[MODEL_ENTRIES];
	unsigned int keys_count, locks_count, sessions_count;
	uint64_t position;
	struct change_text changes[CHANGES_MAX];
	unsigned int changes_count;
};

struct model_answer {
	enum kv_status status;
	uint64_t version, session, number;
	char value[MODEL_VALUE];
};

static inline void model_change(struct model *m, const char *kind, const char *name,
	const char *value, uint64_t session, uint64_t version)
{
	char text[sizeof(m->changes[0].text)];

	assert_true(m->changes_count < CHANGES_MAX);
	(void)snprintf(text, sizeof(text), "%s %s=%s by %llu @%llu", kind, name, value,
		(unsigned long long)session, (unsigned long long)version);
	strcpy(m->changes[m->changes_count++].text, text);
}

static inline void model_name(char *to, size_t room, const struct kv_slice *from)
{
	assert_true(from->len < room);
	if (from->len > 0)
		memcpy(to, from->bytes, from->len);
	to[from->len] = '\0';
}

static inline struct model_key *model_key(struct model *m, const char *name)
{
	for (unsigned int i = 0; i < m->keys_count; i++)
		if (strcmp(m->keys[i].name, name) == 0)
			return &m->keys[i];
	return NULL;
}

static inline struct model_lock *model_lock(struct model *m, const char *name)
{
	for (unsigned int i = 0; i < m->locks_count; i++)
		if (strcmp(m->locks[i].name, name) == 0)
			return &m->locks[i];
	return NULL;
}

static inline struct model_session *model_session(struct model *m, uint64_t id)
{
	for (unsigned int i = 0; i < m->sessions_count; i++)
		if (m->sessions[i].id == id)
			return &m->sessions[i];
	return NULL;
}

static inline int model_by_name(const void *a, const void *b)
{
	return strcmp(a, b); /* the name is the first member */
}

static inline void model_put(struct model *m, const char *name, const char *value,
	uint64_t owner, struct model_answer *a)
{
	struct model_key *key = model_key(m, name);

	if (!key) {
		key = &m->keys[m->keys_count++];
		strcpy(key->name, name);
	}
	strcpy(key->value, value);
	key->version = m->position;
	key->owner = owner;
	model_change(m, "written", name, value, owner, m->position);
	a->version = m->position;
	a->session = owner;
	qsort(m->keys, m->keys_count, sizeof(m->keys[0]), model_by_name);
}

static inline void model_delete(struct model *m, struct model_key *key)
{
	model_change(m, "deleted", key->name, "", key->owner, key->version);
	memmove(key, key + 1, (size_t)(&m->keys[--m->keys_count] - key) * sizeof(*key));
}

static inline void model_waiter_drop(struct model_lock *lock, unsigned int i)
{
	size_t behind = --lock->waiters_count - i;

	memmove(&lock->waiters[i], &lock->waiters[i + 1], behind * sizeof(uint64_t));
	memmove(&lock->positions[i], &lock->positions[i + 1], behind * sizeof(uint64_t));
}

static inline void model_release(struct model *m, struct model_lock *lock)
{
	if (lock->waiters_count > 0) {
		lock->holder = lock->waiters[0];
		lock->fence = m->position;
		model_waiter_drop(lock, 0);
		model_change(m, "granted", lock->name, "", lock->holder, lock->fence);
		return;
	}
	model_change(m, "released", lock->name, "", lock->holder, lock->fence);
	memmove(lock, lock + 1,
		(size_t)(&m->locks[--m->locks_count] - lock) * sizeof(*lock));
}

static inline void model_session_end(struct model *m, uint64_t id)
{
	struct model_session *session = model_session(m, id);

	for (unsigned int i = 0; i < m->locks_count; i++)
		for (unsigned int w = m->locks[i].waiters_count; w-- > 0;)
			if (m->locks[i].waiters[w] == id)
				model_waiter_drop(&m->locks[i], w);
	for (unsigned int i = 0; i < m->keys_count;)
		if (m->keys[i].owner == id)
			model_delete(m, &m->keys[i]);
		else
			i++;
	for (unsigned int i = 0; i < m->locks_count;) {
		unsigned int before = m->locks_count;

		if (m->locks[i].holder == id)
			model_release(m, &m->locks[i]);
		if (m->locks_count == before)
			i++;
	}
	memmove(session, session + 1,
		(size_t)(&m->sessions[--m->sessions_count] - session) * sizeof(*session));
	model_change(m, "ended", "", "", id, 0);
}

/* KV_OK: what is there is within the limits. */
static inline enum kv_status model_fits(const struct model *m)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < m->keys_count; i++)
		bytes += strlen(m->keys[i].name) + strlen(m->keys[i].value);
	for (unsigned int i = 0; i < m->locks_count; i++)
		bytes += strlen(m->locks[i].name);
	if (m->keys_count > model_limits.keys_max)
		return KV_KEYS_FULL;
	return bytes > model_limits.bytes_max ? KV_BYTES_FULL : KV_OK;
}

static inline unsigned int model_waiters(const struct model *m)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < m->locks_count; i++)
		count += m->locks[i].waiters_count;
	return count;
}

static inline void model_key_say(const struct model_key *key, struct model_answer *a)
{
	if (!key)
		return;
	a->version = key->version;
	a->session = key->owner;
	strcpy(a->value, key->value);
}

static inline void model_lock_say(const struct model_lock *lock, struct model_answer *a)
{
	a->version = lock->fence;
	a->session = lock->holder;
}

static inline enum kv_status model_lock_do(struct model *m, uint64_t session,
	const struct kv_operation *o, const char *name, struct model_answer *a)
{
	struct model_lock *lock = model_lock(m, name);

	if (!lock) {
		if (m->locks_count == model_limits.locks_max)
			return KV_LOCKS_FULL;
		lock = &m->locks[m->locks_count++];
		memset(lock, 0, sizeof(*lock));
		strcpy(lock->name, name);
		if (model_fits(m) != KV_OK) {
			m->locks_count--;
			return KV_BYTES_FULL;
		}
		lock->holder = session;
		lock->fence = m->position;
		model_lock_say(lock, a);
		model_change(m, "granted", name, "", session, m->position);
		qsort(m->locks, m->locks_count, sizeof(*lock), model_by_name);
		return KV_OK;
	}
	model_lock_say(lock, a);
	if (lock->holder == session)
		return KV_OK;
	if (o->option == KV_TRY)
		return KV_HELD;
	for (unsigned int w = 0; w < lock->waiters_count; w++)
		if (lock->waiters[w] == session) {
			a->number = lock->positions[w];
			return KV_WAITING;
		}
	a->number = m->position;
	if (model_waiters(m) == model_limits.waiters_max)
		return KV_WAITERS_FULL;
	lock->waiters[lock->waiters_count] = session;
	lock->positions[lock->waiters_count++] = m->position;
	return KV_WAITING;
}

static inline enum kv_status model_unlock(struct model *m, uint64_t session,
	const struct kv_operation *o, const char *name, struct model_answer *a)
{
	struct model_lock *lock = model_lock(m, name);

	if (!lock)
		return KV_NOT_HELD;
	model_lock_say(lock, a);
	if (lock->holder == session) {
		if (o->number != 0 && o->number != lock->fence)
			return KV_NOT_HELD;
		model_release(m, lock);
		return KV_OK;
	}
	for (unsigned int w = 0; w < lock->waiters_count && o->number == 0; w++)
		if (lock->waiters[w] == session) {
			model_waiter_drop(lock, w);
			return KV_OK;
		}
	return KV_NOT_HELD;
}

/* A write of one key that happens unless it is over a limit afterwards. */
static inline enum kv_status model_write(struct model *m, uint64_t session,
	const struct kv_operation *o, const char *name, const char *value,
	struct model_answer *a)
{
	struct model before = *m;
	enum kv_status status;

	model_put(m, name, value, o->option == KV_EPHEMERAL ? session : 0, a);
	status = model_fits(m);
	if (status != KV_OK) {
		*m = before;
		a->version = a->session = 0;
	}
	return status;
}

#endif
