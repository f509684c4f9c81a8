#include "sequencer/core/bytes.h"
#include "sequencer/core/kv_internal.h"
#include "sequencer/core/words.h"

_Static_assert(KV_PREPARE_MAX <= KV_PREFETCH_MAX, "all of them at once");

/* The key of its first operation, if it is a command at all.  Nothing depends on it. */
static bool key_of(const struct kv_slice *message, struct kv_slice *key_p)
{
	const unsigned char *at = message->bytes;
	size_t before = KV_COMMAND_HEADER + KV_OPERATION_HEADER;

	if (message->len < before)
		return false;
	*key_p = (struct kv_slice){at + before, bytes_get(at + KV_COMMAND_HEADER + 2, 2)};
	return key_p->len <= message->len - before;
}

void kv_prepare(const struct kv *kv, const struct kv_slice *messages, size_t count)
{
	struct kv_slice keys[KV_PREPARE_MAX];
	size_t keys_count = 0;

	count = least(count, KV_PREPARE_MAX);
	for (size_t i = 0; i < count; i++)
		keys_count += key_of(&messages[i], &keys[keys_count]);
	kv_table_prefetch(&kv->keys, keys, keys_count);
}
