#include "sequencer/core/kv.h"

#include "sequencer/core/kv_internal.h"
#include "sequencer/core/panic.h"

/* Where the parts of a machine's memory are; every one on a line. */
struct layout {
	uint64_t keys, locks, sessions, waiters, cells, reply, len;
	uint64_t key_heads, lock_heads;
	uint32_t keys_max; /* as many as the pools have room for */
	uint32_t cells_max;
};

static uint64_t part_add(uint64_t *len, uint64_t count, uint64_t item_len)
{
	uint64_t at = *len;

	*len = at + (count * item_len + 63) / 64 * 64;
	return at;
}

/*
 * A transaction may be over a limit in its middle, by what one command can carry (I8).  A chain of
 * n bytes needs n / KV_CELL_BYTES cells and one more at most.
 */
static void layout_make(const struct kv_limits *l, struct layout *layout)
{
	uint64_t len = 0;

	layout->keys_max = l->keys_max + KV_OPERATIONS_MAX;
	layout->cells_max = (uint32_t)((l->bytes_max + l->command_max) / KV_CELL_BYTES +
				       layout->keys_max + l->locks_max);
	(void)part_add(&len, 1, sizeof(struct kv));
	layout->keys = part_add(&len, layout->keys_max, sizeof(struct kv_entry));
	layout->locks = part_add(&len, l->locks_max, sizeof(struct kv_entry));
	layout->key_heads = part_add(
		&len, kv_table_heads(layout->keys_max), sizeof(uint32_t));
	layout->lock_heads = part_add(
		&len, kv_table_heads(l->locks_max), sizeof(uint32_t));
	layout->sessions = part_add(&len, l->sessions_max, sizeof(struct kv_session));
	layout->waiters = part_add(&len, l->waiters_max, sizeof(struct kv_waiter));
	layout->cells = part_add(&len, layout->cells_max, sizeof(struct kv_cell));
	layout->reply = part_add(&len, 1, l->reply_max);
	layout->len = len;
}

_Static_assert((KV_BYTES_LIMIT + KV_MESSAGE_LIMIT) / KV_CELL_BYTES + KV_KEYS_LIMIT +
			       KV_OPERATIONS_MAX + KV_LOCKS_LIMIT <
		       KV_NONE,
	"cells have numbers");

bool kv_memory_len(const struct kv_limits *limits, uint64_t *len_p)
{
	struct layout layout;

	if (!kv_limits_valid(limits))
		return false;
	layout_make(limits, &layout);
	*len_p = layout.len;
	return true;
}

void kv_empty(struct kv *kv)
{
	unsigned char *memory = (unsigned char *)kv;
	const struct kv_limits *l = &kv->limits;
	struct layout layout;

	layout_make(l, &layout);
	kv->founded = 0;
	kv->applied = 0;
	kv->bytes = 0;
	kv->snapshot.stage = KV_STAGE_NONE;
	kv->restore.stage = KV_STAGE_NONE;
	kv_pool_init(&kv->cells, memory + layout.cells, sizeof(struct kv_cell),
		layout.cells_max);
	kv_table_init(&kv->keys, memory + layout.keys,
		(uint32_t *)(void *)(memory + layout.key_heads), layout.keys_max,
		&kv->cells);
	kv_table_init(&kv->locks, memory + layout.locks,
		(uint32_t *)(void *)(memory + layout.lock_heads), l->locks_max,
		&kv->cells);
	kv_sessions_init(kv, memory + layout.sessions, l->sessions_max);
	kv_waiters_init(kv, memory + layout.waiters, l->waiters_max);
	kv->reply = memory + layout.reply;
	kv->reply_len = 0;
}

struct kv *kv_create(const struct kv_limits *limits, void *memory, kv_changed_fn changed,
	void *context)
{
	struct kv *kv = memory;

	PAWL_ASSERT(kv_limits_valid(limits));
	PAWL_ASSERT((uintptr_t)memory % 64 == 0);
	memset(kv, 0, sizeof(*kv));
	kv->limits = *limits;
	kv->changed = changed;
	kv->changed_context = context;
	kv_empty(kv);
	return kv;
}

const struct kv_limits *kv_limits_of(const struct kv *kv)
{
	return &kv->limits;
}

uint64_t kv_applied(const struct kv *kv)
{
	return kv->applied;
}

void kv_usage_get(const struct kv *kv, struct kv_usage *usage_p)
{
	*usage_p = (struct kv_usage){.bytes = kv->bytes,
		.keys = kv->keys.pool.count,
		.sessions = kv->sessions.count,
		.locks = kv->locks.pool.count,
		.waiters = kv->waiters.count};
}

struct kv_slice kv_name(
	struct kv *kv, const struct kv_table *table, const struct kv_entry *entry)
{
	kv_table_name_copy(table, entry, kv->name);
	return (struct kv_slice){kv->name, entry->name_len};
}
