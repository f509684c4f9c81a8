/*
 * Entries by name, in order, and by the session that they belong to: the keys of the storage, and
 * its locks.
 *
 * One that is looked for by its whole name is found through a hash of it, mostly; who makes names
 * that have the same hash makes them slower, but not slower than the tree.  Nothing that can be
 * seen from outside depends on it.
 */
#ifndef PAWL_CORE_KV_TABLE_H
#define PAWL_CORE_KV_TABLE_H

#include "sequencer/core/kv_cells.h"
#include "sequencer/core/kv_tree.h"

struct kv_entry {
	uint64_t version;   /* of a key, or the fence of a lock */
	uint64_t session;   /* owner of an ephemeral key, or holder of a lock; 0: none */
	uint32_t cells;	    /* name, then value */
	uint32_t value_len; /* of a key */
	uint32_t waiters;   /* of a lock */
	uint32_t name_len;
	uint32_t next; /* with the same hash, as far as it counts */
	uint32_t previous;
	struct kv_node by_name;
	struct kv_node by_session; /* if it has one */
};

_Static_assert(sizeof(struct kv_entry) == 64, "an entry is a line of memory");

struct kv_table {
	struct kv_pool pool;
	struct kv_tree by_name;
	struct kv_tree by_session;
	struct kv_pool *cells;
	uint32_t *heads; /* the newest entry of every hash */
	uint32_t mask;
};

/* How many words of heads a table of @max entries needs. */
uint32_t kv_table_heads(uint32_t max);

/* @entries: room for @max of them. */
void kv_table_init(struct kv_table *table, void *entries, uint32_t *heads, uint32_t max,
	struct kv_pool *cells);

/* NULL: there is none. */
struct kv_entry *kv_table_find(const struct kv_table *table, const struct kv_slice *name);
/*
 * Fetches what kv_table_find and a write of these names need into the processor's caches, so that
 * all of it is under way at once.  @count: KV_PREFETCH_MAX at most.
 */
#define KV_PREFETCH_MAX 16
void kv_table_prefetch(
	const struct kv_table *table, const struct kv_slice *names, size_t count);
/* The first whose name is @name or comes after it; or comes after it, if @beyond. */
struct kv_entry *kv_table_first(
	const struct kv_table *table, const struct kv_slice *name, bool beyond);
/* The first by name of those that belong to @session. */
struct kv_entry *kv_table_owned(const struct kv_table *table, uint64_t session);

/* An entry with this new name, and the value; it belongs to nobody yet. */
struct kv_entry *kv_table_add(struct kv_table *table, const struct kv_slice *name,
	const struct kv_slice *value);
void kv_table_remove(struct kv_table *table, struct kv_entry *entry);
/* @name is its own. */
void kv_table_value_set(struct kv_table *table, struct kv_entry *entry,
	const struct kv_slice *name, const struct kv_slice *value);
void kv_table_session_set(
	struct kv_table *table, struct kv_entry *entry, uint64_t session);

/* Copies: there are name_len, and value_len, bytes of room. */
void kv_table_name_copy(
	const struct kv_table *table, const struct kv_entry *entry, void *bytes);
void kv_table_value_copy(
	const struct kv_table *table, const struct kv_entry *entry, void *bytes);

/* Compares @value with the entry's, as kv_cells_compare does. */
int kv_table_value_compare(const struct kv_table *table, const struct kv_slice *value,
	const struct kv_entry *entry);
/* Whether the entry's name begins with @prefix. */
bool kv_table_name_begins(const struct kv_table *table, const struct kv_entry *entry,
	const struct kv_slice *prefix);

#endif
