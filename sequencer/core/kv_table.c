#include "sequencer/core/kv_table.h"

#include <stddef.h>

#include "sequencer/core/crc32c.h"

/* Entries of one hash that are looked at before the tree is asked. */
#define LOOKS_MAX 8

static int name_compare(const struct kv_pool *cells, const struct kv_probe *probe,
	const struct kv_entry *e)
{
	return kv_cells_compare(cells, &probe->name, e->cells, 0, e->name_len);
}

static int compare_by_name(
	const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	return name_compare(tree->context, probe, kv_pool_at(tree->pool, item));
}

static int compare_by_session(
	const struct kv_tree *tree, const struct kv_probe *probe, uint32_t item)
{
	const struct kv_entry *entry = kv_pool_at(tree->pool, item);

	if (probe->number != entry->session)
		return probe->number < entry->session ? -1 : 1;
	return name_compare(tree->context, probe, entry);
}

uint32_t kv_table_heads(uint32_t max)
{
	uint32_t count = 1;

	while (count < max)
		count *= 2;
	return count;
}

static uint32_t *head_of(const struct kv_table *table, const struct kv_slice *name)
{
	return &table->heads[crc32c_update(0, name->bytes, name->len) & table->mask];
}

void kv_table_init(struct kv_table *table, void *entries, uint32_t *heads, uint32_t max,
	struct kv_pool *cells)
{
	kv_pool_init(&table->pool, entries, sizeof(struct kv_entry), max);
	table->heads = heads;
	table->mask = kv_table_heads(max) - 1;
	memset(heads, 0xff, kv_table_heads(max) * sizeof(*heads)); /* KV_NONE */
	table->cells = cells;
	table->by_name = (struct kv_tree){.compare = compare_by_name,
		.pool = &table->pool,
		.context = cells,
		.node_at = offsetof(struct kv_entry, by_name),
		.root = KV_NONE};
	table->by_session = (struct kv_tree){.compare = compare_by_session,
		.pool = &table->pool,
		.context = cells,
		.node_at = offsetof(struct kv_entry, by_session),
		.root = KV_NONE};
}

static struct kv_entry *entry_at(const struct kv_table *table, uint32_t item)
{
	return item == KV_NONE ? NULL : kv_pool_at(&table->pool, item);
}

struct kv_entry *kv_table_find(const struct kv_table *table, const struct kv_slice *name)
{
	struct kv_probe probe = {.name = *name};
	uint32_t item = *head_of(table, name);

	for (int looks = 0; item != KV_NONE && looks < LOOKS_MAX; looks++) {
		struct kv_entry *entry = entry_at(table, item);

		if (entry->name_len == name->len &&
			name_compare(table->cells, &probe, entry) == 0)
			return entry;
		item = entry->next;
	}
	return item == KV_NONE ? NULL
			       : entry_at(table, kv_tree_find(&table->by_name, &probe));
}

/* One step from each name to its entry, and on to its cells, before the next step of any. */
void kv_table_prefetch(
	const struct kv_table *table, const struct kv_slice *names, size_t count)
{
	const uint32_t *heads[KV_PREFETCH_MAX];
	const struct kv_entry *entries[KV_PREFETCH_MAX];
	size_t found = 0;

	PAWL_ASSERT(count <= KV_PREFETCH_MAX);
	for (size_t i = 0; i < count; i++) {
		heads[i] = head_of(table, &names[i]);
		__builtin_prefetch(heads[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (*heads[i] != KV_NONE) {
			entries[found] = entry_at(table, *heads[i]);
			__builtin_prefetch(entries[found++], 1);
		}
	}
	for (size_t i = 0; i < found; i++)
		kv_cells_prefetch(table->cells, entries[i]->cells);
	for (size_t i = 0; i < found; i++)
		kv_cells_prefetch_next(table->cells, entries[i]->cells);
}

struct kv_entry *kv_table_first(
	const struct kv_table *table, const struct kv_slice *name, bool beyond)
{
	struct kv_probe probe = {.name = *name};

	return entry_at(table, kv_tree_first(&table->by_name, &probe, beyond));
}

struct kv_entry *kv_table_owned(const struct kv_table *table, uint64_t session)
{
	struct kv_probe probe = {.number = session, .name = {"", 0}};
	struct kv_entry *entry = entry_at(
		table, kv_tree_first(&table->by_session, &probe, false));

	return entry && entry->session == session ? entry : NULL;
}

static void hash_add(struct kv_table *table, uint32_t item, const struct kv_slice *name)
{
	uint32_t *head = head_of(table, name);
	struct kv_entry *entry = entry_at(table, item);

	entry->next = *head;
	entry->previous = KV_NONE;
	if (*head != KV_NONE)
		entry_at(table, *head)->previous = item;
	*head = item;
}

static void hash_remove(
	struct kv_table *table, const struct kv_entry *entry, const struct kv_slice *name)
{
	if (entry->next != KV_NONE)
		entry_at(table, entry->next)->previous = entry->previous;
	if (entry->previous != KV_NONE)
		entry_at(table, entry->previous)->next = entry->next;
	else
		*head_of(table, name) = entry->next;
}

struct kv_entry *kv_table_add(
	struct kv_table *table, const struct kv_slice *name, const struct kv_slice *value)
{
	struct kv_probe probe = {.name = *name};
	uint32_t item = kv_pool_take(&table->pool);
	struct kv_entry *entry = kv_pool_at(&table->pool, item);

	*entry = (struct kv_entry){.cells = kv_cells_make(table->cells, name, value),
		.value_len = (uint32_t)value->len,
		.name_len = (uint32_t)name->len};
	hash_add(table, item, name);
	kv_tree_insert(&table->by_name, &probe, item);
	return entry;
}

/* The name of an entry in one piece, to look for it. */
static struct kv_probe probe_of(
	const struct kv_table *table, const struct kv_entry *entry, unsigned char *room)
{
	PAWL_ASSERT(entry->name_len <= KV_KEY_LIMIT);
	kv_table_name_copy(table, entry, room);
	return (struct kv_probe){
		.number = entry->session, .name = {room, entry->name_len}};
}

void kv_table_remove(struct kv_table *table, struct kv_entry *entry)
{
	unsigned char room[KV_KEY_LIMIT];
	struct kv_probe probe = probe_of(table, entry, room);

	hash_remove(table, entry, &probe.name);
	if (entry->session != 0)
		kv_tree_remove(&table->by_session, &probe);
	kv_tree_remove(&table->by_name, &probe);
	kv_cells_give(table->cells, entry->cells);
	kv_pool_give(&table->pool, kv_pool_number(&table->pool, entry));
}

void kv_table_value_set(struct kv_table *table, struct kv_entry *entry,
	const struct kv_slice *name, const struct kv_slice *value)
{
	kv_cells_give(table->cells, entry->cells);
	entry->cells = kv_cells_make(table->cells, name, value);
	entry->value_len = (uint32_t)value->len;
}

void kv_table_session_set(
	struct kv_table *table, struct kv_entry *entry, uint64_t session)
{
	unsigned char room[KV_KEY_LIMIT];
	struct kv_probe probe;

	if (entry->session == session)
		return;
	probe = probe_of(table, entry, room);
	if (entry->session != 0)
		kv_tree_remove(&table->by_session, &probe);
	entry->session = session;
	probe.number = session;
	if (session != 0)
		kv_tree_insert(
			&table->by_session, &probe, kv_pool_number(&table->pool, entry));
}

void kv_table_name_copy(
	const struct kv_table *table, const struct kv_entry *entry, void *bytes)
{
	kv_cells_copy(table->cells, entry->cells, 0, bytes, entry->name_len);
}

void kv_table_value_copy(
	const struct kv_table *table, const struct kv_entry *entry, void *bytes)
{
	kv_cells_copy(
		table->cells, entry->cells, entry->name_len, bytes, entry->value_len);
}

int kv_table_value_compare(const struct kv_table *table, const struct kv_slice *value,
	const struct kv_entry *entry)
{
	return kv_cells_compare(
		table->cells, value, entry->cells, entry->name_len, entry->value_len);
}

bool kv_table_name_begins(const struct kv_table *table, const struct kv_entry *entry,
	const struct kv_slice *prefix)
{
	return prefix->len <= entry->name_len &&
	       kv_cells_compare(table->cells, prefix, entry->cells, 0, prefix->len) == 0;
}
