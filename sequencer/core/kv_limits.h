/*
 * What a storage holds at most.  The limits are part of the state: they are said by the command
 * that founds it, every participant makes its machine by them, and they never change.  They count
 * what people see, never memory: the machine has room for everything within them, however its
 * memory was used before (I8).
 */
#ifndef PAWL_CORE_KV_LIMITS_H
#define PAWL_CORE_KV_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KV_KEYS_LIMIT (UINT32_C(1) << 28)
#define KV_BYTES_LIMIT (UINT64_C(1) << 37)
#define KV_KEY_LIMIT 1024u
#define KV_VALUE_LIMIT (UINT32_C(1) << 24)
#define KV_SESSIONS_LIMIT (UINT32_C(1) << 20)
#define KV_LOCKS_LIMIT (UINT32_C(1) << 24)
#define KV_WAITERS_LIMIT (UINT32_C(1) << 24)
#define KV_MESSAGE_LIMIT (UINT32_C(1) << 26)
/* Comparisons, and operations of a branch, of one transaction. */
#define KV_OPERATIONS_MAX 128u

struct kv_limits {
	uint64_t bytes_max; /* of keys, values and names of locks, all together */
	uint32_t keys_max;
	uint32_t key_max;   /* bytes of a key, and of a lock's name */
	uint32_t value_max; /* bytes of a value */
	uint32_t sessions_max;
	uint32_t locks_max;   /* that are held at a time */
	uint32_t waiters_max; /* sessions in the queues of all locks */
	uint32_t command_max; /* bytes of an encoded command, */
	uint32_t reply_max;   /*   and of a reply: pages of lists end there */
};

/* 65,536 keys, 64 MiB, values up to 64 KiB. */
void kv_limits_default(struct kv_limits *limits_p);

/*
 * False: one is 0 or above its bound, or a command or a reply could not carry the longest key with
 * the longest value (a compare-and-set: two of them).
 */
bool kv_limits_valid(const struct kv_limits *limits);

bool kv_limits_same(const struct kv_limits *a, const struct kv_limits *b);

/* As in the command that founds, and in snapshots: little-endian, in the order of the struct. */
#define KV_LIMITS_LEN 40
void kv_limits_encode(const struct kv_limits *limits, void *bytes);
/* False: kv_limits_valid says so. */
bool kv_limits_decode(const void *bytes, struct kv_limits *limits_p)
	__attribute__((warn_unused_result));

#endif
