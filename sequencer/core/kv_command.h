/*
 * Commands of the storage, as they stand in messages of the stream (docs/protocol.md, "Storage").
 *
 *     0   magic        2 bytes, "kv"
 *     2   version      1
 *     3   flags        1: KV_TRANSACTION
 *     4   length       4, of the whole command
 *     8   session      8: who speaks; 0: nobody
 *     16  comparisons  2, how many there are
 *     18  thens        2; a command that is no transaction has one, and nothing else
 *     20  elses        2
 *     22  zero         2
 *     24  comparisons, then-operations, else-operations, each:
 *
 *     0   kind         1
 *     1   option       1: a relation, or flags
 *     2   key          2: its length
 *     4   value        4: its length
 *     8   number       8
 *     16  since        8
 *     24  other        4: its length
 *     28  zero         4
 *     32  key, value, other
 *
 * Numbers are little-endian.  Whatever a field does not need in a kind is 0 or empty, so that a
 * command has one encoding.  Decoding checks everything that can be checked without the state: what
 * it lets through can be gone through without looking out.
 */
#ifndef PAWL_CORE_KV_COMMAND_H
#define PAWL_CORE_KV_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sequencer/core/kv_limits.h"

#define KV_COMMAND_VERSION 1
#define KV_COMMAND_HEADER 24
#define KV_OPERATION_HEADER 32
#define KV_TRANSACTION 1u

/* Bytes that somebody else owns. */
struct kv_slice {
	const void *bytes;
	size_t len;
};

/*
 * What an operation uses of its fields is in brackets.  The numbers are part of the format.
 */
enum kv_kind {
	/* First of all, and once: [value] are the limits, encoded. */
	KV_FOUND = 1,

	/* Reads; they can be queries too. */
	KV_GET = 2, /* [key] */
	KV_LIST =
		3, /* keys that begin with [key] and come after [other]; [number] at most, or 0 */
	KV_LOOK = 4,	/* at the lock [key] */
	KV_SESSION = 5, /* at the session [number] */

	/* Writes of keys. */
	KV_PUT = 6,    /* [key value] */
	KV_DELETE = 7, /* [key] */
	KV_CLAIM = 8,  /* [key value], if there is no such key */
	KV_SET_VERSION =
		9, /* [key value], if the version is [number]; 0: there is no such key */
	KV_SET_VALUE = 10, /* [key value], if the value is [other] */

	/* Sessions.  An opened one is called by the position of the command that opened it. */
	KV_OPEN = 11, /* [number]: ms of silence after which others may expire it */
	KV_KEEP_ALIVE = 12,
	KV_CLOSE = 13,
	KV_EXPIRE =
		14, /* the session [number], unless it has spoken after position [since] */

	/* Locks; [key] is the name, and the owner is the session that speaks. */
	KV_LOCK = 15,
	KV_UNLOCK =
		16, /* or leave the queue; [number]: only with this fence; 0: with any */

	/* Comparisons, of transactions only; the option is a relation. */
	KV_IF_VERSION =
		32, /* of [key] with [number]; 0 is the version of what is not there */
	KV_IF_VALUE =
		33, /* of [key] with [value]; of what is not there only NOT_EQUAL is true */
	KV_IF_HOLDER = 34, /* of the lock [key] with the session [number]; 0: nobody */
	KV_IF_FENCE = 35,  /* of the lock [key] with [number]; 0: nobody holds it */
};

/* Options. */
#define KV_EPHEMERAL 1u /* put, claim, set: the key ends with the session that speaks */
#define KV_KEYS_ONLY 1u /* list: without values */
#define KV_TRY 1u	/* lock: now or not at all */

/* Options of comparisons: true if what is there is ... what the command says. */
enum kv_relation {
	KV_EQUAL = 0,
	KV_NOT_EQUAL = 1,
	KV_LESS = 2, /* of values: byte by byte, and a begin is less than the whole */
	KV_GREATER = 3,
};

struct kv_operation {
	enum kv_kind kind;
	uint8_t option;
	struct kv_slice key;
	struct kv_slice value;
	struct kv_slice other;
	uint64_t number;
	uint64_t since;
};

/*
 * Encodes a command that is no transaction.  0: it does not fit into @len bytes, or is not one that
 * kv_command_decode takes; else its length.
 */
size_t kv_command_encode(const struct kv_operation *operation, uint64_t session,
	void *bytes, size_t len) __attribute__((warn_unused_result));

/*
 * All comparisons, then the operations of one branch: thens if all are true, else elses.  Operations
 * are KV_GET, KV_PUT and KV_DELETE; one branch has a key once, so their order does not matter.
 */
struct kv_transaction {
	const struct kv_operation *comparisons;
	const struct kv_operation *thens;
	const struct kv_operation *elses;
	uint32_t comparisons_count;
	uint32_t thens_count;
	uint32_t elses_count;
};

/* As kv_command_encode. */
size_t kv_transaction_encode(const struct kv_transaction *transaction, uint64_t session,
	void *bytes, size_t len) __attribute__((warn_unused_result));

/* A command that was decoded; it points into the bytes that it was decoded from. */
struct kv_command {
	bool transaction;
	uint64_t session;
	uint32_t comparisons_count;
	uint32_t thens_count;
	uint32_t elses_count;
	const unsigned char *operations; /* encoded: comparisons, */
	const unsigned char *thens;	 /*   thens, */
	const unsigned char *elses;	 /*   elses */
	size_t len;
};

/* False: these bytes are no command, or a version that is not known here. */
bool kv_command_decode(const void *bytes, size_t len, struct kv_command *command_p)
	__attribute__((warn_unused_result));

/*
 * Reads the operation at @at, which has been decoded before, and says where the next one is: begin
 * with operations, thens or elses of the command, and count.
 */
const unsigned char *kv_operation_read(
	const unsigned char *at, struct kv_operation *operation_p);

/* Whether it changes nothing whatever the state is: what kv_query answers. */
bool kv_command_reads(const struct kv_command *command);

/*
 * Whether the bytes are a command that founds a storage, and with which limits: who comes to a
 * stream looks for the first one, and makes its machine by it.
 */
bool kv_command_founds(const void *bytes, size_t len, struct kv_limits *limits_p)
	__attribute__((warn_unused_result));

#endif
