#include "sequencer/core/kv_internal.h"

/*
 * The whole machine, looked at by somebody who trusts nothing: for tests.  What these functions
 * return is what is wrong; NULL: nothing.
 */

struct visit {
	const struct kv_tree *tree;
	uint32_t count;
	const char *(*look)(const struct kv *kv, uint32_t item);
	const struct kv *kv;
};

static uint32_t height_of(const struct kv_tree *tree, uint32_t item)
{
	return item == KV_NONE ? 0 : kv_tree_node(tree, item)->height;
}

/* Two steps down from anywhere are as high as the heights say, and none is much higher. */
static const char *node_check(const struct kv_tree *tree, uint32_t item)
{
	const struct kv_node *node = kv_tree_node(tree, item);
	uint32_t before = height_of(tree, node->child[0]);
	uint32_t after = height_of(tree, node->child[1]);
	uint32_t high = before > after ? before : after;
	uint32_t low = before > after ? after : before;

	if (node->height != high + 1 || high > low + 1)
		return "a tree is not balanced";
	return NULL;
}

/* Goes through a tree in its order, and looks at everything in it. */
static const char *tree_check(struct visit *v)
{
	uint32_t way[KV_TREE_HEIGHT_MAX], item = v->tree->root;
	unsigned int depth = 0;
	const char *wrong = NULL;

	while ((depth > 0 || item != KV_NONE) && !wrong) {
		if (item != KV_NONE) {
			if (depth == KV_TREE_HEIGHT_MAX)
				return "a tree is too high";
			way[depth++] = item;
			item = kv_tree_node(v->tree, item)->child[0];
			continue;
		}
		item = way[--depth];
		v->count++;
		wrong = node_check(v->tree, item);
		if (!wrong)
			wrong = v->look(v->kv, item);
		item = kv_tree_node(v->tree, item)->child[1];
	}
	if (!wrong && v->count != v->tree->count)
		return "a tree has lost something";
	return wrong;
}

static const char *tree_of(const struct kv *kv, const struct kv_tree *tree,
	const char *(*look)(const struct kv *kv, uint32_t item))
{
	struct visit visit = {.tree = tree, .look = look, .kv = kv};

	return tree_check(&visit);
}

/* Found by its own key, or the tree is not in order. */
static bool entry_is_found(
	const struct kv_table *table, const struct kv_entry *entry, bool by_session)
{
	unsigned char room[KV_KEY_LIMIT];
	struct kv_probe probe = {
		.number = entry->session, .name = {room, entry->name_len}};
	const struct kv_tree *tree = by_session ? &table->by_session : &table->by_name;

	kv_table_name_copy(table, entry, room);
	return kv_tree_find(tree, &probe) == kv_pool_number(&table->pool, entry);
}

static bool entry_is_hashed(const struct kv_table *table, const struct kv_entry *entry)
{
	unsigned char room[KV_KEY_LIMIT];
	struct kv_slice name = {room, entry->name_len};

	kv_table_name_copy(table, entry, room);
	return kv_table_find(table, &name) == entry;
}

static const char *entry_check(
	const struct kv *kv, const struct kv_table *table, const struct kv_entry *e)
{
	if (e->name_len == 0 || e->name_len > kv->limits.key_max)
		return "a name has a length that can not be";
	if (!entry_is_found(table, e, false))
		return "names are not in order";
	if (!entry_is_hashed(table, e))
		return "a name is not found by its hash";
	if (e->session != 0 && !kv_session_find(kv, e->session))
		return "something belongs to a session that is over"; /* I7 */
	if (e->session != 0 && !entry_is_found(table, e, true))
		return "a session does not know what belongs to it";
	if (e->version <= kv->founded || e->version > kv->applied)
		return "a version or a fence is no position"; /* I2, I5 */
	return NULL;
}

static const char *key_look(const struct kv *kv, uint32_t item)
{
	const struct kv_entry *entry = kv_pool_at(&kv->keys.pool, item);

	if (entry->value_len > kv->limits.value_max)
		return "a value has a length that can not be";
	return entry_check(kv, &kv->keys, entry);
}

static const char *lock_look(const struct kv *kv, uint32_t item)
{
	const struct kv_entry *lock = kv_pool_at(&kv->locks.pool, item);
	const struct kv_waiter *waiter = kv_waiter_next(kv, lock, 0);
	uint32_t waiters = 0;

	if (lock->session == 0)
		return "a lock is there that nobody holds"; /* I6 */
	for (; waiter; waiter = kv_waiter_next(kv, lock, waiter->position))
		waiters++;
	if (waiters != lock->waiters)
		return "a lock has lost a waiter"; /* I6 */
	return entry_check(kv, &kv->locks, lock);
}

static const char *owned_look(const struct kv *kv, uint32_t item)
{
	const struct kv_entry *entry = kv_pool_at(&kv->keys.pool, item);

	return entry->session == 0 ? "a key belongs to nobody, and is kept as if" : NULL;
}

static const char *held_look(const struct kv *kv, uint32_t item)
{
	const struct kv_entry *entry = kv_pool_at(&kv->locks.pool, item);

	return entry->session == 0 ? "a lock belongs to nobody, and is kept as if" : NULL;
}

static const char *session_look(const struct kv *kv, uint32_t item)
{
	const struct kv_session *session = kv_pool_at(&kv->sessions, item);

	if (kv_session_find(kv, session->id) != session)
		return "sessions are not in order";
	if (session->id <= kv->founded || session->spoken < session->id ||
		session->spoken > kv->applied)
		return "a session has spoken when it can not have"; /* I7 */
	return NULL;
}

static const char *waiter_look(const struct kv *kv, uint32_t item)
{
	const struct kv_waiter *waiter = kv_pool_at(&kv->waiters, item);
	const struct kv_entry *lock = kv_pool_at(&kv->locks.pool, waiter->lock);

	if (!kv_session_find(kv, waiter->session))
		return "a session waits that is over"; /* I7 */
	if (lock->session == waiter->session)
		return "a session waits for what it holds"; /* I6 */
	if (kv_waiter_find(kv, lock, waiter->session) != waiter)
		return "a session waits twice"; /* I6 */
	if (waiter->position <= waiter->session || waiter->position > kv->applied)
		return "a session waits since when it can not have";
	return NULL;
}

static const char *trees_check(const struct kv *kv)
{
	const char *wrong = tree_of(kv, &kv->sessions_by_id, session_look);

	if (!wrong)
		wrong = tree_of(kv, &kv->keys.by_name, key_look);
	if (!wrong)
		wrong = tree_of(kv, &kv->keys.by_session, owned_look);
	if (!wrong)
		wrong = tree_of(kv, &kv->locks.by_name, lock_look);
	if (!wrong)
		wrong = tree_of(kv, &kv->locks.by_session, held_look);
	if (!wrong)
		wrong = tree_of(kv, &kv->waiters_of_lock, waiter_look);
	if (!wrong)
		wrong = tree_of(kv, &kv->waiters_of_session, waiter_look);
	return wrong;
}

/* Adds up what a table's entries take. */
static void table_sum(const struct kv_table *table, uint64_t *bytes, uint64_t *cells)
{
	unsigned char room[KV_KEY_LIMIT];
	struct kv_slice name = {room, 0};
	const struct kv_entry *entry = kv_table_first(table, &name, false);

	for (; entry; entry = kv_table_first(table, &name, true)) {
		uint64_t len = (uint64_t)entry->name_len + entry->value_len;

		*bytes += len;
		*cells += kv_cells_needed(len);
		kv_table_name_copy(table, entry, room);
		name.len = entry->name_len;
	}
}

static const char *books_check(const struct kv *kv)
{
	const struct kv_limits *l = &kv->limits;
	uint64_t bytes = 0, cells = 0;

	table_sum(&kv->keys, &bytes, &cells);
	table_sum(&kv->locks, &bytes, &cells);
	if (bytes != kv->bytes || cells != kv->cells.count)
		return "bytes or cells are lost";
	if (kv->keys.pool.count != kv->keys.by_name.count ||
		kv->locks.pool.count != kv->locks.by_name.count ||
		kv->locks.pool.count != kv->locks.by_session.count ||
		kv->sessions.count != kv->sessions_by_id.count ||
		kv->waiters.count != kv->waiters_of_lock.count ||
		kv->waiters.count != kv->waiters_of_session.count)
		return "a pool and its trees differ";
	if (bytes > l->bytes_max || kv->keys.pool.count > l->keys_max ||
		kv->sessions.count > l->sessions_max ||
		kv->locks.pool.count > l->locks_max || kv->waiters.count > l->waiters_max)
		return "there is more than the limits allow"; /* I8 */
	return NULL;
}

bool kv_sound(const struct kv *kv, const char **reason_p)
{
	const char *wrong = trees_check(kv);

	if (!wrong)
		wrong = books_check(kv);
	if (wrong)
		*reason_p = wrong;
	return wrong == NULL;
}
