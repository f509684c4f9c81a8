/* What a store answers, for people who call it. */
#include <errno.h>
#include <string.h>

#include "client/lib/store.h"

static const int errors[] = {
	[KV_OK] = 0,
	[KV_ABSENT] = -ENOENT,
	[KV_TAKEN] = -EEXIST,
	[KV_DIFFERENT] = -EEXIST,
	[KV_HELD] = -EBUSY,
	[KV_NOT_HELD] = -ESTALE,
	[KV_SPOKE] = -EBUSY,
	[KV_WAITING] = -EINPROGRESS,
	[KV_NO_SESSION] = -ESTALE,
	[KV_KEYS_FULL] = -ENOSPC,
	[KV_BYTES_FULL] = -ENOSPC,
	[KV_SESSIONS_FULL] = -ENOSPC,
	[KV_LOCKS_FULL] = -ENOSPC,
	[KV_WAITERS_FULL] = -ENOSPC,
	[KV_TOO_LONG] = -EMSGSIZE,
	[KV_UNFOUNDED] = -EPROTO,
	[KV_FOUNDED] = -EPROTO,
	[KV_OTHER_LIMITS] = -EPROTO,
	[KV_REFUSED] = -EINVAL,
};

static struct pawl_reply public_reply(const struct kv_reply *reply)
{
	return (struct pawl_reply){.version = reply->version,
		.session = reply->session,
		.number = reply->number,
		.key = reply->key.bytes,
		.key_len = reply->key.len,
		.value = reply->value.bytes,
		.value_len = reply->value.len,
		.more = reply->flags & KV_MORE && reply->kind == KV_LIST,
		.otherwise = reply->flags & KV_ELSE && reply->kind == 0,
		.items = reply->items_count,
		.rest = reply->items};
}

int store_reply_take(struct pawl_store *store, const void *bytes, size_t len,
	struct pawl_reply *reply_p)
{
	const char *where = store->pawl->where;
	const char *name = pawl_stream_name(store->participant->stream);
	struct kv_reply reply;

	*reply_p = (struct pawl_reply){0};
	if (!kv_reply_decode(bytes, len, &reply) ||
		(size_t)reply.status >= sizeof(errors) / sizeof(errors[0]))
		return error_set(&store->pawl->err, -EPROTO,
			"pawl: %s/%s: the answer of the store is none; use the same "
			"version "
			"everywhere",
			where, name);
	*reply_p = public_reply(&reply);
	if (reply.status == KV_OK)
		return 0;
	return error_set(&store->pawl->err, errors[reply.status], "pawl: %s/%s: %s",
		where, name, kv_status_text(reply.status));
}

bool pawl_reply_next(struct pawl_reply *reply, struct pawl_reply *item_p)
{
	struct kv_reply from = {.items_count = reply->items, .items = reply->rest};
	struct kv_reply item;

	if (!kv_reply_next(&from, &item))
		return false;
	reply->items = from.items_count;
	reply->rest = from.items;
	*item_p = public_reply(&item);
	return true;
}

int pawl_fence_check(uint64_t *newest_p, uint64_t fence)
{
	return kv_fence_admit(newest_p, fence) ? 0 : -ESTALE;
}
