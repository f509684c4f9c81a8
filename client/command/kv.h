/*
 * pawl kv: what its actions share.
 *
 *     kv.c          the command line, and which action it is
 *     kv_key.c      get, put, cas, del, claim: one key
 *     kvcmd_load.c     put, del, claim: a key in each line of standard input
 *     kvcmd_list.c     list
 *     kv_txn.c      txn; script.h has its language
 *     kv_make.c     create, info
 *     kv_answer.c   what is written
 */
#ifndef PAWL_COMMAND_KV_H
#define PAWL_COMMAND_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/command/target.h"

/* The limits that a store is founded with. */
enum kvcmd_limit {
	KVCMD_KEYS,
	KVCMD_BYTES,
	KVCMD_KEY_MAX,
	KVCMD_VALUE_MAX,
	KVCMD_SESSIONS,
	KVCMD_LOCKS,
	KVCMD_WAITERS,
	KVCMD_LIMITS, /* how many there are */
};

/* As they stand on the command line; NULL what does not. */
struct kvcmd_arguments {
	struct target_arguments target;
	const char *action;
	const char **words; /* behind the action */
	unsigned int words_count;
	const char *read;
	const char *version;
	const char *expect;
	const char *count;
	const char *from;
	const char *refused;
	const char *limits[KVCMD_LIMITS];
	bool absent;
	bool json;
	bool raw;
	bool lines;
	bool framed;
	bool quiet;
	bool keys_only;
	bool prefix; /* the word is the begin of keys */
};

struct kvcmd {
	const struct kvcmd_arguments *a;
	struct target target;
	uint64_t timeout_ns;
	enum pawl_reading how;
	int refused;	/* exit status of a no */
	uint64_t count; /* of items at most; UINT64_MAX: all */
};

/*
 * The actions.  Each returns the exit status.  The store is open for those that only look at it; the
 * others open it themselves.
 */
int kvcmd_get(struct kvcmd *kv);
int kvcmd_put(struct kvcmd *kv);
int kvcmd_cas(struct kvcmd *kv);
int kvcmd_delete(struct kvcmd *kv);
int kvcmd_claim(struct kvcmd *kv);
int kvcmd_list(struct kvcmd *kv);
int kvcmd_watch(struct kvcmd *kv);
int kvcmd_transact(struct kvcmd *kv);
int kvcmd_create(struct kvcmd *kv);
int kvcmd_info(struct kvcmd *kv);

/* Commands of @kind, a key in each line or frame of standard input. */
int kvcmd_load(struct kvcmd *kv, enum pawl_command_kind kind);

/*
 * Gives all keys that begin with @prefix to @each, in order, as they are at one moment: how @how
 * reads.  False of it: that is enough.  The exit status, with the reason printed.
 */
typedef bool (*kvcmd_each_fn)(void *context, const struct pawl_reply *item);
int kvcmd_each(struct kvcmd *kv, enum pawl_reading how, const char *prefix,
	kvcmd_each_fn each, void *context) __attribute__((warn_unused_result));

/* Opens the store; with @existing neither store nor stream is made. */
int kvcmd_open(struct kvcmd *kv, const struct pawl_store_options *options, bool existing)
	__attribute__((warn_unused_result));

/* ---- What is written ---- */

/* A key as the store has it, with its version; @with_value: and its value. */
struct kvcmd_item {
	const char *op; /* get, put ...; NULL: nothing is said of it */
	const void *key;
	size_t key_len;
	const struct pawl_reply *reply;
	bool with_value;
};

/* With tabs between: version, op, key, value; or a JSON object, in a line. */
void kvcmd_item_print(const struct kvcmd *kv, const struct kvcmd_item *item);
/* The object alone. */
void kvcmd_item_json(const struct kvcmd_item *item);

/* Says what the error @rc of a command on the key means; returns the exit status. */
int kvcmd_refuse(struct kvcmd *kv, int rc, const void *key, size_t key_len,
	const struct pawl_reply *reply);

#endif
