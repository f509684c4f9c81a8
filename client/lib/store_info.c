/* What a store may hold, and what it holds. */
#include "client/lib/store.h"

void pawl_store_limits_get(
	const struct pawl_store *store, struct pawl_store_limits *limits_p)
{
	const struct kv_limits *limits = kv_limits_of(store->kv);

	*limits_p = (struct pawl_store_limits){.bytes_max = limits->bytes_max,
		.keys_max = limits->keys_max,
		.key_max = limits->key_max,
		.value_max = limits->value_max,
		.sessions_max = limits->sessions_max,
		.locks_max = limits->locks_max,
		.waiters_max = limits->waiters_max,
		.command_max = limits->command_max,
		.reply_max = limits->reply_max};
}

void pawl_store_usage_get(
	const struct pawl_store *store, struct pawl_store_usage *usage_p)
{
	struct kv_usage usage;

	kv_usage_get(store->kv, &usage);
	*usage_p = (struct pawl_store_usage){.bytes = usage.bytes,
		.keys = usage.keys,
		.sessions = usage.sessions,
		.locks = usage.locks,
		.waiters = usage.waiters};
}
