#include "sequencer/core/kv_reply.h"

#include "sequencer/core/bytes.h"
#include "sequencer/core/kv_reply_write.h"

void kv_reply_write(const struct kv_reply *reply, uint32_t len, void *bytes)
{
	unsigned char *to = bytes;

	to[0] = KV_REPLY_VERSION;
	to[1] = (unsigned char)reply->status;
	to[2] = reply->kind;
	to[3] = reply->flags;
	bytes_put(to + 4, len, 4);
	bytes_put(to + 8, reply->version, 8);
	bytes_put(to + 16, reply->session, 8);
	bytes_put(to + 24, reply->number, 8);
	bytes_put(to + 32, reply->value.len, 4);
	bytes_put(to + 36, reply->key.len, 2);
	bytes_put(to + 38, reply->items_count, 2);
}

static void header_read(const unsigned char *from, struct kv_reply *r)
{
	*r = (struct kv_reply){.status = (enum kv_status)from[1],
		.kind = from[2],
		.flags = from[3],
		.items_count = (uint32_t)bytes_get(from + 38, 2),
		.version = bytes_get(from + 8, 8),
		.session = bytes_get(from + 16, 8),
		.number = bytes_get(from + 24, 8),
		.key = {from + KV_REPLY_HEADER, bytes_get(from + 36, 2)},
		.value = {NULL, bytes_get(from + 32, 4)}};
	r->value.bytes = from + KV_REPLY_HEADER + r->key.len;
	r->items = from + KV_REPLY_HEADER + r->key.len + r->value.len;
}

/* Its header, key and value are within @len bytes; @len_p is what it says that it has. */
static bool reply_read(
	const unsigned char *from, size_t len, struct kv_reply *r, uint64_t *len_p)
{
	if (len < KV_REPLY_HEADER || from[0] != KV_REPLY_VERSION)
		return false;
	*len_p = bytes_get(from + 4, 4);
	header_read(from, r);
	return *len_p <= len &&
	       (uint64_t)KV_REPLY_HEADER + r->key.len + r->value.len <= *len_p;
}

bool kv_reply_next(struct kv_reply *reply, struct kv_reply *item_p)
{
	if (reply->items_count == 0)
		return false;
	header_read(reply->items, item_p);
	reply->items = item_p->items;
	reply->items_count--;
	return true;
}

/* They fill @len bytes exactly, and have no items themselves. */
static bool items_valid(const struct kv_reply *reply, size_t len)
{
	const unsigned char *at = reply->items;
	struct kv_reply item;
	uint64_t item_len;

	for (uint32_t i = 0; i < reply->items_count; i++) {
		if (!reply_read(at, len, &item, &item_len) || item.items_count > 0 ||
			item.items != at + item_len)
			return false;
		at += item_len;
		len -= item_len;
	}
	return len == 0;
}

bool kv_reply_decode(const void *bytes, size_t len, struct kv_reply *reply_p)
{
	const unsigned char *from = bytes;
	struct kv_reply r;
	uint64_t own;

	if (!reply_read(from, len, &r, &own) || own != len ||
		!items_valid(&r, len - (size_t)(r.items - from)))
		return false;
	*reply_p = r;
	return true;
}

static const char *const texts[] = {
	[KV_OK] = "done",
	[KV_ABSENT] = "it is not there",
	[KV_TAKEN] = "somebody has claimed it",
	[KV_DIFFERENT] = "something else is there",
	[KV_HELD] = "somebody holds the lock",
	[KV_NOT_HELD] = "the session does not hold the lock",
	[KV_SPOKE] = "the session has spoken since",
	[KV_WAITING] = "the session waits for the lock",
	[KV_NO_SESSION] = "the session is over",
	[KV_KEYS_FULL] = "the storage has as many keys as it may",
	[KV_BYTES_FULL] = "the storage has as many bytes as it may",
	[KV_SESSIONS_FULL] = "the storage has as many sessions as it may",
	[KV_LOCKS_FULL] = "as many locks are held as may be",
	[KV_WAITERS_FULL] = "as many sessions wait for locks as may",
	[KV_TOO_LONG] = "longer than the storage was founded for",
	[KV_UNFOUNDED] = "the storage is not founded",
	[KV_FOUNDED] = "the storage was founded before",
	[KV_OTHER_LIMITS] = "the storage was founded with other limits",
	[KV_REFUSED] = "this is no command of the storage",
};

const char *kv_status_text(enum kv_status status)
{
	size_t i = (size_t)status;

	if (i >= sizeof(texts) / sizeof(texts[0]) || !texts[i])
		return "a status that this version does not know";
	return texts[i];
}
