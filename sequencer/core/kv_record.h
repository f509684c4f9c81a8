/*
 * A snapshot of the storage as bytes: a header, then records in one order, with names and values
 * behind them (docs/protocol.md, "Storage").
 *
 *     0   magic     8 bytes, "PAWLKEYS"
 *     8   version   4
 *     12  zero      4
 *     16  limits    KV_LIMITS_LEN
 *     56  applied   8
 *     64  founded   8
 *     72  keys      4, how many
 *     76  sessions  4
 *     80  locks     4
 *     84  waiters   4
 *     88  bytes     8, that count against the limit
 *     96  records:
 *
 *     0   kind      1
 *     1   zero      1
 *     2   name      2: its length
 *     4   value     4: its length
 *     8   number    8     session: id         key: version   lock: fence    waiter: position
 *     16  session   8              spoken          owner           holder           session
 *     24  other     8              ttl
 *     32  name, value
 *
 * Sessions come by id, then keys by name, then locks by name, each followed by its waiters by
 * position; then the end, whose number is the CRC32C of everything before it.
 */
#ifndef PAWL_CORE_KV_RECORD_H
#define PAWL_CORE_KV_RECORD_H

#include "sequencer/core/kv.h"

#define KV_SNAPSHOT_VERSION 1
#define KV_RECORD_HEADER 32

enum kv_record_kind {
	KV_RECORD_SESSION = 1,
	KV_RECORD_KEY = 2,
	KV_RECORD_LOCK = 3,
	KV_RECORD_WAITER = 4,
	KV_RECORD_END = 5,
};

struct kv_record {
	enum kv_record_kind kind;
	uint32_t name_len;
	uint32_t value_len;
	uint64_t number;
	uint64_t session;
	uint64_t other;
};

void kv_record_write(const struct kv_record *record, unsigned char *bytes);
/* False: what is always zero is not. */
bool kv_record_read(const unsigned char *bytes, struct kv_record *record_p)
	__attribute__((warn_unused_result));

struct kv_snapshot_header {
	struct kv_limits limits;
	uint64_t applied;
	uint64_t founded;
	struct kv_usage usage;
};

void kv_snapshot_header_write(
	const struct kv_snapshot_header *header, unsigned char *bytes);
/* False: it is none, or its limits can not be. */
bool kv_snapshot_header_read(const unsigned char *bytes,
	struct kv_snapshot_header *header_p) __attribute__((warn_unused_result));

#endif
