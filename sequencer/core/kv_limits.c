#include "sequencer/core/kv_limits.h"

#include "sequencer/core/bytes.h"
#include "sequencer/core/kv_command.h"
#include "sequencer/core/kv_reply.h"

void kv_limits_default(struct kv_limits *limits_p)
{
	*limits_p = (struct kv_limits){.bytes_max = UINT64_C(64) << 20,
		.keys_max = 65536,
		.key_max = 256,
		.value_max = 65536,
		.sessions_max = 1024,
		.locks_max = 4096,
		.waiters_max = 16384,
		.command_max = UINT32_C(256) << 10,
		.reply_max = UINT32_C(256) << 10};
}

static bool within(uint64_t value, uint64_t limit)
{
	return value > 0 && value <= limit;
}

static bool messages_valid(const struct kv_limits *l)
{
	uint64_t command = KV_COMMAND_HEADER + KV_OPERATION_HEADER + l->key_max +
			   UINT64_C(2) * l->value_max;
	/* A list of one item; and the buffer of replies is that of snapshots, too. */
	uint64_t reply = 3 * KV_REPLY_HEADER + (uint64_t)l->key_max + l->value_max;

	return within(l->command_max, KV_MESSAGE_LIMIT) &&
	       within(l->reply_max, KV_MESSAGE_LIMIT) && l->command_max >= command &&
	       l->reply_max >= reply;
}

bool kv_limits_valid(const struct kv_limits *l)
{
	return within(l->bytes_max, KV_BYTES_LIMIT) &&
	       within(l->keys_max, KV_KEYS_LIMIT) && within(l->key_max, KV_KEY_LIMIT) &&
	       within(l->value_max, KV_VALUE_LIMIT) &&
	       within(l->sessions_max, KV_SESSIONS_LIMIT) &&
	       within(l->locks_max, KV_LOCKS_LIMIT) &&
	       within(l->waiters_max, KV_WAITERS_LIMIT) && messages_valid(l);
}

bool kv_limits_same(const struct kv_limits *a, const struct kv_limits *b)
{
	unsigned char as[KV_LIMITS_LEN], bs[KV_LIMITS_LEN];

	kv_limits_encode(a, as);
	kv_limits_encode(b, bs);
	return memcmp(as, bs, sizeof(as)) == 0;
}

void kv_limits_encode(const struct kv_limits *limits, void *bytes)
{
	const uint32_t words[] = {limits->keys_max, limits->key_max, limits->value_max,
		limits->sessions_max, limits->locks_max, limits->waiters_max,
		limits->command_max, limits->reply_max};
	unsigned char *to = bytes;

	bytes_put(to, limits->bytes_max, 8);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		bytes_put(to + 8 + 4 * i, words[i], 4);
}

bool kv_limits_decode(const void *bytes, struct kv_limits *limits_p)
{
	const unsigned char *from = bytes;
	struct kv_limits limits;
	uint32_t *const words[] = {&limits.keys_max, &limits.key_max, &limits.value_max,
		&limits.sessions_max, &limits.locks_max, &limits.waiters_max,
		&limits.command_max, &limits.reply_max};

	limits.bytes_max = bytes_get(from, 8);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		*words[i] = (uint32_t)bytes_get(from + 8 + 4 * i, 4);
	if (!kv_limits_valid(&limits))
		return false;
	*limits_p = limits;
	return true;
}
